"""A template starts only to be backed up, with little more than its disks (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..model.display import Display
from ..model.machine import Machine
from ..model.meta import Meta
from ..model.vm import VM


def reduce(vm: VM) -> VM:
    """Law: a VM that is not a template stays as it is; a template keeps drives, scsihw, bios and name, without KVM and display."""
    meta = vm.meta
    if not meta.template:
        return vm
    return VM(
        meta=Meta(vmid=meta.vmid, name=meta.name, template=True),
        machine=Machine(kvm=False),
        firmware=vm.firmware,
        display=Display(type="none"),
        scsihw=vm.scsihw,
        disks=vm.disks,
        tpm=vm.tpm,
    )
