"""A libvirt host, through a child process with a time limit: odd XML can abort or hang the library (security-rules).

The upper half is the caller's: `Connection`. The lower half runs in the child and is the only code that imports libvirt. They talk
in lines of JSON over pipes: `[call, argument...]` there, `{"value": ...}` or `{"error": message}` back.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from ..report import BridgeError

TIME_LIMIT = 30.0
"""Seconds for one call."""
ASKING_LIMIT = 300.0
"""Seconds to connect where ssh or the like may ask a person for a password."""
PROBING_LIMIT = 180.0
"""Seconds for capabilities: libvirt first starts every QEMU binary that it has not met yet."""
START = "import sys; sys.path.insert(0, sys.argv[1]); from bridge.libvirt.connect import serve; serve(sys.argv[2])"


class Domain(NamedTuple):
    """A domain as a host lists it."""

    name: str
    uuid: str
    active: bool
    persistent: bool
    autostart: bool


class Definition(NamedTuple):
    """A domain to define; `uuid` is the one in its XML. `replace`: a domain of this UUID may be there and is redefined."""

    name: str
    uuid: str
    xml: str
    autostart: bool = False
    replace: bool = False


class About(NamedTuple):
    """A host: versions of its libvirt and hypervisor as `11.3.0`, and how many CPUs it has, offline ones too."""

    libvirt: str
    qemu: str
    cpus: int


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

    def domains(self) -> list[Domain]:
        return sorted(Domain(*row) for row in self._call("domains"))

    def xml(self, uuid: str, live: bool = False) -> str:
        """The persistent definition of a domain, or with `live` the running one's. Passwords are left out."""
        return str(self._call("xml", uuid, live))

    def native(self, xml: str) -> str:
        """libvirt's own command line for a domain, as shell text. It leaves out the addresses of network devices (mapping-devices 21)."""
        return str(self._call("native", xml))

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
        in the middle, and this process takes back if the child dies.
        """
        journal: list[Any] = []
        try:
            self._call("define", *(list(domain) for domain in domains), notes=journal.append)
        except BridgeError:
            if self._child is None and journal:  # it died: what it did is known from its notes
                self._call("undo", *journal)
            raise

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            root = str(Path(__file__).resolve().parents[2])
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


# --- the child


def serve(uri: str) -> None:
    """Answer calls on stdin until it ends."""
    os.set_blocking(0, True)
    answers, sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8"), sys.stderr
    os.dup2(2, 1)  # what the library prints is no answer

    def say(answer: dict[str, Any]) -> None:
        try:
            print(json.dumps(answer), file=answers, flush=True)
        except BrokenPipeError:
            pass  # the caller is gone; what was begun comes to its end

    try:
        import libvirt
    except ImportError:
        say({"error": "the Python package libvirt-python is missing: pip install 'virt-qm[libvirt]'"})
        return
    libvirt.registerErrorHandler(lambda *_: None, None)
    calls = _Calls(libvirt, uri, say)
    for line in sys.stdin.buffer:
        if not line.endswith(b"\n"):
            break
        what, *arguments = json.loads(line)
        try:
            answer = {"value": getattr(calls, what)(*arguments)}
        except libvirt.libvirtError as error:
            answer = {"error": str(error)}
        except BridgeError as error:
            answer = {"error": error.message, "where": error.where}
        say(answer)
    calls.close()
    os._exit(0)  # not waiting for the event loop


class _Calls:
    """One method for each call of `Connection`."""

    def __init__(self, libvirt: Any, uri: str, say: Callable[[dict[str, Any]], None]) -> None:
        self.libvirt = libvirt
        self.uri = uri
        self.say = say
        self.opened: Any = None

    @property
    def host(self) -> Any:
        if self.opened is None:
            self.connect()
        return self.opened

    def connect(self) -> None:
        """The event loop keeps remote connections alive, and an embedded driver needs it."""
        import threading

        def loop() -> None:
            while True:
                self.libvirt.virEventRunDefaultImpl()

        self.libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=loop, daemon=True).start()
        self.opened = self.libvirt.open(self.uri or None)

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()

    def about(self) -> list[Any]:
        numbers = (self.host.getLibVersion(), self.host.getVersion())
        return [*(f"{n // 1_000_000}.{n // 1_000 % 1_000}.{n % 1_000}" for n in numbers), self.host.getCPUMap()[0]]

    def capabilities(self) -> str:
        return str(self.host.getCapabilities())

    def domain_capabilities(self, arch: str, machine: str, kind: str) -> str:
        return str(self.host.getDomainCapabilities(None, arch, machine, kind, 0))

    def domains(self) -> list[list[Any]]:
        rows = []
        for domain in self.host.listAllDomains():
            persistent = bool(domain.isPersistent())
            autostart = bool(domain.autostart()) if persistent else False
            rows.append([domain.name(), domain.UUIDString(), bool(domain.isActive()), persistent, autostart])
        return rows

    def xml(self, uuid: str, live: bool) -> str:
        return str(self.host.lookupByUUIDString(uuid).XMLDesc(0 if live else self.libvirt.VIR_DOMAIN_XML_INACTIVE))

    def native(self, xml: str) -> str:
        return str(self.host.domainXMLToNative("qemu-argv", xml))

    def create(self, xml: str) -> None:
        self.host.createXML(xml, self.libvirt.VIR_DOMAIN_START_PAUSED)

    def networks(self) -> dict[str, str] | None:
        return self._named("listAllNetworks")

    def pools(self) -> dict[str, str] | None:
        return self._named("listAllStoragePools")

    def _named(self, method: str) -> dict[str, str] | None:
        try:
            return {each.name(): each.XMLDesc(0) for each in getattr(self.host, method)()}
        except self.libvirt.libvirtError as error:
            if error.get_error_code() == self.libvirt.VIR_ERR_NO_SUPPORT:
                return None
            raise

    def define(self, *domains: Sequence[Any]) -> None:
        """See `Connection.define`."""
        host = self.host
        _own_session()
        journal: list[list[Any]] = []
        for row in domains:
            domain = Definition(*row)
            try:
                journal.append(self._before(domain))
                self.say({"note": journal[-1]})
                defined = host.defineXMLFlags(domain.xml, self.libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
                if domain.autostart != bool(defined.autostart()):
                    defined.setAutostart(int(domain.autostart))
            except (self.libvirt.libvirtError, BridgeError) as error:
                raise BridgeError(f"{error}{self._taken_back(journal)}", domain.name) from error

    def _taken_back(self, journal: list[list[Any]]) -> str:
        try:
            self.undo(*journal)
        except self.libvirt.libvirtError as error:
            return f"; what was defined before could not be taken back: {error}"
        return ""

    def _before(self, domain: Definition) -> list[Any]:
        """[UUID, XML or None, autostart] of what is there: what `undo` needs."""
        try:
            old = self.host.lookupByUUIDString(domain.uuid)
        except self.libvirt.libvirtError:
            return [domain.uuid, None, False]
        if not domain.replace:
            raise BridgeError(f"a domain with UUID {domain.uuid} is there already")
        if not old.isPersistent():
            return [domain.uuid, None, False]
        flags = self.libvirt.VIR_DOMAIN_XML_INACTIVE | self.libvirt.VIR_DOMAIN_XML_SECURE
        return [domain.uuid, old.XMLDesc(flags), bool(old.autostart())]

    def undo(self, *journal: Sequence[Any]) -> None:
        """Put back what was there before, the last first; a domain that was not there goes, its variables and TPM state stay."""
        for uuid, xml, autostart in reversed(journal):
            if xml is not None:
                self.host.defineXMLFlags(xml, 0).setAutostart(int(autostart))
                continue
            try:
                found = self.host.lookupByUUIDString(uuid)
            except self.libvirt.libvirtError:
                continue  # it did not come to that
            if found.isPersistent():
                self._undefine(found)

    def _undefine(self, domain: Any) -> None:
        """An older libvirt, or another driver than QEMU's, does not know all flags."""
        nvram, tpm = self.libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM, self.libvirt.VIR_DOMAIN_UNDEFINE_KEEP_TPM
        for flags in (nvram | tpm, nvram, 0):
            try:
                domain.undefineFlags(flags)
            except self.libvirt.libvirtError as error:
                if flags == 0 or error.get_error_code() != self.libvirt.VIR_ERR_INVALID_ARG:
                    raise
            else:
                return


def _own_session() -> None:
    """Signals for the caller's terminal or group do not end what is begun half-way. Not earlier: ssh may ask on the terminal."""
    try:
        os.setsid()
    except PermissionError:
        pass  # it has one
