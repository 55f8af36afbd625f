"""A QEMU outside of libvirt during a move, by its QMP socket, which qemu-server's own tools want too: it is held for moments only."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from ...core.report import BridgeError
from ..qmp import Monitor

TIME_LIMIT = 60.0
"""Seconds for one question: while a QEMU writes the state of its devices it does not listen."""
SETTLED = frozenset(("none", "completed", "failed", "cancelled"))
"""Statuses of query-migrate in which nothing goes on."""
STANDS = frozenset(("postmigrate", "finish-migrate", "paused", "prelaunch"))
"""Run states of a guest that `cont` lets run. A guest that was sent is in `postmigrate`."""


class Ram(msgspec.Struct):
    """Bytes."""

    total: int = 0
    remaining: int = 0
    transferred: int = 0
    mbps: float = 0.0


class Migration(msgspec.Struct, rename="kebab"):
    """What query-migrate says; times in ms."""

    status: str = "none"
    ram: Ram = msgspec.field(default_factory=Ram)
    total_time: int = 0
    downtime: int = 0
    error_desc: str = ""


class Status(msgspec.Struct):
    status: str
    running: bool


class Version(msgspec.Struct):
    class Numbers(msgspec.Struct):
        major: int
        minor: int
        micro: int

    qemu: Numbers
    package: str = ""


class Machine:
    """A QEMU by its socket; every call raises BridgeError if it does not answer, or refuses."""

    def __init__(self, socket: Path, time_limit: float = TIME_LIMIT) -> None:
        self.socket = socket
        self.time_limit = time_limit

    def do(self, command: str, arguments: Mapping[str, object] | None = None, limit: float | None = None) -> Any:
        """One command over a connection of its own; its answer as it is."""
        with Monitor(self.socket, limit or self.time_limit) as monitor:
            return monitor.ask(command, Any, arguments)

    def pid(self) -> int:
        """The process at the other end of the socket."""
        with Monitor(self.socket, self.time_limit) as monitor:
            return monitor.pid

    def status(self) -> str:
        """The guest's run state: running, paused, postmigrate, inmigrate, ..."""
        with Monitor(self.socket, self.time_limit) as monitor:
            return monitor.ask("query-status", Status).status

    def version(self) -> tuple[int, int]:
        with Monitor(self.socket, self.time_limit) as monitor:
            found = monitor.ask("query-version", Version).qemu
        return found.major, found.minor

    def migration(self) -> Migration:
        with Monitor(self.socket, self.time_limit) as monitor:
            return monitor.ask("query-migrate", Migration)

    def settled(self, limit: float | None = None) -> Migration:
        """Wait until no migration goes on."""
        until = time.monotonic() + (limit or self.time_limit)
        while (found := self.migration()).status not in SETTLED:
            if time.monotonic() > until:
                raise BridgeError(f"its migration does not end: it is {found.status}", self.socket)
            time.sleep(0.05)
        return found

    def settings(self, names: Mapping[str, bool], parameters: Mapping[str, object]) -> tuple[dict[str, bool], dict[str, object]]:
        """Set capabilities and parameters of migration as far as this QEMU has them; what they were."""
        with Monitor(self.socket, self.time_limit) as monitor:
            listed = monitor.ask("query-migrate-capabilities", list[dict[str, Any]])
            before = {each["capability"]: bool(each["state"]) for each in listed}
            old = monitor.ask("query-migrate-parameters", dict[str, Any])
            wanted = {name: on for name, on in names.items() if name in before and before[name] != on}
            if wanted:
                states = [{"capability": name, "state": on} for name, on in wanted.items()]
                monitor.ask("migrate-set-capabilities", Any, {"capabilities": states})
            values = {name: value for name, value in parameters.items() if name in old and old[name] != value}
            if values:
                monitor.ask("migrate-set-parameters", Any, values)
        return {name: before[name] for name in wanted}, {name: old[name] for name in values}

    def quit(self, limit: float = TIME_LIMIT) -> None:
        """End it, and wait until its process is gone; a QEMU that does not go by itself is killed."""
        try:
            with Monitor(self.socket, self.time_limit) as monitor:
                handle = Process(monitor.pid)
                try:
                    monitor.ask("quit", Any)
                except BridgeError:
                    pass  # it may close the connection before it answers
        except BridgeError:
            return  # nobody listens: it has ended
        with handle:
            if not handle.ended(limit):
                handle.kill()


class Process:
    """A process that cannot be mistaken for another with its number later."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._descriptor: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor = None

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """No longer ask about it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def ended(self, wait: float = 0.0) -> bool:
        """Whether it has ended, or does within so many seconds."""
        return self._descriptor is None or bool(select.select([self._descriptor], [], [], wait)[0])

    def kill(self, wait: float = TIME_LIMIT) -> None:
        """End it for good, and wait for that. BridgeError if the kernel cannot."""
        if self._descriptor is None:
            return
        try:
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
        except ProcessLookupError:
            return
        if not self.ended(wait):
            raise BridgeError(f"process {self.pid} does not end: the kernel waits for a disk or a network")
