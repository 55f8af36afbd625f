"""Where a drive's bytes are: a volume id, path or special word of a config -> `Location`, and what QEMU is told of it.

Facts: pve-storage 9 (qemu_blockdev_options, path), qemu-server 9.2.6 (Blockdev.pm, Drive.pm), mapping-devices 11.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from ..core.report import BridgeError
from ..model.disk import NetworkHost, Source
from .storagecfg import Storage
from .volume import IMAGE_FORMATS, Volume, is_cloudinit, parse_volname, split_volume_id, volume_path

if TYPE_CHECKING:
    from .facts import HostFacts

CEPH_CONF = "/etc/pve/ceph.conf"
CEPH_PRIVATE = "/etc/pve/priv/ceph"
CEPH_PORT = 3300
"""Port of a monitor where none is said."""
NOT_CONTENT = "storage '{}' does not support content-type '{}'"
ATTACHABLE = frozenset({"images", "iso", "import"})

_NBD_UNIX = re.compile(r"nbd:unix:(\S+):exportname=(\S+)")
_NBD_TCP = re.compile(r"nbd:(\S+):(\d{1,5}):exportname=(\S+)", re.ASCII)
_MEMORY_FILES = ("/dev/shm/", "/dev/hugepages/", "/dev/mqueue/")  # noqa: S108 - regular files below /dev


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """Where an image is. `kind`:

    - `file`, `block`: `path` is a regular file or a block device.
    - `network`: `protocol` is `rbd` (pool, namespace, image, hosts, user, conf), `iscsi` (portal, target, lun) or `nbd` (export, hosts).
    - `cdrom`: the host's own drive; `path` is its device, empty where the host has none.
    - `empty`: no medium.
    - `volume`: only the storage's and the volume's name are known; `doubt` says why.
    """

    kind: str
    volid: str
    """The config's text."""
    storage: str | None = None
    """Storage id; None for what no storage manages."""
    storage_type: str | None = None
    volume: str | None = None
    """The text after the colon of the volume id."""
    vtype: str | None = None
    """Content type: `images`, `iso`, `import`. None if no storage manages it."""
    vmid: int | None = None
    """Owner."""
    base: str | None = None
    """Image that a linked clone stands on."""
    path: str | None = None
    format: str | None = None
    """Image format as the storage knows it. None: the drive's own `format`, else raw."""
    protocol: str | None = None
    hosts: tuple[NetworkHost, ...] = ()
    pool: str | None = None
    namespace: str | None = None
    image: str | None = None
    user: str | None = None
    """Ceph user. None: no authentication."""
    keyring: str | None = None
    conf: str | None = None
    secret_uuid: str | None = None
    portal: str | None = None
    """iSCSI portal as written: `192.0.2.9` or `192.0.2.9:3260`."""
    target: str | None = None
    lun: int | None = None
    initiator: str | None = None
    export: str | None = None
    krbd: bool = False
    cow: bool = False
    """On a file system that cannot do O_DIRECT well (btrfs without nocow): the default cache is then write-back."""
    volume_chain: bool = False
    """qcow2 on a storage with `snapshot-as-volume-chain`: needs -blockdev, and `discard-no-unref`."""
    chain: tuple[tuple[str, str], ...] = ()
    """(snapshot, path) of the images below the top one, newest first."""
    content_allowed: bool = True
    """Whether the storage is for this content type."""
    cloudinit: bool = False
    doubt: str | None = None
    """What could not be known, as one sentence."""

    @property
    def is_iso(self) -> bool:
        return self.vtype == "iso"


