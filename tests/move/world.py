"""One guest between two QEMUs that are played: what QMP and libvirt would do to it, and a fault at any one call.

The steps of a move are the real ones. The guest may be in the QEMU outside (`outside`: its run state), in libvirt's (`state`), not in both.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.core.report import BridgeError
from bridge.operations.move import into, out, saved, sides, step, ways
from bridge.operations.move.host import Look, LostError
from bridge.operations.move.machine import Migration
from bridge.operations.move.request import Request
from bridge.operations.move.saveimage import header
from bridge.operations.move.sides import Sides
from bridge.operations.move.step import Move, Outcome, run

RUNNING, PAUSED, SHUT_OFF = 1, 3, 5
SENT = 2  # virDomainPausedReason of a domain that was sent away
OLD, NEW = "<domain><name>old</name></domain>", "<domain><name>web</name></domain>"
SETTINGS = {"multifd": True, "auto-converge": False}


class Fault(NamedTuple):
    """At the call of this number. `lost`: it is done, without an answer; `dies`, `ends`: the QEMU outside, or libvirt's, ends before."""

    number: int
    how: str


NONE = Fault(-1, "")


class World:
    """`into`: the guest runs outside at first. `defined`: libvirt has a definition of before."""

    def __init__(self, directory: Path, way: str, is_into: bool, fault: Fault = NONE, defined: bool = False, **more: Any) -> None:
        words = {"uri": "test:///default", "name": "web", "uuid": "u", "xml": NEW, "qmp": str(directory / "qmp")}
        argv = None if is_into else ("kvm", "-name", "web")
        self.request = Request(into=is_into, way=way, **{**words, "directory": str(directory), "argv": argv, **more})
        self.fault = fault
        self.calls: list[str] = []
        self.outside = "running" if is_into else ""
        self.migration = "none"
        self.settings = dict(SETTINGS)
        self.state, self.reason = (SHUT_OFF, 0) if is_into else (RUNNING, 0)
        self.definition = OLD if defined or not is_into else None
        self.autostart = not is_into
        self.arrived = self.prepared = self.both = self.is_sent = False
        self.sockets: list[socket.socket] = []
        self.sides = Sides(self.request)
        self.move = Move(self.request, lambda note: None)  # noqa: ARG005

    def call(self, name: str, effect: Callable[[], Any]) -> Any:
        number = len(self.calls)
        self.calls.append(name)
        if number != self.fault.number:
            found = effect()
        elif self.fault.how == "refused":
            raise BridgeError(f"{name} is refused")
        elif self.fault.how == "lost":
            effect()
            self.lose()
            raise LostError(f"{name} is lost")
        else:
            self._befall()
            found = effect()
        self.both = self.both or (self.outside == "running" and self.state == RUNNING)
        return found

    def _befall(self) -> None:
        if self.fault.how == "cancel":
            self.move.cancelled.set()
        elif self.fault.how == "dies":
            self.end_outside()
        else:
            assert self.fault.how == "ends"
            self.state, self.reason, self.prepared = SHUT_OFF, 0, False

    def lose(self) -> None:
        """libvirt drops what was prepared over a connection that ends."""
        if self.prepared:
            self.state, self.prepared = SHUT_OFF, False

    def end_outside(self) -> None:
        self.outside = ""
        Path(self.request.qmp).unlink(missing_ok=True)

    def go(self, monkeypatch: pytest.MonkeyPatch) -> Outcome:
        """Move, and see how it ends."""
        clock = Clock()
        for module in (into, out, sides, step):
            monkeypatch.setattr(module, "time", clock)
        for module in (into, out, saved, sides):
            for name in ("LOOK_EVERY", "POLL_EVERY"):
                monkeypatch.setattr(module, name, 0, raising=False)
        monkeypatch.setattr(sides, "to_socket", lambda _: (Sink(), 77))
        monkeypatch.setattr(sides, "Process", lambda _: Target(self))
        monkeypatch.setattr(out, "Process", lambda _: Target(self))
        monkeypatch.setattr("bridge.operations.move.out.subprocess.Popen", lambda *given, **how: Started(self, *given, **how))
        monkeypatch.setattr(out, "Host", lambda _: Inside(self))
        monkeypatch.setattr(saved, "Relay", lambda _: Stream(self))
        mine: Any = self.sides
        mine.host.close()
        mine.machine, mine.host, mine.relay = Outside(self), Inside(self), Stream(self)
        try:
            return run(ways.steps(self.sides), self.move, lambda moved: ways.where(self.sides, moved))
        finally:
            for each in self.sockets:
                each.close()


