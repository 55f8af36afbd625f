"""Many VMs at once: planned here, converted by any executor, remembered so that an interrupted fleet can go on."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from .numbers import doubts, look, of_directory
from .plan import inputs, plan
from .record import Record
from .run import outcomes
from .work import Job, Outcome

if TYPE_CHECKING:
    from typing import Unpack

    from ..core.literals import FleetKeywords, Format, Severity
    from ..host.facts import HostFacts

__all__ = ["Outcome", "convert_fleet", "inputs"]


def convert_fleet(
    files: Iterable[str | Path],
    to: Format,
    directory: str | Path,
    *,
    host: HostFacts | None = None,
    executor: Executor | None = None,
    jobs: int | None = None,
    force: bool = False,
    resume: bool = False,
    fail_on: Severity | None = None,
    first_vmid: int | None = None,
    **keywords: Unpack[FleetKeywords],
) -> Generator[Outcome]:
    """Convert many VMs into `directory`, one file each; yields an `Outcome` for every input, in their order.

    `files` may name directories: they stand for the `*.conf` and `*.xml` in them. `executor` is any executor of
    `concurrent.futures`; its workers must see the same files. Without one, `jobs` processes are started (None: one for
    each CPU). `force` replaces files that are there; `resume` leaves out what is up to date and replaces what an earlier
    fleet wrote and is not. `fail_on` is the severity from which on a file is not written. Other keywords are those of
    `bridge.convert`, but `vmid` and `name`: the file's name tells the first, and names that clash get the id appended. `first_vmid`:
    configs are named VMID.conf, by the id of the file's name or metadata, else by that of a config of the same UUID (without one, of the
    same name) in `directory`, else by a free one from this on.

    Gives: a generator of `Outcome`: `.file`, `.status` (a `bridge.Status`), `.output` (the file, or None), `.findings`, `.error`.
        Closing it ends the fleet; every file that is there then is whole.
    Units: `jobs` counts processes; an input has at most 4 MiB.
    Raises: BridgeError when nothing can be done at all. One bad input does not end the fleet: its outcome is `refused`.
    Source: each file says its format, or `source` does for all; a file `VMID.conf` or `VMID.xml` says the VM's id.
    """
    if first_vmid is not None and to != "conf":
        raise ValueError("only configs are named by their ids")
    target = Path(directory)
    job = Job.of(to, host, force, fail_on, dict(keywords))
    with closing(Record(target, resume)) as record:
        found = inputs(files, keywords.get("source"))
        wishes = [] if first_vmid is None else look(found)
        vmids = None if first_vmid is None else of_directory(wishes, first_vmid, target)
        planned = plan(found, to, target, keywords.get("snapshot"), record.known, vmids)
        if vmids is not None:
            planned = [task._replace(doubt=doubt) for task, doubt in zip(planned, doubts(wishes, vmids), strict=True)]
        with closing(outcomes(job, planned, executor, jobs)) as outcome_of:
            for outcome in outcome_of:
                yield record.completed(outcome)
