"""Keys of disks, and the one scsihw of the VM (mapping-devices 7, 9, 18.1)."""

from __future__ import annotations

from msgspec.structs import replace

from ...core.report import Report
from ...data.pci import PCI
from ...model.controller import Controller
from ...model.disk import Disk
from ...model.part import DriveAddress, PCIAddress
from ...model.vm import VM
from ..place.drives import LSI_UNITS
from .keys import Keys

COUNT = {"ide": 4, "sata": 6, "scsi": 31, "virtio": 16}
SCSIHW = {"lsilogic": "lsi", "lsi53c810": "lsi53c810", "lsisas1078": "megasas", "vmpvscsi": "pvscsi", "virtio-scsi": "virtio-scsi-pci"}
TRANSITIONAL = ("virtio-transitional", "virtio-non-transitional")
"""Models of virtio-scsi that qemu-server has not: it has the one that is both."""
_Q35_IDE = {0: 0, 2: 1, 1: 2, 3: 3}
"""Port of q35's own AHCI -> ideN (qemu-server moves odd units up by two)."""
_VIRTIO_PLACES = {PCI[f"virtio{n}"]: n for n in range(16)}


def choose(vm: VM, report: Report) -> VM:
    """Every disk gets its key; the VM its scsihw; a virtio-scsi-single disk takes over its controller's iothreads and queues."""
    kept = [disk for disk in vm.disks if _supported(disk, report)]
    scsihw = _scsihw(vm, [d for d in kept if d.bus == "scsi"], report)
    keys = {bus: Keys(bus, count) for bus, count in COUNT.items()}
    wishes = [_wish(vm, disk, scsihw) for disk in kept]
    chosen: dict[int, tuple[str, int]] = {}
    for by_alias in (True, False):
        for n, (disk, (bus, wish)) in enumerate(zip(kept, wishes, strict=True)):
            if n in chosen:
                continue
            number = keys[bus].alias(disk.key) if by_alias else keys[bus].wish(wish)
            if number is not None:
                chosen[n] = bus, number
    for n, (disk, (bus, _)) in enumerate(zip(kept, wishes, strict=True)):
        if n not in chosen:
            chosen[n] = bus, keys[bus].next(disk.where)
    disks = [replace(disk, bus=chosen[n][0], index=chosen[n][1], key="{}{}".format(*chosen[n])) for n, disk in enumerate(kept)]
    order = list(COUNT)
    disks = [_with_controller(vm, disk, scsihw, report) for disk in disks]
    return replace(vm, disks=sorted(disks, key=lambda d: (order.index(d.bus or ""), d.index or 0)), scsihw=scsihw)


def _supported(disk: Disk, report: Report) -> bool:
    if disk.bus in COUNT:
        return True
    report.add(
        "guest-lost",
        disk.where,
        f"qemu-server has no {disk.media or 'disk'} on bus '{disk.bus}' (target {disk.target}): left out",
        "attach the image as a scsi or virtio disk",
    )
    return False


def _adapter(vm: VM, disk: Disk) -> Controller | None:
    """The SCSI controller of a disk."""
    address = disk.address
    if not isinstance(address, DriveAddress):
        return None
    for controller in vm.controllers:
        if controller.type == "scsi" and address.controller in (controller.key, f"#{controller.index or 0}"):
            return controller
    return None


