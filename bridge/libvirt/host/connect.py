"""A libvirt host, through a child process with a time limit: odd XML can abort or hang the library (security-rules).

This is the caller's half; `serve` is the child's. They talk in lines of JSON over pipes: `[call, argument...]` there, any number of
`{"note": ...}` and then `{"value": ...}` or `{"error": message}` back.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from ...core.report import BridgeError
from .serve import BEFORE, DEFINED, UNDONE, Definition

__all__ = ["About", "Connection", "Definition", "ListedDomain", "UnclearError"]

TIME_LIMIT = 30.0
"""Seconds for one call."""
ASKING_LIMIT = 300.0
"""Seconds to connect where ssh or the like may ask a person for a password."""
PROBING_LIMIT = 180.0
"""Seconds for capabilities: libvirt first starts every QEMU binary that it has not met yet."""
START = "import sys; sys.path.insert(0, sys.argv[1]); from bridge.libvirt.host.serve import serve; serve(sys.argv[2])"
LOOKING_LIMIT = 5.0
"""Seconds for a libvirt that died in the middle of a definition to come back: systemd starts it again."""
LOOK_EVERY = 0.5


class ListedDomain(NamedTuple):
    """A domain as a host lists it."""

    name: str
    uuid: str
    active: bool
    persistent: bool
    autostart: bool


class About(NamedTuple):
    """A host: versions of its libvirt and hypervisor as `11.3.0`, and how many CPUs it has, offline ones too."""

    libvirt: str
    qemu: str
    cpus: int


class UnclearError(BridgeError):
    """A definition of several was broken off, and could not be taken back: names of domains, by what is known of them now."""

    def __init__(self, cause: BridgeError, defined: list[str], not_defined: list[str], unknown: list[str]) -> None:
        super().__init__(cause.message, cause.where)
        self.defined, self.not_defined, self.unknown = defined, not_defined, unknown


class Connection:
    """One libvirt host by URI, as virsh takes it, "" its default; used in a `with`.

    Every call raises BridgeError if libvirt refuses, dies or hangs.
    """

    def __init__(self, uri: str, time_limit: float = TIME_LIMIT) -> None:
        self.uri = uri
        self.time_limit = time_limit
        self._child: subprocess.Popen[bytes] | None = None
        self._open = False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the object
        self._rest = b""

    def __enter__(self) -> Connection:
        try:
            self._call("connect")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        child, self._child, self._open = self._child, None, False
        if child is not None:
            assert child.stdin is not None
            try:
                child.stdin.close()
                child.wait(self.time_limit)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self._child = child
                self._kill()

    def about(self) -> About:
        return About(*self._call("about"))

    def capabilities(self) -> str:
        """The host's capabilities, as XML: every machine of every architecture."""
        return str(self._call("capabilities"))

    def domain_capabilities(self, arch: str, machine: str, kind: str) -> str:
        """What a domain of this type (kvm, qemu) and machine can have, as XML."""
        return str(self._call("domain_capabilities", arch, machine, kind))

    def domains(self) -> list[ListedDomain]:
        return sorted(ListedDomain(*row) for row in self._call("domains"))

    def xml(self, uuid: str, live: bool = False) -> str:
        """The persistent definition of a domain, or with `live` the running one's. Passwords are left out."""
        return str(self._call("xml", uuid, live))

    def native(self, xml: str) -> str:
        """libvirt's own command line for a domain, as shell text. It leaves out the addresses of network devices (mapping-devices 21)."""
        return str(self._call("native", xml))

    def completed(self, xml: str) -> str:
        """The domain as libvirt completes it: defined, dumped with its passwords, and undefined. For a libvirt of our own."""
        return str(self._call("completed", xml))

    def create(self, xml: str) -> None:
        """Start a domain that is defined nowhere, paused."""
        self._call("create", xml)

    def networks(self) -> dict[str, str] | None:
        """Virtual networks: name -> XML. None where the host's libvirt has no driver for them."""
        found: dict[str, str] | None = self._call("networks")
        return found

    def pools(self) -> dict[str, str] | None:
        """Storage pools: name -> XML. None where the host's libvirt has no driver for them."""
        found: dict[str, str] | None = self._call("pools")
        return found

    def define(self, domains: Sequence[Definition]) -> None:
        """Define all of these, validated, with their autostart, or none of them: libvirt's refusal of one takes back the others.

        Its BridgeError has the name of the refused domain as `where`. The child goes on to either end if this process is killed
        in the middle, and this process takes back if the child or its connection dies. Raises UnclearError if that cannot be done.
        """
        events: list[list[Any]] = []
        try:
            self._call("define", *(list(domain) for domain in domains), notes=events.append)
        except BridgeError as error:
            if self._child is not None or not events:
                raise  # libvirt refused, and all is as it was
            raise self._looked_again(error, domains, events) from None

    def _looked_again(self, error: BridgeError, domains: Sequence[Definition], events: list[list[Any]]) -> BridgeError:
        """Take back by a new connection, and see what is there then."""
        journal = [event[1:] for event in events if event[0] == BEFORE]
        until = time.monotonic() + LOOKING_LIMIT
        defined: dict[str, bool | None] = {}
        while True:
            last = {event[1]: event[0] for event in events}
            try:
                self._call("undo", *(entry for entry in journal if last[entry[0]] != UNDONE), notes=events.append)
                defined.update(self._call("defined", *journal))
                break
            except BridgeError:
                if time.monotonic() > until:
                    defined.update({uuid: {BEFORE: None, DEFINED: True, UNDONE: False}[what] for uuid, what in last.items()})
                    break
                time.sleep(LOOK_EVERY)
        named: dict[bool | None, list[str]] = {True: [], False: [], None: []}
        for domain in domains:
            named[defined.get(domain.uuid, False)].append(domain.name)
        if not named[True] and not named[None]:
            return error
        return UnclearError(error, named[True], named[False], named[None])

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

    def _call(self, what: str, *arguments: Any, notes: Callable[[Any], object] | None = None) -> Any:
        child = self._started()
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps([what, *arguments]).encode() + b"\n")
        except BrokenPipeError:
            pass  # reading the answer tells
        for line in self._lines(child, what):
            answer = json.loads(line)
            if "error" in answer:
                if answer.get("unclear"):
                    self._kill()  # its connection is of no more use
                raise BridgeError(answer["error"], answer.get("where"))
            if "value" in answer:
                self._open = True
                return answer["value"]
            if notes is not None:
                notes(answer["note"])
        raise AssertionError("the lines of a child end with an answer or an error")

    def _lines(self, child: subprocess.Popen[bytes], what: str) -> Iterator[bytes]:
        assert child.stdout is not None
        limit = self._limit(what)
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline:
                self._rest = rest
                yield line
                continue
            ready = select.select([child.stdout], [], [], limit)[0]
            chunk = child.stdout.read(1 << 20) if ready else None
            if not chunk:
                self._kill()
                raise BridgeError(self._silent(what, bool(ready), limit), None)
            self._rest += chunk

    def _limit(self, what: str) -> float:
        if not self._open and "+" in self.uri.split(":")[0]:
            return max(self.time_limit, ASKING_LIMIT)
        return max(self.time_limit, PROBING_LIMIT) if what in ("about", "capabilities", "domain_capabilities") else self.time_limit

    def _silent(self, what: str, died: bool, limit: float) -> str:
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace").strip().split("\n")[-1][:300]
        return f"libvirt {'died' if died else f'did not answer in {limit:g} s'} ({what}){': ' + said if said else ''}"

    def _kill(self) -> None:
        child, self._child, self._open = self._child, None, False
        if child is not None:
            child.kill()
            child.communicate()
