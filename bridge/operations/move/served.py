"""The half of a libvirt host that runs in a child process (see `host`): a wrong private call ends the child, and the caller lives on.

It reads lines `[call, argument...]` on stdin and answers each with a line `{"value": ...}` or `{"error": message, "lost": whether the
connection ended}`. When stdin ends it closes its connection; libvirt then drops a target that was prepared over it and not finished.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from .private import Given, MissingError, Protocol3

JOB = ("data_total", "data_remaining", "time_elapsed", "downtime", "downtime_net", "disk_total", "disk_remaining")
"""Numbers of a job's statistics that are handed on: bytes, ms."""


def serve(uri: str) -> None:
    """Answer calls until stdin ends."""
    answers, sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8"), sys.stderr
    os.dup2(2, 1)  # what the library prints is not an answer

    def say(answer: dict[str, Any]) -> None:
        try:
            print(json.dumps(answer), file=answers, flush=True)
        except BrokenPipeError:
            pass  # the caller is gone

    try:
        import libvirt
    except ImportError:
        say({"error": "the Python package libvirt-python is missing: pip install 'virt-qm[libvirt]'"})
        return
    libvirt.registerErrorHandler(lambda *_: None, None)
    calls = _Calls(libvirt, uri)
    for line in sys.stdin:
        if not line.endswith("\n"):
            break
        what, *arguments = json.loads(line)
        try:
            say({"value": getattr(calls, what)(*arguments)})
        except libvirt.libvirtError as error:
            say({"error": str(error), "lost": calls.lost()})
    calls.close()


class _Calls:
    """One method for each call of `host.Host`. Domains are named by their UUIDs."""

    def __init__(self, libvirt: Any, uri: str) -> None:
        self.libvirt = libvirt
        self.uri = uri
        self.opened: Any = None
        try:
            self.protocol: Protocol3 | None = Protocol3(libvirt)
        except MissingError:
            self.protocol = None

    @property
    def host(self) -> Any:
        if self.opened is None:
            self.opened = self.libvirt.open(self.uri or None)
        return self.opened

    def close(self) -> None:
        opened, self.opened = self.opened, None
        if opened is not None:
            opened.close()

    def lost(self) -> bool:
        """Whether there is no connection any more; the next call makes one."""
        if self.opened is not None and not self.opened.isAlive():
            self.close()
        return self.opened is None

    def about(self) -> list[Any]:
        """Versions of the library here, of libvirt there and of its QEMU; whether there is protocol 3."""
        numbers = self.libvirt.getVersion(), self.host.getLibVersion(), self.host.getVersion()
        return [*(f"{n // 1_000_000}.{n // 1_000 % 1_000}.{n % 1_000}" for n in numbers), self.protocol is not None]

    def canonical(self) -> str:
        """As libvirt resolved an alias, or its default."""
        return str(self.host.getURI())

    def find(self, name: str) -> str | None:
        """The UUID of a domain by its name, or UUID."""
        try:
            found = self.host.lookupByName(name)
        except self.libvirt.libvirtError as error:
            if error.get_error_code() != self.libvirt.VIR_ERR_NO_DOMAIN:
                raise
            domain = self._domain(name) if len(name) == 36 else None
            return None if domain is None else str(domain.UUIDString())
        return str(found.UUIDString())

    def look(self, uuid: str) -> list[Any] | None:
        """[state, reason, persistent, autostart] of a domain, numbers of libvirt's; None if there is none."""
        domain = self._domain(uuid)
        if domain is None:
            return None
        state, reason = domain.state()
        persistent = bool(domain.isPersistent())
        return [state, reason, persistent, bool(domain.autostart()) if persistent else False]

    def capacity(self, uuid: str, target: str) -> int:
        """Bytes of a disk, as the guest sees it."""
        return int(self._there(uuid).blockInfo(target)[0])

    def xml(self, uuid: str, live: bool) -> str:
        flags = self.libvirt.VIR_DOMAIN_XML_SECURE | (0 if live else self.libvirt.VIR_DOMAIN_XML_INACTIVE)
        return str(self._there(uuid).XMLDesc(flags))

    def define(self, xml: str) -> None:
        self.host.defineXMLFlags(xml, self.libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

    def undefine(self, uuid: str) -> None:
        """The definition alone; variables and TPM state stay."""
        domain = self._domain(uuid)
        if domain is not None and domain.isPersistent():
            domain.undefineFlags(self.libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | self.libvirt.VIR_DOMAIN_UNDEFINE_KEEP_TPM)

    def set_autostart(self, uuid: str, on: bool) -> None:
        self._there(uuid).setAutostart(int(on))

    def destroy(self, uuid: str) -> None:
        domain = self._domain(uuid)
        if domain is not None and domain.isActive():
            domain.destroy()

    def resume(self, uuid: str) -> None:
        self._there(uuid).resume()

    def save(self, uuid: str, file: str) -> None:
        self._there(uuid).save(file)

    def restore(self, file: str, xml: str) -> None:
        self.host.restoreFlags(file, xml, self.libvirt.VIR_DOMAIN_SAVE_RUNNING)

    def job(self, uuid: str) -> dict[str, int]:
        """The running job's numbers; none where nothing is done."""
        domain = self._domain(uuid)
        return {} if domain is None else {name: int(n) for name, n in domain.jobStats().items() if name in JOB}

    def abort_job(self, uuid: str) -> None:
        self._there(uuid).abortJob()

    def set_downtime(self, uuid: str, limit: int) -> None:
        """In ms."""
        self._there(uuid).migrateSetMaxDowntime(limit)

    def begin(self, uuid: str, flags: int, given: Given) -> str:
        return self._private().begin(self._there(uuid), flags, given)

    def prepare(self, flags: int, given: Given, cookie: str) -> str:
        return self._private().prepare(self.host, flags, given, _bytes(cookie)).rstrip(b"\0").decode()

    def perform(self, uuid: str, flags: int, given: Given, cookie: str) -> str:
        return self._private().perform(self._there(uuid), flags, given, _bytes(cookie)).rstrip(b"\0").decode()

    def finish(self, flags: int, given: Given, cancelled: bool, cookie: str) -> bool:
        return self._private().finish(self.host, flags, given, cancelled, _bytes(cookie))

    def confirm(self, uuid: str, flags: int, given: Given, cancelled: bool, cookie: str) -> None:
        self._private().confirm(self._there(uuid), flags, given, cancelled, _bytes(cookie))

    def _private(self) -> Protocol3:
        assert self.protocol is not None, "`about` tells"
        return self.protocol

    def _there(self, uuid: str) -> Any:
        return self.host.lookupByUUIDString(uuid)

    def _domain(self, uuid: str) -> Any:
        try:
            return self._there(uuid)
        except self.libvirt.libvirtError as error:
            if error.get_error_code() == self.libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise


def _bytes(cookie: str) -> bytes:
    return cookie.encode() + b"\0"
