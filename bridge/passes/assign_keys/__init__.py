"""assign_keys(vm): addresses and aliases of domain XML become qemu-server's keys.

Evidence in this order (mapping-devices 18.1): the alias `ua-KEY`, the address (qemu-server's slots are known, data/pci.py), the
document's order. A foreign PCI layout cannot be kept, as qemu-server has no address option.
"""

from __future__ import annotations

from msgspec.structs import replace

from ...core.report import Report
from ...model.vm import VM
from . import buses, cards, drives

__all__ = ["assign_keys"]


def assign_keys(vm: VM, report: Report) -> VM:
    """Law: assign_keys(place(vm)) gives every device the key it had; every device gets a key that is free, or the VM is refused."""
    vm = buses.name(vm)
    vm = drives.choose(vm, report)
    vm = replace(vm, nets=cards.nets(vm), usbs=cards.usbs(vm), hostpcis=cards.hostpcis(vm, report), serials=cards.serials(vm))
    return replace(vm, parallels=cards.parallels(vm), virtiofs=cards.virtiofs(vm))
