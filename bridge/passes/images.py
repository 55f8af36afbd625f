"""Formats of images that QEMU opens and who runs it does not."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from ..core.report import BridgeError, Report
from ..model.disk import Disk
from ..model.vm import VM
from .fill import change

TO = "qcow2"
"""What everybody opens, and what is no larger than the image."""


def converted(vm: VM, formats: Collection[str], whose: str, report: Report) -> VM:
    """The VM with drives of these formats alone; `whose` they are. Others name the image that the finding's command makes.

    Raises BridgeError for a drive that is not on this host."""
    known = {*formats, None}
    if all(disk.format in known for disk in vm.disks):
        return vm
    return change(vm, disks=[disk if disk.format in known else _converted(disk, whose, report) for disk in vm.disks])


def _converted(disk: Disk, whose: str, report: Report) -> Disk:
    source, form = disk.source, disk.format or ""
    if source is None or source.path is None:
        raise BridgeError(f"{whose} cannot use images of format '{form}': convert it to {TO} with qemu-img", disk.where)
    path = f"{source.path}.{TO}"
    command = shlex.join(["qemu-img", "convert", "-f", form, "-O", TO, source.path, path])
    message = f"{whose} cannot use images of format '{form}': {path} takes the place of {source.path}"
    report.add("import-needed", disk.where, message, command, part=disk.key or "")
    return change(disk, format=TO, source=change(source, kind="file", path=path, format=TO, chain=None))
