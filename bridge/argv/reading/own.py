"""What a command line of qemu-server's own tells beside the machine: which config it was made of.

Other lines describe a machine; this one is the writer's own output, so that each of its words has one origin. What has no word of its own
(ostype, the volume behind a logical unit) is what gives the same words again.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ...core.report import BridgeError
from ...data.machines import UNVERSIONED
from ...data.ostype import WINDOWS, windows_version
from ...data.pci import PCI
from ...host import storage
from ...host.facts import HostFacts
from ...model.disk import Disk, Source
from ...model.part import PCIAddress
from ...model.vm import VM
from ...passes.fill import change
from ...passes.iothreads import SINGLE
from ...passes.resolve import ostype
from ...passes.resolve.boot import FIRST, LISTS, bootindexes, key_of
from ...passes.resolve.disk import BUSES
from ...passes.resolve.machine import has
from ..blockdev import node_name
from .line import Line

OSTYPES = (*ostype.CANDIDATES, *(name for name in WINDOWS if name not in ostype.CANDIDATES), "l24")
Attempt = Callable[[VM], list[str]]
"""The words that qemu-server would run, of a VM as said; raises BridgeError where it refuses."""


def completed(line: Line, found: VM) -> VM:
    """The VM with its keys, and with what no address tells: the adapter of no disk, and how the boot order was said."""
    meta = found.meta
    if found.scsihw is None and _has_third_bridge(found):
        found = change(found, scsihw=SINGLE)
    machine = found.machine
    if not machine.pxe and machine.version and any(net.romfile for net in found.nets) and has(machine, "efi_pxe_roms"):
        found = change(found, machine=change(machine, type=f"{machine.type}.pxe", pxe=True))
    boot = _boot(found)
    if boot:
        found = change(found, boot=change(found.boot, **boot))
    if meta.template:
        found = change(found, disks=[change(disk, ro=None) for disk in found.disks])
    del line
    return found


def _has_third_bridge(vm: VM) -> bool:
    return vm.machine.base in ("i440fx", "virt") and any(
        controller.key == "pci.3" and isinstance(controller.address, PCIAddress) and controller.address.slot == PCI["pci.3"][1]
        for controller in vm.controllers
    )


def _boot(vm: VM) -> dict[str, Any]:
    """The old letters where the places in the boot order come of them; a place that no device has belongs to a key that was named twice
    or is gone, so that another key stands in for it."""
    found = {
        key_of(name, device): device.bootindex for name in LISTS for device in getattr(vm, name) if device.bootindex is not None
    }
    if not found or sorted(found.values()) == list(range(FIRST, FIRST + len(found))):
        return {}
    vm = change(vm, disks=sorted(vm.disks, key=lambda disk: (BUSES[disk.bus or ""], disk.index or 0)))  # as qemu-server walks them
    disks = [key_of("disks", disk) for disk in vm.disks]
    for count in range(1, 5):
        for letters in itertools.permutations("cdna", count):
            for bootdisk in (None, *(key for key in disks if key in found)):
                said = {"legacy": "".join(letters), "bootdisk": bootdisk, "order": None}
                if bootindexes(change(vm, boot=change(vm.boot, **said))) == found:
                    return said
    if min(found.values()) >= FIRST and max(found.values()) < FIRST + MOST_BOOT:
        return {"order": list(_filled(vm, found))}
    return {}


MOST_BOOT = 64
"""Places in a boot order."""


def _filled(vm: VM, found: dict[str, int]) -> Iterator[str]:
    places = {place: key for key, place in found.items()}
    free = (key for n in range(31, -1, -1) for key in (f"net{n}",) if all(net.key != key for net in vm.nets))
    for place in range(FIRST, max(places) + 1):
        yield places.get(place) or next(free)


def nearest(line: Line, vm: VM, host: HostFacts, finish: Callable[[VM], VM], attempt: Attempt) -> VM:
    """Of the ostypes, and of a VM that is older or younger than its QEMU, the one whose words are nearest to those of the line.

    `finish`: the described VM -> the VM as a config says it."""
    best, least = vm, None
    wanted = Counter(line.words)
    for candidate in _candidates(vm, host):
        try:
            words = attempt(finish(candidate))
        except BridgeError:
            continue
        if words == line.words:
            return candidate
        have = Counter(words)
        distance = ((wanted - have) + (have - wanted)).total()
        if least is None or distance < least:
            best, least = candidate, distance
    return best


def _candidates(vm: VM, host: HostFacts) -> Iterator[VM]:
    if vm.meta.ostype is not None or vm.cpu.features is None:
        yield vm
        return
    judged = ostype.judge(vm, host)
    names = [judged, *(name for name in OSTYPES if name != judged)]
    if vm.machine.type in UNVERSIONED:  # qemu-server pins Windows to a version
        names = [name for name in names if not windows_version(name)]
    for name in names:
        yield change(vm, meta=change(vm.meta, ostype=name))
    if host.qemu_version:
        for name in names:
            if name == "l26" or windows_version(name):
                yield change(vm, meta=change(vm.meta, ostype=name, creation_qemu=host.qemu_version))


# Volumes


def with_volumes(line: Line, vm: VM, host: HostFacts) -> VM:
    """Node names hold a hash of key and volume id: of several volumes that a place may be, it tells the one that was meant."""
    vmid = line.vmid
    taken: set[str] = set()
    disks = []
    for disk in vm.disks:
        disk = _with_volume(line, disk, host, vmid, taken)
        if disk.source is not None and disk.source.volid is not None:
            taken.add(disk.source.volid)
        disks.append(disk)
    firmware = vm.firmware
    if firmware.vars is not None and firmware.vars.volid is None:
        hashed = line.node_names.get(id(firmware.vars.where))
        found = _volume(firmware.vars, "efidisk0", hashed, host, vmid, taken)
        if found is not None:
            firmware = change(firmware, vars=change(firmware.vars, volid=found))
    return change(vm, disks=disks, firmware=firmware)


def _with_volume(line: Line, disk: Disk, host: HostFacts, vmid: int, taken: set[str]) -> Disk:
    source = disk.source
    if source is None or source.volid is not None or source.kind == "empty":
        return disk
    found = _volume(source, disk.key or "", line.node_names.get(id(disk.where)), host, vmid, taken)
    if found is None:
        return disk
    return change(disk, source=change(source, volid=found))


def _volume(source: Source, key: str, hashed: str | None, host: HostFacts, vmid: int, taken: set[str]) -> str | None:
    """The volume id that the node's name was made of; without a name one of a logical unit that no table names."""
    if hashed is not None:
        for volid in itertools.chain(_possible(source, host, vmid), _clones(source, host)):
            if node_name("e", key, volid) == hashed and _is_at(volid, source, host):
                return volid
        return None
    if source.protocol == "iscsi":
        return next((volid for volid in _units(source, host, vmid) if volid not in taken and _is_at(volid, source, host)), None)
    return None


