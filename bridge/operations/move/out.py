"""The steps out of libvirt: a QEMU with qemu-server's command line is started and waits, libvirt sends, that QEMU lets the guest run."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from ...core.report import BridgeError
from .host import PAUSED, PAUSED_MIGRATING, RUNNING, Host, Look, LostError
from .machine import TIME_LIMIT, Process
from .mirror import Closed, Exported
from .private import Given
from .sides import ENDING_LIMIT, LOOK_EVERY, LOOKING_LIMIT, POLL_EVERY, SOCKET_MODE, Sides, described
from .ssh import reached
from .step import Move, Step

INCOMING = "inmigrate"


class DomainRuns:
    """First in the list: the last thing undone is that libvirt's domain runs on."""

    what = "the VM runs in libvirt"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"virsh -c '{sides.request.uri}' domstate {sides.request.name}"

    def do(self, move: Move) -> None:  # noqa: ARG002
        found = self.sides.look()
        if found is None or found.state != RUNNING:
            raise BridgeError(f"domain {self.sides.request.name} is {described(found)}, not running", self.sides.request.uri)

    def undo(self, move: Move) -> None:  # noqa: ARG002
        """libvirt lets it run on by itself, a moment after its migration has failed; one that stands still after all is told to."""
        until = time.monotonic() + TIME_LIMIT
        while (found := self.sides.look(LOOKING_LIMIT)) is not None and found.active and found.state != RUNNING:
            if waits(found) or time.monotonic() > until:
                self.sides.host.ask("resume", self.sides.request.uuid)
            time.sleep(LOOK_EVERY)


def waits(found: Look) -> bool:
    """Whether the domain was sent, and libvirt waits for word of it."""
    return found.state == PAUSED and found.reason == PAUSED_MIGRATING


