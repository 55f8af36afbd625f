"""The child process of `EmbeddedDriver`: a line of JSON in, `[call, argument…]`; a line out, `{"value": …}` or `{"error": message}`."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from pathlib import Path
from typing import Any

import libvirt

QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
spice_tls = 1
"""
"""A host without cgroups, security labels or virtlogd, as a container is. TLS is on so that `tlsPort` can be said."""

FORGET = libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_TPM | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE


def loop() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def connected(root: Path) -> Any:
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/qemu.conf").write_text(QEMU_CONF)
    libvirt.registerErrorHandler(lambda *_: None, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=loop, daemon=True).start()
    return libvirt.open(f"qemu:///embed?root={root}")


class Calls:
    """One method for each call of `EmbeddedDriver`."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def define(self, xml: str) -> str:
        return str(self.connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE).name())

    def undefine(self, name: str) -> None:
        self.connection.lookupByName(name).undefineFlags(FORGET)

    def start(self, name: str, paused: bool) -> None:
        self.connection.lookupByName(name).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED if paused else 0)

    def destroy(self, name: str) -> None:
        domain = self.connection.lookupByName(name)
        if domain.isActive():
            domain.destroy()

    def dumpxml(self, name: str, inactive: bool) -> str:
        flags = libvirt.VIR_DOMAIN_XML_SECURE | (libvirt.VIR_DOMAIN_XML_INACTIVE if inactive else 0)
        return str(self.connection.lookupByName(name).XMLDesc(flags))

    def iothreadinfo(self, name: str) -> list[tuple[int, list[int]]]:
        threads = self.connection.lookupByName(name).ioThreadInfo(0)
        return [(number, [cpu for cpu, may in enumerate(cpus) if may]) for number, cpus in threads]

    def native(self, xml: str) -> list[str]:
        words = shlex.split(self.connection.domainXMLToNative("qemu-argv", xml))
        while words and "=" in words[0] and not words[0].startswith("/"):
            words.pop(0)  # the environment
        return words

    def domains(self) -> list[str]:
        return [str(domain.name()) for domain in self.connection.listAllDomains()]

    def clear(self) -> None:
        for domain in self.connection.listAllDomains():
            if domain.isActive():
                domain.destroy()
            if domain.isPersistent():
                domain.undefineFlags(FORGET)


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr
    calls: Calls | None = None
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        try:
            calls = calls or Calls(connected(Path(sys.argv[1])))
            answer = {"value": getattr(calls, what)(*arguments)}
        except libvirt.libvirtError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