class Clock:
    """Time goes on when somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.5
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Sink:
    """The end of a stream that nobody sends."""

    def close(self) -> None: ...


class Target:
    """libvirt's QEMU, or the one that was started."""

    def __init__(self, world: World) -> None:
        self.world = world

    def ended(self, wait: float = 0.0) -> bool:  # noqa: ARG002
        return self.world.state == SHUT_OFF if self.world.request.into else self.world.outside == ""

    def kill(self) -> None:
        self.world.call("kill", self.world.end_outside)

    def close(self) -> None: ...


class Started:
    """A QEMU that was just started, with its two sockets."""

    def __init__(self, world: World, words: list[str], *, stdout: object, stderr: object, **how: Any) -> None:
        assert (words, stdout) == (["kvm", "-name", "web", "-S", "-incoming", f"unix:{world.sides.target}"], stderr)
        assert how == {"stdin": subprocess.DEVNULL, "start_new_session": True}, "it outlives the move, and reads nothing"
        self.world = world
        world.call("start", self._begin)

    def _begin(self) -> None:
        self.world.outside = "inmigrate"
        for path in (Path(self.world.request.qmp), self.world.sides.target):
            made = socket.socket(socket.AF_UNIX)
            made.bind(str(path))
            self.world.sockets.append(made)

    def poll(self) -> int | None:
        return None if self.world.outside else 1

    def wait(self, limit: float) -> int:  # noqa: ARG002
        assert not self.world.outside, "QEMU does not end"
        return 0

    def kill(self) -> None:
        self.world.end_outside()


