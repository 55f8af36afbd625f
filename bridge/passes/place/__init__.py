"""place(vm): every device gets the PCI, USB and drive address that qemu-server gives it; the VM gets its controllers.

Slots are what a guest knows its devices by (a NIC in slot 0x12 is `ens18`), so they come from one table, `data/pci.py`.
Source: qemu-server 9.2.6 (PCI.pm, USB.pm, DriveDevice.pm, config_to_command); mapping-devices 3 to 7 and 9.
"""

from __future__ import annotations

from msgspec.structs import replace

from ...core.report import Report
from ...model.vm import VM
from . import bridges, drives, free, slots, usb


def place(vm: VM, report: Report) -> VM:
    """Law: the same keys give the same addresses, and no two devices share one."""
    disks, adapters = drives.place(vm)
    vm = slots.place(replace(vm, disks=disks, controllers=adapters), report)
    usb_controllers, vm = usb.place(vm)
    serial_controllers = slots.virtio_serial(vm)
    used = slots.buses(vm, usb_controllers, serial_controllers)
    controllers = [*bridges.place(vm, used), *usb_controllers, *vm.controllers, *serial_controllers]
    return free.place(replace(vm, controllers=controllers))
