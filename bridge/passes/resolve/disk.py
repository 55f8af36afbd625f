"""What qemu-server assumes of a drive (qemu-server 9.2.6, Drive.pm, DriveDevice.pm, Blockdev.pm; mapping-devices 8)."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Any, NamedTuple

from msgspec.structs import replace

from ...core.report import BridgeError, Fields, Report, fields
from ...data.gates import machine_has
from ...host import storage
from ...host.facts import HostFacts
from ...host.storage import Location
from ...host.volid import Match, volume_id
from ...model.disk import Disk, Source
from ...model.vm import VM
from ..fill import change, fill, forget

CHAIN_NEEDS_BLOCKDEV = (
    "storage for '{}' is configured for snapshots as a volume chain - this requires QEMU machine version >= 10.0."
    " See https://pve.proxmox.com/wiki/QEMU_Machine_Version_Upgrade"
)


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: every disk knows where its bytes are and has every default of qemu-server. Raises BridgeError where it would refuse."""
    if not vm.disks:
        return vm
    names, era = target_names(vm), era_of(vm)
    return change(vm, disks=[_resolve(era, disk, name, host, report) for disk, name in zip(vm.disks, names, strict=True)])


def check_volumes(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: the VM stays as it is. Volumes are looked up before anything else is (vm_commandline, get_current_vm_volumes)."""
    named = [(disk.source, disk.where) for disk in vm.disks]
    named.append((vm.firmware.vars, vm.firmware.where))
    if vm.tpm is not None:
        named.append((vm.tpm.source, vm.tpm.where))
    for source, where in named:
        if source is not None and source.volid is not None:
            try:
                storage.check_volume(host, source.volid)
            except BridgeError as error:
                raise BridgeError(error.message, where) from None
    return vm


class Era(NamedTuple):
    """What the machine's version decides about drives."""

    blockdev: bool
    many_scsi: bool
    """More than 14 SCSI disks."""
    iscsi_scsi_hd: bool
    """An iSCSI disk is a scsi-hd."""


def era_of(vm: VM) -> Era:
    version, pve = vm.machine.version or (), vm.machine.pve or 0
    return Era(*(machine_has(version, pve, name) for name in ("blockdev", "scsi_more_than_14", "iscsi_scsi_hd")))


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: what `resolve` would fill in again is unsaid, and every image has the name that qemu-server knows it by."""
    if not vm.disks:
        return vm
    found = [disk for said in vm.disks if (disk := _named(vm, said, host, report)) is not None]
    _report_targets(change(vm, disks=found), report)
    _report_device_ids(vm, found, report)
    era = era_of(vm)
    return change(vm, disks=[_unresolve(era, disk, host) for disk in found])


BUSES = {"ide": 0, "scsi": 1, "virtio": 2, "sata": 3}
"""Bus -> its place in the order in which qemu-server walks them."""
PREFIXES = {"virtio": "vd", "ide": "hd"}
"""Of libvirt's target names, which no guest sees; all other buses share `sd`."""


def target_names(vm: VM) -> list[str]:
    """`vda`, `sda`, ...: a name for each disk, in qemu-server's order of buses and numbers."""
    count = {"vd": 0, "hd": 0, "sd": 0}
    names = [""] * len(vm.disks)
    q35 = vm.machine.base == "q35"
    for _, _, n in sorted([(BUSES[disk.bus or ""], disk.index or 0, n) for n, disk in enumerate(vm.disks)]):
        bus = vm.disks[n].bus or ""
        prefix = "sd" if q35 and bus == "ide" else PREFIXES.get(bus, "sd")
        names[n] = prefix + letters(count[prefix])
        count[prefix] += 1
    return names


def letters(n: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa, as libvirt and Linux count."""
    if n < 26:
        return ascii_lowercase[n]
    text = ""
    while n >= 0:
        text = ascii_lowercase[n % 26] + text
        n = n // 26 - 1
    return text


def _resolve(era: Era, disk: Disk, name: str, host: HostFacts, report: Report) -> Disk:
    said = disk.source
    if said is None or said.volid is None:
        raise BridgeError(f"{disk.key or 'a disk'} has no volume", disk.where)
    location = storage.locate(host, said.volid)
    storage.check_content(location)
    _check(era, disk, location)
    if location.doubt:
        kind = "storage-unknown" if location.kind == "volume" else "warning"
        hint = storage.hint(host, said.volid) if location.kind == "volume" else ""
        report.add(kind, disk.where, f"{disk.key}: {location.doubt}", hint, part=disk.key or "")
    source = storage.source(location)
    source.where = said.where
    form = disk.format if location.kind in ("empty", "volume") else storage.checked_format(location, disk.key or "", disk.format)
    type_ = scsi_type(era, disk, location, host)
    if disk.scsiblock and type_ == "hd":
        report.add(
            "ambiguous",
            disk.where,
            f"{disk.key}: scsiblock=1, but nothing says that {location.volid} is a SCSI disk: scsi-hd is taken, as for any other",
            f"if it is one: --host-fact scsi_type.{location.volid}=disk",
        )
    return fill(change(disk, source=source), format=form, target=name, **defaults(era, disk, location, host))


def defaults(era: Era, disk: Disk, location: Location, host: HostFacts) -> dict[str, Any]:
    """The fields that qemu-server derives: {field: value}."""
    cdrom = disk.media == "cdrom"
    direct = storage.cache_direct(location, disk.cache, cdrom)
    found: dict[str, Any] = {"aio": storage.default_aio(location, direct)}
    if not cdrom:
        found["cache"] = "none" if storage.cache_direct(location, None) else "writeback"
        found["discard"] = "ignore"  # libvirt's silence would let the lower node of a qcow2 unmap
        found["detect_zeroes"] = "unmap" if disk.discard == "on" else "on"
    type_ = scsi_type(era, disk, location, host) if disk.bus == "scsi" else None
    if era.blockdev and not cdrom and type_ not in ("block", "generic"):
        found["write_cache"] = disk.cache not in ("writethrough", "directsync")
    if type_ in ("hd", "cd"):  # before -blockdev it was QEMU that chose: the serial, else the drive's id
        found["device_id"] = (None if era.blockdev else disk.serial) or f"drive-{disk.key}"
    return found


def scsi_type(era: Era, disk: Disk, location: Location, host: HostFacts) -> str:
    """`hd`, `cd`, `block` or `generic`: which SCSI device stands for the drive.

    qemu-server asks an absolute path whether it is a SCSI disk or tape. iSCSI was `generic` before machine 4.1.
    """
    if disk.media == "cdrom" or disk.cloudinit:
        return "cd"
    if location.volid.startswith("/"):
        answer = host.scsi_type.get(location.volid)
        return "generic" if answer == "tape" else "block" if answer == "disk" and disk.scsiblock else "hd"
    return "hd" if location.protocol != "iscsi" or era.iscsi_scsi_hd else "generic"


LAST_OLD_SCSI = 13
"""The highest scsiN of machines without the gate `scsi_more_than_14`."""


def _check(era: Era, disk: Disk, location: Location) -> None:
    """What qemu-server refuses."""
    if disk.bus == "scsi" and location.kind in ("empty", "cdrom") and disk.media != "cdrom":  # the other buses let it pass
        raise BridgeError(f"unable to parse volume ID '{location.volid}'", disk.where)
    if disk.bus == "scsi" and (disk.index or 0) > LAST_OLD_SCSI and not era.many_scsi:
        raise BridgeError(f"{disk.key}: machine version 4.1~pve2 or higher is required to use more than 14 SCSI disks", disk.where)
    if era.blockdev and disk.snapshot and location.kind != "empty":
        raise BridgeError("'snapshot' option is not yet supported for '-blockdev'", disk.where)
    if location.volume_chain and not era.blockdev:
        raise BridgeError(CHAIN_NEEDS_BLOCKDEV.format(location.volid), disk.where)
    if location.is_iso and disk.media is None:
        raise BridgeError(f"{disk.key}: explicit media parameter is required for iso images", disk.where)


def _named(vm: VM, disk: Disk, host: HostFacts, report: Report) -> Disk | None:
    """The disk with the volume id of its image; None, with a finding, if qemu-server cannot open it."""
    source = disk.source or Source(kind="empty")
    if source.volid is not None:
        return disk
    name = f"{disk.target} ({disk.key})" if disk.target else disk.key
    try:
        match = volume_id(host, source, vm.meta.vmid or 0)
    except BridgeError as error:
        raise BridgeError(f"{name}: {error.message}", disk.where) from None
    volid = match.volid if match else "none"
    if match is not None and volid is None:
        told = "the drive stays empty" if disk.media == "cdrom" else "the disk is left out"
        whole = disk.outline or source.path
        told += f": {whole}" if whole else ""
        report.add("guest-lost", disk.where, f"{name}: {match.message}; {told}", match.hint, fields(disk))
        report.mark(Fields("Source", disk.where, ("protocol", "name", "hosts", "path")))
        if disk.media != "cdrom":
            return None
        volid = "none"
    elif match is not None and match.finding and (match.finding != "lint" or vm.meta.vmid):
        if match.finding in ("storage-unknown", "import-needed") and source.path is not None and disk.media != "cdrom":
            offered = replace(match, message=f"{name}: {match.message}")
            source = change(source, importing=offered)  # with the command, when all of the drive's line is known
            disk = change(disk, source=source)
        else:
            report.add(match.finding, disk.where, f"{name}: {match.message}", match.hint, part=disk.key or "")
    assert volid is not None
    if source.kind == "file" and source.format is None and disk.media != "cdrom":
        disk = _with_format(disk, match, name, report)
    if disk.scsiblock and source.path is not None:
        volid = source.path
    if match and match.vtype == "iso" and disk.media is None:
        disk = change(disk, media="disk")
    if source.chain:
        _check_chain(host, volid, source.chain, name, disk, report)
    return _checked_snapshot(vm, change(disk, source=change(source, volid=volid)), name, report)


def _with_format(disk: Disk, match: Match | None, name: str | None, report: Report) -> Disk:
    """An image file of a domain that does not say its format is raw for libvirt, whatever the guest writes into it (security-rules S8).

    On a storage that the user named, it is so for qemu-server as well, if its name says nothing else. Raises BridgeError otherwise."""
    if match is None or match.storage is None or match.format not in (None, "raw"):
        raise BridgeError(f"{name} does not say its image's format: add <driver type='raw'/> or what it is", disk.where)
    report.add("ambiguous", disk.where, f"{name} does not say its image's format: raw is taken, as libvirt does")
    return change(disk, format="raw")


def _check_chain(host: HostFacts, volid: str, chain: list[str], name: str | None, disk: Disk, report: Report) -> None:
    """The images below, against those that the storage is known to have."""
    try:
        known = [path for _, path in storage.locate(host, volid).chain]
    except BridgeError:
        known = []
    if chain != known:
        report.add(
            "ambiguous",
            disk.where,
            f"{name} stands on {', '.join(chain)}; qemu-server takes the backing images from the image's header",
            "check with qemu-img info --backing-chain that it says the same",
            Fields("Source", disk.where, ("chain",)),
        )


def _checked_snapshot(vm: VM, disk: Disk, name: str | None, report: Report) -> Disk:
    """`snapshot=1` only where qemu-server starts such a VM."""
    if not disk.snapshot or not _has_blockdev(vm):
        return disk
    report.add(
        "guest-changed",
        disk.where,
        f"{name}: qemu-server has no transient disks from machine 10.0 on, what the guest writes stays",
        "roll back to a snapshot of the VM instead",
        fields(disk, "snapshot"),
    )
    return change(disk, snapshot=None)


def _has_blockdev(vm: VM) -> bool:
    """On the way back, when the machine's version is known."""
    return machine_has(vm.machine.version or (), vm.machine.pve or 0, "blockdev")


def _report_targets(vm: VM, report: Report) -> None:
    """Names that others know the disks by, where ours would be different."""
    changed = [f"{d.target} is {d.key}" for d, name in zip(vm.disks, target_names(vm), strict=True) if d.target and d.target != name]
    if changed:
        report.add("normalised", vm.disks[0].where, "disks are named by bus and number: " + ", ".join(changed))


def _report_device_ids(vm: VM, disks: list[Disk], report: Report) -> None:
    """libvirt's SCSI ids say `drive-scsi0-0-0-0`, qemu-server's `drive-scsi0`; /dev/disk/by-id in the guest shows them."""
    blockdev = _has_blockdev(vm)
    changed = []
    for disk in disks:
        if disk.bus == "scsi" and disk.media != "cdrom" and not disk.scsiblock:
            now = (None if blockdev else disk.serial) or f"drive-{disk.key}"
            if now != (disk.device_id or disk.serial):
                changed.append(f"{disk.device_id} -> {now}" if disk.device_id else str(disk.key))
    if changed:
        report.add(
            "moved",
            disks[0].where,
            f"the SCSI ids of {', '.join(changed)} change: /dev/disk/by-id/scsi-0QEMU_* gets other names",
            "let the guest mount by UUID or label",
        )


def _unresolve(era: Era, disk: Disk, host: HostFacts) -> Disk:
    assert disk.source is not None
    try:
        location = storage.locate(host, disk.source.volid or "none")
    except BridgeError:
        return disk
    assumed = defaults(era, disk, location, host)
    unsaid = [name for name in ("cache", "aio", "discard", "detect_zeroes") if assumed.get(name) == getattr(disk, name)]
    if disk.format == (location.format or "raw") or location.kind == "empty" or disk.media == "cdrom":
        unsaid.append("format")
    if disk.rerror == "report":  # QEMU's own default
        unsaid.append("rerror")
    return forget(disk, *unsaid, "write_cache", "device_id", "target")