def locate(facts: HostFacts, volid: str) -> Location:
    """The place that a drive's `file` names; kind `volume` with a doubt if it cannot be told. Raises BridgeError for what is not a name."""
    if volid == "none":
        return Location(kind="empty", volid=volid)
    if volid == "cdrom":
        doubt = None if facts.cdrom_path else "no physical CD-ROM available, ignoring"
        return Location(kind="cdrom", volid=volid, path=facts.cdrom_path, doubt=doubt)
    if volid.startswith("/"):
        return Location(kind="block" if is_block_device(facts, volid) else "file", volid=volid, path=volid, cloudinit=is_cloudinit(volid))
    if volid.startswith("nbd:"):
        return _nbd(volid)
    parts = split_volume_id(volid)
    if parts is None:
        raise BridgeError(f"unable to parse volume ID '{volid[:200]}'")
    storage = facts.storages.get(parts[0])
    if storage is None:
        return Location(
            kind="volume", volid=volid, storage=parts[0], volume=parts[1], cloudinit=is_cloudinit(volid),
            doubt=_no_storage(facts, parts[0]),
        )  # fmt: skip
    try:
        volume = parse_volname(storage, parts[1])
    except BridgeError as error:  # qemu-server loads such a config, and refuses to start the VM
        return Location(
            kind="volume", volid=volid, storage=parts[0], volume=parts[1], cloudinit=is_cloudinit(volid), doubt=error.message
        )  # fmt: skip
    if not facts.knows(storage.id, volume.vmid):
        doubt = _no_storage(facts, storage.id)
        return Location(kind="volume", volid=volid, storage=storage.id, volume=parts[1], cloudinit=is_cloudinit(volid), doubt=doubt)
    return _on_storage(facts, storage, volid, parts[1], volume)


def check_volume(facts: HostFacts, volid: str) -> None:
    """Raises BridgeError for a volume id that qemu-server refuses before it looks at anything else of a VM; what is not an id comes later.

    A storage may be one that no facts tell of: then nobody knows."""
    parts = split_volume_id(volid)
    storage = facts.storages.get(parts[0]) if parts else None
    if parts is None or (storage is None and not facts.storages_known):
        return
    if storage is None:
        raise BridgeError(_no_storage(facts, parts[0]))
    vtype = parse_volname(storage, parts[1]).vtype
    if vtype not in storage.content:
        raise BridgeError(NOT_CONTENT.format(storage.id, vtype))


def _no_storage(facts: HostFacts, storage: str) -> str:
    return f"storage '{storage}' " + ("does not exist" if facts.storages_known else "is not in the host facts")


def hint(facts: HostFacts, volid: str) -> str:
    """What to do about a volume that cannot be found."""
    storage = volid.partition(":")[0]
    if storage in facts.storages:
        return "correct the volume's name"
    if not facts.storages_known:
        return "give the node's storage.cfg: --host DIR"
    from difflib import get_close_matches

    near = get_close_matches(storage, facts.storages, n=2)
    return f"did you mean {' or '.join(near)}?" if near else f"add {storage} to storage.cfg, or name another storage in the config"


def is_block_device(facts: HostFacts, path: str) -> bool:
    """qemu-server asks the file system; we know that devices are below /dev, and what `path_kind` says of single paths."""
    said = facts.path_kind.get(path)
    if said is not None:
        return said == "block"
    return path.startswith("/dev/") and not path.startswith(_MEMORY_FILES)


def _on_storage(facts: HostFacts, storage: Storage, volid: str, name: str, volume: Volume) -> Location:
    place = _place(facts, storage, volid, volume)
    path = place.get("path")
    qcow2_chain = volume.format == "qcow2" and storage.volume_chain
    chain: tuple[tuple[str, str], ...] = ()
    if volume.format == "qcow2" and path is not None and (qcow2_chain or storage.type == "lvm"):
        chain = facts.chain_below(storage.id, path)
    return Location(
        volid=volid,
        storage=storage.id,
        storage_type=storage.type,
        volume=name,
        vtype=volume.vtype,
        vmid=volume.vmid,
        base=volume.base,
        format=volume.format,
        cow=storage.type == "btrfs" and not storage.nocow,
        volume_chain=qcow2_chain,
        chain=chain,
        content_allowed=volume.vtype in storage.content,
        cloudinit=is_cloudinit(volid),
        **place,
    )


def _place(facts: HostFacts, storage: Storage, volid: str, volume: Volume) -> dict[str, Any]:
    """The fields of Location that depend on the storage type."""
    match storage.type:
        case "rbd" if not storage.krbd:
            return _rbd(facts, storage, volume)
        case "rbd":
            fsid = storage.fsid or facts.ceph_fsid.get(storage.id)
            doubt = None if fsid else f"the fsid of the Ceph cluster of storage '{storage.id}' is not known"
            return {"kind": "block", "path": volume_path(storage, volume, fsid), "krbd": True, "doubt": doubt}
        case "zfs" | "iscsidirect":
            lun = int(volume.name) if storage.type == "iscsidirect" else facts.zfs_lun(volid)
            fields = {
                "protocol": "iscsi", "portal": storage.portal, "target": storage.target, "lun": lun, "hosts": storage.hosts(),
                "initiator": facts.iscsi_initiator_name,
            }  # fmt: skip
            if lun is None:
                return {**fields, "kind": "volume", "doubt": f"the logical unit number of '{volid}' is not known"}
            return {**fields, "kind": "network"}
        case "lvm" | "lvmthin" | "zfspool":
            return {"kind": "block", "path": volume_path(storage, volume)}
    path = volume_path(storage, volume)
    assert path is not None
    return {"kind": "block" if is_block_device(facts, path) else "file", "path": path}


