"""A QMP socket whose other end lies or breaks: `virt-qm pin` says one clear line, and no thread but its own moves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.operations import pin as pinning
from bridge.operations import qmp
from tests.test_cli import virt_qm

GREETING = b'{"QMP": {"version": {}, "capabilities": []}}\n'
DEEP = b"[" * 100_000 + b"]" * 100_000
DIGITS = b"9" * 5000


def answer(said: object) -> bytes:
    return json.dumps({"return": said, "id": "ID"}).encode() + b"\n"


def iothreads(**threads: object) -> bytes:
    return answer([{"id": name, "thread-id": thread, "poll-max-ns": 32768} for name, thread in threads.items()])


def raw(said: bytes) -> bytes:
    return b'{"return": ' + said + b', "id": ID}\n'


class Liar:
    """At the other end of a socket: it says these things, one after each line that it gets, and the first before any."""

    def __init__(self, path: Path, *says: bytes, endless: bytes = b"", close: bool = True) -> None:
        self.says, self.endless, self.close = says, endless, close
        self.heard: list[str] = []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.server.accept()
        with connection, connection.makefile("rb") as lines:
            try:
                for number, text in enumerate(self.says):
                    command: dict[str, Any] = json.loads(lines.readline()) if number else {"execute": "", "id": 0}
                    self.heard.append(command["execute"])
                    connection.sendall(text.replace(b'"ID"', b"ID").replace(b"ID", str(command["id"]).encode()))
                while self.endless:
                    connection.sendall(self.endless)
                if not self.close:
                    lines.read()
            except (OSError, ValueError):
                pass  # it was hung up on


@pytest.fixture
def lies(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """lies(*says): the socket of a `Liar`; its `heard` is that of `lies.liar`."""
    made: list[Liar] = []

    def make(*says: bytes, endless: bytes = b"", close: bool = True) -> Path:
        path = tmp_path / "qmp"
        made.append(Liar(path, *says, endless=endless, close=close))
        return path

    yield make
    for liar in made:
        liar.server.close()
        liar.thread.join(20)
        assert not liar.thread.is_alive()


@contextmanager
def another_process() -> Iterator[int]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


OK = answer({})
NO_QMP = "is it the socket of a QEMU?"
MALFORMED: dict[str, tuple[list[bytes], str]] = {
    "no JSON": ([b"SSH-2.0-OpenSSH_9.2\n"], NO_QMP),
    "no JSON later": ([GREETING, b"{'return': {}}\n"], NO_QMP),
    "no UTF-8": ([GREETING, OK, raw(b'[{"id": "\xff\xfe", "thread-id": 1}]')], NO_QMP),
    "an empty line": ([b"\n"], NO_QMP),
    "nothing": ([b""], "QEMU closed the connection"),
    "half a line": ([GREETING, OK, b'{"return": ['], "QEMU closed the connection"),
    "no greeting": ([b"{}\n"], NO_QMP),
    "a list for a greeting": ([b'["QMP"]\n'], NO_QMP),
    "an odd greeting": ([b'{"QMP": "hello"}\n'], NO_QMP),
    "closed after the greeting": ([GREETING], "QEMU closed the connection"),
    "closed after the answer": ([GREETING, OK], "QEMU closed the connection"),
    "a refusal": ([GREETING, b'{"error": {"desc": "no \\u001b[2J"}, "id": ID}\n'], "QEMU refuses qmp_capabilities: no \\x1b[2J"),
    "an endless refusal": ([GREETING, json.dumps({"error": {"desc": "x" * 9999}, "id": 1}).encode() + b"\n"], "x" * 200),
    "a refusal without words": ([GREETING, b'{"error": "no", "id": ID}\n'], NO_QMP),
    "a nested greeting": ([b'{"QMP": {"a": ' + DEEP + b"}}\n"], "nested too deeply"),
    "a nested answer": ([GREETING, OK, raw(DEEP)], "nested too deeply"),
    "a nested event": ([GREETING, OK, b'{"event": ' + DEEP + b"}\n"], "nested too deeply"),
    "a nested id": ([GREETING, OK, b'{"return": [], "id": ' + DEEP + b"}\n"], NO_QMP),
    "many digits": ([GREETING, OK, raw(b'[{"id": "iothread0", "thread-id": ' + DIGITS + b"}]")], NO_QMP),
    "many digits in the id": ([GREETING, OK, b'{"return": [], "id": ' + DIGITS + b"}\n"], NO_QMP),
    "a number beyond any": ([GREETING, OK, raw(b'[{"id": "iothread0", "thread-id": 1e999}]')], NO_QMP),
    "a thread of 64 bits": ([GREETING, OK, iothreads(iothread0=1 << 63)], NO_QMP),
    "a fraction of a thread": ([GREETING, OK, iothreads(iothread0=1.5)], NO_QMP),
    "no number": ([GREETING, OK, iothreads(iothread0="12")], NO_QMP),
    "a truth": ([GREETING, OK, iothreads(iothread0=True)], NO_QMP),
    "nothing of a thread": ([GREETING, OK, iothreads(iothread0=None)], NO_QMP),
    "no thread": ([GREETING, OK, answer([{"id": "iothread0"}])], NO_QMP),
    "no id": ([GREETING, OK, answer([{"thread-id": 1}])], NO_QMP),
    "an object": ([GREETING, OK, answer({"iothread0": 1})], NO_QMP),
    "a list of lists": ([GREETING, OK, answer([[1]])], NO_QMP),
    "null": ([GREETING, OK, answer(None)], NO_QMP),
    "thread 0": ([GREETING, OK, iothreads(iothread0=0)], NO_QMP),
    "a thread below 0": ([GREETING, OK, iothreads(iothread0=-1)], NO_QMP),
    "no iothreads, and no CPUs": ([GREETING, OK, iothreads(), answer("none")], NO_QMP),
    "no iothreads, and a nameless CPU": ([GREETING, OK, iothreads(), answer([{"thread-id": 1}])], NO_QMP),
    "no iothreads, and a CPU of thread 0": ([GREETING, OK, iothreads(), answer([{"thread-id": 0, "cpu-index": 0}])], NO_QMP),
    "no iothreads": ([GREETING, OK, iothreads(), answer([])], "this QEMU has no iothread0, but emulator: is it the VM of this config?"),
    "other names": ([GREETING, OK, iothreads(**{"\x1b[2J\n": 1}), answer([])], "but \\x1b[2J; , emulator"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_answer_is_one_clear_line(lies: Callable[..., Path], what: str) -> None:
    says, wanted = MALFORMED[what]
    path = lies(*says)
    before = os.sched_getaffinity(0)
    done = virt_qm("pin", "--qmp", path, "--set", "iothread0=0")
    assert (done.exit_code, done.stdout) == (1, "")
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith(f"error: {path}: ")
    assert wanted in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr[:-1].isprintable()
    assert len(done.stderr) < 600
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("endless", [b"x" * 65536, GREETING * 100, b'{"event": "STOP"}\n' * 1000, b" " * 65536, b"\n"], ids=range(5))
@pytest.mark.parametrize("after", [[], [GREETING], [GREETING, OK]], ids=range(3))
def test_an_answer_without_end_is_bounded(
    lies: Callable[..., Path], endless: bytes, after: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qmp, "MAX_BYTES", 1 << 20)
    done = virt_qm("pin", "--qmp", lies(*after, endless=endless), "--set", "iothread0=0")
    assert done.exit_code == 1
    assert "it says more than 1 MiB: no QEMU does" in done.stderr or NO_QMP in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("says", [[b""], [b'{"QMP"'], [GREETING], [GREETING, OK], [GREETING, OK, b'{"event": "STOP"}\n']])
def test_an_answer_that_does_not_come_is_given_up(lies: Callable[..., Path], says: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinning, "TIME_LIMIT", 0.3)
    done = virt_qm("pin", "--qmp", lies(*says, close=False), "--set", "iothread0=0")
    assert (done.exit_code, "QEMU did not answer in 0.3 s" in done.stderr) == (1, True)


def test_a_socket_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    for name in ("file", "fifo", "", "x" * 200):
        done = virt_qm("pin", "--qmp", tmp_path / name, "--set", "iothread0=0")
        assert done.exit_code == 1
        assert done.stderr.startswith(f"error: {tmp_path}")
        assert done.stderr.count("\n") == 1


def test_a_thread_of_another_process_is_not_pinned(lies: Callable[..., Path]) -> None:
    with another_process() as pid:
        before = os.sched_getaffinity(pid)
        path = lies(GREETING, OK, iothreads(iothread0=threading.get_native_id(), iothread1=pid))
        done = virt_qm("pin", "--qmp", path, "--set", f"iothread0={cpus()}", "--set", "iothread1=0")
        assert os.sched_getaffinity(pid) == before
    assert done.exit_code == 1
    assert done.stderr == f"error: {path}: iothread1: it says thread {pid}, which process {os.getpid()} at its end does not have\n"
    assert "iothread0" not in done.stdout


@pytest.mark.parametrize("name", ["vcpu0", "emulator"])
def test_neither_by_the_name_of_a_cpu_nor_among_all_others(lies: Callable[..., Path], name: str) -> None:
    with another_process() as pid:
        before = os.sched_getaffinity(pid)
        path = lies(GREETING, OK, iothreads(), answer([{"thread-id": pid, "cpu-index": 0}]))
        done = virt_qm("pin", "--qmp", path, "--set", f"{name}={cpus()}")
        assert os.sched_getaffinity(pid) == before
        assert str(pid) not in done.stdout
    assert done.exit_code == (1 if name == "vcpu0" else 0)


def test_the_caller_is_not_pinned_by_id_0(lies: Callable[..., Path]) -> None:
    before = os.sched_getaffinity(0)
    done = virt_qm("pin", "--qmp", lies(GREETING, OK, iothreads(iothread0=0)), "--set", "iothread0=0")
    assert done.exit_code == 1
    assert os.sched_getaffinity(0) == before


def test_its_own_threads_are(lies: Callable[..., Path]) -> None:
    """Events and answers to somebody else's questions are passed over."""
    thread = threading.get_native_id()
    noise = b'{"event": "STOP", "data": {}, "timestamp": {}}\n{"return": [], "id": 99}\n{"return": []}\n'
    path = lies(GREETING, noise + OK, noise + iothreads(iothread0=thread))
    done = virt_qm("pin", "--qmp", path, "--set", f"iothread0={cpus()}")
    assert (done.exit_code, done.stdout) == (0, f"iothread0: thread {thread} runs on host CPU {cpus()}\n")


def cpus() -> str:
    """Those that this process has already."""
    return pinning.cpu_list(frozenset(os.sched_getaffinity(0)))


def test_the_printed_lines_stay_comments(lies: Callable[..., Path], tmp_path: Path) -> None:
    name = f"x\ntouch {tmp_path}/made #\x1b[2J"
    path = lies(GREETING, OK, iothreads(**{name: threading.get_native_id()}))
    done = virt_qm("pin", "--qmp", path, "--set", f"{name}={cpus()}", "--print")
    assert done.exit_code == 0
    assert done.stdout.count("\n") == 1
    assert done.stdout[:-1].isprintable()
