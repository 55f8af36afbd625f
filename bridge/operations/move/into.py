"""The steps into libvirt: its QEMU is started and waits, qemu-server's sends, libvirt lets the guest run, qemu-server's ends."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...core.report import BridgeError
from .disks import drives
from .host import RUNNING, LostError
from .machine import STANDS
from .mirror import Mirrored
from .sides import ENDING_LIMIT, LOCKED_LIMIT, LOOK_EVERY, LOOKING_LIMIT, POLL_EVERY, Sides, described, tell
from .ssh import reached
from .step import Move, Step


class SourceRuns:
    """First in the list, so that the last thing undone is that the source runs on."""

    what = "the VM runs in QEMU"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"QMP {sides.request.qmp}: query-status"

    def do(self, move: Move) -> None:  # noqa: ARG002
        status = self.sides.machine.status()
        if status != "running":
            raise BridgeError(f"the VM is {status}, not running: let it run, or move it with --offline", self.sides.request.qmp)

    def undo(self, move: Move) -> None:  # noqa: ARG002
        """Let the source run on; not before the target is known to be gone."""
        machine = self.sides.machine
        if machine.status() not in STANDS:
            return
        if self.sides.asked_to_run:
            self.sides.target_gone()
        until = time.monotonic() + LOCKED_LIMIT
        while True:
            try:
                machine.do("cont")
            except BridgeError:
                if time.monotonic() > until:  # the target's QEMU holds the locks of the images until it has ended
                    raise
            else:
                return
            time.sleep(LOOK_EVERY)


class Settings:
    """Capabilities and limits of the migration."""

    what = "QEMU is told how to migrate"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        request = sides.request
        self.shell = f"QMP: migrate-set-capabilities dirty-bitmaps=off; migrate-set-parameters downtime-limit={request.max_downtime}"
        self._before: tuple[dict[str, bool], dict[str, object]] | None = None

    def do(self, move: Move) -> None:  # noqa: ARG002
        self._before = self.sides.settle()

    def undo(self, move: Move) -> None:  # noqa: ARG002
        if self._before is not None:
            self.sides.machine.settings(*self._before)


class Defined:
    """Defined first: the state of a TPM goes with a domain that is defined nowhere when that ends."""

    what = "libvirt knows the domain"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"virsh -c '{sides.request.uri}' define DOMAIN.xml"
        self._before: str | None = None
        self._asked = False

    def do(self, move: Move) -> None:  # noqa: ARG002
        request, host = self.sides.request, self.sides.host
        found = self.sides.look()
        if found is not None and found.active:
            raise BridgeError(f"a domain with UUID {request.uuid} is {described(found)} there already", request.uri)
        if found is not None and found.persistent:
            self._before = host.ask("xml", request.uuid, False)
        self._asked = True
        host.ask("define", request.xml)

    def undo(self, move: Move) -> None:  # noqa: ARG002
        if not self._asked:
            return  # a definition that is there is not ours
        self.sides.look(LOOKING_LIMIT)
        if self._before is None:
            self.sides.host.ask("undefine", self.sides.request.uuid)
        else:
            self.sides.host.ask("define", self._before)


class Prepared:
    """libvirt's QEMU runs, its guest does not. libvirt pins its threads now; it ends it if we end."""

    what = "libvirt starts its QEMU, which waits for the stream"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"virDomainMigratePrepare3Params migrate_uri=unix://{sides.there(sides.target)}"

    def do(self, move: Move) -> None:  # noqa: ARG002
        sides, request = self.sides, self.sides.request
        given = sides.given(destination_xml=request.xml, persistent_xml=request.xml, migrate_uri=f"unix://{sides.there(sides.target)}")
        here = drives(sides.machine) if request.disks else {}
        cookie = sides.disk_cookie({disk.target: here[disk.device].size for disk in request.disks})
        sides.host.ask("prepare", sides.flags, given, cookie)

    def undo(self, move: Move) -> None:  # noqa: ARG002
        sides = self.sides
        try:
            sides.host.ask("finish", sides.flags, {"destination_name": sides.request.name}, True, sides.disk_cookie({}))
        except BridgeError:
            pass  # it has given up the domain by itself
        sides.target_gone()


