"""The way back: where an image is -> the volume id that qemu-server has for it (mapping-devices 11.3).

Volume ids come from the user's map and the host's storages, never from the text of an XML alone (security-rules S8).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..core.report import BridgeError
from ..data.dev import CHARACTER, NO_VOLUME_GROUP
from ..model.disk import Source
from .sections import STORAGE_ID
from .storagecfg import Storage
from .volume import SUBDIRS, Volume, parse_volname, plausible, rbd_path, subdir, volume_path

if TYPE_CHECKING:
    from .facts import HostFacts

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_is_plain = re.compile(r"(?:/[A-Za-z0-9_+=@:~-][A-Za-z0-9_.+=@:~-]*)+").fullmatch
"""Most paths: in their shortest form, and of letters that nothing has against."""
_CLOSED = ("/proc", "/sys", "/run", "/var/run", "/etc", "/boot")
"""Directories that hold no disk images, but secrets and the running system."""
_BELOW_CLOSED = tuple(f"{closed}/" for closed in _CLOSED)
_MOUNTED = (
    "media", "vdsm", "kubevirt-private", "kubevirt-ephemeral-disks", "kubevirt/container-disks", "kubevirt/hotplug-disks",
    "libvirt/cloud-init-dir", "libvirt/kubevirt-ephemeral-disk", "libvirt/empty-disks",
)  # fmt: skip
_IMAGES_BELOW = (*(f"{run}/{name}/" for run in ("/run", "/var/run") for name in _MOUNTED), "/etc/libvirt/qemu/nvram/")
"""Where removable media, oVirt and KubeVirt mount what holds images (security-rules S8), and Unraid keeps the firmware's variables."""
BOOT = "/boot/"
"""Kernels are there, for QEMU to start."""
_DEVICE = (
    r"/dev/(?:disk/by-[a-z-]+/[^/]+|mapper/(?!control$)[^/]+|(?:zvol|rbd|rbd-pve)/.+|drbd/by-(?:res|disk)/.+"
    rf"|(?!(?:{CHARACTER})$)[A-Za-z0-9_][A-Za-z0-9_.+-]*|(?!(?:{NO_VOLUME_GROUP})/)[A-Za-z0-9_+.-]+/[A-Za-z0-9_+. -]+)"
)
"""Compiled when it is first used, which takes 2 ms."""
_MAPPER = re.compile(r"/dev/mapper/((?:[^/-]|--)+)-((?:[^/-]|--)+)")
_MAPPED_RBD = re.compile(r"/dev/(?:rbd-pve/([0-9a-f-]{36})|rbd)/(.+)")
_LUN = re.compile(r"(.+)/([0-9]{1,5})")
_IMAGE_PATH = re.compile(r"(?:images/)?([0-9]+/[^/\s]+)")
_SUBVOLUME_PATH = re.compile(r"(?:images/)?([0-9]+/[^/\s]+)/disk\.raw")


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """What an image is called in a config."""

    volid: str | None
    """`STORAGE:volume`, an absolute path, `none` or `cdrom`; None: qemu-server cannot reach the image."""
    storage: str | None = None
    vtype: str | None = None
    """Content type of a volume: `images`, `iso`, `import`."""
    owner: int | None = None
    """VM that the volume's name gives it to."""
    format: str | None = None
    """Format that qemu-server takes from the volume's name; None: the drive says `format=`, else it is raw."""
    others: tuple[str, ...] = ()
    """Volume ids that fit as well."""
    finding: str | None = None
    """Kind of the finding to report; then `message` and `hint` are there."""
    message: str = ""
    hint: str = ""


def path_problem(path: str) -> str | None:
    """Why a path from outside must not get into a config; None if it may."""
    if not _is_plain(path):
        if _CONTROL.search(path):
            return "has control characters"
        if not path.startswith("/") or path.startswith("//") or posixpath.normpath(path) != path:
            return "is not absolute, or not in its shortest form"
        if "," in path or path != path.strip():
            return "has a comma or blanks at its ends, which a config cannot hold"
    if path == "/":
        return "is a directory"
    if path in _CLOSED or (path.startswith(_BELOW_CLOSED) and not path.startswith(_IMAGES_BELOW)):
        return "is in a directory that holds no images"
    if (path == "/dev" or path.startswith("/dev/")) and not re.fullmatch(_DEVICE, path, re.ASCII):
        return "is not a block device"
    return None


