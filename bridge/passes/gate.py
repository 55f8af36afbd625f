"""What the target host's libvirt and QEMU can do."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from ..data.gates import Target
from ..model.controller import Controller
from ..model.disk import Disk
from ..model.vm import VM
from ..report import Report

D = TypeVar("D", Disk, Controller)


def gate(vm: VM, target: Target, report: Report) -> VM:
    """Law: what stays is known to the target; what does not stay has a finding; a younger target never loses more."""
    disks = [_one_thread(disk, target.has("iothread_mapping_blk"), report) for disk in vm.disks]
    controllers = [_one_thread(controller, target.has("iothread_mapping_scsi"), report) for controller in vm.controllers]
    return replace(vm, disks=disks, controllers=controllers)


def _one_thread(device: D, mapping: bool, report: Report) -> D:
    """Without queue mapping a device has one thread: the first of its list."""
    if mapping or device.served_by is None or len(device.served_by) < 2:
        return device
    first = device.served_by[0]
    report.add(
        "fallback",
        device.where,
        f"{device.key}: the target maps no queues to iothreads, iothread {first.iothread} alone serves it",
        "a younger libvirt maps them",
    )
    return replace(device, served_by=[first])
