"""Volume ids: `STORAGE:VOLUME` taken apart, and the file or device behind one (the parse_volname and path of pve-storage's plugins).

The grammars here are the plugins' own, but no name may hold a further slash or be a `..`: the plugins would take
`vm-1-/../../x` for an image, we do not (security-rules S8).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from ..core.report import BridgeError
from .storagecfg import Storage

VOLUME_ID = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]):(.+)")
IMAGE_FORMATS = frozenset({"raw", "qcow", "qcow2", "qed", "vmdk", "cloop"})
"""What qemu-server takes as the format of a drive."""
SUBDIRS = {
    "images": "images", "rootdir": "private", "iso": "template/iso", "vztmpl": "template/cache", "backup": "dump",
    "snippets": "snippets", "import": "import",
}  # fmt: skip
"""Where a directory storage keeps each content type, unless its content-dirs say otherwise."""

_IMAGE = r"[^/\s]+\.(?:raw|qcow2|vmdk|subvol)"
_DIR_IMAGE = re.compile(rf"(?:(\d+)/({_IMAGE})/)?(\d+)/({_IMAGE})", re.ASCII)
_DIR_NAME = re.compile(r"(?:\d+/\S+/)?\d+/(\S+)", re.ASCII)
_SNAPSHOT = re.compile(r"snap-.*\.qcow2")
_DIR_ISO = re.compile(r"iso/([^/]+\.(?:iso|img))", re.IGNORECASE)
_DIR_IMPORT = re.compile(r"import/([ A-Za-z0-9.+=_-]+\.(ova|ovf|qcow2|raw|vmdk))")
_DIR_OVA = re.compile(r"import/([ A-Za-z0-9.+=_-]+\.ova/[ A-Za-z0-9.+=_-]+\.(qcow2|raw|vmdk))")
_DIR_OTHER = re.compile(r"(vztmpl|backup|snippets)/([^/]+)")
_LVM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*[A-Za-z0-9]")
_LVM = re.compile(r"vm-(\d+)-\S+", re.ASCII)
_LVMTHIN = re.compile(r"(vm|base)-(\d+)-\S+", re.ASCII)
_ZFS = re.compile(r"(?:((?:base|basevol)-(\d+)-[^\s/]+)/)?((base|basevol|vm|subvol)-(\d+)-[^\s/]+)", re.ASCII)
_RBD = re.compile(r"(?:(base-(\d+)-[^\s/@]+)/)?((base|vm)-(\d+)-[^\s/@]+)", re.ASCII)
_ISCSI = re.compile(r"\d+\.\d+\.\d+\.([^/\s]+)", re.ASCII)
_ISCSIDIRECT = re.compile(r"lun(\d{1,9})", re.ASCII)
_CLOUDINIT = re.compile(r"[:/](?:vm-\d+-)?cloudinit(?:\.(?:raw|qcow|qcow2|qed|vmdk|cloop))?\Z", re.ASCII)


MAX_NAME = 256
"""Characters of a file's name, to Linux."""


class Volume(NamedTuple):
    """A volume name taken apart. `vtype` is its content type: `images`, `iso`, `import`, `vztmpl`, `backup`, `snippets`."""

    vtype: str
    name: str
    format: str = "raw"
    vmid: int | None = None
    """The owner."""
    base: str | None = None
    """Of a linked clone: the image below."""
    base_vmid: int | None = None
    is_base: bool = False


def split_volume_id(text: str) -> tuple[str, str] | None:
    """`local:100/vm-100-disk-0.raw` -> ("local", "100/vm-100-disk-0.raw"); None for anything that is not a volume id."""
    match = VOLUME_ID.fullmatch(text)
    return (match[1], match[2]) if match else None


def _once(parse: Callable[[str], Volume | None]) -> Callable[[str], Volume | None]:
    """A conversion asks for each name several times: where the volume is, what its path is called, and whether both are one place.
    Names of a length that no file has are not kept."""
    remembered = lru_cache(maxsize=1024)(parse)
    return lambda name: remembered(name) if len(name) < MAX_NAME else parse(name)


def is_cloudinit(volid: str) -> bool:
    """Whether the name is that of qemu-server's generated cloud-init image."""
    return "cloudinit" in volid and _CLOUDINIT.search(volid) is not None


@_once
def _dir(name: str) -> Volume | None:
    if match := _DIR_IMAGE.fullmatch(name):
        image = match[4]
        if _SNAPSHOT.fullmatch(image):
            raise BridgeError(f"'{image}' is a snapshot filename, not a volume!")
        base_vmid = None if match[1] is None else int(match[1])
        return Volume("images", image, image.rpartition(".")[2], int(match[3]), match[2], base_vmid, image.startswith("base-"))
    if match := _DIR_ISO.fullmatch(name):
        return Volume("iso", match[1])
    if match := _DIR_OVA.fullmatch(name):
        return Volume("import", match[1], f"ova+{match[2]}")
    if match := _DIR_IMPORT.fullmatch(name):
        return Volume("import", match[1], match[2])
    if match := _DIR_OTHER.fullmatch(name):
        return Volume(match[1], match[2])
    if match := _DIR_NAME.fullmatch(name):
        raise BridgeError(f"unable to parse volume filename '{match[1][:200]}'")
    return None