def volume_id(facts: HostFacts, source: Source, vmid: int) -> Match | None:
    """The config's name of an image, for VM `vmid`; None for a source that says nothing.

    `source`: kind `file` or `block` with path; `network` with protocol, name, namespace, hosts; `volume` with storage (the
    libvirt pool) and volume. Raises BridgeError for a path that must not get into a config."""
    found = _volume_id(facts, source, vmid)
    if found is not None and found.storage is not None and not facts.knows(found.storage, found.owner):
        storages = {name: storage for name, storage in facts.storages.items() if name not in facts.remembered}
        return _volume_id(msgspec.structs.replace(facts, storages=storages, remembered=frozenset()), source, vmid)
    return found


def _volume_id(facts: HostFacts, source: Source, vmid: int) -> Match | None:
    match source.kind:
        case "file" | "block":
            return _of_path(facts, source.path or "", source.format, vmid)
        case "network":
            return _of_network(facts, source, vmid)
        case "volume":
            return _of_pool(facts, source, vmid)
        case "empty":
            return Match(volid="none")
        case "cdrom":
            return Match(volid="cdrom")
    return None


Candidate = tuple[str, str, Volume | None]
"""Storage id, volume name, the name's parts if the storage is known."""


def _of_path(facts: HostFacts, path: str, form: str | None, vmid: int) -> Match:
    if path and path == facts.cdrom_path:
        return Match(volid="cdrom")
    problem = path_problem(path)
    if problem:
        raise BridgeError(f"the path '{path[:200]}' {problem}")
    mapped = _mapped(facts, path)
    if mapped:
        found = list(_relative(facts, *mapped))
    else:
        found = [c for prefixes, storage in _there(facts).places if path.startswith(prefixes) and (c := _at(storage, path)) is not None]
    fitting = [c for c in found if form is None or c[2] is None or c[2].format == form]
    if fitting:
        return _best(facts, fitting, vmid)
    if mapped or found:
        storage, *_ = mapped or (found[0][0],)
        return Match(
            volid=path, storage=storage, finding="import-needed",
            message=f"'{path}' has no volume name that storage '{storage}' could open" + (f" as {form}" if found else ""),
            hint=f"import it into {storage}",
        )  # fmt: skip
    return Match(
        volid=path, finding="storage-unknown", message=f"no storage holds '{path}', it stays a path that only root may set",
        hint=f"name its storage: --storage {posixpath.dirname(path)}=STORAGE; or import it",
    )  # fmt: skip


def _best(facts: HostFacts, found: list[Candidate], vmid: int) -> Match:
    """One of the volumes that fit: a storage that is meant for such content comes first, then the order of storage.cfg."""
    meant = [c for c in found if c[2] is None or c[2].vtype in facts.storages[c[0]].content]
    storage, name, volume = (meant or found)[0]
    others = tuple(f"{s}:{n}" for s, n, _ in (meant or found)[1:])
    finding, message, hint = None, "", ""
    owner = volume.vmid if volume else None
    if others:
        finding, message = "ambiguous", f"'{storage}:{name}' may also be {', '.join(others)}"
        hint = "name the storage with --storage PATH=STORAGE"
    elif volume and volume.vtype == "images" and owner is not None and owner != vmid:
        finding, message = "lint", f"'{storage}:{name}' belongs to VM {owner}, not to {vmid}"
        hint = f"make it VM {owner}, or rename the volume: to destroy VM {owner} would delete it"
    return Match(
        volid=f"{storage}:{name}", storage=storage, vtype=volume.vtype if volume else None, owner=owner,
        format=volume.format if volume else None, others=others, finding=finding, message=message, hint=hint,
    )  # fmt: skip


# By the user's map


def mapped_storage(facts: HostFacts, path: str) -> str | None:
    """The storage that the user named for a path."""
    mapped = _mapped(facts, path)
    return mapped[0] if mapped else None


def _mapped(facts: HostFacts, path: str) -> tuple[str, str] | None:
    """(storage id, rest of the path) by the longest prefix in the user's map, or by the group or pool that the path is in."""
    if not facts.storage_map:
        return None
    prefixes = [p for p in facts.storage_map if p.startswith("/") and path.startswith(p.rstrip("/") + "/")]
    if prefixes:
        prefix = max(prefixes, key=len)
        return facts.storage_map[prefix], path[len(prefix.rstrip("/")) + 1 :]
    container, name = _container(path)
    while container:  # a zpool may be named without the data set below it
        if container in facts.storage_map:
            return facts.storage_map[container], name
        container, _, last = container.rpartition("/")
        name = f"{last}/{name}"
    return None