def _rbd(facts: HostFacts, storage: Storage, volume: Volume) -> dict[str, Any]:
    """An image that QEMU's own Ceph client opens. Whether a keyring or a private ceph.conf exists is a fact of the host."""
    secret = facts.secret_uuid.get(storage.id)
    authenticated = secret is not None or storage.id in facts.ceph_keyring
    conf = None
    if not storage.monhost:
        conf = CEPH_CONF
    elif storage.id in facts.ceph_conf:
        conf = f"{CEPH_PRIVATE}/{storage.id}.conf"
    return {
        "kind": "network", "protocol": "rbd", "pool": storage.pool or "rbd", "namespace": storage.namespace, "image": volume.name,
        "hosts": storage.hosts(), "conf": conf, "secret_uuid": secret,
        "user": (storage.username or "admin") if authenticated else None,
        "keyring": f"{CEPH_PRIVATE}/{storage.id}.keyring" if authenticated else None,
    }  # fmt: skip


def _nbd(volid: str) -> Location:
    """A network block device, as qemu-server names one while it migrates or restores."""
    if match := _NBD_UNIX.fullmatch(volid):
        host = NetworkHost(transport="unix", socket=match[1])
        return Location(kind="network", volid=volid, protocol="nbd", hosts=(host,), export=match[2])
    if match := _NBD_TCP.fullmatch(volid):
        name = match[1][1:-1] if match[1].startswith("[") and match[1].endswith("]") else match[1]
        return Location(kind="network", volid=volid, protocol="nbd", hosts=(NetworkHost(name=name, port=int(match[2])),), export=match[3])
    raise BridgeError(f"unable to parse the NBD address '{volid[:200]}'")


# What qemu-server checks


def check_content(location: Location) -> None:
    """Raises BridgeError if the storage is not meant for such volumes; qemu-server refuses to start the VM then."""
    if not location.content_allowed:
        raise BridgeError(NOT_CONTENT.format(location.storage, location.vtype))


def checked_format(location: Location, key: str, said: str | None) -> str:
    """The format of the drive `key` whose own `format` is `said`: a storage's word beats the drive's, and they must not differ."""
    if location.format is None:
        return said or "raw"
    if location.format not in IMAGE_FORMATS:
        raise BridgeError(f"volume '{location.volid}' - not a QEMU image format '{location.format}'")
    if said and said != location.format:
        raise BridgeError(
            f"drive '{key}' - volume '{location.volid}' - 'format={said}' option different from storage format '{location.format}'"
        )
    return location.format


# What QEMU is told


def blockdev_options(location: Location, cdrom: bool = False) -> dict[str, Any]:
    """The options of the lowest -blockdev node (machine 10.0 and later) that say where the bytes are: driver, filename, pool, ...

    A new dict. Cache, aio, node-name and the like are the drive's and come on top. Raises BridgeError where there is nothing to open."""
    if location.vtype is not None and location.vtype not in ATTACHABLE:
        raise BridgeError(f"cannot use volume of type '{location.vtype}' as a QEMU blockdevice")
    if location.storage_type == "zfspool" and location.format != "raw":
        raise BridgeError(f"volume '{location.volume}' not usable as VM image")
    match location.kind:
        case "file":
            return {"driver": "file", "filename": location.path}
        case "block":
            driver = "host_cdrom" if cdrom and location.storage is None else "host_device"
            return {"driver": driver, "filename": location.path}
        case "cdrom":
            return {"driver": "host_cdrom", "filename": location.path}
        case "network":
            return _network_options(location)
        case "volume":
            raise BridgeError(location.doubt or f"the place of '{location.volid}' is not known")
    raise BridgeError("an empty drive has no block device")


