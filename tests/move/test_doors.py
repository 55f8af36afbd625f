"""The doors of a move, each with somebody behind it who answers as told: child processes, sockets, pipes, ssh, libvirt's private calls."""

from __future__ import annotations

import ctypes
import io
import json
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bridge.argv.read import read
from bridge.core.report import BridgeError
from bridge.operations.move import check, convert, disks, front, host, mover, private, served, ssh
from bridge.operations.move.disks import Drive, Place
from bridge.operations.move.host import About, Host, Look, LostError
from bridge.operations.move.into import Sent, to_target
from bridge.operations.move.machine import Process
from bridge.operations.move.mirror import Closed, Exported
from bridge.operations.move.relay import Ended, Relay, Sink
from bridge.operations.move.request import Disk, Request
from bridge.operations.move.saved import Fifo, Restoring, SavedByQemu, file_sink
from bridge.operations.move.saveimage import BLOCK, header, read_header
from bridge.operations.move.sides import SOCKET_MODE, Sides
from bridge.operations.move.step import Move, Outcome
from bridge.operations.move.stream import Filter

pytestmark = pytest.mark.quick
UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
STREAM = b"QEVM\0\0\0\3\0the rest"
"""The shortest that is one."""


def request(directory: Path, **more: Any) -> Request:
    said: dict[str, Any] = {"into": True, "way": "protocol3", "uri": "test:///default", "name": "web", "uuid": UUID, "xml": "<domain/>"}
    return Request(qmp=str(directory / "qmp"), directory=str(directory), **{**said, **more})


def moving(directory: Path) -> Move:
    return Move(request(directory), lambda _: None)


# --- the child that speaks with libvirt

CHILD = """#!/bin/sh
printf '%s\\n' "$@" > words
while read -r line; do
  printf '%s\\n' "$line" >> heard
  read -r answer <&3 || exit 0
  case $answer in
    end) printf 'Traceback\\nboom\\n' >&2; exit 1 ;;
    hang) exec sleep 60 ;;
    *) printf '%s\\n' "$answer" ;;
  esac
done 3< answers
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Host]:
    """child(answers...): a host whose child answers so, a line each."""
    program = tmp_path / "python"
    program.write_text(CHILD)
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(program))

    def make(*answers: object) -> Host:
        (tmp_path / "answers").write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in answers))
        return Host("qemu:///system", 30.0)

    return make


def test_a_host_is_asked_line_by_line(child: Callable[..., Host], tmp_path: Path) -> None:
    value: list[Any] = [["11.3.0", "11.2.0", "10.0.0", True], UUID, [1, 5, True, False], None, {"a": [1]}]
    with child(*({"value": each} for each in value)) as there:
        assert there.about() == About("11.3.0", "11.2.0", "10.0.0", True)
        assert there.find("web") == UUID
        assert there.look(UUID) == Look(1, 5, True, False)
        assert there.look("gone") is None
        there.send("job", UUID)
        assert there.answered(30.0)
        assert there.answer(30.0) == {"a": [1]}
        running = there._child
    assert running is not None
    assert running.poll() is not None
    heard = [json.loads(line) for line in (tmp_path / "heard").read_text().splitlines()]
    assert heard == [["about"], ["find", "web"], ["look", UUID], ["look", "gone"], ["job", UUID]]
    words = (tmp_path / "words").read_text().splitlines()
    root = str(Path(host.__file__).parents[3])
    assert words == ["-P", "-c", *host.START.splitlines(), root, "qemu:///system"]


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ({"error": "no such domain", "lost": False}, BridgeError, "no such domain"),
        ({"error": "gone", "lost": True}, LostError, "gone"),
        ("end", LostError, r"the connection to libvirt ended \(look\): boom"),
    ],
)
def test_a_call_that_fails(child: Callable[..., Host], answer: object, kind: type[BridgeError], said: str) -> None:
    with child(answer) as there, pytest.raises(BridgeError, match=said) as error:
        there.look(UUID)
    assert type(error.value) is kind


def test_after_a_child_that_died_or_hangs_there_is_another(child: Callable[..., Host]) -> None:
    with child("hang") as there:
        with pytest.raises(LostError, match=r"libvirt did not answer in 0.1 s \(find\)"):
            there.ask("find", "web", limit=0.1)
        assert there.answered(0.0)  # nothing is waited for
        with pytest.raises(LostError, match=r"did not answer in 0 s"):
            there.answer(0.0)
        Path("answers").write_text('{"value": "u"}\n')
        assert there.find("web") == "u"


# --- that child's own half


class LibvirtError(Exception): ...


def serving(monkeypatch: pytest.MonkeyPatch, lines: str, module: Any) -> list[tuple[int, int]]:
    """What was laid over what."""
    laid: list[tuple[int, int]] = []
    with monkeypatch.context() as patched:
        patched.setattr(os, "dup2", lambda one, other: laid.append((one, other)))
        patched.setattr(sys, "stdin", io.StringIO(lines))
        patched.setattr(sys, "stdout", sys.stdout)
        patched.setitem(sys.modules, "libvirt", module)
        patched.setattr(served, "Protocol3", lambda _: None)
        served.serve("qemu:///system")
        assert sys.stdout is sys.stderr
    return laid


class Connection:
    alive = True
    closed = 0

    def getURI(self) -> str:  # noqa: N802  as libvirt calls it
        return "qemu:///system"

    def defineXMLFlags(self, xml: str, flags: int) -> None:  # noqa: N802
        assert flags == 4
        raise LibvirtError(f"bad {xml}")

    def isAlive(self) -> bool:  # noqa: N802
        return self.alive

    def close(self) -> None:
        Connection.closed += 1


@pytest.mark.parametrize("alive", [True, False])
def test_calls_are_served_until_nobody_asks(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], alive: bool) -> None:
    opened: list[str | None] = []
    handlers: list[Any] = []

    def open_(uri: str | None) -> Connection:
        opened.append(uri)
        return Connection()

    module = SimpleNamespace(
        open=open_, libvirtError=LibvirtError, registerErrorHandler=lambda *words: handlers.append(words), VIR_DOMAIN_DEFINE_VALIDATE=4
    )
    monkeypatch.setattr(Connection, "alive", alive)
    monkeypatch.setattr(Connection, "closed", 0)
    assert serving(monkeypatch, '["canonical"]\n["define", "<a/>"]\n["canonical"]\n["half', module) == [(2, 1)]
    said = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    uri = {"value": "qemu:///system"}
    assert said == [uri, {"error": "bad <a/>", "lost": not alive}, uri]
    assert opened == ["qemu:///system"] * (1 if alive else 2)
    assert Connection.closed == len(opened)
    ((handler, context),) = handlers
    assert handler(None, "x") is context is None


def test_without_libvirts_package_that_is_said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    serving(monkeypatch, '["about"]\n', None)
    assert "pip install 'virt-qm[libvirt]'" in json.loads(capfd.readouterr().out)["error"]


class Protocol:
    """Notes what it is called with."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            self.heard.append((name, *given))
            return b"cookie\0" if name in ("prepare", "perform") else "<xml/>"

        return call