def _container(path: str) -> tuple[str, str]:
    """The volume group, zpool or Ceph pool of a device and the name in it; empty texts for anything else."""
    if match := _MAPPER.fullmatch(path):
        return match[1].replace("--", "-"), match[2].replace("--", "-")
    if match := _MAPPED_RBD.fullmatch(path):
        container, _, name = match[2].rpartition("/")
        return container, name
    if path.startswith("/dev/"):
        container, _, name = path.removeprefix("/dev/").removeprefix("zvol/").rpartition("/")
        return container, name
    return "", ""


def _relative(facts: HostFacts, storage_id: str, rest: str) -> Iterator[Candidate]:
    """Volumes that the rest of a path may be on a storage that the user named, with whatever it shows of the directories there."""
    storage = facts.storages.get(storage_id)
    names: list[str] = []
    if storage is None or storage.path is not None:
        if match := _SUBVOLUME_PATH.fullmatch(rest):
            names.append(f"{match[1]}.raw")
        if match := _IMAGE_PATH.fullmatch(rest):
            names.append(match[1])
        for vtype in ("iso", "import"):
            tail = rest.removeprefix(SUBDIRS[vtype] + "/").removeprefix(vtype + "/")
            if "/" not in tail and (vtype != "import" or tail != rest):
                names.append(f"{vtype}/{tail}")
    if storage is None or storage.path is None:
        names.append(rest)
    for name in dict.fromkeys(names):
        if storage is None:
            if plausible(name):
                yield storage_id, name, None
        elif volume := _parsed(storage, name):
            yield storage_id, name, volume


def _parsed(storage: Storage, name: str) -> Volume | None:
    try:
        return parse_volname(storage, name)
    except BridgeError:
        return None


# By the storages

FILES = ("images", "iso", "import")
"""Content of a storage with files that a drive may hold."""
class _There(NamedTuple):
    """The storages that a node has. `places` are those that have paths, each with what the paths of its volumes begin with."""

    storages: tuple[Storage, ...]
    """As the host had them."""
    usable: list[Storage]
    places: list[tuple[tuple[str, ...], Storage]]


_THERE: dict[tuple[int, str | None], _There] = {}
"""By the identity of a host's dict of storages, which anybody may change, and its node's name."""
MAX_THERE = 64
"""Hosts that are remembered."""


def _there(facts: HostFacts) -> _There:
    storages = tuple(facts.storages.values())
    key = id(facts.storages), facts.nodename
    found = _THERE.get(key)
    if found is None or found.storages != storages:
        if len(_THERE) >= MAX_THERE:
            _THERE.clear()
        usable = [storage for storage in storages if storage.on_node(facts.nodename)]
        places = [(prefixes, storage) for storage in usable if (prefixes := _prefixes(storage))]
        found = _THERE[key] = _There(storages, usable, places)
    return found


def _prefixes(storage: Storage) -> tuple[str, ...]:
    match storage.type:
        case "lvm" | "lvmthin":
            group = storage.vgname
            return f"/dev/{group}/", f"/dev/zvol/{group}/", "/dev/mapper/", "/dev/rbd/", "/dev/rbd-pve/"
        case "zfspool":
            return (f"/dev/zvol/{storage.pool}/",)
        case "rbd" if storage.krbd:
            return "/dev/rbd/", "/dev/rbd-pve/"
    return tuple(f"{subdir(storage, vtype)}/" for vtype in FILES) if storage.path is not None else ()


def _at(storage: Storage, path: str) -> Candidate | None:
    """The volume of a storage that is at this path, which begins as its paths do: the inverse of `volume_path`."""
    fsid = None
    match storage.type:
        case "lvm" | "lvmthin":
            container, name = _container(path)
            if container != storage.vgname:
                return None
            path = f"/dev/{container}/{name}"
        case "zfspool":
            name = path.removeprefix(f"/dev/zvol/{storage.pool}/")
        case "rbd":
            match = _MAPPED_RBD.fullmatch(path)
            if not match or (match[1] and storage.fsid not in (None, match[1])):
                return None
            fsid, name = match[1], match[2].removeprefix(rbd_path(storage, ""))
        case _:
            name = _file_name(storage, path)
    volume = _parsed(storage, name) if name != path else None
    if volume is None or volume_path(storage, volume, fsid) != path:
        return None
    return storage.id, name, volume


def _file_name(storage: Storage, path: str) -> str:
    """The volume name of a file; the path itself if the storage has no such file."""
    for vtype in FILES:
        prefix = subdir(storage, vtype) + "/"
        if path.startswith(prefix):
            rest = path.removeprefix(prefix)
            if vtype != "images":
                return f"{vtype}/{rest}"
            return f"{rest.removesuffix('/disk.raw')}.raw" if storage.type == "btrfs" and rest.endswith("/disk.raw") else rest
    return path


