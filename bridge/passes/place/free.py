"""Devices without a slot of their own: QEMU puts them into the first free one of the root bus (mapping-devices 5)."""

from __future__ import annotations

from msgspec.structs import replace

from ...data.pci import LAST_SLOT
from ...model.part import PCIAddress
from ...model.vm import VM

CHIPSET = {"i440fx": {0, 1}, "q35": {0, 0x1F}, "virt": {0}}
"""Slots that the board itself holds."""
ICH9_HDA_SLOT = 0x1B


def place(vm: VM) -> VM:
    """After all other devices: virtio-iommu first, then virtiofs0, virtiofs1, ..."""
    if not vm.virtiofs and vm.machine.viommu != "virtio":
        return vm
    base = vm.machine.base or "i440fx"
    root = "pci.0" if base == "i440fx" else "pcie.0"
    taken = set(CHIPSET[base])
    if base == "q35":
        taken.add(ICH9_HDA_SLOT)
    for device in vm.devices():
        if isinstance(device.address, PCIAddress) and device.address.bus == root and _function0(device.address, vm):
            taken.add(device.address.slot)
    slots = iter([slot for slot in range(1, LAST_SLOT + 1) if slot not in taken])
    machine = vm.machine
    if machine.viommu == "virtio":
        machine = replace(machine, viommu_address=PCIAddress(root, next(slots)))
    shares = [replace(share, key=f"virtiofs{share.index}", address=PCIAddress(root, next(slots))) for share in vm.virtiofs]
    return replace(vm, machine=machine, virtiofs=shares)


def _function0(address: PCIAddress, vm: VM) -> bool:
    """A slot counts as taken only when its function 0 is there (QEMU looks at no other)."""
    if address.function == 0:
        return True
    siblings = [c.address for c in vm.controllers if isinstance(c.address, PCIAddress)]
    return any(a.bus == address.bus and a.slot == address.slot and a.function == 0 for a in siblings)
