"""The way of a stream: from a socket or a file, through the filter, to a socket, a FIFO or a file. It runs in a thread of its own."""

from __future__ import annotations

import os
import select
import socket
import stat
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from ...core.report import BridgeError
from .stream import CHUNK, Filter

BUFFER = 1 << 20
"""Bytes that a socket's buffer may take; the kernel's own limit may be lower."""
LOOK_EVERY = 0.2


class Ended(Exception):  # noqa: N818  not an error: the relay was told to stop
    """Nobody wants the stream any more."""


class Sink:
    """Where a stream goes: a descriptor of a socket, a FIFO or a file, closed at the end. `cut` ends a write that waits."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._cut = False
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        self.size += len(view)
        while view:
            if self._cut:
                raise Ended
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [], LOOK_EVERY)

    def other_way(self) -> socket.socket:
        """The same connection, to be read, with an end of its own."""
        return socket.socket(fileno=os.dup(self._descriptor))

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def cut(self) -> None:
        self._cut = True

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            with socket.socket(fileno=descriptor) as connection:
                try:
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # the other end is gone
        else:
            os.close(descriptor)


def to_socket(path: Path) -> tuple[Sink, int]:
    """A stream into a QEMU that listens, and its process, 0 if that is not to be seen from here. Raises BridgeError if none does."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        connection.connect(str(path))
        pid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[0]
        return Sink(connection.detach()), int(pid)
    except OSError as error:
        connection.close()
        raise BridgeError(f"the target's QEMU does not listen there: {error.strerror or error}", path) from None


class Relay:
    """A stream on its way. `listen` opens the door, `start` begins, `ended` waits for the end, and `error` says what went wrong."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {old.encode(): new.encode() for old, new in names.items()}
        self._server: socket.socket | None = None
        self._connection: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._sink: Sink | None = None
        self._stopped = False
        self._answers: threading.Thread | None = None
        self.error: BridgeError | None = None
        """Set once it has ended badly."""
        self.removed = False
        """A section of Proxmox's was taken out."""

    def listen(self, path: Path, mode: int = 0o600) -> None:
        """A socket for the source, of which one connection is taken."""
        server = socket.socket(socket.AF_UNIX)
        self._server = server
        try:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            server.bind(str(path))
            path.chmod(mode)
            server.listen(1)
        except OSError as error:
            raise BridgeError(f"no socket for the stream can be made: {error.strerror or error}", path) from None

    def start(self, open_sink: Callable[[], Sink], finish: Callable[[Sink], object] | None = None) -> None:
        """From the socket: once the source connects, `open_sink` is asked where to, which is another QEMU, or with `finish` a file, for
        which that is called at a good end."""
        self._run(lambda: self._both_ways(open_sink, finish))

    def start_from(self, file: BinaryIO, open_sink: Callable[[], Sink], finish: Callable[[Sink], object] | None = None) -> None:
        """From a file, to its end."""
        self._run(lambda: self._pass(lambda: file.read(CHUNK), open_sink(), finish))

    def ended(self, wait: float = 0.0) -> bool:
        """Whether it has ended, or does within so many seconds."""
        if self._thread is None:
            return True
        self._thread.join(wait)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End it at once, if it has not ended; both sides see a closed connection."""
        self._stopped = True
        for each in (self._server, self._connection):
            if each is not None:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it is closed already
        if self._sink is not None:
            self._sink.cut()
        if self._thread is not None:
            self._thread.join()
        if self._answers is not None:
            self._answers.join()
        self._close()

    def _run(self, work: Callable[[], object]) -> None:
        def run() -> None:
            try:
                work()
            except BridgeError as error:
                self.error = error
            except OSError as error:
                self.error = BridgeError(f"the stream broke off: {error.strerror or error}")
            except Ended:
                self.error = BridgeError("the stream was ended")
            finally:
                self._close()

        self._thread = threading.Thread(target=run, daemon=True, name="stream")
        self._thread.start()

    def _accepted(self) -> Callable[[], bytes]:
        assert self._server is not None
        try:
            self._connection, _ = self._server.accept()
        except OSError:
            if self._stopped:
                raise Ended from None
            raise
        self._server.close()
        connection = self._connection
        return lambda: connection.recv(CHUNK)

    def _both_ways(self, open_sink: Callable[[], Sink], finish: Callable[[Sink], object] | None) -> None:
        """The stream, and on the return path what the target says of it: libvirt's QEMU does not end before it has heard."""
        read = self._accepted()
        sink = self._sink = open_sink()
        if finish is None:
            self._answers = threading.Thread(target=self._answer, args=(sink.other_way(),), daemon=True, name="answers")
            self._answers.start()
        self._pass(read, sink, finish)

    def _answer(self, target: socket.socket) -> None:
        source = self._connection
        assert source is not None
        with target:
            try:
                while not self._stopped:
                    if select.select([target], [], [], LOOK_EVERY)[0]:
                        if not (said := target.recv(CHUNK)):
                            return
                        source.sendall(said)
            except OSError:
                pass  # one of the two is closed: the stream tells

    def _pass(self, read: Callable[[], bytes], sink: Sink, finish: Callable[[Sink], object] | None) -> None:
        self._sink = sink
        if self._stopped:
            raise Ended
        way = Filter(read, sink.write, self._names)
        way.run()
        self.removed = way.removed
        if self._stopped:
            raise Ended
        if finish is not None:
            finish(sink)

    def _close(self) -> None:
        for each in (self._sink, self._connection, self._server):
            if each is not None:
                each.close()