def test_domains_are_named_by_their_uuids_and_cookies_end_with_nul(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Protocol()
    monkeypatch.setattr(served, "Protocol3", lambda _: made)
    heard: list[Any] = []

    class Called:
        """A host or a domain of it."""

        def __getattr__(self, name: str) -> Callable[..., Any]:
            def call(*given: Any) -> str:
                heard.append((name, *given))
                return "said"

            return call

    domain, there = Called(), Called()
    there.lookupByUUIDString = lambda of: domain if of == UUID else None  # type: ignore[attr-defined]
    module = SimpleNamespace(
        open=lambda _: there,
        libvirtError=LibvirtError,
        VIR_DOMAIN_XML_SECURE=1,
        VIR_DOMAIN_XML_INACTIVE=2,
        VIR_DOMAIN_SAVE_RUNNING=1,
        VIR_DOMAIN_DEFINE_VALIDATE=4,
    )
    calls = served._Calls(module, "")
    assert calls.begin(UUID, 1, {"a": "b"}) == "<xml/>"
    assert calls.prepare(2, {}, "c") == calls.perform(UUID, 3, {}, "d") == "cookie"
    assert calls.finish(4, {}, True, "e")
    calls.confirm(UUID, 5, {}, False, "f")
    assert made.heard == [
        ("begin", domain, 1, {"a": "b"}),
        ("prepare", there, 2, {}, b"c\0"),
        ("perform", domain, 3, {}, b"d\0"),
        ("finish", there, 4, {}, True, b"e\0"),
        ("confirm", domain, 5, {}, False, b"f\0"),
    ]
    assert calls.xml(UUID, live=True) == calls.xml(UUID, live=False) == "said"
    calls.define("<d/>")
    calls.resume(UUID)
    calls.save(UUID, "/f")
    calls.restore("/f", "<x/>")
    calls.abort_job(UUID)
    assert heard == [
        ("XMLDesc", 1),
        ("XMLDesc", 3),
        ("defineXMLFlags", "<d/>", 4),
        ("resume",),
        ("save", "/f"),
        ("restoreFlags", "/f", "<x/>", 1),
        ("abortJob",),
    ]
    calls.close()
    assert heard[-1] == ("close",)
    calls.close()
    assert heard.count(("close",)) == 1


# --- libvirt's private calls


class Library:
    """In place of libvirt.so.0: a function for each call, which notes what it gets, and answers."""

    def __init__(self, answers: dict[str, Any], cookie: bytes = b"said") -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.text = ctypes.create_string_buffer(b"<begun/>")
        for name in private.CALLS:
            setattr(self, f"virDomainMigrate{name}", self.function(name, answers.get(name, 0), cookie))

    def function(self, name: str, answer: Any, cookie: bytes) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            self.heard.append((name, *(self.plain(each) for each in given)))
            outs = [each._obj for each in given if type(each).__name__ == "CArgObject"]
            if len(outs) > 1 and cookie:
                outs[0].value, outs[1].value = cookie, len(cookie)
            return ctypes.addressof(self.text) if answer == "text" else answer

        return call

    @staticmethod
    def plain(given: Any) -> Any:
        if isinstance(given, ctypes.Array):
            names = {private.TYPE_STRING: "text", private.TYPE_ULLONG: "number"}
            return [(each.field, each.type, getattr(each.value, names[each.type]) if each.type else None) for each in given]
        return "out" if type(given).__name__ == "CArgObject" else given


def capsule(name: bytes) -> Any:
    """What libvirt-python keeps its pointers in. The name must outlive it."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return SimpleNamespace(_o=new(4711, name, None))


HOST, DOMAIN = b"virConnectPtr", b"virDomainPtr"
GIVEN: private.Given = {"uri": "unix:///s", "bandwidth": 7, "migrate_disks": ["sda", "sdb"]}
TYPED = [(b"uri", 7, b"unix:///s"), (b"bandwidth", 4, 7), (b"migrate_disks", 7, b"sda"), (b"migrate_disks", 7, b"sdb")]


@pytest.fixture
def protocol(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[private.Protocol3, Library]]:
    def make(answers: dict[str, Any], cookie: bytes = b"said") -> tuple[private.Protocol3, Library]:
        library = Library(answers, cookie)
        monkeypatch.setattr(ctypes, "CDLL", lambda name: library if name == "libvirt.so.0" else None)
        return private.Protocol3(SimpleNamespace(libvirtError=LibvirtError)), library

    return make


def test_what_libvirts_calls_get_and_give(protocol: Callable[..., tuple[private.Protocol3, Library]]) -> None:
    calls, library = protocol({"Begin3Params": "text", "Finish3Params": 9})
    there, domain = capsule(HOST), capsule(DOMAIN)
    assert calls.begin(domain, 1, GIVEN) == "<begun/>"
    assert calls.prepare(there, 2, {}, b"c\0") == b"said"
    assert calls.perform(domain, 3, {}, b"d\0") == b"said"
    assert calls.finish(there, 4, {}, False, b"e\0") is True
    calls.confirm(domain, 5, {}, True, b"f\0")
    none = [(b"", 0, None)]
    assert library.heard == [
        ("Begin3Params", 4711, TYPED, 4, "out", "out", 1),
        ("Prepare3Params", 4711, none, 0, b"c\0", 2, "out", "out", "out", 2),
        ("Perform3Params", 4711, None, none, 0, b"d\0", 2, "out", "out", 3),
        ("Finish3Params", 4711, none, 0, b"e\0", 2, "out", "out", 4, 0),
        ("Confirm3Params", 4711, none, 0, b"f\0", 2, 5, 1),
    ]
    for name in private.CALLS:
        function = getattr(library, f"virDomainMigrate{name}")
        heard = next(each for each in library.heard if each[0] == name)
        assert len(function.argtypes) == len(heard) - 1
        assert getattr(function, "restype", None) is (ctypes.c_void_p if name[0] in "BF" else None)


def test_what_libvirts_calls_refuse(protocol: Callable[..., tuple[private.Protocol3, Library]]) -> None:
    calls, _ = protocol(
        {"Begin3Params": None, "Prepare3Params": -1, "Perform3Params": -1, "Finish3Params": None, "Confirm3Params": -1}, b""
    )
    there, domain = capsule(HOST), capsule(DOMAIN)
    refused: Sequence[Callable[[], object]] = (
        lambda: calls.begin(domain, 1, {}),
        lambda: calls.prepare(there, 2, {}, b"\0"),
        lambda: calls.perform(domain, 3, {}, b"\0"),
        lambda: calls.finish(there, 4, {}, False, b"\0"),
        lambda: calls.confirm(domain, 5, {}, True, b"\0"),
    )
    for call in refused:
        with pytest.raises(LibvirtError, match="the migration failed"):
            call()
    assert calls.finish(there, 4, {}, True, b"\0") is False
    with pytest.raises(AssertionError, match="crashes libvirtd"):
        calls.confirm(domain, 5, {}, True, b"")
    assert protocol({}, b"")[0].perform(domain, 3, {}, b"\0") == b""


# --- ssh

SSH = """#!/bin/sh
{ printf '%s ' "$@"; echo; } >> words
case " $* " in
  *" -M "*)
    printf 'welcome\\n%s\\n' MADE
    while read -r name; do echo "given $name" >> held; echo hm; echo "given $name"; done; echo gone >> held ;;
  *" -R "*) [ ! -e refuse ] || { printf 'a\\nadministratively prohibited\\n' >&2; exit 255; } ;;
  *" -O "*) ;;
  *) cat; printf 'kvm\\0-uuid\\0' ;;
