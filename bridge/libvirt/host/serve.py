"""The half of a connection to a libvirt host that runs in a child process, and the only code that imports libvirt (see `connect`)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...core.report import BridgeError

BEFORE, DEFINED, UNDONE = "before", "defined", "undone"
"""Notes of a definition: [BEFORE, UUID, XML or None, autostart] what is there before it is begun; [DEFINED, UUID]; [UNDONE, UUID]."""


class Definition(NamedTuple):
    """A domain to define; `uuid` is the one in its XML. `replace`: a domain of this UUID may be there and is redefined."""

    name: str
    uuid: str
    xml: str
    autostart: bool = False
    replace: bool = False


MISSING = (
    "libvirt's Python package is missing: apt-get install python3-libvirt, or with libvirt-dev installed: pip install 'virt-qm[libvirt]'"
)


def serve(uri: str) -> None:
    """Answer calls on stdin until it ends."""
    os.set_blocking(0, True)
    answers, sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8"), sys.stderr
    os.dup2(2, 1)  # what the library prints is not an answer

    def say(answer: dict[str, Any]) -> None:
        try:
            print(json.dumps(answer), file=answers, flush=True)
        except BrokenPipeError:
            pass  # the caller is gone; what was begun comes to its end

    try:
        import libvirt
    except ImportError:
        say({"error": MISSING})
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
        except _UnclearError as error:
            answer = {"error": error.message, "where": error.where, "unclear": True}
        except BridgeError as error:
            answer = {"error": error.message, "where": error.where}
        say(answer)
    calls.close()
    os._exit(0)  # not waiting for the event loop


class _UnclearError(BridgeError):
    """What was begun is neither done nor taken back."""


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

    def completed(self, xml: str) -> str:
        domain = self.host.defineXMLFlags(xml, 0)
        try:
            return str(domain.XMLDesc(self.libvirt.VIR_DOMAIN_XML_INACTIVE | self.libvirt.VIR_DOMAIN_XML_SECURE))
        finally:
            self._undefine(domain)

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
                self.say({"note": [BEFORE, *journal[-1]]})
                defined = host.defineXMLFlags(domain.xml, self.libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
                if domain.autostart != bool(defined.autostart()):
                    defined.setAutostart(int(domain.autostart))
                self.say({"note": [DEFINED, domain.uuid]})
            except (self.libvirt.libvirtError, BridgeError) as error:
                self._take_back(journal, str(error), domain.name)
                raise BridgeError(str(error), domain.name) from error

    def _take_back(self, journal: list[list[Any]], why: str, name: str) -> None:
        try:
            self.undo(*journal)
        except self.libvirt.libvirtError as error:
            lost = "" if str(error) == why else f"; what was defined before could not be taken back: {error}"
            raise _UnclearError(f"{why}{lost}", name) from error

    def _looked_up(self, uuid: str) -> Any:
        """The domain, or None if there is none; a connection that is lost says nothing about that."""
        try:
            return self.host.lookupByUUIDString(uuid)
        except self.libvirt.libvirtError as error:
            if error.get_error_code() == self.libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def _before(self, domain: Definition) -> list[Any]:
        """[UUID, XML or None, autostart] of what is there: what `undo` needs."""
        old = self._looked_up(domain.uuid)
        if old is None:
            return [domain.uuid, None, False]
        if not domain.replace:
            raise BridgeError(f"a domain with UUID {domain.uuid} is there already")
        if not old.isPersistent():
            return [domain.uuid, None, False]
        return [domain.uuid, self._definition(old), bool(old.autostart())]

    def _definition(self, domain: Any) -> str:
        return str(domain.XMLDesc(self.libvirt.VIR_DOMAIN_XML_INACTIVE | self.libvirt.VIR_DOMAIN_XML_SECURE))

    def defined(self, *journal: Sequence[Any]) -> dict[str, bool]:
        """UUID -> whether something else is defined than before."""
        found = {}
        for uuid, xml, _ in journal:
            domain = self._looked_up(uuid)
            now = self._definition(domain) if domain is not None and domain.isPersistent() else None
            found[uuid] = now is not None and now != xml
        return found

    def undo(self, *journal: Sequence[Any]) -> None:
        """Put back what was there before, the last first; a domain that was not there goes, its variables and TPM state stay."""
        for uuid, xml, autostart in reversed(journal):
            if xml is not None:
                self.host.defineXMLFlags(xml, 0).setAutostart(int(autostart))
            else:
                found = self._looked_up(uuid)  # None if it did not come to that
                if found is not None and found.isPersistent():
                    self._undefine(found)
            self.say({"note": [UNDONE, uuid]})

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
