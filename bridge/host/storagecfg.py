"""The storages of a cluster: /etc/pve/storage.cfg (PVE::Storage::Plugin and the plugins beside it, pve-storage 9)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ..core.report import Line
from ..model.disk import NetworkHost
from .sections import STORAGE_ID, TYPED_HEADER, Section, Warnings, read_sections, split_list, yes


class Plugin(NamedTuple):
    """A storage type. `grammar` names the form of its volume names in `bridge.host.volume`."""

    grammar: str
    content: frozenset[str]
    """Content types that it can hold."""
    default_content: frozenset[str]
    formats: tuple[str, ...] = ("raw",)
    """Image formats for disks, the default first."""
    needs: tuple[str, ...] = ()
    """Keys without which no volume can be found."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILES = _set("images rootdir vztmpl iso backup snippets import")
_IMAGES = _set("images")
_GUESTS = _set("images rootdir")

PLUGINS: dict[str, Plugin] = {
    "dir": Plugin("dir", _FILES | {"none"}, _GUESTS, ("raw", "qcow2", "vmdk"), ("path",)),
    "nfs": Plugin("dir", _FILES, _IMAGES, ("raw", "qcow2", "vmdk"), ("path",)),
    "cifs": Plugin("dir", _FILES, _IMAGES, ("raw", "qcow2", "vmdk"), ("path",)),
    "cephfs": Plugin("dir", _FILES - _GUESTS, _set("backup"), ("raw",), ("path",)),
    "btrfs": Plugin("dir", _FILES | {"none"}, _GUESTS, ("raw",), ("path",)),
    "lvm": Plugin("lvm", _GUESTS, _IMAGES, ("raw", "qcow2"), ("vgname",)),
    "lvmthin": Plugin("lvmthin", _GUESTS, _GUESTS, ("raw",), ("vgname",)),
    "zfspool": Plugin("zfs", _GUESTS, _GUESTS, ("raw",), ("pool",)),
    "zfs": Plugin("zfs", _IMAGES, _IMAGES, ("raw",), ("pool", "portal", "target")),
    "iscsi": Plugin("iscsi", _IMAGES | {"none"}, _IMAGES, ("raw",)),
    "iscsidirect": Plugin("iscsidirect", _IMAGES | {"none"}, _IMAGES, ("raw",), ("portal", "target")),
    "rbd": Plugin("rbd", _GUESTS, _IMAGES, ("raw",)),
    "esxi": Plugin("none", _set("import"), _set("import"), ("raw", "qcow2", "vmdk")),
    "pbs": Plugin("none", _set("backup none"), _set("backup")),
}