esac
"""


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ssh.Other]:
    """far(directory): another host, on which the session has made it."""
    monkeypatch.chdir(tmp_path)

    def make(made: str) -> ssh.Other:
        (tmp_path / "ssh").write_text(SSH.replace("MADE", made))
        (tmp_path / "ssh").chmod(0o755)
        found = ssh.other(f"qemu+ssh://root@far:22/system?command={tmp_path}/ssh")
        assert found is not None
        return found

    return make


def test_sockets_are_forwarded_both_ways(far: Callable[..., ssh.Other], tmp_path: Path) -> None:
    made = "/run/libvirt/qemu/virt-qm-move-0123456789"
    tunnel = ssh.Tunnel(far(made), tmp_path)
    assert tunnel.there("a") == "/run/libvirt/qemu/virt-qm-move-XXXXXXXXXX/a"
    tunnel.open(lambda: None)
    assert tunnel.there("a") == f"{made}/a"
    tunnel.to("target")
    tunnel.back("stream", lambda: None)
    assert tunnel.trouble() == ""
    master = tunnel.process
    tunnel.close()
    tunnel.close()
    assert master is not None
    assert master.returncode == 0
    assert (tmp_path / "held").read_text() == "given stream\ngone\n"
    opened, *rest = (tmp_path / "words").read_text().splitlines()
    said = (
        "BatchMode=yes ConnectTimeout=15 ServerAliveInterval=5 ServerAliveCountMax=3 ControlPersist=no RemoteCommand=none"
        " ClearAllForwardings=yes PermitLocalCommand=no StreamLocalBindUnlink=yes ExitOnForwardFailure=yes"
    )
    options = " ".join(f"-o {option}" for option in said.split())
    assert opened.startswith(f"-T -a -x -e none {options} -M -S {tmp_path}/control -p 22 -l root -- far sh -c ")
    forward = f"-o StreamLocalBindUnlink=yes -S {tmp_path}/control -O forward"
    assert rest == [f"{forward} -L {tmp_path}/target:{made}/target -- far ", f"{forward} -R {made}/stream:{tmp_path}/stream -- far "]


def test_a_forward_that_is_refused(far: Callable[..., ssh.Other], tmp_path: Path) -> None:
    tunnel = ssh.Tunnel(far("/run/virt-qm-move-1"), tmp_path)
    (tmp_path / "refuse").touch()
    tunnel.open(lambda: None)
    with pytest.raises(BridgeError, match=r"no socket can be forwarded \(.*\): far: ssh: administratively prohibited"):
        tunnel.back("stream", lambda: None)
    tunnel.close()


def test_a_directory_with_a_long_name_has_no_room_for_sockets(far: Callable[..., ssh.Other], tmp_path: Path) -> None:
    for length, refused in ((100, False), (101, True)):
        tunnel = ssh.Tunnel(far(f"/virt-qm-move-{'x' * (length - 14)}"), tmp_path)
        if refused:
            with pytest.raises(BridgeError, match="a socket has no room in the directory there"):
                tunnel.open(lambda: None)
        else:
            tunnel.open(lambda: None)
        tunnel.close()


def test_the_line_of_a_qemu_on_another_host(far: Callable[..., ssh.Other], tmp_path: Path) -> None:
    assert ssh.running(far("/"), UUID) == f"{UUID}kvm\0-uuid\0".encode()
    assert "sh -c " in (tmp_path / "words").read_text()


@pytest.mark.parametrize(
    ("code", "said", "wanted"),
    [
        (None, b"", ""),
        (None, b"a\nnoise\n", "ssh: noise"),
        (255, b"", "ssh: it ended with 255"),
        (255, b"Permission denied\n", "ssh: Permission denied"),
        (1, b"mktemp: no\n", "no directory for the sockets can be made there: mktemp: no"),
        (0, b"", "ssh: it ended with 0"),
    ],
)
def test_what_ssh_complains_of(tmp_path: Path, code: int | None, said: bytes, wanted: str) -> None:
    there = ssh.other("qemu+ssh://far/system")
    assert there is not None
    tunnel = ssh.Tunnel(there, tmp_path)
    tunnel._log.write(said)
    process: Any = SimpleNamespace(poll=lambda: code)
    tunnel.process = process
    assert tunnel.trouble() == wanted


# --- the stream


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple[Relay, Path, socket.socket, Sink]]:
    """A relay that listens, where; and the target behind its sink."""
    relay = Relay({})
    target, near = socket.socketpair()
    target.settimeout(20)
    relay.listen(tmp_path / "stream")
    yield relay, tmp_path / "stream", target, Sink(near.detach())
    relay.stop()
    target.close()


def test_a_stream_goes_one_way_and_answers_the_other(ends: tuple[Relay, Path, socket.socket, Sink]) -> None:
    relay, path, target, sink = ends
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    relay.start(lambda: sink)
    with socket.socket(socket.AF_UNIX) as source:
        source.settimeout(20)
        source.connect(str(path))
        source.sendall(STREAM)
        assert _all(target, len(STREAM)) == STREAM
        target.sendall(b"answer")
        assert _all(source, 6) == b"answer"
        source.shutdown(socket.SHUT_WR)
        assert relay.ended(20)
    assert relay.error is None
    assert not relay.removed
    assert target.recv(1) == b""
    assert sink.size == len(STREAM)


def _all(of: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (part := of.recv(size - len(found))):
        found += part
    return found


def test_a_stream_into_a_file_is_finished_there(tmp_path: Path) -> None:
    relay, finished = Relay({}), list[Sink]()
    relay.listen(tmp_path / "stream")
    relay.start(lambda: file_sink(tmp_path / "file"), finished.append)
    with socket.socket(socket.AF_UNIX) as source:
        source.connect(str(tmp_path / "stream"))
        source.sendall(STREAM)
    assert relay.ended(20)
    assert relay.error is None
    assert len(finished) == 1
    assert (tmp_path / "file").read_bytes() == STREAM
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644
    with pytest.raises(BridgeError, match="file: File exists"):
        file_sink(tmp_path / "file")
    relay.stop()


@pytest.mark.parametrize(
    ("sent", "goes", "wrong"),
    [(b"GET / HTTP/1.0\n\n", False, "it does not begin with QEVM: is it a state of QEMU's?"), (b"QEVM", True, "it ends in the middle")],
)
def test_a_stream_that_is_none_ends_the_relay(ends: tuple[Relay, Path, socket.socket, Sink], sent: bytes, goes: bool, wrong: str) -> None:
    """`goes`: the source is gone before."""
    relay, path, _, sink = ends
    relay.start(lambda: sink)
    with socket.socket(socket.AF_UNIX) as source:
        source.connect(str(path))
        source.sendall(sent)
        if goes:
            source.close()
        assert relay.ended(20)
    assert str(relay.error) == f"the migration stream is not understood: {wrong}"


def test_a_write_that_waits_is_cut() -> None:
    near, other = socket.socketpair()
    with other:
        sink = Sink(near.detach())
        sink.cut()
        with pytest.raises(Ended):
            sink.write(b"x" * (1 << 22))
        sink.close()
        sink.close()
        assert other.recv(1) == b""


def test_libvirt_reads_a_pipe_twice_and_gets_the_header_both_times(tmp_path: Path) -> None:
    def answered(wait: float) -> bool:
        looks.append(wait)
        return False

    looks: list[float] = []
    sides: Any = SimpleNamespace(directory=tmp_path, request=request(tmp_path), host=SimpleNamespace(answered=answered))
    fifo, found = Fifo(sides), list[bytes]()
    fifo.make()
    head = header("<domain/>", room=0)

    def reads() -> None:
        for _ in range(2):
            with fifo.path.open("rb", buffering=0) as file:
                found.append(file.read(len(head)) or b"")

    reader = threading.Thread(target=reads)
    reader.start()
    fifo.open(moving(tmp_path), sides)
    reader.join(20)
    assert found == [head, head]
    descriptor = fifo.take()
    assert stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    fifo.close()  # it is somebody else's now
    os.close(descriptor)


def test_a_libvirt_that_gives_up_before_it_reads_ends_the_wait(tmp_path: Path) -> None:
    def refuses(_: float) -> None:
        raise BridgeError("no such thing")

    heard: list[Any] = []
    there = SimpleNamespace(answered=lambda _: True, answer=refuses, send=lambda *words: heard.append(words), time_limit=3.0)
    sides: Any = SimpleNamespace(
        directory=tmp_path, request=request(tmp_path), host=there, asked_to_run=False, target_gone=lambda: heard.append("gone")
    )
    step = Restoring(sides)
    with pytest.raises(BridgeError, match="no such thing"):
        step.do(moving(tmp_path))
    assert sides.asked_to_run
    step.undo(moving(tmp_path))
    assert heard == [("restore", str(tmp_path / "image"), "<domain/>"), "gone"]
    there.answer = lambda _: None
    with pytest.raises(BridgeError, match="has restored a guest that was not sent yet"):
        step.fifo.open(moving(tmp_path), sides)


# --- files


def test_a_state_becomes_an_image_and_one_again(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(STREAM)
    for running in (True, False):
        image, again = tmp_path / f"image{running}", tmp_path / f"again{running}"
        done = convert.to_image(tmp_path / "state", image, "<domain/>", {}, running)
        assert done == (image.stat().st_size, False)
        assert stat.S_IMODE(image.stat().st_mode) == 0o600
        with image.open("rb") as file:
            assert read_header(file, "image") == ("<domain/>", running)
            assert file.read() == STREAM
        done = convert.to_stream(image, again, {})
        assert done == (BLOCK, False)
        assert again.read_bytes() == STREAM.ljust(BLOCK, b"\0")
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(BridgeError, match="imageTrue: File exists"):
        convert.to_image(tmp_path / "state", tmp_path / "imageTrue", "<domain/>", {}, True)
    with pytest.raises(BridgeError, match="none: No such file"):
        convert.to_stream(tmp_path / "none", tmp_path / "x", {})
    with pytest.raises(BridgeError, match="state: is not a save image"):
        convert.to_stream(tmp_path / "state", tmp_path / "x", {})
    (tmp_path / "odd").write_bytes(b"no stream")
    with pytest.raises(BridgeError, match="odd: the migration stream is not understood"):
        convert.to_image(tmp_path / "odd", tmp_path / "x", "<domain/>", {}, True)
    assert not (tmp_path / "x").exists()
    assert not list(tmp_path.glob(".*"))


LINE = [
    "kvm",
    "-blockdev",
    '{"driver":"throttle","node-name":"drive-scsi0","file":{"driver":"raw","file":{"driver":"file","filename":"/i/a"}}}',
    "-blockdev",
    "driver=file,filename=/i/x,node-name=drive-x",
    "-blockdev",
    '{"driver":"file","filename":"/i/b","node-name":"other"}',
    "-drive",
    "file=/i/c,if=none,id=drive-virtio0",
    "-drive",
    "file=/i/d,id=plain",
    "-drive",
    "id=drive-ide2,media=cdrom",
    "-m",
    "512",
]


def test_images_of_a_line_of_qemu_servers() -> None:
    assert disks.images(read(LINE)) == {"scsi0": "/i/a", "virtio0": "/i/c", "plain": "/i/d"}


def test_which_images_are_two(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    a, b, link, gone = (str(tmp_path / name) for name in ("a", "b", "link", "gone"))
    targets = {"scsi0": Place("sda", a)}

    def of(here: str, there: str, allowed: bool = True) -> tuple[Disk, ...]:
        return disks.copied({"scsi0": here, "scsi9": b}, {"scsi0": there}, targets, allowed)

    assert of(a, a) == of(a, link) == of("nbd://a/b", "nbd://a/c") == of(gone, f"{tmp_path}/./gone") == of(a, "rbd:p/i") == ()
    assert of(a, b) == (Disk(device="scsi0", target="sda"),)
    with pytest.raises(BridgeError, match=r"would have to be copied \(--copy-disks\): scsi0 is .*/a here and .*/b there"):
        of(a, b, allowed=False)
    with pytest.raises(BridgeError, match="gone: the image that scsi0 is copied to is not there"):
        of(a, gone)
    with pytest.raises(BridgeError, match="none: No such file"):
        disks.over_hosts({"scsi0": "/none"}, {"scsi0": "/none"}, targets, True, False)
    mounts = tmp_path / "mounts"
    mounts.write_text("1 0 0:0 / / rw - nfs4 s rw\n")
    assert disks.over_hosts({"scsi0": a}, {"scsi0": a}, targets, True, False, str(mounts)) == (Disk(device="scsi0", target="sda"),)


def test_the_qemu_of_a_domain_is_found_by_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "Path", lambda place: tmp_path if place == "/proc" else None)
    for number, words in (
        ("12", f"kvm\0-uuid\0{UUID}\0"),
        ("34", f"kvm\0-uuid\0{UUID}0\0"),
        ("56", f"kvm\0-name\0{UUID}\0"),
        ("self", f"kvm\0-uuid\0{UUID}\0"),
        ("78", ""),
    ):
        (tmp_path / number).mkdir()
        if words:
            (tmp_path / number / "cmdline").write_text(words)
    assert check.process_of(UUID) == 12
    assert check.process_of("other") is None
    (tmp_path / "34/cmdline").write_text(f"kvm\0-uuid\0{UUID}\0")
    with pytest.raises(BridgeError, match=f"several QEMUs here run with UUID {UUID}: 12, 34: end"):
        check.process_of(UUID)


def test_a_process_is_ended_once() -> None:
    pid = os.fork()
    if not pid:
        signal.pause()
        os._exit(0)
    with Process(pid) as found:
        assert not found.ended()
        found.kill()
        assert found.ended(20)
        os.waitpid(pid, 0)
        found.kill()
    assert found.ended()
    found.kill()
    with Process(pid) as gone:
        assert gone.ended()


# --- steps that copy disks


class Heard:
    """A machine or a host that notes what it is asked, and answers from a list for each command."""

    def __init__(self, **answers: list[Any]) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.answers = {name.replace("_", "-"): said for name, said in answers.items()}

    def do(self, what: str, *given: Any) -> Any:
        self.heard.append((what, *given))
        return self.answers[what].pop(0) if self.answers.get(what) else {}

    ask = do

    def migration(self) -> Any:
        return self.do("migration")


def test_disks_are_exported_for_libvirt_and_closed_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.operations.move.mirror.drives", lambda _: {"scsi0": Drive("node0", "/i/a", 4096)})
    machine, there = Heard(query_block_exports=[["one"], []]), Heard(capacity=[4096, 512])
    (tmp_path / "nbd").touch()
    disk = Disk(device="scsi0", target="sda")
    sides: Any = SimpleNamespace(machine=machine, host=there, nbd=tmp_path / "nbd", request=request(tmp_path, disks=(disk,)))
    Exported(sides).do(moving(tmp_path))
    assert stat.S_IMODE((tmp_path / "nbd").stat().st_mode) == SOCKET_MODE
    assert there.heard == [("capacity", UUID, "sda")]
    Closed(sides).do(moving(tmp_path))
    assert machine.heard == [
        ("nbd-server-start", {"addr": {"type": "unix", "data": {"path": str(tmp_path / "nbd")}}}),
        (
            "block-export-add",
            {"id": "virt-qm-export-scsi0", "type": "nbd", "name": "drive-ua-scsi0", "node-name": "node0", "writable": True},
        ),
        ("nbd-server-stop",),
        ("query-block-exports",),
        ("query-block-exports",),
    ]
    with pytest.raises(BridgeError, match="scsi0 has 512 bytes here and 4096 there"):
        Exported(sides).do(moving(tmp_path))


def figures(status: str, error: str = "") -> Any:
    ram = SimpleNamespace(total=1, remaining=0, transferred=1, mbps=1.0)
    return SimpleNamespace(status=status, downtime=5, error_desc=error, ram=ram)


def test_the_guest_stands_still_while_disks_are_switched(tmp_path: Path) -> None:
    states = map(figures, ("active", "pre-switchover", "completed"))
    machine, heard, ended = Heard(migration=list(states)), list[Any](), iter([False, True])
    relay = SimpleNamespace(
        listen=lambda path: heard.append(path), start=lambda sink: heard.append(sink), ended=lambda _: next(ended), error=None
    )
    sides: Any = SimpleNamespace(
        machine=machine, relay=relay, stream=tmp_path / "stream", target=tmp_path / "target", sink="sink", request=request(tmp_path)
    )
    move = moving(tmp_path)
    Sent(sides, to_target, lambda given: heard.append(given is move)).do(move)
    assert heard == [tmp_path / "stream", "sink", True]
    assert machine.heard == [
        ("migrate", {"uri": f"unix:{tmp_path}/stream"}),
        ("migration",),
        ("migration",),
        ("migrate-continue", {"state": "pre-switchover"}),
        ("migration",),
    ]
    assert move.downtime == 5
    sides.why = lambda said: f"why: {said}"
    machine.answers["migration"] = [figures("failed", said) for said in ("no room", "")]
    for wanted in ("why: no room", "why: failed"):
        with pytest.raises(BridgeError, match=wanted):
            Sent(sides, to_target).do(move)


# --- the process that moves, and who starts it


class Mover:
    """In place of its process: stdout is a list, in which None is a Ctrl-C meanwhile."""

    def __init__(self, lines: list[bytes | None], is_gone: bool = False) -> None:
        self.lines, self.is_gone = lines, is_gone
        self.heard: list[bytes] = []
        self.stdin = self.stdout = self
        self.waited = False

    def __call__(self, command: list[str], **given: Any) -> Mover:
        self.command, self.given = command, given
        return self

    def write(self, data: bytes) -> None:
        self.heard.append(data)

    def flush(self) -> None:
        self.heard.append(b"flushed")
        if self.is_gone:
            raise BrokenPipeError

    def readline(self) -> bytes:
        line = self.lines.pop(0)
        if line is None:
            raise KeyboardInterrupt
        return line

    def wait(self) -> None:
        self.waited = True


def test_a_move_is_started_watched_and_called_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Outcome(True, "there", "", ["trouble"], 7)
    process = Mover([b'{"step":0}\n', None, b'{"step":1}\n', json.dumps({"outcome": outcome._asdict()}).encode() + b"\n"])
    monkeypatch.setattr("bridge.operations.move.front.subprocess.Popen", process)
    asked, notes, stops = request(tmp_path), list[Any](), list[int]()
    assert front.move(asked, notes.append, lambda: stops.append(1)) == outcome
    assert (notes, stops, process.waited) == ([{"step": 0}, {"step": 1}], [1], True)
    assert process.heard == [msgspec.json.encode(asked) + b"\n", b"flushed", b"cancel\n", b"flushed"]
    root = str(Path(front.__file__).parents[3])
    assert process.command == [sys.executable, "-P", "-c", front.START, root, str(tmp_path)]
    assert process.given == {"stdin": -1, "stdout": -1, "start_new_session": True}


def test_a_process_that_moves_and_dies_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.operations.move.front.subprocess.Popen", Mover([None, b""], is_gone=True))
    with pytest.raises(BridgeError, match="the process that moves has ended: look where the VM runs"):
        front.move(request(tmp_path), lambda _: None, lambda: None)


@pytest.mark.parametrize("ends", ["by itself", "by a signal", "by the command"])
def test_the_process_that_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ends: str) -> None:
    directory, begun, over = tmp_path / "m", threading.Event(), threading.Event()
    directory.mkdir()
    lines = iter([msgspec.json.encode(request(directory)) + b"\n"])
    heard: dict[int, Callable[..., object]] = {}

    def readline() -> bytes:
        for line in lines:
            return line
        (begun if ends == "by the command" else over).wait(20)
        return b""

    class Step:
        what, shell, final = "a step", "sh", True

        def do(self, move: Move) -> None:
            move.note({"own": 1})
            begun.set()
            if ends == "by a signal":
                heard[signal.SIGHUP](1, None)
            if ends != "by itself":
                assert move.cancelled.wait(20)
                move.check()

        def undo(self, move: Move) -> None: ...

    closed: list[int] = []
    sides = SimpleNamespace(close=lambda: closed.append(1))
    laid, sessions = list[tuple[int, int]](), list[int]()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(readline=readline)))
        patched.setattr(mover, "Sides", lambda _: sides)
        patched.setattr("bridge.operations.move.mover.ways.steps", lambda _: [Step()])
        patched.setattr("bridge.operations.move.mover.ways.where", lambda _, moved: f"moved {moved}")
        patched.setattr(signal, "signal", heard.__setitem__)
        patched.setattr(os, "dup2", lambda one, other: laid.append((one, other)))
        patched.setattr(os, "setsid", lambda: sessions.append(1))
        patched.setattr(os, "_exit", lambda code: (_ for _ in ()).throw(SystemExit(code)))
        with pytest.raises(SystemExit) as ended:
            mover.main()
    over.set()
    assert ended.value.code == 0
    assert (closed, laid, sessions, directory.exists()) == ([1], [(2, 1)], [1], False)
    assert set(heard) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    notes = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert notes[1] == {"own": 1}
    moved = ends == "by itself"
    wanted = Outcome(moved, f"moved {moved}", "" if moved else "cancelled", [])
    assert notes[-1] == {"outcome": wanted._asdict()}


CAPABILITIES = (
    "xbzrle rdma-pin-all auto-converge zero-blocks events postcopy-ram x-colo release-ram return-path pause-before-switchover multifd"
    " dirty-bitmaps postcopy-blocktime late-block-activate x-ignore-shared validate-uuid background-snapshot zero-copy-send compress"
    " postcopy-preempt switchover-ack dirty-limit mapped-ram"
)
"""Of QEMU (qapi/migration.json)."""


@pytest.mark.parametrize("with_disks", [False, True])
def test_which_of_qemus_capabilities_a_move_does_without(tmp_path: Path, with_disks: bool) -> None:
    disk = Disk(device="scsi0", target="sda")
    sides = Sides(request(tmp_path, disks=(disk,) if with_disks else (), max_downtime=7))
    asked: list[tuple[dict[str, bool], dict[str, object]]] = []
    machine: Any = SimpleNamespace(settings=lambda *given: asked.append(given))
    sides.machine = machine
    sides.settle()
    sides.close()
    ((wanted, numbers),) = asked
    assert set(wanted) <= set(CAPABILITIES.split())
    on = {name for name, value in wanted.items() if value}
    assert on == {"auto-converge", *(["pause-before-switchover"] if with_disks else [])}
    assert set(CAPABILITIES.split()) - set(wanted) == {
        *("rdma-pin-all", "zero-blocks", "events", "postcopy-blocktime", "late-block-activate", "validate-uuid"),
        *("postcopy-preempt", "switchover-ack", "dirty-limit"),
    }
    assert numbers == {"downtime-limit": 7, "max-bandwidth": 1 << 40}
    assert sides.flags == (1 | 8 | 64 | 512 if with_disks else 1 | 8 | 512)
    given = sides.given(migrate_uri="unix:/x")
    assert given == {"migrate_uri": "unix:/x"} | ({"disks_uri": f"unix://{tmp_path}/nbd", "migrate_disks": ["sda"]} if with_disks else {})
    cookie = sides.disk_cookie({"sda": 4096})
    assert ("<nbd><disk target='sda' capacity='4096'/></nbd>" in cookie) == with_disks
    assert f"<name>web</name><uuid>{UUID}</uuid><hostname>outside</hostname>" in cookie


def test_the_figures_of_a_job_that_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """libvirt's names (virDomainGetJobStats)."""
    names = [
        "data_total",
        "data_remaining",
        "time_elapsed",
        "downtime",
        "downtime_net",
        "disk_total",
        "disk_remaining",
        "memory_total",
        "memory_bps",
        "operation",
    ]
    job = SimpleNamespace(jobStats=lambda: {name: number for number, name in enumerate(names)})
    monkeypatch.setattr(served, "Protocol3", lambda _: None)
    there = SimpleNamespace(lookupByUUIDString=lambda _: job)
    calls = served._Calls(SimpleNamespace(open=lambda _: there, libvirtError=LibvirtError), "")
    assert calls.job(UUID) == {name: number for number, name in enumerate(names[:7])}


