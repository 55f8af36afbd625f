"""What keeps the state of a running VM from going to another QEMU, by QEMU's own reasons; all else can be moved live."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.report import Report
from ..model.vm import VM

HINT = "shut the VM down for the move"


def live(vm: VM, report: Report) -> None:
    """Law: the VM stays as it is."""
    for where, message in _reasons(vm):
        report.add("no-live-move", where, message, HINT)


def _reasons(vm: VM) -> Iterator[tuple[object, str]]:
    for share in vm.virtiofs:
        yield share.where, "the state of a shared directory is in its daemon (virtiofsd), which stays on this host"
    if vm.ivshmem is not None:
        yield vm.ivshmem.where, "QEMU: Migration is disabled when using feature 'peer mode' in device 'ivshmem'"
    for device in vm.hostpcis:
        if not device.enable_migration:
            yield device.where, "a PCI device of this host cannot go with the state"
    for usb in vm.usbs:
        if not usb.spice:
            yield usb.where, "a USB device of this host cannot go with the state"
    if vm.display.vdagent == "qemu-vdagent":
        yield vm.display.where, "QEMU: The vdagent chardev doesn't yet support migration"
