"""What a worker does: read an input, convert it, write the file, say how it went."""

from __future__ import annotations

import errno
import gc
import os
import pickle
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from .. import __version__
from ..convert import convert
from ..core.files import NotRegularError, bounded, open_regular, place, with_pins
from ..core.literals import Format, Severity, Status
from ..core.report import KINDS, SEVERITIES, BridgeError, Finding, worst
from ..host.facts import HostFacts
from .plan import Known, Task

FOREIGN = "foreign"
"""Stands for the digest of what is there and cannot be read, or is larger than anything that a fleet writes."""
MAX_OUTPUT = 64 << 20
"""Bytes; a document has a few times those of its input."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class Outcome(msgspec.Struct):
    """How one input of a fleet went.

    `status`: `converted`; `up-to-date`: the file was there; `held-back`: a finding was as severe as `fail_on`, nothing was
    written; `refused`: it cannot be converted or written, `error` and `where` say why. `output` is the file, if it is there.
    """

    file: str
    status: Status
    output: str | None = None
    findings: list[Finding] = []
    error: str | None = None
    where: str | None = None
    known: Known | None = None


class Job(NamedTuple):
    """What all tasks of a fleet have in common; small, as it goes to the workers with every chunk."""

    to: Format
    host: bytes
    force: bool
    fail_on: Severity | None
    keywords: dict[str, Any]
    pretty: bool
    made_with: bytes

    @classmethod
    def of(cls, to: Format, host: HostFacts | None, force: bool, fail_on: Severity | None, keywords: dict[str, Any]) -> Job:
        said = dict(keywords)
        pretty = bool(said.pop("pretty", False))
        facts = host or HostFacts()
        made_with = msgspec.msgpack.encode((__version__, to, facts, said, pretty, fail_on), order="deterministic")
        return cls(to, pickle.dumps(facts), force, fail_on, said, pretty, blake2b(made_with, digest_size=16).digest())

    def made_from(self, text: bytes, task: Task) -> str:
        """Digest of everything that the file depends on."""
        return blake2b(text + repr((task.file, task.name, task.node)).encode(), digest_size=16, key=self.made_with).hexdigest()


def convert_chunk(job: Job, tasks: Sequence[Task]) -> list[Outcome]:
    """Convert one after the other. Raises nothing that an input could cause; BridgeError when the disk is full."""
    return [_converted(job, task) for task in tasks]


def prepare() -> None:
    """A worker of our own: what is there stays, so that the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@lru_cache(maxsize=64)
def _facts(pickled: bytes, node: str | None) -> HostFacts:
    facts: HostFacts = pickle.loads(pickled)  # noqa: S301 -- made by `Job.of`
    return msgspec.structs.replace(facts, nodename=node) if node else facts


def _converted(job: Job, task: Task) -> Outcome:
    try:
        return _outcome(job, task)
    except BridgeError as error:
        is_of_output = error.where is not None and error.where.startswith(task.target)
        return Outcome(task.file, "refused", error=error.message, where=error.where if is_of_output else error.within(task.file).where)
    except NotRegularError as error:
        return Outcome(task.file, "refused", error=f"{error.strerror}: a fleet reads and writes no others", where=str(error.filename))
    except OSError as error:
        if error.errno in FULL:
            message = f"{error.strerror}: make room, then pass --resume to do the rest"
            raise BridgeError(message, Path(task.target).parent) from None
        return Outcome(task.file, "refused", error=error.strerror or str(error), where=str(error.filename or task.file))
    except Exception as error:
        message = f"{type(error).__name__}: {error}: a bug, please report it with this file"
        return Outcome(task.file, "refused", error=message, where=task.file)


def _outcome(job: Job, task: Task) -> Outcome:
    if task.clash == task.file:
        raise BridgeError("is named twice, and was converted once", task.file)
    if task.clash:
        raise BridgeError(f"{task.clash} becomes {task.target} already: convert it into another directory", task.file)
    text = _input(task.file)
    made_from = job.made_from(text, task)
    there = _digest_of(task.target)
    if not job.force and there and task.known == (made_from, there):
        return Outcome(task.file, "up-to-date", task.target, known=task.known)
    result = convert(text, job.to, vmid=task.vmid, host=_facts(job.host, task.node), name=task.name, file=task.file, **job.keywords)
    findings = result.findings
    if task.name:
        message, hint = "another VM of the fleet has the same name", f"this domain is called {task.name}"
        findings.append(Finding("normalised", KINDS["normalised"].severity, task.file, message, hint))
    if task.doubt:
        findings.append(Finding("lint", KINDS["lint"].severity, task.file, task.doubt))
    if job.fail_on and SEVERITIES.index(worst(findings) or SEVERITIES[-1]) <= SEVERITIES.index(job.fail_on) and findings:
        return Outcome(task.file, "held-back", findings=findings)
    document = with_pins(result.text, findings) if job.pretty else result.text
    data = document.encode("utf-8", "surrogateescape")
    known = Known(made_from, _digest(data))
    if there == known.made:
        return Outcome(task.file, "up-to-date", task.target, findings, known=known)
    ours = task.known is not None and task.known.made == there
    if there and not job.force and not ours:
        what = "was changed since it was written" if task.known else "is there already"
        raise BridgeError(f"{what}: pass --force to replace it", task.target)
    place(Path(task.target), data, replace=bool(there), durable=False)
    return Outcome(task.file, "converted", task.target, findings, known=known)


def _input(file: str) -> bytes:
    """As `files.read`, of a regular file: a fleet must not wait for the other end of a pipe."""
    with os.fdopen(open_regular(file, follow=True), "rb") as stream:
        return bounded(stream, file)


def _digest_of(file: str) -> str | None:
    """None if there is no such file. Raises NotRegularError."""
    try:
        with os.fdopen(open_regular(file), "rb") as stream:
            return FOREIGN if os.fstat(stream.fileno()).st_size > MAX_OUTPUT else _digest(stream.read(MAX_OUTPUT))
    except FileNotFoundError:
        return None
    except NotRegularError:
        raise
    except OSError:
        return FOREIGN


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
