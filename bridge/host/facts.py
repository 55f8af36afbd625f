"""`HostFacts`: everything about a host that a conversion depends on, from a directory of files and from keywords.

Reading these files is the one place where the library opens any; see `shared/corpus/host/host.toml` for each key (mapping-machine 19).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from ..core.report import BridgeError, Line
from ..data import gates
from . import forms
from .cpumodels import CPUModel, read_cpu_models
from .mapping import DirectoryMapping, PCIMapping, USBMapping, read_directory_mappings, read_pci_mappings, read_usb_mappings
from .sections import Warnings
from .storagecfg import LOCAL, Storage, read_storage_cfg

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE = 1 << 20
"""Bytes; a file of host facts that is longer is not one."""

Count = Annotated[int, Meta(ge=0, le=65536)]

class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of host.toml."""


class PCIInfo(_Table, frozen=True):
    """What sysfs says of a PCI function."""

    vendor: forms.HexID | None = None
    device: forms.HexID | None = None
    subsystem_vendor: forms.HexID | None = None
    subsystem_device: forms.HexID | None = None
    iommugroup: int | None = None
    mdev: bool = False
    nvidia: bool = False
    """vGPU of the driver for kernel 6.8 and later, which has no mdev."""


class PCI(_Table, frozen=True):
    present: list[forms.PCIAddressText] | None = None
    """Functions of the host, full form. None: not known."""
    info: dict[str, PCIInfo] = {}
    """By the start of the address: `0000:01:00` speaks for all its functions."""


class VolumeChain(_Table, frozen=True):
    """A volume that stands on snapshot volumes: paths and snapshot names, newest first, `current` the volume itself."""

    storage: str
    files: list[str]
    snapshots: list[str]

    def __post_init__(self) -> None:
        if len(self.files) != len(self.snapshots) or not self.files or self.snapshots[0] != "current":
            raise ValueError("a volume chain needs as many files as snapshots, and starts with 'current'")


class ZFSOverISCSI(_Table, frozen=True):
    """Logical units as the target reports them: `luns` by volume id, `lun` for every other volume."""

    lu_name: str | None = None
    lun: Count | None = None
    luns: dict[str, Count] = {}


def _firmware_bytes() -> dict[str, int]:
    """Sizes of pve-edk2-firmware's variable templates."""
    small, large = 128 << 10, 528 << 10
    return {
        "OVMF_VARS_4M*": large, "OVMF_SEV_VARS_4M*": large, "OVMF_VARS*": small, "AAVMF_VARS*": 64 << 20, "RISCV_VIRT_VARS*": 32 << 20,
    }  # fmt: skip


