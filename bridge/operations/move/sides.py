"""The two ends of a move as its steps see them, and what they have in common: settings, sockets, how a state is looked at."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from ...core.report import BridgeError
from .host import RUNNING, STATES, Host, Look, LostError
from .machine import Machine, Migration, Process
from .private import LIVE, NON_SHARED_DISK, PERSIST_DEST, UNSAFE, Given
from .relay import Relay, Sink, to_socket
from .request import Request
from .ssh import Tunnel, other
from .step import Move, UnsureError

LOOKING_LIMIT = 60.0
"""Seconds for a libvirt that died to come back: systemd starts it again."""
ENDING_LIMIT = 10.0
"""Seconds for a target to go that was not told to run, and so does not: when its libvirt comes back, that ends it."""
LOCKED_LIMIT = 30.0
"""Seconds for the target's QEMU to let go of the images, when the source is to run on."""
SOCKET_MODE = 0o666
"""libvirt connects as whoever it runs as. The directory's name is not to be guessed, and not to be listed."""
LOOK_EVERY = 0.1
POLL_EVERY = 0.05
OFF = (
    *("dirty-bitmaps", "multifd", "mapped-ram", "postcopy-ram", "return-path", "x-ignore-shared", "background-snapshot", "zero-copy-send"),
    *("release-ram", "x-colo", "compress", "xbzrle"),
)
"""Capabilities of a migration that the other side, or the filter, does not take part in."""
BANDWIDTH = 1 << 40
"""Bytes a second where no limit is asked for."""


def cookie(name: str, of: str, disks: Mapping[str, int] | None = None) -> str:
    """What the libvirt that is not there would say of itself: another host than libvirt's own. `disks`: names of images that are
    copied, and their bytes; none if libvirt itself copies them. Never empty: libvirtd 11.3 crashes then."""
    from xml.sax.saxutils import escape

    host = uuid.uuid4()
    listed = "".join(f"<disk target='{target}' capacity='{size}'/>" for target, size in (disks or {}).items())
    nbd = "" if disks is None else f"<nbd>{listed}</nbd>"
    said = f"<name>{escape(name)}</name><uuid>{of}</uuid><hostname>outside</hostname><hostuuid>{host}</hostuuid>"
    return f"<qemu-migration>{said}{nbd}</qemu-migration>"


class Sides:
    """Into libvirt or out of it: the QEMU outside, libvirt, and the stream between them."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.directory = Path(request.directory)
        self.machine = Machine(Path(request.qmp))
        self.host = Host(request.uri)
        self.relay = Relay(request.names)
        self.stream = self.directory / "stream"
        """The relay's socket, for the source."""
        self.target = self.directory / "target"
        """The target's socket, for the relay."""
        self.nbd = self.directory / "nbd"
        """Where the target's QEMU exports its disks."""
        there = other(request.uri)
        self.tunnel = Tunnel(there, self.directory) if there is not None else None
        """Where libvirt is on another host: the sockets are on both, under the same names."""
        self.process: Process | None = None
        """The target's QEMU, if it runs here."""
        self.asked_to_run = False
        """Whether the target was told to run, so that it may."""
        self.cookie = cookie(request.name, request.uuid)

    def close(self) -> None:
        self.relay.stop()
        self.host.close()
        if self.tunnel is not None:
            self.tunnel.close()
        if self.process is not None:
            self.process.close()

    def there(self, socket: Path) -> str:
        """What it is called on libvirt's host."""
        return str(socket) if self.tunnel is None else self.tunnel.there(socket.name)

    def why(self, *said: str) -> str:
        """What is known of a failure: the stream's own words, and those of the ssh that it went through."""
        error = self.relay.error if self.relay.ended(1.0) else None
        tunnel = self.tunnel.trouble() if self.tunnel is not None else ""
        return "; ".join(text for text in (tunnel, "" if error is None else str(error), *said) if text)

    @property
    def flags(self) -> int:
        """virDomainMigrateFlags. libvirt cannot tell that the images are safe to share, so that its question is answered here."""
        return LIVE | UNSAFE | (PERSIST_DEST if self.request.into else 0) | (NON_SHARED_DISK if self.request.disks else 0)

    def given(self, **values: str) -> Given:
        """With what libvirt has to know of the disks that are copied."""
        disks = self.request.disks
        return (
            {**values, "disks_uri": f"unix://{self.there(self.nbd)}", "migrate_disks": [disk.target for disk in disks]}
            if disks
            else dict(values)
        )

    def disk_cookie(self, sizes: Mapping[str, int]) -> str:
        """`cookie`, of a move that copies disks."""
        return cookie(self.request.name, self.request.uuid, sizes) if self.request.disks else self.cookie

    def sink(self) -> Sink:
        """The target's QEMU, to which the stream goes."""
        sink, pid = to_socket(self.target)
        if pid and not (self.tunnel is not None and self.request.into):  # that is ssh, whose end says nothing of a QEMU's
            self.process = Process(pid)
        return sink

    def look(self, patience: float = 0.0) -> Look | None:
        """The domain now. `patience`: seconds that a libvirt has to come back."""
        until = time.monotonic() + patience
        while True:
            try:
                return self.host.look(self.request.uuid)
            except LostError:
                if time.monotonic() >= until:
                    raise
            time.sleep(LOOK_EVERY)

    def settle(self) -> tuple[dict[str, bool], dict[str, object]]:
        """The settings of a migration whose stream is one that the other side takes; what they were."""
        wanted = dict.fromkeys(OFF, False) | {"auto-converge": True, "pause-before-switchover": bool(self.request.disks)}
        numbers = {"downtime-limit": self.request.max_downtime, "max-bandwidth": self.request.bandwidth or BANDWIDTH}
        return self.machine.settings(wanted, numbers)

    def target_gone(self) -> None:
        """Libvirt's domain does not run: waited for, and ended if need be. UnsureError if that cannot be known."""
        until, error = time.monotonic() + (LOOKING_LIMIT if self.asked_to_run else ENDING_LIMIT), BridgeError("it still runs")
        while time.monotonic() < until:
            try:
                found = self.look()
                if found is None or not found.active:
                    return
                self.host.ask("destroy", self.request.uuid)
            except BridgeError as said:
                error = said
                if self.process is not None and self.process.ended():
                    return
                time.sleep(LOOK_EVERY)
        if self.asked_to_run:
            raise UnsureError(f"whether libvirt's domain runs cannot be found out: {error}")

    def target_runs(self) -> bool:
        """Whether libvirt's domain runs, after a call whose answer was lost. UnsureError if that cannot be known."""
        until = time.monotonic() + LOOKING_LIMIT
        while time.monotonic() < until:
            try:
                found = self.look()
            except LostError:
                if self.process is not None and self.process.ended():
                    return False
                time.sleep(LOOK_EVERY)
                continue
            if found is None or not found.active:
                return False
            if found.state == RUNNING:
                return True
            time.sleep(LOOK_EVERY)
        raise UnsureError(f"whether libvirt's domain runs cannot be found out in {LOOKING_LIMIT:g} s")


def described(look: Look | None) -> str:
    """A domain's state in words."""
    return "not there" if look is None else STATES.get(look.state, "in an unknown state")


def tell(move: Move, found: Migration) -> None:
    """QEMU's own figures, for whoever watches."""
    ram = found.ram
    move.note({"status": found.status, "total": ram.total, "remaining": ram.remaining, "sent": ram.transferred, "mbps": ram.mbps})