def _possible(source: Source, host: HostFacts, vmid: int) -> Iterator[str]:
    if source.path is not None:
        yield source.path
        *_, directory, name = ("", *source.path.split("/"))
        names = [name, f"{directory}/{name}", f"iso/{name}", f"import/{name}"]
        if name == "disk.raw":
            names.append(f"{source.path.split('/')[-3]}/{directory}.raw")
        for known in host.storages:
            yield from (f"{known}:{text}" for text in names)
    elif source.protocol == "iscsi":
        yield from _units(source, host, vmid)
    elif source.protocol == "rbd":
        image = (source.name or "").rpartition("/")[2]
        yield from (f"{known}:{image}" for known in host.storages)


LINKED = range(100, 10_000), range(4)
"""VMIDs and disk numbers of the images that a linked clone is looked for on."""


def _clones(source: Source, host: HostFacts) -> Iterator[str]:
    """Volume ids of linked clones: the id names the image below, which the path does not."""
    for known in host.storages.values():
        for volid in (f"{known.id}:{name}" for name in _clone_names(source, known.path is not None)):
            if not _is_at(volid, source, host):
                continue
            name = volid.partition(":")[2]
            *directory, image = name.split("/")
            ending = image.rpartition(".")[2] if "." in image else ""
            for vmid in LINKED[0]:
                for n in LINKED[1]:
                    base = f"base-{vmid}-disk-{n}"
                    if directory:
                        for form in dict.fromkeys((ending, "raw")):
                            yield f"{known.id}:{vmid}/{base}.{form}/{name}"
                    else:
                        yield f"{known.id}:{base}/{name}"


def _clone_names(source: Source, files: bool) -> Iterator[str]:
    if source.protocol == "rbd":
        yield (source.name or "").rpartition("/")[2]
    elif source.path is not None:
        *_, directory, name = ("", *source.path.split("/"))
        yield f"{directory}/{name}" if files else name


MOST_DISKS = 100


def _units(source: Source, host: HostFacts, vmid: int) -> Iterator[str]:
    target, _, unit = (source.name or "").rpartition("/")
    for known in host.storages.values():
        if known.target != target:
            continue
        if known.type == "iscsidirect":
            yield f"{known.id}:lun{unit}"
        elif known.type == "zfs":
            yield from (f"{known.id}:vm-{vmid}-disk-{n}" for n in range(MOST_DISKS))
            yield f"{known.id}:vm-{vmid}-cloudinit"


def _is_at(volid: str, source: Source, host: HostFacts) -> bool:
    """Whether the host's storages have this volume at the place."""
    try:
        location = storage.locate(host, volid)
    except BridgeError:
        return False
    if source.path is not None:
        return location.path == source.path
    if source.protocol == "iscsi":
        return f"{location.target}/{location.lun}" == source.name
    return location.protocol == source.protocol and f"{location.pool}/{location.image}" == source.name