class TargetStarted:
    """The QEMU that qemu-server would start. It is left to itself once the guest runs there."""

    what = "QEMU starts with qemu-server's command line, and waits for the stream"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.argv = [*(sides.request.argv or ()), "-S", "-incoming", f"unix:{sides.target}"]
        self.shell = f"{Path(self.argv[0]).name} ... {' '.join(self.argv[-3:])}"
        self._process: subprocess.Popen[bytes] | None = None
        self._log = sides.directory / "qemu.log"

    def do(self, move: Move) -> None:
        self._log.touch()
        with self._log.open("r+b") as log:
            nothing = subprocess.DEVNULL
            self._process = subprocess.Popen(self.argv, stdin=nothing, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        daemonize = "-daemonize" in self.argv
        while not self._listens():
            ended = self._process.poll()
            if ended is not None and (ended != 0 or not daemonize):
                raise BridgeError(f"QEMU does not start: {self._said() or f'it ended with {ended}'}")
            move.wait(LOOK_EVERY)
        self.sides.process = Process(self.sides.machine.pid())

    def _listens(self) -> bool:
        if not (Path(self.sides.request.qmp).is_socket() and self.sides.target.is_socket()):
            return False
        try:
            return self.sides.machine.status() == INCOMING
        except BridgeError:
            return False

    def _said(self) -> str:
        return self._log.read_text("utf-8", "replace").strip().split("\n")[-1][:300]

    def undo(self, move: Move) -> None:  # noqa: ARG002
        if self._process is None:
            return
        end_target(self.sides)
        if self._process.poll() is None and self.sides.process is None:
            self._process.kill()
        self._process.wait(TIME_LIMIT)


def end_target(sides: Sides) -> None:
    """The target's QEMU has ended then, whatever it did."""
    if sides.process is not None:
        sides.process.kill()
    else:
        sides.machine.quit()


class Limits:
    """What libvirt is told of the migration."""

    what = "libvirt is told how long the guest may stand still"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"virsh migrate-setmaxdowntime {sides.request.name} {sides.request.max_downtime}"

    def do(self, move: Move) -> None:  # noqa: ARG002
        self.sides.host.ask("set_downtime", self.sides.request.uuid, self.sides.request.max_downtime)

    def undo(self, move: Move) -> None:
        """It counts for migrations alone, and the next one says its own."""


class Performed:
    """The memory, while the guest runs; then it stands still, and libvirt waits for word."""

    what = "libvirt sends the guest's state, live"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"virDomainMigratePerform3Params migrate_uri=unix://{sides.there(sides.stream)}, through the filter to {sides.target}"

    def do(self, move: Move) -> None:
        sides, request = self.sides, self.sides.request
        sides.relay.listen(sides.stream, SOCKET_MODE)
        sides.relay.start(sides.sink)
        only: Given = {"migrate_disks": [disk.target for disk in request.disks]} if request.disks else {}
        sides.host.ask("begin", request.uuid, sides.flags, only)
        with Host(request.uri) as watcher:
            sides.host.send("perform", request.uuid, sides.flags, self._given(), sides.disk_cookie({}))
            while not sides.host.answered(POLL_EVERY):
                self._watched(move, watcher)
            said = self._answer()
        move.downtime = downtime_of(said)
        while not sides.relay.ended(LOOK_EVERY):
            move.check()
        if sides.relay.error is not None:
            raise sides.relay.error

    def _given(self) -> dict[str, Any]:
        request = self.sides.request
        bandwidth = {"bandwidth": request.bandwidth >> 20} if request.bandwidth else {}
        return {**self.sides.given(migrate_uri=f"unix://{self.sides.there(self.sides.stream)}"), **bandwidth}

    def _answer(self) -> str:
        try:
            return str(self.sides.host.answer(0.0))
        except LostError:
            raise
        except BridgeError as error:
            raise BridgeError(self.sides.why(str(error))) from None

    def _watched(self, move: Move, watcher: Host) -> None:
        """Tell how it goes; end libvirt's job if nobody wants it any more, and wait on for libvirt's answer, which it then gives."""
        try:
            job = watcher.ask("job", self.sides.request.uuid)
            move.note({"status": "active", "total": job.get("data_total", 0), "remaining": job.get("data_remaining", 0)})
        except BridgeError:
            pass  # between two jobs there is none
        try:
            move.check()
        except BridgeError:
            try:
                watcher.ask("abort_job", self.sides.request.uuid)
            except BridgeError:
                pass  # it is past that: the answer comes at once
            try:
                self.sides.host.answer(TIME_LIMIT)
            except BridgeError:
                pass  # that it was ended
            raise

    def undo(self, move: Move) -> None:  # noqa: ARG002
        """A domain that was sent stands still until libvirt is told that it did not arrive; a target that may run ends before."""
        sides = self.sides
        sides.relay.stop()
        found = sides.look(LOOKING_LIMIT)
        if found is None or found.state == RUNNING:
            return
        end_target(sides)
        if waits(found):
            sides.host.ask("confirm", sides.request.uuid, sides.flags, {}, True, sides.cookie)


def downtime_of(said: str) -> int | None:
    """The milliseconds that QEMU counted, of libvirt's cookie."""
    from lxml import etree

    try:
        text = etree.fromstring(said).findtext("statistics/downtime")
    except etree.XMLSyntaxError:
        return None
    return int(text) if text is not None and text.isdecimal() else None


class Pinned:
    """Before the guest runs."""

    what = "the threads go to their host CPUs"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"virt-qm pin --qmp {sides.request.qmp}"

    def do(self, move: Move) -> None:  # noqa: ARG002
        from ..pin import pin

        pin(Path(self.sides.request.qmp), {name: frozenset(cpus) for name, cpus in self.sides.request.pins.items()})

    def undo(self, move: Move) -> None:
        """The threads end with their QEMU."""


class Continued:
    """The point of no return."""

    what = "QEMU lets the guest run"
    shell = "QMP: cont"
    final = True

    def __init__(self, sides: Sides) -> None:
        self.sides = sides

    def do(self, move: Move) -> None:
        machine = self.sides.machine
        while machine.status() == INCOMING:
            move.wait(POLL_EVERY)
        if (found := machine.settled()).status not in ("completed", "none"):
            raise BridgeError(f"QEMU did not take the state: {found.error_desc or found.status}")
        self.sides.asked_to_run = True
        machine.do("cont")
        if (status := machine.status()) != "running":
            raise BridgeError(f"QEMU does not let the guest run: it is {status}")

    def undo(self, move: Move) -> None:  # noqa: ARG002
        """It may run: it ends before libvirt's domain goes on."""
        end_target(self.sides)


class Confirmed:
    """libvirt's QEMU, whose guest stands still for good, ends."""

    what = "libvirt ends the old QEMU"
    shell = "virDomainMigrateConfirm3Params cancelled=0"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides

    def do(self, move: Move) -> None:  # noqa: ARG002
        sides = self.sides
        try:
            sides.host.ask("confirm", sides.request.uuid, sides.flags, {}, False, sides.cookie)
        except BridgeError:
            found = sides.look(LOOKING_LIMIT)
            if found is not None and found.active:
                sides.host.ask("destroy", sides.request.uuid)

    def undo(self, move: Move) -> None:
        """It comes after the point of no return."""


class NoAutostart:
    """A second copy of the VM must not start with libvirt's host."""

    what = "libvirt no longer starts the domain with its host"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"virsh autostart --disable {sides.request.name}"

    def do(self, move: Move) -> None:  # noqa: ARG002
        found = self.sides.look()
        if found is not None and found.persistent and found.autostart:
            self.sides.host.ask("set_autostart", self.sides.request.uuid, False)

    def undo(self, move: Move) -> None:
        """It comes after the point of no return."""


def steps(sides: Sides) -> list[Step]:
    """Live by libvirt's migration protocol; images are shared, or copied."""
    pinned: list[Step] = [Pinned(sides)] if sides.request.pins else []
    exported: list[Step] = [Exported(sides)] if sides.request.disks else []
    closed: list[Step] = [Closed(sides)] if sides.request.disks else []
    return [
        *(DomainRuns(sides), *reached(sides), TargetStarted(sides)),
        *(*exported, Limits(sides), Performed(sides), *closed),
        *(*pinned, Continued(sides), Confirmed(sides), NoAutostart(sides)),
    ]


def where(sides: Sides, moved: bool) -> str:
    """The line that says where the VM runs, by what both ends say now."""
    request = sides.request
    try:
        status = sides.machine.status() if os.path.lexists(request.qmp) else ""
    except BridgeError:
        status = ""
    try:
        found = sides.look(ENDING_LIMIT)
        there, runs_there = described(found), found is not None and found.state == RUNNING
    except BridgeError as error:
        there, runs_there = f"not to be seen ({error})", None
    if status == "running" and not runs_there:
        return f"{request.name} runs in the QEMU at {request.qmp}; libvirt's domain is {there}"
    if runs_there and status != "running":
        return f"{request.name} runs where it was: domain {request.name} at {request.uri or 'the default libvirt'}"
    here = f"the QEMU at {request.qmp} is {status}" if status else f"there is no QEMU at {request.qmp}"
    hint = "look at both before you start one"
    return f"{request.name} {'was moved, yet' if moved else 'may not run:'} libvirt's domain is {there}, {here}: {hint}"