@pytest.mark.parametrize(("into", "with_disks", "wanted"), [
    (True, False, ["open", "to target"]), (True, True, ["open", "to target", "to nbd"]),
    (False, False, ["open", "back stream"]), (False, True, ["open", "back stream", "back nbd"]),
])  # fmt: skip
def test_which_sockets_are_forwarded(tmp_path: Path, into: bool, with_disks: bool, wanted: list[str]) -> None:
    heard: list[str] = []
    disk = Disk(device="scsi0", target="sda")
    asked = request(tmp_path, into=into, uri="qemu+ssh://far/system", disks=(disk,) if with_disks else ())
    sides, move = Sides(asked), moving(tmp_path)
    assert sides.tunnel is not None
    (step,) = ssh.reached(sides)
    tunnel: Any = step.tunnel  # type: ignore[attr-defined]
    tunnel.open = lambda checks: heard.append("open") if checks == move.check else None
    tunnel.to = lambda name: heard.append(f"to {name}")
    tunnel.back = lambda name, checks: heard.append(f"back {name}") if checks == move.check else None
    step.do(move)
    assert heard == wanted
    tunnel.close = lambda: heard.append("closed")
    step.undo(move)
    assert heard[-1] == "closed"
    assert not step.final
    sides.tunnel = None
    assert ssh.reached(sides) == []
    sides.close()