class Sent:
    """The memory, while the guest runs; then the guest stands still, and the rest."""

    what = "QEMU sends the guest's state, live"
    final = False

    def __init__(self, sides: Sides, begin: Callable[[Sides], None], switch: Callable[[Move], None] | None = None) -> None:
        self.sides = sides
        self.shell = f"QMP: migrate unix:{sides.stream}, through the filter to {sides.target}"
        self._begin = begin
        self._switch = switch

    def do(self, move: Move) -> None:
        sides = self.sides
        sides.relay.listen(sides.stream)
        self._begin(sides)
        sides.machine.do("migrate", {"uri": f"unix:{sides.stream}"})
        while True:
            found = sides.machine.migration()
            tell(move, found)
            if found.status in ("failed", "cancelled"):
                raise BridgeError(sides.why(found.error_desc or found.status))
            if found.status == "completed":
                break
            if found.status == "pre-switchover" and self._switch is not None:
                self._switch(move)
                sides.machine.do("migrate-continue", {"state": "pre-switchover"})
            move.wait(POLL_EVERY)
        move.downtime = found.downtime
        while not sides.relay.ended(LOOK_EVERY):  # the last of it is on its way
            move.check()
        if sides.relay.error is not None:
            raise BridgeError(sides.why())

    def undo(self, move: Move) -> None:  # noqa: ARG002
        try:
            self.sides.machine.do("migrate_cancel")
            self.sides.machine.settled()
        finally:
            self.sides.relay.stop()


def to_target(sides: Sides) -> None:
    """The stream goes to the socket on which libvirt's QEMU listens."""
    sides.relay.start(sides.sink)


class Finished:
    """The point of no return."""

    what = "libvirt lets the guest run"
    shell = "virDomainMigrateFinish3Params cancelled=0"
    final = True

    def __init__(self, sides: Sides) -> None:
        self.sides = sides

    def do(self, move: Move) -> None:  # noqa: ARG002
        """The cookie says that libvirt's QEMU exports disks: without it libvirt would go on to export them, beside the guest."""
        sides = self.sides
        sides.asked_to_run = True
        try:
            sides.host.ask("finish", sides.flags, {"destination_name": sides.request.name}, False, sides.disk_cookie({}))
        except LostError as error:
            if not sides.target_runs():
                raise BridgeError(f"libvirt did not let the guest run: {error}") from None

    def undo(self, move: Move) -> None:
        """`Prepared` drops the target."""


class Autostart:
    """What `onboot: 1` was."""

    what = "libvirt starts the domain with its host"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.shell = f"virsh autostart {sides.request.name}"

    def do(self, move: Move) -> None:  # noqa: ARG002
        self.sides.host.ask("set_autostart", self.sides.request.uuid, True)

    def undo(self, move: Move) -> None:
        """It comes after the point of no return."""


class SourceQuits:
    """The old QEMU, whose guest stands still for good."""

    what = "the old QEMU ends"
    shell = "QMP: quit"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides

    def do(self, move: Move) -> None:  # noqa: ARG002
        self.sides.machine.quit()

    def undo(self, move: Move) -> None:
        """It comes after the point of no return."""


def steps(sides: Sides) -> list[Step]:
    """Live by libvirt's migration protocol; images are shared, or copied."""
    autostart: list[Step] = [Autostart(sides)] if sides.request.autostart else []
    mirrored = Mirrored(sides) if sides.request.disks else None
    copies: list[Step] = [mirrored] if mirrored else []
    sent = Sent(sides, to_target, mirrored.switch if mirrored else None)
    return [
        *(SourceRuns(sides), *reached(sides), Settings(sides), Defined(sides), Prepared(sides)),
        *(*copies, sent, Finished(sides)),
        *(*autostart, SourceQuits(sides)),
    ]


def where(sides: Sides, moved: bool) -> str:
    """The line that says where the VM runs, by what both ends say now."""
    request = sides.request
    try:
        found = sides.look(ENDING_LIMIT)
    except BridgeError as error:
        there = f"libvirt does not answer ({error})"
        runs_there = None
    else:
        there = f"domain {request.name} at {request.uri or 'the default libvirt'} is {described(found)}"
        runs_there = found is not None and found.state == RUNNING
    try:
        status = sides.machine.status()
    except BridgeError:
        status = ""
    if moved and runs_there is not False:
        return f"{request.name} runs in libvirt: {there}"
    if status == "running" and not runs_there:
        return f"{request.name} runs where it was: in the QEMU at {request.qmp}"
    if runs_there and status != "running":
        return f"{request.name} runs in libvirt: {there}"
    here = f"the QEMU at {request.qmp} is {status}" if status else f"there is no QEMU at {request.qmp} any more"
    return f"{request.name} may not run: {here}; {there}: look at both before you start one"
