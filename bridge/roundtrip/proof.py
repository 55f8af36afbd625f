"""What comes of a foreign VM: the machine that qemu-server would run, held against the one that the XML describes."""

from __future__ import annotations

from typing import NamedTuple

from ..core.report import Report
from ..host.facts import HostFacts
from ..model.vm import VM
from ..passes.lint import lint
from . import keep_layout as places
from .address_changes import address_changes
from .difference import report_differences
from .pins import pins


class Proof(NamedTuple):
    """What the config lacks: `words` of `args` that keep the layout, if that is wanted, and `pins` of single threads."""

    words: list[str]
    pins: dict[str, str]


def compare(described: VM, after: VM | None, host: HostFacts, report: Report, *, source: str, own: bool, keep_layout: bool) -> Proof:
    """Devices that move, and whatever did not return, become findings. `after` None: qemu-server would refuse the config.

    `source` names the input. `own`: the metadata remembers the config; that its part comes back was proved when it was written."""
    kept = places.keep_layout(described, after, host, report) if keep_layout and after is not None else places.Kept([], frozenset())
    address_changes(described, after, report, kept.keys)
    if after is not None and not own:
        report_differences(described, after, source, report)
    lint(described, host, report)
    return Proof(kept.words, {} if after is None else pins(described, after))
