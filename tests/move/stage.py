"""One guest that goes through failure after failure: where it runs, and that it is one."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bridge.operations.move import ways
from bridge.operations.move.machine import Machine
from bridge.operations.move.sides import Sides
from bridge.operations.move.step import Move, Outcome
from tests.libvirtd.daemon import Daemon, Daemons
from tests.move.kinds import PLAIN
from tests.move.lab import TURNS, Lab, Run
from tests.move.moving import pid_of, request_in, request_out, take, went_on

SLOW = 48 << 20
"""Bytes a second: the memory takes a few seconds, so that there is a middle."""
IN_STEPS = ("SourceRuns", "Settings", "Defined", "Prepared", "Sent", "Finished")
OUT_STEPS = ("DomainRuns", "TargetStarted", "Limits", "Performed", "Continued")

Damage = Callable[["Stage", Sides, Move], object]


class Stage:
    """The guest, wherever it runs."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.lab = Lab(PLAIN, daemon)
        self.tag = "src"
        self.run: Run | None = self.lab.boot_up(self.tag)
        self.number = 0
        self.next = ""
        self.lab.counts(f"{self.tag}.console", pid_of(self.run.socket))

    def outside(self) -> list[str]:
        """The QEMUs outside of libvirt whose guest runs."""
        found = []
        for socket in self.lab.directory.glob("*.qmp"):
            try:
                status = Machine(socket, 60).status()
            except Exception:
                continue
            if status == "running":
                found.append(socket.stem)
        return found

    def inside(self) -> bool:
        """Whether it runs in libvirt."""
        return self.lab.state().startswith("running")

    def unsettled(self) -> bool:
        """Whether libvirt's domain is between two states, of which one comes by itself."""
        return self.lab.state().startswith(("paused", "in shutdown"))

    def check(self, inside: bool) -> None:
        """Exactly one runs, and counts on."""
        assert (self.inside(), self.outside()) == (inside, [] if inside else [self.tag])
        console = "console" if inside else f"{self.tag}.console"
        pid = self.lab.pid() if inside else pid_of(self.lab.directory / f"{self.tag}.qmp")
        turns = self.lab.counts(console, pid)
        assert turns[-TURNS:] == list(range(turns[-1] - TURNS + 1, turns[-1] + 1))

    def sound(self) -> bool:
        """Whether it runs where it is thought to, and nowhere else."""
        try:
            self.lab.ticks("console")
            self.lab.ticks(f"{self.tag}.console")
            return [self.inside(), *self.outside()] in ([True], [False, self.tag])
        except Exception:
            return False

    def place(self, inside: bool) -> None:
        """Have it there: it is moved, if it is not."""
        if self.inside() == inside:
            return
        before = self.console()
        outcome = self.into(None, "", "", bandwidth=0) if inside else self.out(None, "", "", bandwidth=0)
        assert outcome.moved, outcome
        if not inside:
            self.left(self.next)
        self.went_on(before)

    def console(self) -> str:
        """The one that it speaks to now."""
        return "console" if self.inside() else f"{self.tag}.console"

    def went_on(self, before: str) -> None:
        """It counts on where the console `before` ends."""
        inside = self.inside()
        pid = self.lab.pid() if inside else pid_of(self.lab.directory / f"{self.tag}.qmp")
        went_on(self.lab, before, "console" if inside else f"{self.tag}.console", pid)

    def left(self, tag: str) -> None:
        """It runs outside of libvirt now, under this name."""
        self.tag, self.run = tag, Run(None, self.lab.directory / f"{tag}.qmp")

    def new_name(self) -> str:
        """For a QEMU outside of libvirt."""
        self.number += 1
        self.next = f"out{self.number}"
        return self.next

    def into(self, damage: Damage | None, at: str, when: str, lab: Lab | None = None, **more: Any) -> Outcome:
        """`lab`: the VM as it is to be there. `damage` is done when the step `at` is `when`."""
        assert self.run is not None
        return take(request_in(lab or self.lab, self.run, **{"bandwidth": SLOW, **more}), self._told(damage, at, when))

    def out(self, damage: Damage | None, at: str, when: str, lab: Lab | None = None, **more: Any) -> Outcome:
        return take(request_out(lab or self.lab, self.new_name(), **{"bandwidth": SLOW, **more}), self._told(damage, at, when))

    def _told(self, damage: Damage | None, at: str, when: str) -> Callable[[Sides, Move, dict[str, Any]], None]:
        """`when`: begun, done, active: in the middle of the memory, or switching: the guest stands still, and the
        copies of disks end."""
        state = {"step": "", "done": False}
        steps: list[str] = []

        def told(sides: Sides, move: Move, note: dict[str, Any]) -> None:
            steps.extend(() if steps else (type(step).__name__ for step in ways.steps(sides)))
            if "step" in note:
                state["step"] = steps[note["step"]]
                now = note["is"]
            else:
                now = "active" if 0 < note.get("remaining", 0) < 0.8 * note["total"] else ""
                now = "switching" if note.get("status") == "pre-switchover" else now
            if damage is not None and state["step"] == at and now == when and not state["done"]:
                state["done"] = True
                damage(self, sides, move)

        return told


@contextmanager
def small(directory: Path, size: str) -> Iterator[Path]:
    """A file system of that size, `8m`."""
    there = Path(tempfile.mkdtemp(prefix="small-", dir=directory))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=1777", "tmpfs", there], check=True)
    try:
        yield there
    finally:
        subprocess.run(["umount", "-l", there], check=True)
        there.rmdir()


class Stages:
    """One guest for test after test, as a boot takes longer than they do, in a libvirtd that they may break. One that is not what it should
    be is replaced, so that no test pays for another."""

    def __init__(self) -> None:
        self._daemons = Daemons()
        self._stage: Stage | None = None

    def sound(self) -> Stage:
        if self._stage is not None and not self._stage.sound():
            self._end()
        if self._stage is None:
            self._stage = Stage(self._daemons.empty())
        return self._stage

    def _end(self) -> None:
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.lab.close()

    def close(self) -> None:
        try:
            self._end()
        finally:
            self._daemons.close()
