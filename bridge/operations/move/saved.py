"""The steps of a move that goes through libvirt's public calls: `restore` of a FIFO while the guest runs (`restore`), and a state that was
saved into a file while the guest stands still (`saved`), both ways."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import termios
from pathlib import Path

from ...core.report import BridgeError
from .host import RUNNING, LostError
from .into import Autostart, Defined, Sent, Settings, SourceQuits, SourceRuns
from .out import Continued, DomainRuns, NoAutostart, Pinned, TargetStarted
from .relay import Relay, Sink
from .saveimage import header, read_header
from .sides import LOOK_EVERY, POLL_EVERY, Sides, tell
from .step import Move, Step

FILE_MODE = 0o644
"""libvirt reads it as whoever it runs as, in a directory that nobody can list."""


class Fifo:
    """The save image that libvirt reads while it is written. It opens it twice: for the XML, and then for all of it."""

    def __init__(self, sides: Sides) -> None:
        self.path = sides.directory / "image"
        self._head = header(sides.request.xml, room=0)
        self._descriptor = -1

    def make(self) -> None:
        os.mkfifo(self.path)
        self.path.chmod(0o666)

    def open(self, move: Move, sides: Sides) -> None:
        """Written up to the stream, twice: each reader takes just the header. BridgeError with libvirt's words if it gives up before."""
        while self._descriptor < 0:
            try:
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno != errno.ENXIO:  # nobody reads yet
                    raise BridgeError(error.strerror or str(error), self.path) from None
                self._look(move, sides)
        for _ in range(2):
            self._write_head(move, sides)
            while self._unread():
                self._look(move, sides)

    def _write_head(self, move: Move, sides: Sides) -> None:
        data = memoryview(self._head)
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except (BlockingIOError, BrokenPipeError):  # it is full, or between two readers; what is in it stays
                self._look(move, sides)

    def _unread(self) -> int:
        """Bytes that nobody has read yet."""
        found = bytearray(4)
        fcntl.ioctl(self._descriptor, termios.FIONREAD, found)
        return int.from_bytes(found, sys.byteorder)

    def _look(self, move: Move, sides: Sides) -> None:
        """libvirt must not have answered yet."""
        move.check()
        if sides.host.answered(POLL_EVERY):
            sides.host.answer(0.0)
            raise BridgeError("libvirt says that it has restored a guest that was not sent yet")

    def take(self) -> int:
        """The descriptor, for somebody else to close."""
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class Restoring:
    """libvirt's QEMU waits for the stream, as for one of a file."""

    what = "libvirt restores a save image, which is a pipe"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.fifo = Fifo(sides)
        self.shell = f"mkfifo {self.fifo.path}; virsh restore {self.fifo.path} --running"

    def do(self, move: Move) -> None:
        self.fifo.make()
        self.sides.asked_to_run = True
        self.sides.host.send("restore", str(self.fifo.path), self.sides.request.xml)
        self.fifo.open(move, self.sides)

    def undo(self, move: Move) -> None:  # noqa: ARG002
        """A pipe that ends early ends the restore, and its QEMU."""
        self.fifo.close()
        try:
            self.sides.host.answer(self.sides.host.time_limit)
        except BridgeError:
            pass  # what it was to say
        self.sides.target_gone()


class Restored:
    """The point of no return: libvirt lets the guest run as soon as it has all of it."""

    what = "libvirt has all of it, and lets the guest run"
    shell = "(virsh restore ends)"
    final = True

    def __init__(self, sides: Sides) -> None:
        self.sides = sides

    def do(self, move: Move) -> None:  # noqa: ARG002
        try:
            self.sides.host.answer(self.sides.host.time_limit)
        except LostError:
            if not self.sides.target_runs():
                raise

    def undo(self, move: Move) -> None:
        """`Restoring` ends the target, `SourceRuns` lets the source run on."""


