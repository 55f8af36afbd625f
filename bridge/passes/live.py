"""What keeps the state of a running VM from going to another QEMU, by QEMU's own reasons; all else can be moved live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..core.report import Report
from ..model.raw import Other
from ..model.vm import VM

HINT = "shut the VM down for the move"
SHARE = "the state of a shared directory is in its daemon (virtiofsd), which stays on this host"
PEER = "QEMU: Migration is disabled when using feature 'peer mode' in device 'ivshmem'"
PCI = "a PCI device of this host cannot go with the state"
USB = "a USB device of this host cannot go with the state"
DRIVERS = {
    "vhost-user-fs-pci": SHARE,
    "ivshmem-plain": PEER,
    "ivshmem-doorbell": PEER,
    "vfio-pci": PCI,
    "usb-host": USB,
}
"""Devices of a command line that are none of the model's -> why."""


def live(vm: VM, report: Report, others: Iterable[Other] = ()) -> None:
    """Law: the VM stays as it is. `others`: what a command line has besides."""
    for where, message in _reasons(vm, others):
        report.add("no-live-move", where, message, HINT)


def _reasons(vm: VM, others: Iterable[Other]) -> Iterator[tuple[object, str]]:
    for share in vm.virtiofs:
        yield share.where, SHARE
    if vm.ivshmem is not None:
        yield vm.ivshmem.where, PEER
    for device in vm.hostpcis:
        if not device.enable_migration:
            yield device.where, PCI
    for usb in vm.usbs:
        if not usb.spice:
            yield usb.where, USB
    for other in others:
        if other.driver in DRIVERS:
            yield other.where, DRIVERS[other.driver]
    if vm.display.vdagent == "qemu-vdagent":
        yield vm.display.where, "QEMU: The vdagent chardev doesn't yet support migration"