class HostFacts(_Table, frozen=True):
    """What a host knows. Every field has a default, so that `HostFacts()` converts too; None means not known."""

    nodename: forms.NodeName | None = None
    """The node's name, which mappings and storages go by."""
    arch: Literal["x86_64", "aarch64"] = "x86_64"
    cpus: Annotated[int, Meta(ge=1, le=8192)] = 8192
    """Limit of sockets * cores and of iothreads; the default limits nothing that could be meant."""
    cpu_vendor: forms.VendorText | None = None
    """As /proc/cpuinfo has it, `GenuineIntel`. None: not known; Intel's is assumed where it matters."""
    cpu_flags: list[str] | None = None
    phys_address_bits: Annotated[int, Meta(ge=32, le=64)] | None = None
    render_node: bool | None = None
    """There is a /dev/dri/renderD*. None: not known."""
    qemu_server: str | None = None
    """The release whose command line is wanted, `9.2.6`, or `rfc-iothreads`. None: the newest known one, but `iothreads` is the RFC's."""
    qemu_version: forms.VersionText | None = None
    """Of the QEMU binary on the node. None: the one that came with that release of qemu-server, or the default where none is said."""
    vhost_net: bool = True
    iscsi_initiator_name: forms.InitiatorName | None = None
    cdrom_path: forms.DevicePath = "/dev/cdrom"
    """The host's CD drive; empty: it has none."""
    spice_port: Annotated[int, Meta(ge=1, le=65535)] = 61000
    spice_address: forms.AddressText = "127.0.0.1"
    hugepage_sizes_mib: list[Count] = msgspec.field(default_factory=lambda: [2, 1024])
    numa_nodes: Count | None = None
    bridges: list[forms.BridgeName] | None = None
    """Bridges that the node has. None: not known."""
    bridge_mtu: dict[forms.BridgeName, Annotated[int, Meta(ge=68, le=65520)]] = {}
    firmware_bytes: dict[str, Annotated[int, Meta(ge=1)]] = msgspec.field(default_factory=_firmware_bytes)
    """By file name, with wildcards; the longest pattern that fits counts."""
    hw_capabilities: dict[str, dict[str, int | bool]] = {}
    """host-hw-capabilities.json: `amd-sev`, `intel-tdx`."""
    pci: PCI = PCI()
    volume_chain: list[VolumeChain] = []
    zfs_over_iscsi: ZFSOverISCSI = ZFSOverISCSI()
    ceph_fsid: dict[str, forms.UUIDText] = {}
    """Storage id -> fsid of its cluster, for krbd paths."""
    ceph_keyring: list[str] = []
    """Storages with a keyring in /etc/pve/priv/ceph: they authenticate."""
    ceph_conf: list[str] = []
    """Storages with `monhost` that also have a ceph.conf of their own there."""
    secret_uuid: dict[str, forms.UUIDText] = {}
    """Storage id -> uuid of libvirt's secret with its key; implies that it authenticates."""
    path_kind: dict[str, Literal["file", "block"]] = {}
    """Paths that are not what their name says: a link to a device outside /dev, a regular file below it."""
    scsi_type: dict[str, Literal["disk", "tape"]] = {}
    """Paths that answer SCSI inquiries (`scsiblock`)."""
    storage_map: dict[forms.PlainText, forms.StorageID] = {}
    """Path prefix, or name of a libvirt pool, volume group, zpool or Ceph pool -> storage id."""
    bridge_map: dict[forms.PlainText, forms.BridgeName] = {}
    """Network or bridge -> bridge on the other side."""
    network_map: dict[forms.BridgeName, forms.NetworkName] = {}
    """Bridge of a node -> network of a libvirt host, both ways."""
    firmware_map: dict[forms.PathText, forms.PathText] = {}
    """Firmware path -> its path on the other side."""
    pools: dict[forms.PlainText, forms.PathText] = {}
    """libvirt storage pool -> its target path."""

    # From files of their own, never from host.toml
    storages: dict[str, Storage] = msgspec.field(default_factory=lambda: {LOCAL.id: LOCAL})
    remembered: frozenset[str] = frozenset()
    """Storages of which only the metadata of an XML tells: they stand for volumes of VM `remembered_for` alone (security-rules M2)."""
    remembered_for: int | None = None
    cpu_models: dict[str, CPUModel] = {}
    pci_mappings: dict[str, PCIMapping] = {}
    usb_mappings: dict[str, USBMapping] = {}
    directory_mappings: dict[str, DirectoryMapping] = {}
    warnings: tuple[tuple[str, str], ...] = ()
    """(file:line, message) of lines in those files that were skipped."""

    def __post_init__(self) -> None:
        gates.release_of(self.qemu_server)  # a ValueError for a word that is none

    @classmethod
    def load(cls, directory: str | Path | None = None, **overrides: Any) -> HostFacts:
        """Facts from `storage.cfg`, `cpu-models.conf`, `mapping/{pci,usb,directory}.cfg` and `host.toml` in a directory, each optional.

        Keywords are fields of this class and win over host.toml. Raises BridgeError, with file and line where they can be told."""
        values: dict[str, Any] = {}
        parsed: dict[str, Any] = {}
        text = file = ""
        if directory is not None:
            from pathlib import Path

            root = Path(directory)
            if not root.is_dir():
                raise BridgeError("the directory of host facts does not exist", root)
            parsed = _read_files(root)
            file = str(root / "host.toml")
            text = _read(root / "host.toml") or ""
            values = _read_toml(text, file)
        parsed |= {key: overrides.pop(key) for key in list(overrides) if key in _FROM_FILES}
        said = _convert(values, text, file)
        if overrides:
            said = _convert({**values, **overrides}, "", "")
        return msgspec.structs.replace(said, **parsed) if parsed else said

    def with_facts(self, facts: Iterable[str]) -> HostFacts:
        """A copy in which each `KEY=VALUE` counts: `cpus=8`, `bridge_mtu.vmbr1=9000`, `pci.present=0000:01:00.0,0000:01:00.1`.

        Lists are separated by commas. Raises BridgeError for an unknown key or a value of the wrong type."""
        values = msgspec.to_builtins({name: getattr(self, name) for name in self.__struct_fields__ if name not in _FROM_FILES})
        for fact in facts:
            key, equals, value = fact.partition("=")
            if not equals:
                raise BridgeError(f"'{fact[:80]}' is not KEY=VALUE", "--host-fact")
            try:
                _put(HostFacts, values, key, value)
            except ValueError:
                raise BridgeError(f"{key[:80]}: is not a known fact{_cure(key)}", "--host-fact") from None
        changed = _convert(values, "", "--host-fact", strict=False)
        return msgspec.structs.replace(changed, **{name: getattr(self, name) for name in _FROM_FILES})

    @property
    def storages_known(self) -> bool:
        """Whether somebody told which storages there are, beside the one that every node has."""
        return self.storages.keys() - self.remembered != {LOCAL.id} or self.storages[LOCAL.id] is not LOCAL

    def remembering(self, text: str, vmid: int) -> HostFacts:
        """With storages as the metadata of VM `vmid` has them, in the form of storage.cfg; those that are known otherwise stay."""
        if self.storages_known or not text:
            return self
        told = {name: storage for name, storage in read_storage_cfg(text, "the metadata", []).items() if name not in self.storages}
        return msgspec.structs.replace(self, storages={**self.storages, **told}, remembered=frozenset(told), remembered_for=vmid)

    def knows(self, storage: str, owner: int | None) -> bool:
        """Whether the storage may stand for a volume of this owner."""
        return storage not in self.remembered or owner == self.remembered_for

    def mtu(self, bridge: str) -> int:
        return self.bridge_mtu.get(bridge, 1500)

    def firmware_size(self, path: str) -> int | None:
        """Bytes of a firmware variables template, by its name."""
        name = path.rpartition("/")[2]
        fitting = [pattern for pattern in self.firmware_bytes if fnmatchcase(name, pattern)]
        return self.firmware_bytes[max(fitting, key=len)] if fitting else None

    def pci_info(self, function: str) -> PCIInfo | None:
        """What is known of a function, `0000:01:00.0`."""
        fitting = [start for start in self.pci.info if function.startswith(start)]
        return self.pci.info[max(fitting, key=len)] if fitting else None

    def chain_below(self, storage: str, path: str) -> tuple[tuple[str, str], ...]:
        """(snapshot, path) of the images that a volume stands on, newest first."""
        for chain in self.volume_chain:
            if chain.storage == storage and chain.files[0] == path:
                return tuple(zip(chain.snapshots[1:], chain.files[1:], strict=True))
        return ()

    def zfs_lun(self, volid: str) -> int | None:
        """The logical unit of a volume on ZFS over iSCSI."""
        return self.zfs_over_iscsi.luns.get(volid, self.zfs_over_iscsi.lun)


