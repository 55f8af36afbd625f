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
    disks = [_one_thread(disk, n, target.has("iothread_mapping_blk"), report) for n, disk in enumerate(vm.disks)]
    controllers = [_one_thread(controller, n, target.has("iothread_mapping_scsi"), report) for n, controller in enumerate(vm.controllers)]
    return replace(vm, disks=disks, controllers=controllers)


def _one_thread(device: D, turn: int, mapping: bool, report: Report) -> D:
    """Without queue mapping a device has one thread; the devices take turns, so that all threads have work."""
    if mapping or device.served_by is None or len(device.served_by) < 2:
        return device
    by = device.served_by[turn % len(device.served_by)]
    report.add(
        "fallback",
        device.where,
        f"{device.key}: the target maps no queues to iothreads, iothread {by.iothread} alone serves it",
        "a younger libvirt maps them",
    )
    return replace(device, served_by=[by])
