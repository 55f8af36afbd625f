"""Moves of a lab's VM: requests made and taken in this process, or by the command in another one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bridge.argv.read import CommandLine, read
from bridge.guest.native import Embedded
from bridge.operations.move import check, ways
from bridge.operations.move.machine import Machine
from bridge.operations.move.prepare import made_directory
from bridge.operations.move.request import Request
from bridge.operations.move.sides import Sides
from bridge.operations.move.step import Move, Outcome, run
from tests.move.lab import Lab, Run
from tests.processes import PATIENCE, WaitedError, remove

ROOT = Path(__file__).parents[2]
NEWEST = (10, 0)


def inside(lab: Lab, speaker: Embedded) -> CommandLine:
    """What libvirt runs for the lab's domain."""
    made = speaker.native(lab.xml)
    return read(made.words + made.plugged)


def request_in(lab: Lab, run: Run, names: dict[str, str] | None = None, **more: Any) -> Request:
    words = {"into": True, "way": "protocol3", "uri": lab.daemon.uri, "name": lab.name, "uuid": lab.uuid, "xml": lab.xml}
    return made(words, more, qmp=str(run.socket), names=names or {})


def request_out(lab: Lab, tag: str, names: dict[str, str] | None = None, **more: Any) -> Request:
    """Into a QEMU of that name."""
    lab.tpm(tag)
    words = {"into": False, "way": "protocol3", "uri": lab.daemon.uri, "name": lab.name, "uuid": lab.uuid, "xml": lab.xml}
    argv = (*lab.network, *lab.line(tag))
    return made(words, more, qmp=str(lab.directory / f"{tag}.qmp"), argv=argv, names=names or {})


def made(words: dict[str, Any], more: dict[str, Any], **own: Any) -> Request:
    """With a directory of its own, which is made only if none is given."""
    return Request(**{**words, **own, "directory": more.get("directory") or made_directory(), "timeout": PATIENCE, **more})


T = TypeVar("T")
Told = Callable[[Sides, Move, dict[str, Any]], object]


def take(request: Request, told: Told | None = None) -> Outcome:
    """Move in this process. `told` gets every note, and may cancel or break something."""
    sides = Sides(request)
    move = Move(request, lambda note: told(sides, move, note) if told else None)
    try:
        return run(ways.steps(sides), move, lambda moved: ways.where(sides, moved))
    finally:
        sides.close()
        remove(Path(request.directory))


def pid_of(socket: str | Path) -> int:
    """The QEMU at a QMP socket."""
    return Machine(Path(socket), PATIENCE).pid()


def unless_it_hangs(move: Callable[[], T]) -> T:
    """What it gives. A guest hangs after one in some hundred moves between two QEMUs alone (memory.py); a fault of ours comes again."""
    try:
        return move()
    except WaitedError as error:
        print("the guest hung:", error)
        return move()


def there_and_back(
    lab: Lab,
    speaker: Embedded,
    pins: dict[str, frozenset[int]] | None = None,
    moved: Callable[[], object] = list,
    started: Callable[[], object] = list,
) -> list[int]:
    """Into libvirt and out of it again, the guest counting on; both downtimes in ms. `started` is called when it counts, `moved` at the end
    of each move.

    AssertionError with what went wrong."""
    source = lab.boot_up("src")
    assert source.process is not None
    lab.counts("src.console", source.process.pid)
    started()
    ours, theirs = read(lab.line("src")), inside(lab, speaker)
    first = take(request_in(lab, source, check.renamed(ours, theirs)))
    assert first.moved, first
    assert (first.error, first.troubles) == ("", [])
    assert source.process.wait(PATIENCE) == 0
    assert lab.state() == "running (migrated)"
    moved()
    went_on(lab, "src.console", "console", lab.pid())
    given = {name: tuple(sorted(cpus)) for name, cpus in (pins or {}).items()}
    request = request_out(lab, "back", check.renamed(theirs, ours), pins=given)
    second = take(request)
    assert second.moved, second
    assert (second.error, second.troubles) == ("", [])
    assert lab.state() == "shut off (migrated)"
    moved()
    went_on(lab, "console", "back.console", pid_of(request.qmp))
    assert first.downtime is not None
    assert second.downtime is not None
    return [first.downtime, second.downtime]


def went_on(lab: Lab, before: str, after: str, pid: int) -> None:
    """The guest counts on, at the turn that it had reached: it did not start anew, and nothing ran twice.

    A line that it was in the middle of is in two consoles, and whole in neither.
    """
    turns = lab.counts(after, pid)
    last = lab.ticks(before)[-1]
    assert 0 <= turns[0] - last <= 1 + lab.cut(before), f"{before} ends with {last}, {after} begins with {turns[0]}"
    assert turns == list(range(turns[0], turns[0] + len(turns)))


def virt_qm(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bridge", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE)
