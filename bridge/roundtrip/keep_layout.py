"""--keep-layout: a foreign guest keeps the PCI places of its devices, and so the names of its network cards (mapping-devices 18.5).

qemu-server has no address option, but `args: -set device.KEY.addr=...` changes what it put on the command line. It prints bridges
itself, so only places on buses that it has can be kept: bus 0, and on q35 the four root ports that are always there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..core.report import Report
from ..data.pci import LAST_SLOT, Q35_PORTS
from ..host.facts import HostFacts
from ..model.controller import Controller
from ..model.part import Device, PCIAddress
from ..model.vm import VM
from ..passes.iothreads import as_json
from ..passes.place.drives import adapter_key

Place = tuple[str, int]
"""(bus, slot)"""

BUILTIN: dict[str, tuple[Place, ...]] = {
    "i440fx": (("pci.0", 0), ("pci.0", 1)),
    "q35": (*(("pcie.0", slot) for slot in (0, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F)),),
}
"""Places of the chipset, and of what qemu-server reads from a file of its own."""
IDS = {"audio0": "audiodev0"}
"""Key -> QEMU's id, where qemu-server gives another one: `-set` of an id that is not there keeps QEMU from starting."""


class Kept(NamedTuple):
    """`words` are for `args`; `keys` names the devices that stand where they stood."""

    words: list[str]
    keys: frozenset[str]


def keep_layout(before: VM, after: VM, host: HostFacts, report: Report) -> Kept:
    """Law: a device of `before` (as XML describes it, with its keys) that is named stands, with these words, at its old place in
    `after` (as qemu-server would run it), and no two devices stand at one place. What cannot be kept is left to `moves`."""
    base = after.machine.base or ""
    if base not in BUILTIN or after.virtiofs or after.machine.viommu == "virtio":
        why = "QEMU itself chooses the places of virtiofs and virtio-iommu" if base in BUILTIN else f"machine {base} has another layout"
        report.add("ambiguous", before.machine.where, f"--keep-layout: {why}, so none is kept")
        return Kept([], frozenset())
    now = dict(_movable(after, host))
    taken = {*BUILTIN[base], *_fixed(after, now)}
    wanted = {key: place for key, place in _wanted(before, after) if key in now}
    kept: dict[str, Place] = {}
    for key in sorted(wanted, key=_rank):
        if wanted[key] not in taken and wanted[key] not in kept.values():
            kept[key] = wanted[key]
    final = dict(kept)
    for key, place in now.items():
        if key not in final:
            in_the_way = place in taken or place in final.values()
            final[key] = _free(place, {*taken, *final.values(), *now.values()}) if in_the_way else place
    words: list[str] = []
    for key, (bus, slot) in final.items():
        if (bus, slot) != now[key]:
            name = IDS.get(key, key)
            words += ["-set", f"device.{name}.bus={bus}"] if bus != now[key][0] else []
            words += ["-set", f"device.{name}.addr={slot:#x}"]
    if words:
        report.add("by-args", before.machine.where, f"kept at their PCI places by args: {', '.join(sorted(kept, key=_rank))}")
    return Kept(words, frozenset(kept))


_ORDER = ("net", "hostpci", "virtio", "scsihw", "virtioscsi")


def _rank(key: str) -> tuple[int, str]:
    """Network cards first: their names depend on it."""
    name = key.rstrip("0123456789")
    return _ORDER.index(name) if name in _ORDER else len(_ORDER), key


def _free(place: Place, taken: set[Place]) -> Place:
    """Another slot on the bus, for a device that is in the way."""
    return next(((place[0], slot) for slot in range(LAST_SLOT - 1, 1, -1) if (place[0], slot) not in taken), place)


def _movable(vm: VM, host: HostFacts) -> Iterator[tuple[str, Place]]:
    """Devices that qemu-server prints with an id, as text (JSON takes no -set): id and place."""
    text = not as_json(vm, host)
    devices: list[Device] = [*vm.nets, vm.balloon, *(vm.display.videos or ())]
    devices += [device for device in vm.hostpcis if len(device.ids or ()) < 2 and not device.pcie]
    if vm.audio is not None:
        devices.append(vm.audio)
    if text:
        devices += [disk for disk in vm.disks if disk.bus == "virtio"]
    for controller in vm.controllers:
        drives = controller.type in ("scsi", "sata") and not controller.builtin
        if (drives and text) or controller.type == "virtio-serial" or controller.key == "xhci":
            devices.append(controller)
    for device in devices:
        if device.key and isinstance(device.address, PCIAddress) and not device.address.function:
            yield device.key, (device.address.bus, device.address.slot)


def _fixed(vm: VM, movable: dict[str, Place]) -> Iterator[Place]:
    for device in vm.devices():
        if isinstance(device.address, PCIAddress) and device.key not in movable:
            yield device.address.bus, device.address.slot


def _wanted(before: VM, after: VM) -> Iterator[tuple[str, Place]]:
    """Where devices stood, in buses of qemu-server's; a place on another bus is none."""
    ports = _ports(before) if after.machine.base == "q35" else {}
    for key, device in _devices(before, after):
        address = device.address
        if not isinstance(address, PCIAddress) or address.function or address.domain or address.multifunction:
            continue
        if address.bus in ("pci.0", "pcie.0"):
            yield key, (address.bus, address.slot)
        elif address.slot == 0 and (port := ports.get(address.bus)) is not None:
            yield key, (port, 0)


def _ports(vm: VM) -> dict[str, str]:
    """Bus of a root port -> the always-there port of qemu-server's whose bus gets the same number. Firmware numbers buses in the order
    of the bridges' places, those behind a bridge right after it; qemu-server's first four bridges are its ports 1 to 4."""
    bridges: dict[str, list[Controller]] = {}
    for controller in vm.controllers:
        if controller.type == "pci" and isinstance(controller.address, PCIAddress):
            bridges.setdefault(controller.address.bus, []).append(controller)
    found: dict[str, str] = {}
    number = 0

    def walk(bus: str, depth: int) -> None:
        nonlocal number
        for bridge in sorted(bridges.pop(bus, ()), key=_devfn):  # once each: bridges that name no bus may be behind themselves
            number += 1
            if bridge.model == "pcie-root-port" and number <= len(Q35_PORTS):
                found[bridge.key or ""] = f"ich9-pcie-port-{number}"
            if depth < LAST_SLOT:
                walk(bridge.key or "", depth + 1)

    walk("pcie.0", 0)
    return found


def _devfn(controller: Controller) -> int:
    address = controller.address
    return address.slot * 8 + address.function if isinstance(address, PCIAddress) else 0


def _devices(before: VM, after: VM) -> Iterator[tuple[str, Device]]:
    """Devices of the XML by the ids that qemu-server gives them."""
    for device in (*before.nets, *before.disks, *before.hostpcis):
        yield device.key or "", device
    for n, video in enumerate(before.display.videos or ()):
        yield f"vga{n or ''}", video
    yield "balloon0", before.balloon
    if before.audio is not None:
        yield "audio0", before.audio
    for controller in before.controllers:
        if (key := adapter_key(controller, before, after.scsihw)) is not None:
            yield key, controller
