"""The whole comparison of two VMs: by their options, and on request by starting both."""

from __future__ import annotations

from typing import NamedTuple

from ..data import gates
from .compare import Difference, compare, ordered
from .side import Side
from .tree import tree

QEMU = "qemu-system-x86_64"


class Comparison(NamedTuple):
    """`differences` as `compare` sorts them; `notes` is what the reader should know about the two command lines."""

    a: Side
    b: Side
    differences: list[Difference]
    notes: list[str]
    ran: bool

    @property
    def same(self) -> bool:
        return not self.differences


def _left_out(a: Side, b: Side) -> list[Difference]:
    """What the command line of one side lacks of its VM, and that of the other does not: it was not compared, and a guest may see it."""
    ours, theirs = ({finding.said(): finding.where for finding in side.findings if finding.kind == "guest-lost"} for side in (a, b))
    return [
        *(Difference("device", said.message, "not compared", None, where, "") for said, where in ours.items() if said not in theirs),
        *(Difference("device", said.message, None, "not compared", "", where) for said, where in theirs.items() if said not in ours),
    ]


def diff(a: Side, b: Side, *, newest: gates.Version, backends: bool = False, emulator: str | None = None) -> Comparison:
    """Compare. `newest` is the QEMU that a machine type without a version means. `backends` adds the host's part.

    `emulator` is the QEMU that starts both (None: only the options are compared). Raises BridgeError for options that QEMU would
    refuse, and for a machine that does not start.
    """
    trees = tree(a.line, newest), tree(b.line, newest)
    found = compare(*trees, host=backends)
    notes = [f"{side.file}: {note}" for side, each in zip((a, b), trees, strict=True) for note in each.notes]
    if emulator is not None:
        from .run import Runner, differences

        runner = Runner(emulator)
        shown = [runner.tree(side.line, side.file, newest) for side in (a, b)]
        found = differences(found, *shown)
        notes += [note for each in shown for note in each.notes]
    return Comparison(a, b, ordered([*found, *_left_out(a, b)]), notes, emulator is not None)
