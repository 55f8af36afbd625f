"""Mapped resources of a cluster, mapping/{pci,usb,directory}.cfg, and what the options `mapping=` and `dirid=` make of them on one node.

Facts: PVE::Mapping::{PCI,USB,Dir} (pve-guest-common 6), PCI.pm, USB.pm and Virtiofs.pm of qemu-server 9.2.6, mapping-devices 14.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from ..core.report import BridgeError, Line
from ..data.pci import LAST_SLOT
from .sections import CONFIG_ID, PLAIN_HEADER, Section, Warnings, read_sections, yes

if TYPE_CHECKING:
    from .facts import HostFacts, PCIInfo

_NODE = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_IDS = r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}"
_PCI = r"[a-f0-9]{4,}:[a-f0-9]{2}:[a-f0-9]{2}(?:\.[a-f0-9])?"
_PCI_FORMAT = {
    "node": _NODE, "id": _IDS, "subsystem-id": _IDS, "path": rf"(?:{_PCI};)*{_PCI}", "iommugroup": r"-?[0-9]{1,9}", "description": ".*",
}  # fmt: skip
_USB_FORMAT = {"node": _NODE, "id": _IDS, "path": r"[0-9]+-[0-9]+(?:\.[0-9]+)*", "description": ".*"}
_DIRECTORY_FORMAT = {"node": _NODE, "path": r"/[^;,=()]+"}
_FUNCTION = re.compile(r"\.[0-9a-f]", re.IGNORECASE)
_HAS_DOMAIN = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:", re.IGNORECASE)

_ADDRESS = re.compile(r"(?:([0-9a-f]{4,}):)?([0-9a-f]{2}):([0-9a-f]{2})(?:\.([0-9a-f]))?", re.IGNORECASE)
LAST_DOMAIN, LAST_FUNCTION = 0xFFFFFFFF, 7
"""Of a PCI address, as libvirt takes it (virpci.c, virPCIDeviceAddressIsValid)."""


class PCIMap(msgspec.Struct, frozen=True, kw_only=True):
    """One alternative of a PCI mapping on one node; all of `paths` are passed together."""

    node: str
    id: str
    """`vendor:device`, four hex digits each, as expected there."""
    paths: tuple[str, ...]
    """`0000:01:00.4`; without the function: the whole device."""
    subsystem_id: str | None = None
    iommugroup: int | None = None


class PCIMapping(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    mdev: bool = False
    live_migration_capable: bool = False
    maps: tuple[PCIMap, ...] = ()


class USBMap(msgspec.Struct, frozen=True, kw_only=True):
    node: str
    id: str
    """`vendor:product`"""
    path: str | None = None
    """`1-4.2`; if there, it names the device."""


class USBMapping(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    maps: tuple[USBMap, ...] = ()


class DirectoryMap(msgspec.Struct, frozen=True, kw_only=True):
    node: str
    path: str


class DirectoryMapping(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    maps: tuple[DirectoryMap, ...] = ()


AnyMap = TypeVar("AnyMap", PCIMap, USBMap, DirectoryMap)


def on_node(maps: tuple[AnyMap, ...], node: str | None) -> list[AnyMap]:
    """The entries for this node; where its name is not known, those of the only node that has any."""
    if node is None:
        return [] if len(_nodes(maps)) > 1 else list(maps)
    return [entry for entry in maps if entry.node == node]


def missing(facts: HostFacts, file: str, name: str) -> str | None:
    """What must be told before anybody knows what the mapping of this name in `mapping/FILE.cfg` stands for; None: nothing."""
    files: dict[str, Any] = {"pci": facts.pci_mappings, "usb": facts.usb_mappings, "directory": facts.directory_mappings}
    known = files[file]
    if not known:
        return f"give the cluster's mapping/{file}.cfg: --host DIR"
    mapping = known.get(name)
    nodes = _nodes(mapping.maps) if mapping is not None and facts.nodename is None else []
    return f"say which node it is of {', '.join(nodes)}: --host-fact nodename={nodes[0]}" if len(nodes) > 1 else None


def _nodes(maps: Iterable[PCIMap | USBMap | DirectoryMap]) -> list[str]:
    return sorted({entry.node for entry in maps})


# Reading the files


def _entry(text: str, formats: dict[str, str], needs: Iterable[str]) -> dict[str, str] | str:
    """`node=a,path=b` -> its parts; a string says what is wrong."""
    found: dict[str, str] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals or not value:
            return f"'{part[:60]}' is not KEY=VALUE"
        if key not in formats or key in found:
            return f"'{key[:40]}' is there twice" if key in found else f"'{key[:40]}' is not a known key"
        if not re.fullmatch(formats[key], value):
            return f"'{key}' has the unusable value '{value[:60]}'"
        found[key] = value
    missing = [key for key in needs if key not in found]
    return f"'{missing[0]}' is missing" if missing else found


class _Reader:
    """The sections of one mapping file, with the entries of their `map` lines."""

    def __init__(self, formats: dict[str, str], needs: tuple[str, ...], flags: frozenset[str], warnings: Warnings) -> None:
        self.formats, self.needs, self.flags, self.warnings = formats, needs, flags, warnings

    def sections(self, text: str, file: str) -> list[Section]:
        found = []
        for section in read_sections(text, file, PLAIN_HEADER, self.warnings):
            if CONFIG_ID.fullmatch(section.id):
                found.append(section)
            else:
                self._warn(section.line, f"'{section.id[:60]}' is not a mapping id, section ignored")
        return found

    def _warn(self, line: Line, message: str) -> None:
        self.warnings.append((line, message))

    def read(self, section: Section) -> tuple[list[dict[str, str]], set[str]]:
        """The `map` entries of a section, and the flags that are on."""
        entries: list[dict[str, str]] = []
        on: set[str] = set()
        for key, value, line in section.entries:
            if key == "map":
                entry = _entry(value or "", self.formats, self.needs)
                if isinstance(entry, str):
                    self._warn(line, f"mapping '{section.id}': {entry}, line ignored")
                else:
                    entries.append(entry)
            elif key in self.flags:
                flag = yes(value)
                if flag is None:
                    self._warn(line, f"mapping '{section.id}': '{key}' is neither yes nor no, line ignored")
                elif flag:
                    on.add(key)
            elif key != "description":
                self._warn(line, f"mapping '{section.id}': '{key[:40]}' is not a known key, line ignored")
        return entries, on


def read_pci_mappings(text: str, file: str, warnings: Warnings) -> dict[str, PCIMapping]:
    reader = _Reader(_PCI_FORMAT, ("node", "id", "path"), frozenset({"mdev", "live-migration-capable"}), warnings)
    found: dict[str, PCIMapping] = {}
    for section in reader.sections(text, file):
        entries, on = reader.read(section)
        maps = tuple(
            PCIMap(
                node=e["node"], id=e["id"], paths=tuple(e["path"].split(";")), subsystem_id=e.get("subsystem-id"),
                iommugroup=int(e["iommugroup"]) if "iommugroup" in e else None,
            )
            for e in entries
        )  # fmt: skip
        found[section.id] = PCIMapping(id=section.id, mdev="mdev" in on, live_migration_capable="live-migration-capable" in on, maps=maps)
    return found


def read_usb_mappings(text: str, file: str, warnings: Warnings) -> dict[str, USBMapping]:
    reader = _Reader(_USB_FORMAT, ("node", "id"), frozenset(), warnings)
    found: dict[str, USBMapping] = {}
    for section in reader.sections(text, file):
        maps = tuple(USBMap(node=e["node"], id=e["id"], path=e.get("path")) for e in reader.read(section)[0])
        found[section.id] = USBMapping(id=section.id, maps=maps)
    return found


def read_directory_mappings(text: str, file: str, warnings: Warnings) -> dict[str, DirectoryMapping]:
    reader = _Reader(_DIRECTORY_FORMAT, ("node", "path"), frozenset(), warnings)
    found: dict[str, DirectoryMapping] = {}
    for section in reader.sections(text, file):
        maps = tuple(DirectoryMap(node=e["node"], path=e["path"]) for e in reader.read(section)[0])
        found[section.id] = DirectoryMapping(id=section.id, maps=maps)
    return found


# What the options need


class HostFunction(NamedTuple):
    """An address that a PCI bus can have; `function` None: all that are there."""

    domain: int
    bus: int
    slot: int
    function: int | None

    def __str__(self) -> str:
        tail = "" if self.function is None else f".{self.function:x}"
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}{tail}"


def host_function(text: str) -> HostFunction | None:
    """`0000:01:00.0`, `01:00` as numbers; None for what qemu-server's grammar takes and no bus has: a slot above 1f, a function above 7."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    domain, bus, slot = (int(part or "0", 16) for part in match.groups()[:3])
    function = int(match[4], 16) if match[4] else None
    possible = domain <= LAST_DOMAIN and slot <= LAST_SLOT and (function or 0) <= LAST_FUNCTION
    return HostFunction(domain, bus, slot, function) if possible else None


