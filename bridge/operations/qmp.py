"""A QEMU's monitor socket, asked a few plain questions. Its other end is not trusted: what it says is bounded in time, size, depth and
range, and every way in which it can be wrong is one BridgeError (security-rules Q1)."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from ..core.report import BridgeError

MAX_BYTES = 8 << 20
"""All that one conversation may say; query-cpus-fast for the most CPUs that QEMU runs takes 1.5 MiB."""
LONGEST_WORDS = 200
"""Characters of an error of QEMU's that are shown."""
CLOSED = "QEMU closed the connection"

T = TypeVar("T")


class _Greeting(msgspec.Struct):
    QMP: dict[str, msgspec.Raw]


class _Error(msgspec.Struct):
    desc: str


NOTHING = msgspec.Raw()


class _Message(msgspec.Struct):
    """An answer, or an event, which has none of these."""

    id: int | None = None
    answer: msgspec.Raw = msgspec.field(default=NOTHING, name="return")
    error: _Error | None = None


class Monitor:
    """A connection, used in a `with`; `time_limit`: seconds for all of it. `pid` is the process at its other end.

    Every call raises BridgeError, with the socket as `where`.
    """

    def __init__(self, path: Path, time_limit: float) -> None:
        self.path = path
        self.time_limit = time_limit
        self._until = time.monotonic() + time_limit
        self._rest = b""
        self._left = MAX_BYTES
        self._number = 0
        self._socket = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Monitor:
        try:
            self._guarded(lambda: self._socket.connect(str(self.path)))
            self.pid = self._peer()
            self._parsed(self._line(), _Greeting, "its greeting")
            self.ask("qmp_capabilities", dict[str, msgspec.Raw])
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def ask(self, command: str, type: type[T], arguments: Mapping[str, object] | None = None) -> T:  # noqa: A002 -- as msgspec calls it
        """The answer to a command; events are passed over."""
        self._number += 1
        said = {"execute": command, "id": self._number} | ({"arguments": arguments} if arguments else {})
        text = msgspec.json.encode(said) + b"\n"
        self._guarded(lambda: self._socket.sendall(text))
        while True:
            message = self._parsed(self._line(), _Message, command)
            if message.error is not None:
                raise self._wrong(f"QEMU refuses {command}: {message.error.desc[:LONGEST_WORDS]}")
            if message.answer != NOTHING and message.id == self._number:
                return self._parsed(message.answer, type, command)

    def _peer(self) -> int:
        """The process that listens there. No other can have its id while the connection stands."""
        pid, _, _ = struct.unpack("3i", self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if pid <= 0:
            raise self._wrong("the process at the other end is in another PID namespace: run this where its QEMU runs")
        return int(pid)

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            chunk = self._guarded(lambda: self._socket.recv(min(self._left, 1 << 16)))
            if not chunk:
                raise self._wrong(CLOSED)
            self._left -= len(chunk)
            if self._left <= 0:
                raise self._wrong(f"it says more than {MAX_BYTES >> 20} MiB: no QEMU does")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _guarded(self, action: Callable[[], T]) -> T:
        """A call of the socket's, for as long as there is time."""
        left = self._until - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            return action()
        except TimeoutError:
            raise self._wrong(f"QEMU did not answer in {self.time_limit:g} s: another client may hold the socket") from None
        except (BrokenPipeError, ConnectionResetError):
            raise self._wrong(CLOSED) from None
        except OSError as error:
            raise self._wrong(error.strerror or str(error)) from None

    def _parsed(self, text: bytes | msgspec.Raw, type: type[T], what: str) -> T:  # noqa: A002
        try:
            return msgspec.json.decode(text, type=type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._wrong(f"what it says is not QMP ({what}): {error}: is it the socket of a QEMU?") from None
        except RecursionError:
            raise self._wrong(f"what it says is not QMP ({what}): nested too deeply: is it the socket of a QEMU?") from None

    def _wrong(self, message: str) -> BridgeError:
        return BridgeError(message, self.path)