_FROM_FILES = ("storages", "remembered", "remembered_for", "cpu_models", "pci_mappings", "usb_mappings", "directory_mappings", "warnings")

_TOML_WORD = re.compile(r"\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+")
_TOML_HEADER = re.compile(r"\s*\[\[?((?:\"[^\"]*\"|[^\]\"])*)\]")
_TOML_KEY = re.compile(rf"\s*({_TOML_WORD.pattern})\s*=")

_READERS: dict[str, tuple[tuple[str, ...], Callable[[str, str, Warnings], Any]]] = {
    "storages": (("storage.cfg",), read_storage_cfg),
    "cpu_models": (("cpu-models.conf", "virtual-guest/cpu-models.conf"), read_cpu_models),
    "pci_mappings": (("mapping/pci.cfg",), read_pci_mappings),
    "usb_mappings": (("mapping/usb.cfg",), read_usb_mappings),
    "directory_mappings": (("mapping/directory.cfg",), read_directory_mappings),
}
"""Field -> where its file may be, and what reads it; the second place is that in a node's /etc/pve."""


def _read(path: Path) -> str | None:
    """The text of a file; None if there is no such file."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BridgeError(f"cannot be read: {error.strerror}", path) from None
    if len(data) > MAX_FILE:
        raise BridgeError(f"is longer than {MAX_FILE} bytes", path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BridgeError("is not UTF-8", Line(str(path), data.count(b"\n", 0, error.start) + 1)) from None


def _read_files(root: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    warnings: Warnings = []
    for field, (names, reader) in _READERS.items():
        for name in names:
            text = _read(root / name)
            if text is not None:
                parsed[field] = reader(text, str(root / name), warnings)
                break
    if warnings:
        parsed["warnings"] = tuple((str(where), message) for where, message in warnings)
    return parsed


def _read_toml(text: str, file: str) -> dict[str, Any]:
    import tomllib

    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits among them
        match = re.search(r"\(at line ([0-9]+)", str(error))
        message = f"is not TOML: {error}"[:200]
        raise BridgeError(message, Line(file, int(match[1])) if match else file) from None
    for key in _FROM_FILES:
        if key in values:
            raise BridgeError(f"'{key}' has a file of its own", Line(file, toml_line(text, [key]) or 1))
    return values


def _convert(values: dict[str, Any], text: str, file: str, strict: bool = True) -> HostFacts:
    """`text` and `file`: where the values came from."""
    try:
        if isinstance(release := values.get("qemu_server"), str):
            gates.release_of(release)
    except ValueError as error:
        line = toml_line(text, ["qemu_server"])
        raise BridgeError(f"qemu_server: {error}", Line(file, line) if line else file or None) from None
    try:
        return msgspec.convert(values, HostFacts, strict=strict)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `")
        keys = re.findall(r"[A-Za-z_][A-Za-z0-9_-]*", path.removeprefix("key` in "))
        keys += _at_fault(values, keys, strict)
        unknown = re.search(r"unknown field `(.*)`", problem)
        if unknown:
            keys.append(unknown[1])
            problem = "is not a known fact"
        line = toml_line(text, keys)
        where = Line(file, line) if line else file or None
        raise BridgeError(f"{'.'.join(keys) or 'host facts'}: {forms.in_words(problem)}", where) from None


def _at_fault(values: dict[str, Any], keys: list[str], strict: bool) -> list[str]:
    """The key of a table whose entry is not what it should be: msgspec names the table alone."""
    hint = get_type_hints(HostFacts, include_extras=True).get(keys[0]) if len(keys) == 1 else None
    for key, value in values[keys[0]].items() if get_origin(hint) is dict and isinstance(values[keys[0]], dict) else ():
        try:
            msgspec.convert({key: value}, hint, strict=strict)
        except msgspec.ValidationError:
            return [key]
    return []


def toml_line(text: str, keys: list[str]) -> int | None:
    """The line of host.toml on which a key stands, or else the table around it."""
    table: list[str] = []
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if header := _TOML_HEADER.match(line):
            path = table = [word.strip("\"'") for word in _TOML_WORD.findall(header[1])]
        elif entry := _TOML_KEY.match(line):
            path = [*table, entry[1].strip("\"'")]
        else:
            continue
        if path == keys[: len(path)] and (best is None or len(path) > best[0]):
            best = (len(path), number)
    return best[1] if best else None


def _put(kind: Any, values: dict[str, Any], key: str, text: str) -> None:
    """Sets `table.name` in nested values. The field's type says whether the text is a list; names inside a table may hold dots."""
    if _is_struct(kind):
        name, _, rest = key.partition(".")
        inner = None if name in _FROM_FILES else get_type_hints(kind).get(name)
    else:
        inner = get_args(kind)[1]
        name, _, rest = key.rpartition(".") if _is_table(inner) else (key, "", "")
    inner = _plain(inner)
    if inner is None or not name or _is_table(inner) != bool(rest):
        raise ValueError(key)
    if rest:
        _put(inner, values.setdefault(name, {}), rest, text)
    else:
        values[name] = [part for part in text.split(",") if part] if get_origin(inner) is list else text


def _cure(key: str) -> str:
    """What to write in place of a key that is none."""
    from difflib import get_close_matches

    facts = get_type_hints(HostFacts)
    if get_origin(_plain(facts.get(key))) is dict and key not in _FROM_FILES:
        return f": say of what it is: {key}.NAME=VALUE"
    near = get_close_matches(key, facts.keys() - _FROM_FILES, n=2)
    return f": did you mean {' or '.join(near)}?" if near else ": `man virt-qm` lists them"


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _is_table(kind: Any) -> bool:
    return _is_struct(kind) or get_origin(kind) is dict


def _plain(hint: Any) -> Any:
    """The type itself of `T | None`."""
    parts = [part for part in get_args(hint) if part is not type(None)]
    return parts[0] if type(None) in get_args(hint) and len(parts) == 1 else hint