def pci_functions(facts: HostFacts, host: str) -> list[str]:
    """The functions, `0000:01:00.0`, that one `host=` item names, in the order in which the guest gets them.

    Without the function number it is every function that the host has there. Where the host's functions are not known
    (`facts.pci.present` is None), a function that is named is believed, and of a device none is known.
    Raises BridgeError if the host has no such device."""
    host = host.lower()
    if facts.pci.present is None:
        full = host if _HAS_DOMAIN.match(host) else f"0000:{host}"
        return [full] if _FUNCTION.search(full) else []
    found = sorted(function for function in facts.pci.present if function.startswith((host, f"0000:{host}")))
    if not found:
        raise BridgeError(f"no PCI device found for '{host}'")
    return found


def pci_alternatives(facts: HostFacts, mapping: str) -> list[list[str]]:
    """The functions of each alternative of a PCI mapping on this node; qemu-server takes the first that is free.

    Raises BridgeError if there is none, or if the host's device is another one than the mapping expects."""
    known = facts.pci_mappings.get(mapping)
    maps = on_node(known.maps, facts.nodename) if known else []
    if known is None or not maps:
        raise BridgeError(f"PCI device mapping not found for '{mapping}'")
    for entry in maps:
        _check_pci(facts, known, entry)
    return [[function for path in entry.paths for function in pci_functions(facts, path)] for entry in maps]


