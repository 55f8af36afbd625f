"""`info qtree` and `query-pci` -> devices by their place, named as `places` names them (QEMU 10.0, system/qdev-monitor.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..data.devices import HOST, PLACED
from .devices import Device
from .values import plain

NOISE = HOST | frozenset((
    *("bar", "busnr", "failover_pair_id", "gpio-in", "gpio-out", "masterbus", "mmio", "romfile", "romsize"),
    *("ram_size", "ram_size_mb", "vram_size", "vram_size_mb", "vram64_size_mb"),
))
"""Names of other devices and files, and what the options tell better (QXL's sizes)."""
KINDS = {
    **dict.fromkeys(("PCI", "PCIE"), "pci"),
    "usb-bus": "usb",
    "SCSI": "scsi",
    "IDE": "ide",
    "virtio-serial-bus": "channel",
    "HDA": "codec",
    "ISA": "isa",
}
PLACED_AS = {"channel": "virtio-serial", "codec": "hda"}
UNITS = {"scsi": ("channel", "scsi-id", "lun"), "ide": ("unit",), "channel": ("nr",), "codec": ("cad",)}
ROM = 6
PORTS = {"isa-serial": "serial", "isa-parallel": "parallel"}

_NODE = re.compile(r"( *)(bus|dev): ([^,\n]+)(?:, id \"(.*)\")?")
_PROPERTY = re.compile(r" *([\w-]+) = (.*)")
_NUMBER = re.compile(r"(-?[0-9]+) \((?:0x[0-9a-f]+|[^()]*)\)")
_PORT = re.compile(r" *addr [0-9.]+, port ([0-9.]+),")
_CLASS = re.compile(r" *class (.*), addr [0-9a-f:.]+, pci id (.*)")


class Node(msgspec.Struct):
    """A device as it is printed, with its bus."""

    driver: str
    id: str
    bus: str
    parent: Node | None
    kind: str = ""
    properties: dict[str, str] = {}
    place: str = ""


def devices(text: str) -> dict[str, Device]:
    """Devices by place. The part of a virtio device that speaks virtio is one with the card it is on."""
    found: dict[str, Device] = {}
    counts: dict[str, int] = {}
    # a parent is printed in front of its children, the newest of them first
    nodes = list(_nodes(text.replace("\r", "").split("\n")))
    for node in _oldest_first(nodes):
        parent = node.parent
        if parent is not None and node.kind.startswith("virtio-") and node.kind not in KINDS:
            node.place = parent.place
            found[parent.place].properties |= _visible(node)
            continue
        place = _place(node)
        count = counts[place] = counts.get(place, 0) + 1
        node.place = place if count == 1 else f"{place} #{count}"
        found[node.place] = Device(driver=node.driver, place=node.place, where=f"qtree {node.id or node.driver}", properties=_visible(node))
    return found


def _oldest_first(nodes: list[Node]) -> Iterator[Node]:
    children: dict[int, list[Node]] = {}
    for node in nodes:
        children.setdefault(id(node.parent) if node.parent else 0, []).append(node)
    waiting = children.get(0, [])[:]
    while waiting:
        yield (node := waiting.pop())
        waiting += children.get(id(node), ())


def _nodes(lines: Iterable[str]) -> Iterator[Node]:
    above: list[tuple[int, str, Any]] = []
    node: Node | None = None
    bus_kind: dict[str, str] = {}
    for line in lines:
        match = _NODE.fullmatch(line)
        if match:
            indent = len(match[1])
            while above and above[-1][0] >= indent:
                above.pop()
            if match[2] == "bus":
                above.append((indent, "bus", match[3]))
                node = None
                continue
            parent = next((entry for _, what, entry in reversed(above) if what == "dev"), None)
            bus = next((entry for _, what, entry in reversed(above) if what == "bus"), "")
            node = Node(match[3], match[4] or "", bus, parent, bus_kind.get(bus, ""))
            above.append((indent, "dev", node))
            yield node
        elif node is None:
            if line.strip().startswith("type ") and above:
                bus_kind[above[-1][2]] = line.strip()[5:]
        else:
            _read_property(node, line)


def _read_property(node: Node, line: str) -> None:
    if match := _PROPERTY.fullmatch(line):
        value = match[2]
        number = _NUMBER.fullmatch(value)
        node.properties[match[1]] = value[1:-1] if value[:1] == '"' else number[1] if number else plain(value)
    elif match := _PORT.match(line):
        node.properties["usb port"] = match[1]
    elif match := _CLASS.fullmatch(line):
        node.properties["class"], node.properties["pci id"] = match[1], match[2]


def _visible(node: Node) -> dict[str, str]:
    kind = KINDS.get(node.kind, "")
    left_out = NOISE | PLACED.get(PLACED_AS.get(kind, kind), frozenset())
    return {name: _effective(name, value) for name, value in node.properties.items() if name not in left_out}


AUTO = {("rerror", "auto"): "report", ("rombar", "-1"): "1", ("werror", "auto"): "enospc", ("write-cache", "auto"): "on"}
"""What QEMU's own choice comes to (hw/block/block.c, hw/pci/pci.c); its images here are stand-ins."""


def _effective(name: str, value: str) -> str:
    return AUTO.get((name, value), value)


def _place(node: Node) -> str:
    kind = KINDS.get(node.kind, "")
    above = node.parent.place if node.parent else ""
    if kind == "pci":
        slot = node.properties.get("addr", "?")
        behind = node.parent is not None and node.parent.kind in ("PCI", "PCIE") and node.parent.place.startswith("pci ")
        return f"{above}/{slot}" if behind else f"pci {slot}"
    if kind == "usb":
        return f"{above} usb {node.properties.get('usb port', '?')}"
    if kind == "isa":
        return f"isa {PORTS[node.driver]} {node.properties.get('index', '?')}" if node.driver in PORTS else f"isa {node.driver}"
    if kind in UNITS:
        unit = ":".join(node.properties.get(name, "?") for name in UNITS[kind])
        bus = f"{node.bus.rpartition('.')[2]}:" if kind == "ide" else ""
        return f"{above} {kind} {bus}{unit}"
    return f"{above} {node.driver}".strip() if above else node.driver


def pci(buses: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """What the firmware made of each function: place -> BARs, interrupt, bridge windows."""
    found: dict[str, dict[str, str]] = {}
    for bus in buses:
        waiting = [(device, "pci ") for device in bus["devices"]]
        while waiting:
            device, prefix = waiting.pop()
            place = f"{prefix}{device['slot']:02x}.{device['function']}"
            bridge = device.get("pci_bridge") or {}
            found[place] = {"irq": plain(device.get("irq", "none")), "pin": plain(device.get("irq_pin", "none"))}
            found[place] |= {name: _window(value) for name, value in bridge.get("bus", {}).items()}
            found[place] |= {f"bar {region['bar']}": _region(region) for region in device["regions"]}
            waiting += [(below, place + "/") for below in bridge.get("devices", ())]
    return found


def _window(value: Any) -> str:
    return f"{value['base']:#x}-{value['limit']:#x}" if isinstance(value, dict) else plain(value)


def _region(region: dict[str, Any]) -> str:
    """`memory 64 bit prefetch, 16384 bytes at 0xfe9fc000`"""
    words = [region["type"], "64 bit" * bool(region.get("mem_type_64")), "prefetch" * bool(region.get("prefetch"))]
    at = "" if region["bar"] == ROM else f" at {region['address']:#x}"  # mapped for moments only
    return f"{' '.join(word for word in words if word)}, {region['size']} bytes{at}"
