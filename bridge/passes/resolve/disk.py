"""What qemu-server assumes of a drive (qemu-server 9.2.6, Drive.pm, DriveDevice.pm, Blockdev.pm; mapping-devices 8)."""

from __future__ import annotations

from typing import Any

from ...data.gates import machine_has
from ...data.machines import UNVERSIONED
from ...host import storage
from ...host.facts import HostFacts
from ...host.storage import Location
from ...model.disk import Disk, Source
from ...model.vm import VM
from ...report import BridgeError, Report
from ..fill import change, fill, forget

CHAIN_NEEDS_BLOCKDEV = (
    "storage for '{}' is configured for snapshots as a volume chain - this requires QEMU machine version >= 10.0."
    " See https://pve.proxmox.com/wiki/QEMU_Machine_Version_Upgrade"
)


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: every disk knows where its bytes are and has every default of qemu-server. Raises BridgeError where it would refuse."""
    if not vm.disks:
        return vm
    return change(vm, disks=[_resolve(vm, disk, host, report) for disk in vm.disks])


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001
    """Law: what `resolve` would fill in again is unsaid."""
    if not vm.disks:
        return vm
    return change(vm, disks=[_unresolve(vm, disk, host) for disk in vm.disks])


def _resolve(vm: VM, disk: Disk, host: HostFacts, report: Report) -> Disk:
    said = disk.source
    if said is None or said.volid is None:
        raise BridgeError(f"{disk.key or 'a disk'} has no volume", disk.where)
    location = storage.locate(host, said.volid)
    storage.check_content(location)
    blockdev = _machine_has(vm, "blockdev")
    _check(vm, disk, location, blockdev)
    if location.doubt:
        kind = "storage-unknown" if location.kind == "volume" else "warning"
        report.add(kind, disk.where, f"{disk.key}: {location.doubt}")
    source = storage.source(location)
    source.where = said.where
    form = disk.format if location.kind in ("empty", "volume") else storage.checked_format(location, disk.key or "", disk.format)
    disk = change(disk, source=source)
    type_ = scsi_type(vm, disk, location, host)
    if disk.scsiblock and type_ == "hd":
        report.add(
            "ambiguous",
            disk.where,
            f"{disk.key}: scsiblock=1, but nothing says that {location.volid} is a SCSI disk: scsi-hd is taken, as for any other",
            f"if it is one: --host-fact scsi_type.{location.volid}=disk",
        )
    return fill(disk, format=form, **defaults(vm, disk, location, host))


def defaults(vm: VM, disk: Disk, location: Location, host: HostFacts) -> dict[str, Any]:
    """The fields that qemu-server derives: {field: value}."""
    cdrom = disk.media == "cdrom"
    direct = storage.cache_direct(location, disk.cache, cdrom)
    found: dict[str, Any] = {"aio": storage.default_aio(location, direct)}
    if not cdrom:
        found["cache"] = "none" if direct else "writeback"
        found["detect_zeroes"] = "unmap" if disk.discard == "on" else "on"
    type_ = scsi_type(vm, disk, location, host) if disk.bus == "scsi" else None
    blockdev = front_has(vm, "blockdev")
    if blockdev and not cdrom and type_ not in ("block", "generic"):
        found["write_cache"] = disk.cache not in ("writethrough", "directsync")
    if type_ in ("hd", "cd"):  # before -blockdev it was QEMU that chose: the serial, else the drive's id
        found["device_id"] = (None if blockdev else disk.serial) or f"drive-{disk.key}"
    return found


def scsi_type(vm: VM, disk: Disk, location: Location, host: HostFacts) -> str:
    """`hd`, `cd`, `block` or `generic`: which SCSI device stands for the drive.

    qemu-server asks an absolute path whether it is a SCSI disk or tape. iSCSI was `generic` before machine 4.1.
    """
    if disk.media == "cdrom" or disk.cloudinit:
        return "cd"
    if location.volid.startswith("/"):
        answer = host.scsi_type.get(location.volid)
        return "generic" if answer == "tape" else "block" if answer == "disk" and disk.scsiblock else "hd"
    return "hd" if location.protocol != "iscsi" or front_has(vm, "iscsi_scsi_hd") else "generic"


def front_has(vm: VM, name: str) -> bool:
    """Whether the drive's device has the feature. DriveDevice.pm takes a machine without a version for that of the node's own QEMU,
    whatever QEMU the rest was told of; that one is new enough."""
    return vm.machine.pinned in UNVERSIONED or _machine_has(vm, name)


def _machine_has(vm: VM, name: str) -> bool:
    return machine_has(vm.machine.version or (), vm.machine.pve or 0, name)


def _check(vm: VM, disk: Disk, location: Location, blockdev: bool) -> None:
    """What qemu-server refuses."""
    if disk.bus == "scsi" and (disk.index or 0) > 13 and not _machine_has(vm, "scsi_more_than_14"):
        raise BridgeError(f"{disk.key}: machine version 4.1~pve2 or higher is required to use more than 14 SCSI disks", disk.where)
    if blockdev and disk.snapshot and location.kind != "empty":
        raise BridgeError("'snapshot' option is not yet supported for '-blockdev'", disk.where)
    if location.volume_chain and not blockdev:
        raise BridgeError(CHAIN_NEEDS_BLOCKDEV.format(location.volid), disk.where)
    if location.is_iso and disk.media is None:
        raise BridgeError(f"{disk.key}: explicit media parameter is required for iso images", disk.where)


def _unresolve(vm: VM, disk: Disk, host: HostFacts) -> Disk:
    source = disk.source or Source(kind="empty")
    disk = change(disk, source=source)
    volid = source.volid or "none"
    location = _located(host, volid)
    if location is None:
        return disk
    assumed = defaults(vm, disk, location, host)
    unsaid = [name for name in ("cache", "aio", "detect_zeroes") if assumed.get(name) == getattr(disk, name)]
    if disk.format == (location.format or "raw") or location.kind == "empty" or disk.media == "cdrom":
        unsaid.append("format")
    return forget(disk, *unsaid, "write_cache", "device_id")


def _located(host: HostFacts, volid: str) -> Location | None:
    try:
        return storage.locate(host, volid)
    except BridgeError:
        return None
