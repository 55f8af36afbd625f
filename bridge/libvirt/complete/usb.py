"""USB ports, and the hubs that they need (libvirt 11.3, qemuDomainAssignUSBAddresses, src/conf/domain_addr.c)."""

from __future__ import annotations

from collections.abc import Iterator

from ..tree.node import Node
from .draft import Draft, address_of, give_address, index_of, told

PORTS = {"piix3-uhci": 2, "piix4-uhci": 2, "vt82c686b-uhci": 2, "ehci": 6, "ich9-ehci1": 6, "pci-ohci": 3, "nec-xhci": 4, "qemu-xhci": 4}
"""Companions have none of their own: their ports are the EHCI's."""
XHCI = ("nec-xhci", "qemu-xhci")
HUB_PORTS = 8
DEPTH = 4
MOST_PORTS, MOST_HUBS = 15, 64


class _Hub:
    def __init__(self, ports: int) -> None:
        self.ports = ports
        self.used: set[int] = set()
        self.hubs: dict[int, _Hub] = {}
        self.lowest = 1
        """All ports below are used."""
        self.full = False

    def free(self, depth: int = 1) -> tuple[int, ...] | None:
        """The path to a free port: here, else behind a hub."""
        if self.full:
            return None
        while self.lowest in self.used:
            self.lowest += 1
        if self.lowest <= self.ports:
            return (self.lowest,)
        if depth < DEPTH:
            for port in sorted(self.hubs):
                if (path := self.hubs[port].free(depth + 1)) is not None:
                    return port, *path
        self.full = True
        return None

    def at(self, path: tuple[int, ...]) -> _Hub | None:
        """The hub that has the last port of a path."""
        if len(path) == 1:
            return self
        below = self.hubs.get(path[0])
        return below.at(path[1:]) if below is not None else None


def assign(draft: Draft) -> None:
    """A port for all that have none."""
    devices = list(_devices(draft))
    hubs = [node for node in draft.of("hub") if node.attrib.get("type") == "usb"]
    if all(_path(node) for node in (*devices, *hubs)):
        return
    buses = {index_of(node): _Hub(count) for node in draft.of_type("usb") if (count := _ports(node))}
    if not buses:
        return
    missing = len(devices) + len(hubs) - sum(hub.ports for hub in buses.values()) - HUB_PORTS * len(hubs)
    if missing > 0:
        hubs += [draft.add("hub", type="usb") for _ in range(min(-(-(missing + 1) // (HUB_PORTS - 1)), MOST_HUBS))]
    known = [node for node in hubs if _path(node)]
    for node in (*known, *devices):
        if (path := _path(node)) is not None:
            _take(buses, node, path, node in known)
    for node in (*hubs, *devices):
        if _path(node) is None and not _find(buses, node, node.tag == "hub"):
            return


def _devices(draft: Draft) -> Iterator[Node]:
    """All but hubs, in libvirt's order (virDomainDeviceIsUSB)."""
    for node in draft.disks:
        if told(node.peek("target"), "bus") == "usb":
            yield node
    for node in draft.of("interface"):
        if told(node.peek("model"), "type") == "usb-net":
            yield node
    yield from (node for node in draft.of("sound") if node.attrib.get("model") == "usb")
    yield from (node for node in draft.of("hostdev") if node.attrib.get("type") == "usb")
    yield from draft.of_type("ccid")
    yield from (node for node in draft.of("serial") if told(node.peek("target"), "type") == "usb-serial")
    yield from (node for node in draft.of("input") if node.attrib.get("bus") == "usb")
    yield from (node for node in draft.of("filesystem") if told(node.peek("driver"), "type") == "mtp")
    yield from (node for node in draft.of("redirdev") if node.attrib.get("bus", "usb") == "usb")


def _ports(node: Node) -> int:
    model = node.attrib.get("model", "")
    if model in XHCI and (said := index_of(node, "ports")) is not None:
        return min(said, MOST_PORTS)
    return PORTS.get(model, 0)


def _path(node: Node) -> tuple[int, ...] | None:
    """The port, as a path through hubs; None if it is not said."""
    address = address_of(node, "usb")
    parts = address.attrib.get("port", "").split(".") if address is not None else [""]
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts) or not int(parts[0]):
        return None
    return tuple(map(int, parts))


def _take(buses: dict[int | None, _Hub], node: Node, path: tuple[int, ...], is_hub: bool) -> None:
    address = address_of(node, "usb")
    bus = buses.get((index_of(address, "bus") or 0) if address is not None else 0)
    hub = bus.at(path) if bus is not None else None
    if hub is not None:
        hub.used.add(path[-1])
        if is_hub:
            hub.hubs[path[-1]] = _Hub(HUB_PORTS)


def _find(buses: dict[int | None, _Hub], node: Node, is_hub: bool) -> bool:
    """Give a device the first free port, on its own bus if it names one."""
    if node.peek("address") is not None and address_of(node, "usb") is None:
        return True
    address = address_of(node, "usb")
    wanted = index_of(address, "bus") if address is not None else None
    for number in sorted(n for n in buses if n is not None):
        if wanted is not None and number != wanted:
            continue
        if (path := buses[number].free()) is not None:
            give_address(node, "usb", bus=str(number), port=".".join(map(str, path)))
            _take(buses, node, path, is_hub)
            return True
    return False
