"""A libvirt host during a move: calls with a time limit, through a child process (`served`), so that libvirt may crash or hang.

Two calls at once, as a long one and a look at how it goes, take two of these.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from ...core.report import BridgeError

TIME_LIMIT = 120.0
"""Seconds for one call. libvirt starts a QEMU in some, and under load they become many."""
START = "import sys; sys.path.insert(0, sys.argv[1]); from bridge.operations.move.served import serve; serve(sys.argv[2])"
LOOK_EVERY = 0.25

RUNNING, PAUSED, SHUT_OFF = 1, 3, 5
"""virDomainState."""
ENDED = frozenset((SHUT_OFF, 6))
PAUSED_MIGRATING = 2
"""virDomainPausedReason: it was sent, and nobody has said yet whether it arrived."""
STATES = {1: "running", 2: "blocked", 3: "paused", 4: "shutting down", 5: "shut off", 6: "crashed", 7: "suspended by its guest"}


class LostError(BridgeError):
    """libvirt died or did not answer: whether it did what was asked is not known."""


class About(NamedTuple):
    """Versions as `11.3.0`: of libvirt's library here, of libvirt and of QEMU there. `protocol3`: whether the private calls are here."""

    library: str
    libvirt: str
    qemu: str
    protocol3: bool


class Look(NamedTuple):
    """A domain now: virDomainState, its reason, and the rest."""

    state: int
    reason: int
    persistent: bool
    autostart: bool

    @property
    def active(self) -> bool:
        return self.state not in ENDED


class Host:
    """libvirt by URI, as virsh takes it; used in a `with`.

    Every call raises BridgeError with libvirt's words where it refuses, and LostError where it dies or hangs. After that the next call
    starts anew.
    """

    def __init__(self, uri: str, time_limit: float = TIME_LIMIT) -> None:
        self.uri = uri
        self.time_limit = time_limit
        self._child: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the object
        self._rest = b""
        self._asked = ""

    def __enter__(self) -> Host:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; what was prepared over it and not finished is dropped by libvirt."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def about(self) -> About:
        return About(*self.ask("about"))

    def find(self, name: str) -> str | None:
        """The UUID of a domain by name or UUID."""
        found: str | None = self.ask("find", name)
        return found

    def look(self, uuid: str) -> Look | None:
        """None if there is no such domain."""
        found = self.ask("look", uuid)
        return None if found is None else Look(*found)

    def ask(self, what: str, *arguments: Any, limit: float | None = None) -> Any:
        """Call and wait for the answer. `limit`: seconds, in place of the usual."""
        self.send(what, *arguments)
        return self.answer(limit or self.time_limit)

    def send(self, what: str, *arguments: Any) -> None:
        """Begin a call, whose `answer` is waited for later."""
        child = self._started()
        assert child.stdin is not None
        self._asked = what
        try:
            child.stdin.write(json.dumps([what, *arguments]).encode() + b"\n")
        except BrokenPipeError:
            pass  # reading the answer tells

    def answered(self, wait: float) -> bool:
        """Whether the answer to the call that was sent is there, or comes within so many seconds, or never will."""
        if self._child is None or b"\n" in self._rest:
            return True
        assert self._child.stdout is not None
        return bool(select.select([self._child.stdout], [], [], wait)[0])

    def answer(self, limit: float) -> Any:
        """The answer to the call that was sent."""
        child, until = self._child, time.monotonic() + limit
        while b"\n" not in self._rest:
            if child is None or not self.answered(max(0.0, until - time.monotonic())):
                self.close()
                raise LostError(f"libvirt did not answer in {limit:g} s ({self._asked})")
            assert child.stdout is not None
            chunk = child.stdout.read(1 << 20)
            if not chunk:
                said = self._said()
                self.close()
                raise LostError(f"the connection to libvirt ended ({self._asked}){said}")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        found = json.loads(line)
        if "error" in found:
            raise (LostError if found["lost"] else BridgeError)(found["error"])
        return found["value"]

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            root = str(Path(__file__).resolve().parents[3])
            command = [sys.executable, "-P", "-c", START, root, self.uri]  # -P: nothing of the current directory is imported
            self._log.seek(0)
            self._log.truncate()
            self._rest = b""
            pipe = subprocess.PIPE
            self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._log, bufsize=0)  # noqa: S603  this Python
        return self._child

    def _said(self) -> str:
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace").strip().split("\n")[-1][:300]
        return f": {said}" if said else ""