def _network_options(location: Location) -> dict[str, Any]:
    if location.protocol == "iscsi":
        return {"driver": "iscsi", "transport": "tcp", "portal": location.portal, "target": location.target, "lun": location.lun}
    if location.protocol == "nbd":
        host = location.hosts[0]
        if host.socket is not None:
            return {"driver": "nbd", "server": {"type": "unix", "path": host.socket}, "export": location.export}
        return {"driver": "nbd", "server": {"type": "inet", "host": host.name, "port": str(host.port)}, "export": location.export}
    options: dict[str, Any] = {"driver": "rbd", "pool": location.pool, "image": location.image}
    if location.namespace is not None:
        options["namespace"] = location.namespace
    if location.conf is not None:
        options["conf"] = location.conf
    if location.hosts:
        options["server"] = [{"host": h.name, "port": str(h.port or CEPH_PORT)} for h in location.hosts]
        options["auth-client-required"] = ["cephx" if location.keyring else "none"]
    if location.user is not None:
        options["user"] = location.user
    return options


def drive_file(location: Location) -> str:
    """The text after `file=` of an old -drive (machine before 10.0); empty for no medium. Not escaped, as qemu-server has it."""
    match location.kind:
        case "empty":
            return ""
        case "volume":
            raise BridgeError(location.doubt or f"the place of '{location.volid}' is not known")
        case "network":
            if location.protocol == "iscsi":
                return f"iscsi://{location.portal}/{location.target}/{location.lun}"
            return _rbd_text(location) if location.protocol == "rbd" else location.volid
    return location.path or ""


def _rbd_text(location: Location) -> str:
    namespace = "" if location.namespace is None else f"{location.namespace}/"
    text = f"rbd:{location.pool}/{namespace}{location.image}"
    if location.conf is not None:
        text += f":conf={location.conf}"
    if location.hosts:
        monitors = ";".join(map(_host_text, location.hosts)).replace(":", "\\:")
        text += f":mon_host={monitors}:auth_supported={'cephx' if location.keyring else 'none'}"
    if location.keyring is not None:
        text += f":id={location.user}:keyring={location.keyring}"
    return text


def _host_text(host: NetworkHost) -> str:
    name = f"[{host.name}]" if host.name and ":" in host.name else host.name or ""
    return name if host.port is None else f"{name}:{host.port}"


def cache_direct(location: Location, cache: str | None, cdrom: bool = False) -> bool:
    """Whether the drive opens its image with O_DIRECT (drive_uses_cache_direct)."""
    if cache:
        return cache in ("off", "none", "directsync")
    return not cdrom and not location.cow


def default_aio(location: Location, direct: bool) -> str:
    """The aio mode of a drive that says none (aio_cmdline_option): io_uring, but for storages on which it hangs."""
    if location.storage_type in ("lvm", "cifs") or (location.krbd and not direct):
        return "native" if direct else "threads"
    return "io_uring"


# What the model holds


def source(location: Location) -> Source:
    """The model's form of a place."""
    found = Source(
        kind=location.kind, volid=location.volid, storage=location.storage, storage_type=location.storage_type, volume=location.volume,
        path=location.path, format=location.format, protocol=location.protocol, name=network_name(location), user=location.user,
        secret_uuid=location.secret_uuid, conf=location.conf, namespace=location.namespace, initiator=location.initiator,
        location=location,
    )  # fmt: skip
    if location.hosts:
        found.hosts = [_default_port(location, host) for host in location.hosts]
    if location.chain:
        found.chain = [path for _, path in location.chain]
        found.chain_snapshots = [snapshot for snapshot, _ in location.chain]
    if location.volume_chain:
        found.discard_no_unref = True
    if location.is_iso:
        found.is_iso = True
    return found


def network_name(location: Location) -> str | None:
    """libvirt's `name` of a network image, without the Ceph namespace: `pool/image`, `target/lun`, the NBD export."""
    match location.protocol:
        case "rbd":
            return f"{location.pool}/{location.image}"
        case "iscsi":
            return None if location.lun is None else f"{location.target}/{location.lun}"
    return location.export


def _default_port(location: Location, host: NetworkHost) -> NetworkHost:
    if host.port is None and location.protocol == "rbd":
        return msgspec.structs.replace(host, port=CEPH_PORT)
    return host
