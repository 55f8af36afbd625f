"""unplace(vm): addresses and aliases of domain XML become qemu-server's keys; `moves` says what will stand elsewhere.

Evidence in this order (mapping-devices 18.1): the alias `ua-KEY`, the address (qemu-server's slots are known, data/pci.py), the
document's order. A foreign PCI layout cannot be kept, as qemu-server has no address option.
"""

from __future__ import annotations

from msgspec.structs import replace

from ...model.vm import VM
from ...report import Report
from . import buses, cards, drives
from .moves import moves

__all__ = ["moves", "unplace"]


def unplace(vm: VM, report: Report) -> VM:
    """Law: unplace(place(vm)) gives every device the key it had; every device gets a key that is free, or the VM is refused."""
    vm = buses.name(vm)
    vm = drives.choose(vm, report)
    vm = replace(vm, nets=cards.nets(vm), usbs=cards.usbs(vm), hostpcis=cards.hostpcis(vm, report), serials=cards.serials(vm))
    return replace(vm, parallels=cards.parallels(vm), virtiofs=cards.virtiofs(vm))