class Outside:
    """The QEMU outside of libvirt, as `machine.Machine`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _there(self) -> None:
        if not self.world.outside:
            raise BridgeError("nobody listens")

    def pid(self) -> int:
        return 77

    def status(self) -> str:
        def effect() -> str:
            self._there()
            return self.world.outside

        return str(self.world.call("query-status", effect))

    def do(self, command: str, arguments: Any = None) -> None:  # noqa: ARG002
        effects = {"migrate": self._migrate, "migrate_cancel": self._cancel, "cont": self._cont, "stop": self._stop}
        self.world.call(command, effects[command])

    def _migrate(self) -> None:
        self._there()
        self.world.migration = "active"

    def _cancel(self) -> None:
        self._there()
        if self.world.migration == "active":
            self.world.migration = "cancelled"

    def _cont(self) -> None:
        self._there()
        world = self.world
        if world.request.into and world.state != SHUT_OFF:
            raise BridgeError("the target holds the locks of the images")
        assert world.request.into or world.arrived, "there is nothing to run"
        world.outside = "running"

    def _stop(self) -> None:
        self._there()
        self.world.outside = "paused"

    def migration(self) -> Migration:
        def effect() -> Migration:
            self._there()
            world = self.world
            if world.is_sent and world.migration == "active":
                world.migration, world.arrived = "completed", True
                world.outside = "postmigrate"
            world.is_sent = world.migration == "active"
            return Migration(status=world.migration, downtime=42)

        found: Migration = self.world.call("query-migrate", effect)
        return found

    def settled(self) -> Migration:
        self._there()
        assert self.world.migration != "active", "it does not end"
        return Migration(status=self.world.migration)

    def settings(self, names: dict[str, bool], parameters: dict[str, object]) -> tuple[dict[str, bool], dict[str, object]]:  # noqa: ARG002
        def effect() -> dict[str, bool]:
            self._there()
            old = {name: self.world.settings[name] for name in names if name in self.world.settings}
            self.world.settings |= {name: names[name] for name in old}
            return old

        return self.world.call("settings", effect), {}

    def quit(self) -> None:
        self.world.call("quit", self.world.end_outside)


class Inside:
    """libvirt, as `host.Host`."""

    time_limit = 120.0

    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting: tuple[str, tuple[Any, ...]] | None = None
        self.polls = 0

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_: object) -> None: ...

    def look(self, uuid: str) -> Look | None:
        assert uuid == "u"

        def effect() -> Look | None:
            world = self.world
            if world.definition is None and world.state == SHUT_OFF:
                return None
            return Look(world.state, world.reason, world.definition is not None, world.autostart)

        found: Look | None = self.world.call("look", effect)
        return found

    def ask(self, what: str, *arguments: Any, limit: float | None = None) -> Any:  # noqa: ARG002
        effect = getattr(self, f"_{what}")
        return self.world.call(what, lambda: effect(*arguments))

    def send(self, what: str, *arguments: Any) -> None:
        self.waiting, self.polls = (what, arguments), 0

    def answered(self, wait: float) -> bool:  # noqa: ARG002
        self.polls += 1
        return self.polls > 1

    def answer(self, limit: float) -> Any:  # noqa: ARG002
        assert self.waiting is not None
        (what, arguments), self.waiting = self.waiting, None
        if self.world.move.cancelled.is_set():
            raise BridgeError("operation aborted")
        return self.ask(what, *arguments)

    def _xml(self, uuid: str, live: bool) -> str | None:  # noqa: ARG002
        return self.world.definition

    def _define(self, xml: str) -> None:
        self.world.definition = xml

    def _undefine(self, uuid: str) -> None:  # noqa: ARG002
        self.world.definition = None

    def _set_autostart(self, uuid: str, on: bool) -> None:  # noqa: ARG002
        self.world.autostart = on

    def _prepare(self, flags: int, given: dict[str, str], cookie: str) -> None:
        assert flags == 1 | 8 | 512, "live, persistent, unsafe"
        assert cookie
        assert given["persistent_xml"] == given["destination_xml"] == NEW
        self.world.state, self.world.reason, self.world.prepared = PAUSED, 6, True

    def _finish(self, flags: int, given: dict[str, str], cancelled: bool, cookie: str) -> bool:
        assert flags
        assert cookie
        assert given == {"destination_name": "web"}
        if not self.world.prepared:
            raise BridgeError("no such migration")
        self.world.prepared = False
        if cancelled or not self.world.arrived:
            self.world.state = SHUT_OFF
            return False
        self.world.state = RUNNING
        return True

    def _destroy(self, uuid: str) -> None:  # noqa: ARG002
        self.world.state = SHUT_OFF

    def _resume(self, uuid: str) -> None:  # noqa: ARG002
        assert self.world.state == PAUSED
        self.world.state = RUNNING

    def _save(self, uuid: str, file: str) -> None:  # noqa: ARG002
        Path(file).write_bytes(header(NEW, room=0))
        self.world.state = SHUT_OFF

    def _restore(self, file: str, xml: str) -> None:
        assert Path(file).exists()
        assert xml == NEW
        self.world.state = RUNNING

    def _set_downtime(self, uuid: str, limit: int) -> None:  # noqa: ARG002
        assert limit == self.world.request.max_downtime

    def _job(self, uuid: str) -> dict[str, int]:  # noqa: ARG002
        return {"data_total": 100, "data_remaining": 40}

    def _abort_job(self, uuid: str) -> None: ...

    def _begin(self, uuid: str, flags: int, given: dict[str, str]) -> str:  # noqa: ARG002
        assert flags == 1 | 512, "live, unsafe; it stays defined"
        return NEW

    def _perform(self, uuid: str, flags: int, given: dict[str, Any], cookie: str) -> str:  # noqa: ARG002
        assert given["migrate_uri"] == f"unix://{self.world.sides.stream}"
        self.world.state, self.world.reason = PAUSED, SENT
        self.world.arrived = True
        self.world.outside = self.world.outside and "paused"
        return "<qemu-migration><statistics><downtime>42</downtime></statistics></qemu-migration>"

    def _confirm(self, uuid: str, flags: int, given: dict[str, str], cancelled: bool, cookie: str) -> None:  # noqa: ARG002
        assert (self.world.state, self.world.reason) == (PAUSED, SENT)
        self.world.state, self.world.reason = (RUNNING if cancelled else SHUT_OFF), 0


class Stream:
    """As `relay.Relay`; a stream into a file is there at once."""

    error: BridgeError | None = None

    def __init__(self, world: World) -> None:
        self.world = world

    def listen(self, path: Path, mode: int = 0o600) -> None:
        assert path == self.world.sides.stream
        assert mode == (0o600 if self.world.request.into else 0o666), "libvirt's QEMU is somebody else"

    def start(self, open_sink: Callable[[], Any], finish: Callable[[Any], object] | None = None) -> None:
        sink = open_sink()
        if finish is not None:
            finish(sink)
        sink.close()

    def start_from(self, file: Any, open_sink: Callable[[], Any]) -> None:
        assert file.read() == b""
        open_sink()
        self.world.outside, self.world.arrived = "paused", True

    def ended(self, wait: float = 0.0) -> bool:  # noqa: ARG002
        return True

    def stop(self) -> None: ...