def test_a_state_that_qemu_saves_stands_behind_its_header(tmp_path: Path) -> None:
    states = [figures("active"), figures("completed")]
    machine, ended, relays = Heard(migration=states), iter([False, True]), list[Any]()
    relay = SimpleNamespace(listen=relays.append, start=lambda *given: relays.extend(given), ended=lambda _: next(ended), error=None)
    sides: Any = SimpleNamespace(
        machine=machine, relay=relay, stream=tmp_path / "stream", directory=tmp_path, request=request(tmp_path, way="saved")
    )
    SavedByQemu(sides).do(moving(tmp_path))
    path, sink, finish = relays
    assert path == tmp_path / "stream"
    assert [each[0] for each in machine.heard] == ["stop", "migrate", "migration", "migration"]
    assert machine.heard[1] == ("migrate", {"uri": f"unix:{tmp_path}/stream"})
    made = sink()
    finish(made)
    made.close()
    assert (tmp_path / "image").read_bytes() == header("<domain/>")


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_state_that_qemu_does_not_save(tmp_path: Path, status: str) -> None:
    machine, stopped = Heard(migration=[figures(status, "no room")]), list[int]()
    relay = SimpleNamespace(listen=lambda _: None, start=lambda *_: None, stop=lambda: stopped.append(1), error=None)
    sides: Any = SimpleNamespace(machine=machine, relay=relay, stream=tmp_path / "stream", directory=tmp_path, request=request(tmp_path))
    step = SavedByQemu(sides)
    with pytest.raises(BridgeError, match="no room"):
        step.do(moving(tmp_path))
    machine.settled = lambda: machine.do("settled")  # type: ignore[attr-defined]
    (tmp_path / "image").touch()
    step.undo(moving(tmp_path))
    assert [each[0] for each in machine.heard[-2:]] == ["migrate_cancel", "settled"]
    assert stopped == [1]
    assert not (tmp_path / "image").exists()


