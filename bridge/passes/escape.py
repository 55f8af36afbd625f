"""What no key of a config holds, as raw QEMU arguments: `args` (mapping-devices 18.5)."""

from __future__ import annotations

from msgspec.structs import replace

from ..data import gates
from ..host.facts import HostFacts
from ..model.controller import Controller
from ..model.part import DriveAddress
from ..model.vm import VM
from ..report import Report, Setting

DRIVERS = {"rng": "virtio-rng-pci", "ivshmem": "ivshmem-plain", "virtiofs": "vhost-user-fs-pci"}
"""Devices that qemu-server gives no id, hence no `-set`; a VM has one of each, or all are alike."""
OWN_IDS = {"balloon": "balloon0", "audio": "audio0", "tablet": "tablet"}
NO_JSON = "qemu-server prints this device as JSON, whose properties no argument can change"


def escape(vm: VM, placed: VM, host: HostFacts, report: Report, remembered: list[str]) -> VM:
    """Law: every property that waited for its device stands in `args`, or is a finding. `placed` has the devices with their keys;
    `remembered` are words that `args` had before."""
    for setting in report.settings:
        _settle(setting, vm, placed, host, report)
    report.settings.clear()
    if not report.words:
        return vm
    words = [*(vm.raw.words or remembered), *report.words]
    return replace(vm, raw=replace(vm.raw, words=words, where=vm.raw.where or vm.machine.where))


def _settle(setting: Setting, vm: VM, placed: VM, host: HostFacts, report: Report) -> None:
    prefix = _prefix(setting.device, placed)
    if prefix is None:
        report.add(setting.kind, setting.where, setting.message)
        return
    if prefix[1].startswith(JSON) and (vm.iothreads.pool is not None or host.qemu_server == gates.RFC_IOTHREADS):
        report.add(setting.kind, setting.where, setting.message, NO_JSON)
        return
    option, device = prefix
    report.mend(setting.kind, setting.where, setting.message, [w for k, v in setting.values.items() for w in (option, f"{device}.{k}={v}")])


JSON = tuple(f"device.{name}" for name in ("virtio", "scsi", "sata", "ide"))
"""Drives and their adapters, of a VM with a pool of iothreads."""


def _adapter(controller: Controller, vm: VM) -> tuple[str, str] | None:
    """The adapter that qemu-server makes for the disks of this one."""
    names = (controller.key, f"#{controller.index or 0}")
    disks = [d for d in vm.disks if d.bus == "scsi" and isinstance(d.address, DriveAddress) and d.address.controller in names]
    if controller.type != "scsi" or not disks or disks[0].index is None:
        return None
    if vm.scsihw == "virtio-scsi-single":
        return ("-set", f"device.virtioscsi{disks[0].index}") if len(disks) == 1 else None
    return ("-set", "device.scsihw0") if vm.scsihw == "virtio-scsi-pci" else None


def _prefix(where: object, vm: VM) -> tuple[str, str] | None:
    """The option that changes a device, and what comes before the property's name."""
    for device in (*vm.disks, *vm.nets, *vm.usbs):
        if device.where is where and device.key:
            return "-set", f"device.{device.key}"
    for video in (vm.display.videos or ())[:1]:  # of further ones it is not certain that they are there
        if video.where is where:
            return "-set", "device.vga"
    for passed in vm.hostpcis:
        if passed.where is where and passed.key and len(passed.ids or ()) < 2:
            return "-set", f"device.{passed.key}"
    for controller in vm.controllers:
        if controller.where is where:
            return _adapter(controller, vm)
    for field, name in OWN_IDS.items():
        part = getattr(vm, field)
        if part is not None and part.where is where:
            return "-set", f"device.{name}"
    for field, driver in DRIVERS.items():
        parts = getattr(vm, field)
        for part in parts if isinstance(parts, list) else [parts]:
            if part is not None and part.where is where:
                return "-global", driver
    return None
