"""The PCI devices of a VM as qemu-server starts them and as a domain describes them, side by side by their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ..argv.read import fields
from ..core.report import BridgeError, shown
from ..guest.values import devfn, word
from ..model.part import PCIAddress

if TYPE_CHECKING:
    from ..guest.tree import Tree
    from ..libvirt.tree.node import Node
    from ..model.vm import VM

_PCI = re.compile(r"pci ((?:[0-9a-f]{2}\.[0-7]/)*[0-9a-f]{2}\.[0-7])", re.ASCII)
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,9}", re.ASCII)
MOST_DEPTH = 16

Places = dict[str, str]
"""Place (`1e.0/12.0`: slot and function behind each bridge) -> what stands there."""


class Slot(NamedTuple):
    """A place; None: nothing stands there in this stack."""

    place: str
    qemuserver: str | None
    libvirt: str | None

    @property
    def depth(self) -> int:
        return self.place.count("/")


def side_by_side(qemuserver: Places, libvirt: Places) -> list[Slot]:
    """All places in the order of the bus, what is behind a bridge after the bridge."""
    return [Slot(place, qemuserver.get(place), libvirt.get(place)) for place in sorted({*qemuserver, *libvirt})]


def of_command_line(tree: Tree, vm: VM) -> Places:
    """Devices of qemu-server's command line, and what its chipset brings that the model knows of."""
    found = {}
    for place, device in tree.devices.items():
        match = _PCI.fullmatch(place)
        if match:
            name = device.where.removeprefix("-device ")
            found[match[1]] = shown(device.driver if name == device.driver else f"{name}: {device.driver}")
    for controller in vm.controllers:
        at = controller.address
        if controller.builtin and isinstance(at, PCIAddress) and at.bus in ("pci.0", "pcie.0"):
            found.setdefault(f"{at.slot:02x}.{at.function:x}", f"{controller.key}: of the chipset")
    return found


def of_domain(root: Node) -> tuple[Places, int]:
    """Devices of a `<domain>` with a PCI address, and how many without any address libvirt will place by itself."""
    devices = next((node for node in root.children if node.tag == "devices"), None)
    nodes = devices.children if devices is not None else []
    placed = [(address, _label(node)) for node in nodes if (address := _address(node)) is not None]
    bridges: dict[int, Address | None] = {}
    names = {"pci.0": 0, "pcie.0": 0}
    for node in nodes:
        number = _number(node.attrib.get("index", "")) if node.tag == "controller" and node.attrib.get("type") == "pci" else None
        if number is not None:
            bridges[number] = _address(node)
            names |= {f"pci.{number}": number, _alias(node): number}
    found: Places = {}
    for address, label in [*placed, *_raw(root, names)]:
        place = _place(address, bridges)
        found[place] = f"{found[place]}; {label}" if place in found else label
    return found, sum(map(_unplaced, nodes))


def _raw(root: Node, names: dict[str, int]) -> Iterator[tuple[Address, str]]:
    """Devices among the domain's raw arguments. `names`: name of a bus -> its number."""
    words = [node.attrib.get("value", "") for part in root.children if part.tag == "qemu:commandline" for node in part.children]
    for option, value in pairwise(words):
        if option != "-device":
            continue
        try:
            given = fields(value, "driver")
        except BridgeError:
            continue
        at, bus = devfn(given.get("addr", "")), names.get(word(given.get("bus", "")))
        if at is not None and bus is not None:
            driver = word(given.get("driver", ""))
            yield (
                (bus, *at),
                shown(f"{word(given['id'])}: {driver}, a raw argument" if "id" in given else f"{driver}, a raw argument")[:100],
            )


def of_model(vm: VM) -> Places:
    """Where the passes put every device, for a VM whose command line cannot be had."""
    of_bus = {controller.key: controller.address for controller in vm.controllers}
    found: Places = {}
    for device in vm.devices():
        at = device.address
        place = ""
        while isinstance(at, PCIAddress) and place.count("/") <= MOST_DEPTH:
            place = f"{at.slot:02x}.{at.function:x}" + (f"/{place}" if place else "")
            at = of_bus.get(at.bus)
        if place and device.key:
            found[place] = shown(f"{device.key}: {getattr(device, 'model', None) or type(device).__name__.lower()}")
    return found


Address = tuple[int, int, int]
"""(bus, slot, function)"""


def _address(device: Node) -> Address | None:
    for node in device.children:
        if node.tag == "address" and node.attrib.get("type") == "pci":
            bus, slot, function = (_number(node.attrib.get(name, "0")) for name in ("bus", "slot", "function"))
            if bus is not None and slot is not None and function is not None:
                return bus, slot & 0x1F, function & 7
    return None


def _number(text: str) -> int | None:
    return int(text, 16 if "x" in text.lower() else 10) if _NUMBER.fullmatch(text) else None


def _place(address: Address, bridges: dict[int, Address | None]) -> str:
    """Bus numbers become the slots of the bridges that make the buses."""
    bus, slot, function = address
    place = f"{slot:02x}.{function:x}"
    for _ in range(MOST_DEPTH):
        if bus == 0:
            return place
        bridge = bridges.get(bus)
        if bridge is None:
            return f"bus {bus}/{place}"
        bus, slot, function = bridge
        place = f"{slot:02x}.{function:x}/{place}"
    return place


def _alias(node: Node) -> str:
    return next((child.attrib.get("name", "") for child in node.children if child.tag == "alias"), "")


def _label(node: Node) -> str:
    """`controller scsi virtio-scsi`, `interface virtio`, `disk vda`."""
    words = [node.tag, node.attrib.get("type", "") if node.tag == "controller" else "", node.attrib.get("model", "")]
    for child in node.children:
        if child.tag == "model":
            words.append(child.attrib.get("type", ""))
        elif child.tag == "target" and node.tag == "disk":
            words.append(child.attrib.get("dev", ""))
        elif child.tag == "mac":
            words.append(child.attrib.get("address", ""))
    alias = _alias(node)
    label = " ".join(filter(None, words))
    return shown(f"{alias.removeprefix('ua-')}: {label}" if alias else label)[:100]


_PLUGGED = frozenset(("interface", "hostdev", "sound", "video", "rng", "memballoon", "watchdog", "filesystem", "shmem"))
_ROOTS = ("pci-root", "pcie-root")


def _unplaced(node: Node) -> bool:
    """Whether it is a PCI device that libvirt will find a slot for."""
    if any(child.tag == "address" for child in node.children) or node.attrib.get("model") in ("none", *_ROOTS):
        return False
    if node.tag == "disk":
        return any(child.tag == "target" and child.attrib.get("bus") == "virtio" for child in node.children)
    if node.tag == "controller":
        return node.attrib.get("type") in ("pci", "usb", "scsi", "virtio-serial", "sata", "ide")
    return node.tag in _PLUGGED