def _scsihw(vm: VM, disks: list[Disk], report: Report) -> str | None:
    """One scsihw for all: that of the first boot disk when they differ."""
    adapters: dict[int, Controller] = {}
    count: dict[int, int] = {}
    for disk in sorted(disks, key=lambda d: d.bootindex or 1 << 30):
        if (adapter := _adapter(vm, disk)) is not None:
            adapters.setdefault(id(adapter), adapter)
            count[id(adapter)] = count.get(id(adapter), 0) + 1
    if not adapters:
        return "lsi" if disks and vm.machine.base != "virt" else "virtio-scsi-pci" if disks else None
    said = [adapter.model or "" for adapter in adapters.values()]
    models = list(dict.fromkeys("virtio-scsi" if model in TRANSITIONAL else model for model in said))
    for adapter, model in zip(adapters.values(), said, strict=True):
        if model in TRANSITIONAL:
            report.add("guest-changed", adapter.where, f"the SCSI controller was {model}, under qemu-server it is a plain virtio-scsi")
        elif model not in SCSIHW:
            report.add("guest-changed", adapter.where, f"qemu-server has no SCSI controller '{model}': the nearest one takes its place")
        elif model != models[0]:
            report.add("guest-changed", adapter.where, f"a VM has one kind of SCSI controller: '{model}' becomes '{models[0]}'")
    scsihw = SCSIHW.get(models[0], "lsi")
    if scsihw != "virtio-scsi-pci":
        return scsihw
    single = all(n == 1 for n in count.values())
    if single and len(adapters) == 1:
        adapter = next(iter(adapters.values()))
        key = adapter.key or ""
        single = key.startswith("virtioscsi") or (not key.startswith("scsihw") and bool(adapter.served_by or adapter.queues))
    return "virtio-scsi-single" if single else scsihw


def _wish(vm: VM, disk: Disk, scsihw: str | None) -> tuple[str, int | None]:
    """(bus of the key, number that keeps the guest's view)."""
    address, bus = disk.address, disk.bus or ""
    if bus == "virtio":
        place = (address.bus, address.slot) if isinstance(address, PCIAddress) else None
        if place is not None and place in _VIRTIO_PLACES:
            return bus, _VIRTIO_PLACES[place]
        return bus, _letter(disk.target, "vd")
    if not isinstance(address, DriveAddress):
        return bus, _letter(disk.target, "hd" if bus == "ide" else "sd")
    if bus == "ide":
        return bus, 2 * address.bus + address.unit
    if bus == "sata":
        if vm.machine.base == "q35" and address.controller in ("ide", "#0") and address.unit in _Q35_IDE:
            return "ide", _Q35_IDE[address.unit]
        return bus, address.unit
    return bus, _scsi_number(vm, disk, address, scsihw)


def _scsi_number(vm: VM, disk: Disk, address: DriveAddress, scsihw: str | None) -> int | None:
    if scsihw == "pvscsi":
        return address.target
    if scsihw in ("lsi", "lsi53c810"):
        adapter = _adapter(vm, disk)
        rank = adapter.index or 0 if adapter else 0
        if adapter and adapter.key and adapter.key.startswith("scsihw"):
            rank = int(adapter.key[6:])
        return LSI_UNITS * rank + address.unit if address.unit < LSI_UNITS else None
    return address.unit if address.target == 0 and address.bus == 0 else None


def _letter(target: str | None, prefix: str) -> int | None:
    """vda -> 0, vdb -> 1, ... for single letters."""
    if target and len(target) == len(prefix) + 1 and target.startswith(prefix) and "a" <= target[-1] <= "z":
        return ord(target[-1]) - ord("a")
    return None


def _with_controller(vm: VM, disk: Disk, scsihw: str | None, report: Report) -> Disk:
    if disk.bus != "scsi" or (adapter := _adapter(vm, disk)) is None:
        return disk
    if scsihw == "virtio-scsi-single":
        return replace(disk, served_by=adapter.served_by or disk.served_by, queues=adapter.queues)
    if adapter.served_by:
        report.add(
            "iothread-lost",
            adapter.where,
            f"controller {adapter.index or 0} serves several disks with iothreads: only virtio-scsi-single controllers can have them",
            "one controller per disk keeps them (the guest then sees other PCI slots)",
        )
    if adapter.queues:
        message = f"queues={adapter.queues} of SCSI controller {adapter.index or 0}: only virtio-scsi-single has queues"
        report.add("host-lost", adapter.where, message)
    return disk