class SavedByQemu:
    """Into libvirt, not live: the guest stops, its state goes into a save image."""

    what = "the guest stops, and QEMU saves its state"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.file = sides.directory / "image"
        self.shell = f"QMP: stop; migrate, through the filter to {self.file}"

    def do(self, move: Move) -> None:
        sides = self.sides
        sides.relay.listen(sides.stream)
        sides.relay.start(self._sink, lambda sink: sink.sync())
        sides.machine.do("stop")
        sides.machine.do("migrate", {"uri": f"unix:{sides.stream}"})
        while (found := sides.machine.migration()).status != "completed":
            tell(move, found)
            if found.status in ("failed", "cancelled"):
                raise BridgeError(str(sides.relay.error or found.error_desc or found.status))
            move.wait(POLL_EVERY)
        while not sides.relay.ended(LOOK_EVERY):
            move.check()
        if sides.relay.error is not None:
            raise sides.relay.error

    def _sink(self) -> Sink:
        sink = file_sink(self.file)
        sink.write(header(self.sides.request.xml))
        return sink

    def undo(self, move: Move) -> None:  # noqa: ARG002
        try:
            self.sides.machine.do("migrate_cancel")
            self.sides.machine.settled()
        finally:
            self.sides.relay.stop()
            self.file.unlink(missing_ok=True)


def file_sink(file: Path) -> Sink:
    """A file that was not there."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise BridgeError(error.strerror or str(error), file) from None
    os.fchmod(descriptor, FILE_MODE)
    return Sink(descriptor)


class RestoredFromFile:
    """The point of no return."""

    what = "libvirt restores the state, and lets the guest run"
    final = True

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.file = sides.directory / "image"
        self.shell = f"virsh restore {self.file} --running"

    def do(self, move: Move) -> None:  # noqa: ARG002
        self.sides.asked_to_run = True
        try:
            self.sides.host.ask("restore", str(self.file), self.sides.request.xml)
        except LostError:
            if not self.sides.target_runs():
                raise

    def undo(self, move: Move) -> None:  # noqa: ARG002
        self.sides.target_gone()


class SavedByLibvirt:
    """Out of libvirt, not live: libvirt saves the guest, whose QEMU ends. The file belongs to whoever libvirt runs as."""

    what = "libvirt saves the guest's state, and its QEMU ends"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.file = sides.directory / "image"
        self.shell = f"virsh save {sides.request.name} {self.file}"

    def do(self, move: Move) -> None:  # noqa: ARG002
        self.sides.host.ask("save", self.sides.request.uuid, str(self.file), limit=self.sides.request.timeout)

    def undo(self, move: Move) -> None:  # noqa: ARG002
        """The domain goes on from what was saved."""
        found = self.sides.look()
        if found is None or found.state != RUNNING:
            self.sides.host.ask("restore", str(self.file), self.sides.request.xml, limit=self.sides.request.timeout)


class Loaded:
    """QEMU reads what libvirt saved."""

    what = "QEMU loads the state"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.file = sides.directory / "image"
        self.shell = f"the stream of {self.file}, through the filter to {sides.target}"

    def do(self, move: Move) -> None:
        relay = self.sides.relay = Relay(self.sides.request.names)
        with self.file.open("rb") as file:
            read_header(file, str(self.file))
            relay.start_from(file, self.sides.sink)
            while not relay.ended(POLL_EVERY):
                move.check()
        if relay.error is not None:
            raise relay.error

    def undo(self, move: Move) -> None:  # noqa: ARG002
        self.sides.relay.stop()


def into_live(sides: Sides) -> list[Step]:
    """`restore`."""
    restoring = Restoring(sides)

    def begin(_: Sides) -> None:
        sides.relay.start(lambda: Sink(restoring.fifo.take()), lambda _sink: None)

    return [
        *(SourceRuns(sides), Settings(sides), Defined(sides), restoring, Sent(sides, begin), Restored(sides)),
        *(*_autostart(sides), SourceQuits(sides)),
    ]


def into_saved(sides: Sides) -> list[Step]:
    """`saved`, into libvirt."""
    return [
        *(SourceRuns(sides), Settings(sides), Defined(sides), SavedByQemu(sides), RestoredFromFile(sides)),
        *(*_autostart(sides), SourceQuits(sides)),
    ]


def out_saved(sides: Sides) -> list[Step]:
    """`saved`, out of libvirt. The target starts once libvirt's QEMU has let go of the images."""
    pinned: list[Step] = [Pinned(sides)] if sides.request.pins else []
    return [
        *(DomainRuns(sides), SavedByLibvirt(sides), TargetStarted(sides), Loaded(sides)),
        *(*pinned, Continued(sides), NoAutostart(sides)),
    ]


def _autostart(sides: Sides) -> list[Step]:
    return [Autostart(sides)] if sides.request.autostart else []