@_once
def _lvm(name: str) -> Volume | None:
    match = _LVM.fullmatch(name) if _LVM_NAME.fullmatch(name) else None
    return Volume("images", name, "qcow2" if name.endswith(".qcow2") else "raw", int(match[1])) if match else None


@_once
def _lvmthin(name: str) -> Volume | None:
    match = _LVMTHIN.fullmatch(name) if _LVM_NAME.fullmatch(name) else None
    return Volume("images", name, "raw", int(match[2]), is_base=match[1] == "base") if match else None


@_once
def _zfs(name: str) -> Volume | None:
    match = _ZFS.fullmatch(name)
    if not match:
        return None
    base_vmid = None if match[2] is None else int(match[2])
    form = "subvol" if match[4] in ("subvol", "basevol") else "raw"
    return Volume("images", match[3], form, int(match[5]), match[1], base_vmid, match[4] in ("base", "basevol"))


@_once
def _rbd(name: str) -> Volume | None:
    match = _RBD.fullmatch(name)
    if not match:
        return None
    return Volume("images", match[3], "raw", int(match[5]), match[1], None if match[2] is None else int(match[2]), match[4] == "base")


@_once
def _iscsi(name: str) -> Volume | None:
    match = _ISCSI.fullmatch(name)
    return Volume("images", match[1]) if match else None


@_once
def _iscsidirect(name: str) -> Volume | None:
    match = _ISCSIDIRECT.fullmatch(name)
    return Volume("images", match[1]) if match else None


_GRAMMARS: dict[str, tuple[Callable[[str], Volume | None], str]] = {
    "dir": (_dir, "directory"),
    "lvm": (_lvm, "lvm"),
    "lvmthin": (_lvmthin, "lvm"),
    "zfs": (_zfs, "zfs"),
    "rbd": (_rbd, "rbd"),
    "iscsi": (_iscsi, "iscsi"),
    "iscsidirect": (_iscsidirect, "iscsi"),
}


def parse_volname(storage: Storage, name: str) -> Volume:
    """The parts of a volume name on this storage. Raises BridgeError where the storage type has no such names."""
    grammar = storage.plugin.grammar
    if grammar not in _GRAMMARS:
        raise BridgeError(f"storage '{storage.id}' of type '{storage.type}' holds no images that a VM can use")
    parse, word = _GRAMMARS[grammar]
    volume = parse(name)
    if volume is None:
        raise BridgeError(f"unable to parse {word} volume name '{name[:200]}'")
    return volume


def plausible(name: str) -> bool:
    """Whether any storage type has volumes of this name: all that can be said of a storage that is not known."""
    try:
        return any(parse(name) for parse, _ in _GRAMMARS.values())
    except BridgeError:
        return False


def subdir(storage: Storage, vtype: str) -> str:
    """The directory of a content type on a storage with files."""
    return f"{storage.path}/{storage.content_dirs.get(vtype, SUBDIRS[vtype])}"


def volume_path(storage: Storage, volume: Volume, fsid: str | None = None) -> str | None:
    """Path of the file or device. None where there is none: network storages, and Ceph images that the kernel does not map.

    `fsid` is the Ceph cluster's; without it the link of Ceph's own udev rule is given, which has no fsid in it."""
    name = volume.name
    match storage.type:
        case "lvm" | "lvmthin":
            return f"/dev/{storage.vgname}/{name}"
        case "zfspool":
            if volume.format == "subvol":
                return f"{storage.mountpoint or '/' + str(storage.pool)}/{name}"
            return f"/dev/zvol/{storage.pool}/{name}"
        case "iscsi":
            return f"/dev/disk/by-id/{name}"
        case "rbd":
            if not storage.krbd:
                return None
            return f"/dev/rbd-pve/{fsid}/{rbd_path(storage, name)}" if fsid else f"/dev/rbd/{rbd_path(storage, name)}"
        case "zfs" | "iscsidirect":
            return None
    directory = subdir(storage, volume.vtype)
    if volume.vtype != "images":
        return f"{directory}/{name}"
    if storage.type == "btrfs" and volume.format == "raw":  # each raw image is a file in a subvolume of its own
        return f"{directory}/{volume.vmid}/{name.removesuffix('.raw')}/disk.raw"
    return f"{directory}/{volume.vmid}/{name}"


def rbd_path(storage: Storage, name: str) -> str:
    """`pool/[namespace/]image`; the pool is `rbd` where none is said."""
    pool = storage.pool or "rbd"
    return f"{pool}/{name}" if storage.namespace is None else f"{pool}/{storage.namespace}/{name}"
