"""A domain without what this host lacks, so that libvirt here speaks for it; and its command line with what gave way put back."""

from __future__ import annotations

import os
import subprocess
from typing import Any, NamedTuple

from ..core.report import BridgeError
from ..data.machines import base_of

KVM = "/dev/kvm"
HOST_ELEMENTS = ("numatune", "memoryBacking/hugepages", "cputune", "blkiotune", "memtune", "resource")
"""The host's policy: another host has other nodes, pages and CPUs. No guest sees it."""
NEWEST = {"i440fx": "pc", "q35": "q35", "virt": "virt"}
PROBE_LIMIT = 30


class Fitted(NamedTuple):
    """`machine` is the type that the domain asked for if it is not here, `kvm` whether KVM gave way; `changed` says so in words."""

    machine: str | None
    kvm: bool
    changed: list[str]

    def restored(self, words: list[str]) -> list[str]:
        """The command line as a host that has everything would have it."""
        words = list(words)
        for at, option in enumerate(words[:-1]):
            value = words[at + 1]
            if option == "-machine" and self.machine and "=" not in value.split(",")[0]:
                words[at + 1] = ",".join([self.machine, *value.split(",")[1:]])
            elif option == "-accel" and self.kvm:
                words[at + 1] = value.replace("tcg", "kvm", 1)
            elif option == "-cpu" and self.kvm and value.split(",")[0] == "max" and "host-passthrough" in self.changed[-1]:
                words[at + 1] = ",".join(["host", *value.split(",")[1:]])
        return words


def fitted(domain: Any, program: str) -> Fitted:
    """Change the domain so that this host's libvirt takes it."""
    changed: list[str] = []
    for path in HOST_ELEMENTS:
        for element in domain.findall(path):
            element.getparent().remove(element)
    for auth in domain.findall("devices/disk//auth"):
        auth.getparent().remove(auth)  # asks for a secret, which the host keeps
    for n, source in enumerate(domain.findall("devices/hostdev[@type='usb']/source"), 2):
        if source.find("address") is None:
            element = source.makeelement("address", {"bus": "1", "device": str(n)})
            source.append(element)
    for device in domain.findall("devices/hostdev[@type='pci']"):
        if device.find("driver") is None:  # the default asks for VFIO in this host's kernel
            device.insert(0, device.makeelement("driver", {"name": "vfio"}))
    machine = _machine(domain, program, changed)
    kvm = domain.get("type") == "kvm" and not os.access(KVM, os.R_OK | os.W_OK)
    if kvm:
        domain.set("type", "qemu")
        changed.append("there is no KVM here: libvirt was asked for an emulated CPU")
        cpu = domain.find("cpu")
        if cpu is not None and cpu.get("mode") == "host-passthrough":
            cpu.set("mode", "maximum")
            changed[-1] += ", host-passthrough as maximum"
    return Fitted(machine, kvm, changed)


def _machine(domain: Any, program: str, changed: list[str]) -> str | None:
    """The domain's machine type if this QEMU has it not; its newest one stands in."""
    element = domain.find("os/type")
    wanted = None if element is None else element.get("machine")
    if wanted is None or wanted in _machines(program):
        return None
    newest = NEWEST.get(base_of(wanted) or "")
    if newest is None:
        return None
    element.set("machine", newest)
    changed.append(f"machine {wanted} is not here: libvirt was asked for {newest}")
    return str(wanted)


def _machines(program: str) -> set[str]:
    try:
        listed = subprocess.run([program, "-machine", "help"], capture_output=True, text=True, check=True, timeout=PROBE_LIMIT)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise BridgeError(f"{program}: {error}") from None
    return {line.split()[0] for line in listed.stdout.split("\n")[1:] if line.split()}
