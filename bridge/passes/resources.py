"""Which of the host's own things a VM may name: images, devices, bridges (security-rules S6, S8, S12, C7, C8)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from ..host.facts import HostFacts
from ..host.storage import Location, locate
from ..host.volid import path_problem
from ..host.volume import plausible, split_volume_id
from ..model.disk import Source
from ..model.hostpci import HostPCI
from ..model.serial import Parallel, Serial
from ..model.usb import USB
from ..model.vm import VM
from ..report import BridgeError, Report

MAX_CPUS = 4096
"""The most that QEMU runs."""
MAX_IOTHREADS = 64
"""Where nobody says how many CPUs the host has (security-rules C8)."""
UNKNOWN_CPUS = HostFacts().cpus
_is_bridge = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,15}").fullmatch
_is_plain = re.compile(r"[A-Za-z0-9_.+=@/-]+").fullmatch
LAST_SLOT = 0x1F
CHECK = "check it if the XML comes from somebody else"


def check(vm: VM, host: HostFacts) -> None:
    """Law: a config that becomes XML names nothing of the host that XML could not bring back. Raises BridgeError."""
    for key, source, where in _images(vm):
        problem = _volume_problem(source.volid or "")
        if problem:
            raise BridgeError(f"{key}: {problem}", where)
    for net in vm.nets:
        if net.bridge is not None and not _is_bridge(net.bridge):
            raise BridgeError(f"{net.key}: '{net.bridge[:40]}' is no name of a bridge", net.where)
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


# What the metadata of an XML adds


def vouch(described: VM, written: VM, host: HostFacts, report: Report) -> None:
    """Law: metadata brings no image, port or device into a config that the XML beside it does not name.

    `described` is the VM as XML alone says it, `written` the one of the config. Raises BridgeError. Where XML has no words for a thing
    (mappings, volumes of this VM; a template, of which only the disks may be there) it is a finding.
    """
    witness = _Witness(report, bool(written.meta.template))
    known = {key: source.volid for key, source, _ in _images(described)}
    if known.get("tpmstate0") in (None, "none"):  # a libvirt that keeps the state itself: its XML has no word for the volume
        known.pop("tpmstate0", None)
    for key, source, _ in _images(written):
        volid = source.volid or "none"
        if key in known:
            if volid != known[key] and not _same_place(volid, known[key] or "none", host):
                raise witness.against(key, volid, known[key])
        elif volid not in ("none", "cdrom"):
            if not _own(volid, written.meta.vmid, host):
                raise witness.against(key, volid, None)
            witness.note(key, volid)
    for key, volid in (written.meta.keys or {}).items():
        if key.startswith("unused") and not _own(volid, written.meta.vmid, host):
            witness.note(key, volid)
    _vouch_ports(described, written, witness)
    pci = {device.key: device for device in described.hostpcis}
    for device in written.hostpcis:
        _vouch_pci(device, pci.get(device.key), witness)
    usb = {device.key: device for device in described.usbs}
    for stick in written.usbs:
        _vouch_usb(stick, usb.get(stick.key), witness)


class _Witness(NamedTuple):
    """What becomes of a resource that only the metadata knows."""

    report: Report
    template: bool

    def note(self, key: str | None, said: str | None) -> None:
        self.report.add("restored", "/domain/metadata", f"'{key}: {said}' comes from the metadata", CHECK)

    def against(self, key: str | None, said: str | None, known: str | None) -> BridgeError:
        return BridgeError(f"{key}: the metadata says '{said}', the XML {known or 'nothing of it'}: remove the metadata, or mend the XML")

    def accuse(self, key: str | None, said: str | None, known: str | None) -> None:
        """A template never runs, so of one that could not the XML holds the disks only."""
        if not self.template:
            raise self.against(key, said, known)
        self.note(key, said)


def _same_place(one: str, other: str, host: HostFacts) -> bool:
    try:
        return _place(locate(host, one)) == _place(locate(host, other))
    except BridgeError:
        return False


def _place(at: Location) -> tuple[object, ...]:
    names = (at.storage, at.volume) if at.kind == "volume" else ()
    return at.kind, at.path, at.protocol, at.pool, at.namespace, at.image, at.portal, at.target, at.lun, at.export, at.hosts, names


def _own(volid: str, vmid: int | None, host: HostFacts) -> bool:
    """A volume that is this VM's, as far as its name and storage say."""
    try:
        owner = locate(host, volid).vmid
    except BridgeError:
        return False
    return not volid.startswith("/") and owner in (None, vmid)


def _vouch_ports(described: VM, written: VM, witness: _Witness) -> None:
    known = {port.key: port.path for port in _ports(described)}
    for port in _ports(written):
        if port.path is not None and port.path != known.get(port.key):
            witness.accuse(port.key, port.path, known.get(port.key))


def _vouch_pci(device: HostPCI, known: HostPCI | None, witness: _Witness) -> None:
    if device.mapping is not None or device.mdev is not None:
        if device.mapping is None and known is None:
            witness.accuse(device.key, device.host, None)
        elif known is None or device.mdev is not None:
            witness.note(device.key, device.mapping or device.host)
        return
    said = _functions(device)
    there = _functions(known) if known is not None else []
    if not there and any(int(part.rpartition(":")[2].partition(".")[0], 16) > LAST_SLOT for part in said):
        return  # no PCI bus has such a device, hence no XML
    covered = all(any(_covers(one, other) for one in said) for other in there)
    if not covered or not all(any(_covers(one, other) for other in there) for one in said):
        witness.accuse(device.key, device.host, known.host if known is not None else None)


def _functions(device: HostPCI) -> list[str]:
    """Full addresses, as `0000:01:00.0`; one without a function stands for all."""
    parts = (device.host or "").lower().split(";")
    return [part if part.count(":") == 2 else f"0000:{part}" for part in parts if part]


def _covers(said: str, there: str) -> bool:
    return there == said or ("." not in said and there.startswith(said + "."))


def _vouch_usb(device: USB, known: USB | None, witness: _Witness) -> None:
    if device.mapping is not None:
        if known is None:
            witness.note(device.key, device.mapping)
        return
    if device.host is None or device.host.lower() == "spice":
        return
    there = known.host if known is not None else None
    if there is None or _plain_usb(there) != _plain_usb(device.host):
        witness.accuse(device.key, device.host, there)


def _plain_usb(host: str) -> str:
    return host.lower().replace("0x", "")
