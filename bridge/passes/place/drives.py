"""Disk buses: which host adapter a disk sits on, and its unit there (mapping-devices 7 and 9)."""

from __future__ import annotations

from msgspec.structs import replace

from ...core.report import BridgeError
from ...model.controller import Controller
from ...model.disk import Disk
from ...model.part import DriveAddress, PCIAddress
from ...model.vm import VM
from .slots import conventional

SCSI_MODELS = {
    "lsi": "lsilogic",
    "lsi53c810": "lsi53c810",
    "virtio-scsi-pci": "virtio-scsi",
    "virtio-scsi-single": "virtio-scsi",
    "megasas": "lsisas1078",
    "pvscsi": "vmpvscsi",
}
"""qemu-server's scsihw -> the adapter's model in libvirt's words."""

LSI_UNITS = 7
"""Disks on one LSI adapter."""


def place(vm: VM) -> tuple[list[Disk], list[Controller]]:
    """The disks with their addresses, and the adapters they need, numbered by rank."""
    adapters: dict[str, Controller] = {}
    disks = [_place(vm, disk, adapters) for disk in vm.disks]
    order = {"ide": 0, "sata": 1, "scsi": 2}
    ranked: list[Controller] = []
    for kind in sorted({a.type for a in adapters.values()}, key=order.__getitem__):
        members = [a for a in adapters.values() if a.type == kind]
        if kind == "sata" and vm.machine.base == "q35":
            members.sort(key=lambda a: not a.builtin)
            first = 0 if members[0].builtin else 1
        else:
            first = 0
        ranked += [replace(a, index=n) for n, a in enumerate(members, first)]
    return disks, ranked


def _place(vm: VM, disk: Disk, adapters: dict[str, Controller]) -> Disk:
    n = disk.index or 0
    key = f"{disk.bus}{n}"
    if disk.bus == "virtio":
        return replace(disk, key=key, address=conventional(vm.machine.base, key))
    if disk.bus == "scsi":
        return replace(disk, key=key, address=_scsi(vm, disk, n, adapters))
    if disk.bus == "sata":
        adapters.setdefault(
            "ahci0",
            Controller(type="sata", key="ahci0", address=conventional(vm.machine.base, "ahci0", 0, True)),
        )
        return replace(disk, key=key, address=DriveAddress("ahci0", unit=n))
    if vm.machine.base == "q35":  # no IDE there: the chipset's AHCI stands in; odd units move up by two (qemu-server, DriveDevice.pm)
        adapters.setdefault("ide", Controller(type="sata", key="ide", builtin=True, address=PCIAddress("pcie.0", 0x1F, 2)))
        return replace(disk, key=key, address=DriveAddress("ide", unit=n // 2 + 2 * (n % 2)))
    board = PCIAddress("pci.0", 1, 1) if vm.machine.base == "i440fx" else None  # virt has no IDE: QEMU refuses what qemu-server writes
    adapters.setdefault("ide", Controller(type="ide", key="ide", builtin=True, address=board))
    return replace(disk, key=key, address=DriveAddress("ide", bus=n // 2, unit=n % 2))


def _scsi(vm: VM, disk: Disk, n: int, adapters: dict[str, Controller]) -> DriveAddress:
    scsihw = vm.scsihw or "lsi"
    if scsihw == "virtio-scsi-single":
        key = f"virtioscsi{n}"
        adapters[key] = Controller(
            type="scsi",
            key=key,
            model="virtio-scsi",
            address=conventional(vm.machine.base, key),
            iothread=disk.iothread,
            served_by=disk.served_by,
            queues=disk.queues,
            where=disk.where,
        )
        return DriveAddress(key, unit=n)
    if scsihw not in SCSI_MODELS:
        raise BridgeError(f"there is no SCSI controller '{scsihw}': set scsihw to one of {', '.join(SCSI_MODELS)}", disk.where)
    rank = n // LSI_UNITS if scsihw.startswith("lsi") else 0
    key = f"scsihw{rank}"
    adapters.setdefault(key, Controller(type="scsi", key=key, model=SCSI_MODELS[scsihw], address=conventional(vm.machine.base, key)))
    if scsihw.startswith("lsi"):
        return DriveAddress(key, unit=n % LSI_UNITS)
    if scsihw == "pvscsi":
        return DriveAddress(key, target=n)
    return DriveAddress(key, unit=n)

def adapter_key(controller: Controller, vm: VM, scsihw: str | None) -> str | None:
    """The id of the adapter that qemu-server makes for the SCSI disks of this one; None where it makes another number of them."""
    names = (controller.key, f"#{controller.index or 0}")
    disks = [d for d in vm.disks if d.bus == "scsi" and isinstance(d.address, DriveAddress) and d.address.controller in names]
    if controller.type != "scsi" or not disks or disks[0].index is None:
        return None
    if scsihw == "virtio-scsi-single":
        return f"virtioscsi{disks[0].index}" if len(disks) == 1 else None
    return "scsihw0" if scsihw in ("virtio-scsi-pci", "pvscsi", "megasas") else f"scsihw{disks[0].index // LSI_UNITS}"