UUID_FIELD, BITS = b"configuration/uuid", b"configuration/target-page-bits"


def subsection(name: bytes, field: bytes) -> bytes:
    return b"\5" + bytes([len(name)]) + name + b"\0\0\0\1" + field


@pytest.mark.parametrize(
    ("subsections", "passes"),
    [
        ([subsection(BITS, bytes(4)), subsection(UUID_FIELD, bytes(16)), subsection(BITS, bytes(4))], True),
        ([subsection(BITS, b"\5\5\5\5"), subsection(UUID_FIELD, b"\5" * 16)], True),
        ([subsection(b"configuration/capabilities", bytes(4)), subsection(BITS, bytes(4))], True),
        ([subsection(b"configuration/capabilities", b"\0\0\0\1\4name")], False),
        ([subsection(b"configuration/other", b"")], False),
    ],
)
def test_what_a_stream_says_of_its_configuration_is_known_to_the_last_byte(subsections: list[bytes], passes: bool) -> None:
    stream = b"QEVM\0\0\0\3\7\0\0\0\2pc" + b"".join(subsections) + b"\0rest"
    sent, pieces = list[bytes](), iter([stream[at : at + 3] for at in range(0, len(stream), 3)])
    way = Filter(lambda: next(pieces, b""), lambda data: sent.append(bytes(data)), {b"a": b"b"})
    if passes:
        way.run()
        assert b"".join(sent) == stream
    else:
        with pytest.raises(
            BridgeError, match=r"is not understood: (it needs 1 capabilities of the target, as 'name'|a subsection b'configuration/other')"
        ):
            way.run()


def test_sides_of_a_move_are_closed(tmp_path: Path) -> None:
    sides = Sides(request(tmp_path))
    closed: list[str] = []
    for name in ("relay", "host", "tunnel", "process"):
        setattr(sides, name, SimpleNamespace(close=lambda name=name: closed.append(name), stop=lambda name=name: closed.append(name)))
    sides.close()
    assert closed == ["relay", "host", "tunnel", "process"]