def _check_pci(facts: HostFacts, mapping: PCIMapping, entry: PCIMap) -> None:
    for index, path in enumerate(entry.paths):
        function = path if _FUNCTION.search(path) else f"{path}.0"
        info = facts.pci_info(function)
        problem = None if info is None else _pci_difference(info, mapping, entry, index == 0)
        if problem:
            raise BridgeError(f"PCI device mapping invalid (hardware probably changed): {problem} of '{mapping.id}' at '{function}'")


def _pci_difference(info: PCIInfo, mapping: PCIMapping, entry: PCIMap, first: bool) -> str | None:
    """What differs between the device that is there and the one that the mapping expects; None for nothing."""
    real = f"{_hex(info.vendor)}:{_hex(info.device)}"
    if info.vendor is not None and real != entry.id.lower():
        return f"'id' does not match ({real} != {entry.id})"
    if first and info.iommugroup is not None and info.iommugroup != entry.iommugroup:
        return f"'iommugroup' does not match ({info.iommugroup} != {entry.iommugroup})"
    if info.mdev != mapping.mdev:
        return f"'mdev' does not match ({int(info.mdev)} != {int(mapping.mdev)})"
    subsystem = None
    if info.subsystem_vendor is not None and info.subsystem_device is not None:
        subsystem = f"{_hex(info.subsystem_vendor)}:{_hex(info.subsystem_device)}"
    expected = None if entry.subsystem_id is None else entry.subsystem_id.lower()
    return None if subsystem == expected else f"'subsystem-id' does not match ({subsystem} != {expected})"


def _hex(text: str | None) -> str:
    return (text or "").lower().removeprefix("0x")


def usb_host(facts: HostFacts, mapping: str) -> str:
    """The `host=` text, `1-4.2` or `1234:5678`, that a USB mapping stands for on this node. Raises BridgeError if there is not just one."""
    known = facts.usb_mappings.get(mapping)
    maps = on_node(known.maps, facts.nodename) if known else []
    if not maps:
        raise BridgeError(f"USB device mapping not found for '{mapping}'")
    if len(maps) > 1:
        raise BridgeError("More than one USB mapping per host not supported")
    return maps[0].path or maps[0].id


def directory_path(facts: HostFacts, dirid: str) -> str:
    """The directory that a `dirid` stands for on this node. Raises BridgeError if there is not just one."""
    known = facts.directory_mappings.get(dirid)
    if known is None:
        raise BridgeError(f"Directory ID {dirid} does not exist.")
    maps = on_node(known.maps, facts.nodename)
    if len(maps) != 1:
        problem = "More than one" if maps else "No"
        raise BridgeError(f"{problem} directory mapping for node {facts.nodename}.")
    return maps[0].path
