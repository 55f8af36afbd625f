"""Which of the host's own things a VM may name: images, devices, bridges (security-rules S6, S8, S12, C7, C8)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ..core.report import BridgeError
from ..host.facts import HostFacts
from ..host.volid import path_problem
from ..host.volume import plausible, split_volume_id
from ..model.disk import Source
from ..model.serial import Parallel, Serial
from ..model.vm import VM

MAX_CPUS = 4096
"""The most that QEMU runs."""
MAX_IOTHREADS = 64
"""Where nobody says how many CPUs the host has (security-rules C8)."""
UNKNOWN_CPUS = HostFacts().cpus
_is_bridge = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,15}").fullmatch
_is_plain = re.compile(r"[A-Za-z0-9_.+=@/-]+").fullmatch


def check(vm: VM, host: HostFacts) -> None:
    """Law: a config that becomes XML names nothing of the host that XML could not bring back. Raises BridgeError."""
    for key, source, where in _images(vm):
        problem = _volume_problem(source.volid or "")
        if problem:
            raise BridgeError(f"{key}: {problem}", where)
    for net in vm.nets:
        if net.bridge is not None and not _is_bridge(net.bridge):
            raise BridgeError(f"{net.key}: '{net.bridge[:40]}' is not a name of a bridge", net.where)
    for device in vm.hostpcis:
        if device.romfile is not None and posixpath.basename(device.romfile) != device.romfile:
            raise BridgeError(f"{device.key}: romfile is the name of a file in /usr/share/kvm, not '{device.romfile[:60]}'", device.where)
    for port in _ports(vm):
        if port.path is not None and posixpath.normpath(port.path) != port.path:
            raise BridgeError(f"{port.key}: '{port.path[:60]}' leads elsewhere than it says", port.where)
    cpus = (vm.cpu.sockets or 1) * (vm.cpu.cores or 1)
    if cpus > MAX_CPUS:
        raise BridgeError(f"{cpus} CPUs are more than {MAX_CPUS}: lower sockets or cores", vm.cpu.where)
    if host.cpus == UNKNOWN_CPUS and (vm.iothreads.pool or 0) > MAX_IOTHREADS:
        message = f"{vm.iothreads.pool} iothreads are more than {MAX_IOTHREADS}: say how many CPUs the host has (--host-fact cpus=N)"
        raise BridgeError(message, vm.iothreads.where)


def _images(vm: VM) -> Iterator[tuple[str, Source, object]]:
    """(key, place, line) of every drive that says where its bytes are."""
    for disk in vm.disks:
        if disk.source is not None:
            yield disk.key or "", disk.source, disk.where
    if vm.firmware.vars is not None:
        yield "efidisk0", vm.firmware.vars, vm.firmware.where
    if vm.tpm is not None and vm.tpm.source is not None:
        yield "tpmstate0", vm.tpm.source, vm.tpm.where


def _ports(vm: VM) -> list[Serial | Parallel]:
    return [*vm.serials, *vm.parallels]


def _volume_problem(volid: str) -> str | None:
    if volid.startswith("/"):
        problem = path_problem(volid)
        return problem and f"the path '{volid[:200]}' {problem}"
    parts = split_volume_id(volid)
    if parts is None:
        return None
    name = parts[1]
    if name.startswith("/") or ".." in name.split("/"):
        return f"the volume name '{name[:200]}' leads out of its storage"
    if not _is_plain(name) and not plausible(name):
        return f"no storage has a volume of the name '{name[:200]}'"
    return None