_MOUNTED = _set("nfs cifs cephfs")
"""Types whose path is /mnt/pve/ID unless said."""
_LISTS = _set("content nodes monhost")
_FLAGS = {"disable": "disable", "shared": "shared", "krbd": "krbd", "nocow": "nocow", "snapshot-as-volume-chain": "volume_chain"}
_TEXTS = _set("path vgname pool namespace username fsid portal target mountpoint format thinpool server export share")
_UNUSED = _set(
    "authsupported base blocksize bwlimit comstar_hg comstar_tg create-base-path create-subdirs data-pool datastore domain "
    "encryption-key fingerprint fs-name fuse is_mountpoint iscsiprovider keyring lio_tpg master-pubkey max-protected-backups maxfiles "
    "mkdir nowritecache options password port preallocation prune-backups saferemove saferemove-stepsize saferemove_throughput "
    "skip-cert-verification smbversion sparse subdir tagged_only zfs-base-path"
)
"""Known keys that say nothing about where a volume is."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PATH = re.compile(r"/[-/A-Za-z0-9_.@+=:~]*")
_POOL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*(?:/[A-Za-z0-9_.:-]+)*")
_PRINTABLE = re.compile(r"[!-~]+")
_CHECKS = {
    "path": _PATH, "mountpoint": _PATH, "vgname": _NAME, "thinpool": _NAME, "pool": _POOL, "namespace": _NAME,
    "fsid": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "format": re.compile(r"raw|qcow2|vmdk|subvol"),
}  # fmt: skip
_RELATIVE = re.compile(r"[^/,;\s][^,;\s]*")
_PORT = r"(?::([0-9]{1,5}))?"
_IPV6 = r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(?:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)?"
_HOST_PORT = re.compile(rf"([0-9A-Za-z.-]+){_PORT}|\[([0-9A-Za-z.:-]+)\]{_PORT}|({_IPV6})(?:\.([0-9]{{1,5}}))?")


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """One section of storage.cfg, as far as it says where volumes are."""

    id: str
    type: str
    content: frozenset[str] = frozenset()
    nodes: frozenset[str] | None = None
    """None: every node."""
    disable: bool = False
    shared: bool = False
    path: str | None = None
    content_dirs: Mapping[str, str] = msgspec.field(default_factory=dict)
    volume_chain: bool = False
    """`snapshot-as-volume-chain`."""
    nocow: bool = False
    format: str | None = None
    vgname: str | None = None
    thinpool: str | None = None
    pool: str | None = None
    mountpoint: str | None = None
    namespace: str | None = None
    username: str | None = None
    monhost: tuple[str, ...] = ()
    """As written; `hosts()` splits them."""
    fsid: str | None = None
    """Of the Ceph cluster; qemu-server asks the cluster, so it is a fact that only our file holds."""
    krbd: bool = False
    portal: str | None = None
    target: str | None = None
    server: str | None = None
    export: str | None = None
    share: str | None = None

    @property
    def plugin(self) -> Plugin:
        return PLUGINS[self.type]

    def formats(self) -> tuple[str, ...]:
        """Formats of new disks, the default first."""
        if self.type == "lvm":  # qcow2 on LVM only exists for snapshots as volume chains
            return ("qcow2", "raw") if self.volume_chain else ("raw",)
        known = self.plugin.formats
        return (self.format, *(f for f in known if f != self.format)) if self.format in known else known

    def hosts(self) -> tuple[NetworkHost, ...]:
        """The Ceph monitors, or the iSCSI portal."""
        texts = self.monhost if self.type in ("rbd", "cephfs") else (self.portal or "",)
        return tuple(host for host in map(host_and_port, texts) if host)

    def on_node(self, node: str | None) -> bool:
        """Whether that node has the storage; one whose name is not known may have any."""
        return not self.disable and (self.nodes is None or node is None or node in self.nodes)


@lru_cache(maxsize=1024)
def host_and_port(text: str) -> NetworkHost | None:
    """`mon1`, `192.0.2.1:6789`, `[::1]:6789`, `::1`, `::1.6789` -> host and port; None if it is none of these."""
    match = _HOST_PORT.fullmatch(text)
    if not match:
        return None
    name = match[1] or match[3] or match[5]
    port = match[2] or match[4] or match[6]
    if port is not None and not 1 <= int(port) <= 65535:
        return None
    return NetworkHost(name=name, port=None if port is None else int(port))


def read_storage_cfg(text: str, file: str, warnings: Warnings) -> dict[str, Storage]:
    """The storages by id. A section that says too little, or of a type that is not known, is left out, with a warning."""
    storages: dict[str, Storage] = {}
    for section in read_sections(text, file, TYPED_HEADER, warnings):
        if not STORAGE_ID.fullmatch(section.id):
            warnings.append((section.line, f"'{section.id[:60]}' is not a storage id, section ignored"))
        elif section.type not in PLUGINS:
            warnings.append((section.line, f"storage '{section.id}' has the unknown type '{section.type[:40]}', section ignored"))
        else:
            if section.id in storages:
                warnings.append((section.line, f"storage '{section.id}' is there twice, this one counts"))
            storage = _read_storage(section, warnings)
            if storage is not None:
                storages[section.id] = storage
    local = storages.get("local")
    if local is None or local.type != LOCAL.type or local.path != LOCAL.path:
        storages["local"] = LOCAL
    elif local.nodes is not None:
        storages["local"] = msgspec.structs.replace(local, nodes=None)
    return storages


LOCAL = Storage(id="local", type="dir", path="/var/lib/vz", content=_FILES - {"import"})
"""Every node has this storage, and always there (pve-storage, Plugin.pm parse_config)."""


_PLACES = ("path", "vgname", "pool", "namespace", "username", "fsid", "portal", "target", "mountpoint")
"""Keys with one text that say where volumes are."""


def section_text(storage: Storage) -> str:
    """A section of storage.cfg that finds the same volumes again; it does not say what else the storage is."""
    said = [(key, value) for key in _PLACES if (value := getattr(storage, key)) is not None]
    said += [(key, "1") for key, field in _FLAGS.items() if field not in ("disable", "shared") and getattr(storage, field)]
    said.append(("content", ",".join(sorted(storage.content))))
    if storage.monhost:
        said.append(("monhost", ",".join(storage.monhost)))
    if storage.content_dirs:
        said.append(("content-dirs", ",".join(f"{content}={path}" for content, path in storage.content_dirs.items())))
    return f"{storage.type}: {storage.id}\n" + "".join(f"  {key} {value}\n" for key, value in said)


def _read_storage(section: Section, warnings: Warnings) -> Storage | None:
    found: dict[str, object] = {}
    seen: set[str] = set()
    for key, value, line in section.entries:
        if key in seen:
            warnings.append((line, f"'{key[:40]}' is there twice in storage '{section.id}', the first one counts"))
            continue
        seen.add(key)
        problem = _read_entry(section, key, value, line, found, warnings)
        if problem:
            warnings.append((line, f"storage '{section.id}': {problem}, ignored"))
    plugin = PLUGINS[section.type]
    if section.type in _MOUNTED and "path" not in found and "path" not in seen:
        found["path"] = f"/mnt/pve/{section.id}"
    for key in plugin.needs:
        if key not in found:
            warnings.append((section.line, f"storage '{section.id}' has no usable '{key}', section ignored"))
            return None
    found.setdefault("content", plugin.default_content)
    return Storage(id=section.id, type=section.type, **found)  # type: ignore[arg-type]


def _read_entry(section: Section, key: str, value: str | None, line: Line, found: dict[str, object], warnings: Warnings) -> str | None:
    """Takes one line into `found`; the return value says what is wrong with it."""
    if key in _FLAGS:
        flag = yes(value)
        if flag is None:
            return f"'{key}' is neither yes nor no"
        found[_FLAGS[key]] = flag
        return None
    if key in _UNUSED:
        return None
    if key not in _TEXTS and key not in _LISTS and key != "content-dirs":
        return f"'{key[:40]}' is not a known key"
    if value is None:
        return f"'{key}' has no value"
    if not _usable(key, value):
        return f"'{key}' has the unusable value '{value[:60]}'"
    known = PLUGINS[section.type].content
    if key == "content-dirs":
        found["content_dirs"] = _content_dirs(value, known, line, warnings)
    elif key == "content":
        said = frozenset(split_list(value))
        found["content"] = said & known
        if said - known:
            warnings.append((line, f"storage '{section.id}' cannot hold {', '.join(sorted(said - known))[:100]}, ignored"))
    elif key in _LISTS:
        found[key] = frozenset(split_list(value)) if key == "nodes" else tuple(split_list(value))
    else:
        found[key] = posixpath.normpath(value) if key in ("path", "mountpoint") else value
    return None


def _usable(key: str, value: str) -> bool:
    """Whether a key may have this value: it goes into paths and into what QEMU is told."""
    if key in ("monhost", "portal"):
        return all(host_and_port(part) for part in (split_list(value) if key == "monhost" else [value]))
    if key in _LISTS or key == "content-dirs":
        return True
    return _CHECKS.get(key, _PRINTABLE).fullmatch(value) is not None and not (key == "path" and ".." in value.split("/"))


def _content_dirs(value: str, known: frozenset[str], line: Line, warnings: Warnings) -> dict[str, str]:
    dirs: dict[str, str] = {}
    for part in split_list(value):
        content, _, path = part.partition("=")
        if content in known and _RELATIVE.fullmatch(path) and ".." not in path.split("/"):
            dirs[content] = path.rstrip("/")
        else:
            warnings.append((line, f"content-dirs: '{part[:60]}' is not CONTENT=RELATIVE/PATH, ignored"))
    return dirs