# By network names


def _of_network(facts: HostFacts, source: Source, vmid: int) -> Match:
    name = source.name or ""
    if source.protocol not in ("rbd", "iscsi"):
        return Match(
            volid=None, finding="guest-lost", hint="copy the image to a storage",
            message=f"qemu-server has no storage of protocol '{source.protocol}', the image '{name}' is lost",
        )  # fmt: skip
    found = list(_rbd(facts, source) if source.protocol == "rbd" else _iscsi(facts, source))
    if found:
        return _best(facts, found, vmid)
    hint = "name its storage with --storage POOL=STORAGE, or copy the image to one"
    shares = (storage for storage in _there(facts).usable if storage.type == "zfs") if source.protocol == "iscsi" else ()
    if any(name.startswith(f"{share.target}/") for share in shares):
        hint = "say which volume it is with --host-fact zfs_over_iscsi.luns.STORAGE:VOLUME=LUN"
    return Match(volid=None, finding="storage-unknown", message=f"no storage holds the {source.protocol} image '{name}'", hint=hint)


def _rbd(facts: HostFacts, source: Source) -> Iterator[Candidate]:
    path, _, image = (source.name or "").rpartition("/")
    pool, _, namespace = path.partition("/")
    namespace = source.namespace or namespace
    full = f"{pool}/{namespace}" if namespace else pool
    mapped = facts.storage_map.get(full) or facts.storage_map.get(pool)
    wanted = {host.name for host in source.hosts or () if host.name}
    for storage in _there(facts).usable:
        if storage.type != "rbd" or (mapped and storage.id != mapped):
            continue
        # the storage that the kernel maps gives the guest the same image, but it is not what was opened
        if mapped or (not storage.krbd and rbd_path(storage, "") == f"{full}/" and _reaches(storage, wanted)):
            volume = _parsed(storage, image)
            if volume:
                yield storage.id, image, volume
    if mapped and mapped not in facts.storages and plausible(image):
        yield mapped, image, None


def _reaches(storage: Storage, wanted: set[str]) -> bool:
    """Whether the storage may be at these servers; where either names none, nothing is against it."""
    monitors = {host.name for host in storage.hosts()} if wanted else None
    return not monitors or not wanted.isdisjoint(monitors)


def _iscsi(facts: HostFacts, source: Source) -> Iterator[Candidate]:
    match = _LUN.fullmatch(source.name or "")
    target, lun = (match[1], int(match[2])) if match else (source.name or "", 0)
    wanted = {host.name for host in source.hosts or () if host.name}
    for storage in _there(facts).usable:
        if storage.target != target or (wanted and not wanted & {host.name for host in storage.hosts()}):
            continue
        if storage.type == "iscsidirect":
            name = f"lun{lun}"
            yield storage.id, name, parse_volname(storage, name)
        elif storage.type == "zfs":
            for volid, number in facts.zfs_over_iscsi.luns.items():
                owner, _, name = volid.partition(":")
                volume = _parsed(storage, name) if owner == storage.id and number == lun else None
                if volume:
                    yield storage.id, name, volume


def _of_pool(facts: HostFacts, source: Source, vmid: int) -> Match:
    """A libvirt pool and volume; our own XML names a storage so whose facts were not there."""
    pool, name = source.storage or "", source.volume or ""
    if _CONTROL.search(name) or name.startswith("/") or ".." in name.split("/") or "," in name:
        raise BridgeError(f"the volume name '{name[:200]}' leads out of its pool")
    if pool in facts.pools:
        return _of_path(facts, posixpath.join(facts.pools[pool], name), source.format, vmid)
    if pool in facts.storage_map:
        found = list(_relative(facts, facts.storage_map[pool], name))
        if found:
            return _best(facts, found, vmid)
    storage = facts.storages.get(pool)
    volume = _parsed(storage, name) if storage else None
    if volume is not None:
        return _best(facts, [(pool, name, volume)], vmid)
    message = f"the pool '{pool[:60]}' of volume '{name[:200]}' is not known"
    if storage is None and STORAGE_ID.fullmatch(pool) and plausible(name):
        hint = "give the node's storage.cfg: --host DIR"
        return Match(volid=f"{pool}:{name}", storage=pool, finding="storage-unknown", message=message, hint=hint)
    hint = f"say where it is: --host-fact pools.{pool[:60]}=PATH, or --storage {pool[:60]}=STORAGE"
    return Match(volid=None, finding="storage-unknown", message=message, hint=hint)
