"""Disks, CD-ROMs and where their bytes are."""

from __future__ import annotations

import msgspec

from .iothread import ServedBy
from .part import Device, Part


class NetworkHost(msgspec.Struct, frozen=True):
    """A server of a network disk."""

    name: str | None = None
    port: int | None = None
    transport: str | None = None
    socket: str | None = None


class Source(Part, kw_only=True):
    """Where an image is. `kind`: `file`, `block`, `network`, `volume` (pool and volume name only), `empty`, `cdrom` (the host's drive)."""

    kind: str | None = None
    volid: str | None = None
    """qemu-server's text: `STORAGE:volume`, an absolute path, `none`, `cdrom`."""
    storage: str | None = None
    storage_type: str | None = None
    volume: str | None = None
    path: str | None = None
    format: str | None = None
    """raw, qcow2, vmdk, ..."""
    protocol: str | None = None
    """`rbd`, `iscsi`, `nbd`, `gluster`, `http`, ..."""
    name: str | None = None
    """Of a network image: `pool/image`, `target/lun`, export."""
    hosts: list[NetworkHost] | None = None
    user: str | None = None
    secret_uuid: str | None = None
    conf: str | None = None
    """rbd: path of ceph.conf."""
    namespace: str | None = None
    initiator: str | None = None
    chain: list[str] | None = None
    """Snapshot volumes below the top image, newest first (paths)."""
    chain_snapshots: list[str] | None = None
    discard_no_unref: bool | None = None
    is_iso: bool | None = None
    importing: object = None
    """bridge.host.volid.Match of an image that is on no storage, for the finding with the command that imports it."""
    location: object = None
    """bridge.host.storage.Location, for the command line's -blockdev."""


class Throttle(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Limits as said in the config, as number text: mbps in MiB/s, iops in operations per second, lengths in seconds."""

    mbps: str | None = None
    mbps_rd: str | None = None
    mbps_wr: str | None = None
    mbps_max: str | None = None
    mbps_rd_max: str | None = None
    mbps_wr_max: str | None = None
    bps_max_length: str | None = None
    bps_rd_max_length: str | None = None
    bps_wr_max_length: str | None = None
    iops: str | None = None
    iops_rd: str | None = None
    iops_wr: str | None = None
    iops_max: str | None = None
    iops_rd_max: str | None = None
    iops_wr_max: str | None = None
    iops_max_length: str | None = None
    iops_rd_max_length: str | None = None
    iops_wr_max_length: str | None = None


class Disk(Device, kw_only=True):
    bus: str | None = None
    """`ide`, `sata`, `scsi`, `virtio`; from XML also `usb`, `fdc`, `sd`, `nvme`."""
    index: int | None = None
    """The number in the key."""
    media: str | None = None
    """`disk` or `cdrom`; from XML also `floppy`."""
    source: Source | None = None
    format: str | None = None
    cache: str | None = None
    aio: str | None = None
    discard: str | None = None
    """`ignore` or `on`."""
    detect_zeroes: str | None = None
    """`on`, `off` or `unmap`, as QEMU has it."""
    ro: bool | None = None
    snapshot: bool | None = None
    ssd: bool | None = None
    rotation_rate: int | None = None
    serial: str | None = None
    """Decoded text, at most 20 bytes."""
    wwn: str | None = None
    """`0x` and 16 hex digits."""
    model: str | None = None
    """IDE model text, decoded, at most 40 bytes."""
    vendor: str | None = None
    product: str | None = None
    queues: int | None = None
    iothread: bool | None = None
    served_by: list[ServedBy] | None = None
    scsiblock: bool | None = None
    write_cache: bool | None = None
    """Whether the guest sees a write cache that it can flush; None: no such property."""
    rerror: str | None = None
    werror: str | None = None
    """QEMU's words: enospc, ignore, report, stop."""
    throttle: Throttle | None = None
    backup: bool | None = None
    replicate: bool | None = None
    shared: bool | None = None
    size: str | None = None
    device_id: str | None = None
    """SCSI VPD id that names /dev/disk/by-id in the guest."""
    cloudinit: bool | None = None
    """The volume is qemu-server's cloud-init image."""
    target: str | None = None
    """libvirt's target dev name; never reaches the guest when an address is given."""
    outline: str | None = None
    """The whole element of XML, where it may turn out that no config can name its image."""
