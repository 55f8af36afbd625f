"""Ports of virtio-serial, slots of memory and smart cards (libvirt 11.3, qemuDomainAssignVirtioSerialAddresses, …MemorySlots)."""

from __future__ import annotations

from ..tree.node import Node
from .controllers import maybe_add
from .draft import MOST_INDEX, Draft, address_of, give_address, index_of, told

PORTS = 31
"""Of a virtio-serial controller that says no number."""
MOST_PORTS = 511


def virtio_serial(draft: Draft) -> None:
    """Consoles may have port 0 and are given no address; channels count from 1."""
    consoles = [node for node in draft.of("console") if told(node.peek("target"), "type") == "virtio"]
    channels = [node for node in draft.of("channel") if told(node.peek("target"), "type") == "virtio"]
    if all(_port(node) for node in (*consoles, *channels)):
        return
    taken: dict[int, set[int]] = {}
    counts: dict[int, int] = {}
    for node in draft.of_type("virtio-serial"):
        if (number := index_of(node)) is not None:
            counts[number] = min(index_of(node, "ports") or PORTS, MOST_PORTS)
            taken[number] = set()
    for node in (*channels, *consoles):
        if (port := _port(node)) is not None:
            taken.setdefault(port[0], set()).add(port[1])
    room = sorted(counts)
    for node in (*consoles, *channels):
        if _port(node) is None:
            while room and node.tag == "channel" and len(taken[room[0]] | {0}) >= counts[room[0]]:
                room.pop(0)  # consoles, which may have port 0, are served by now
            _find(draft, node, taken, counts, room)


def _port(node: Node) -> tuple[int, int] | None:
    """Controller and port; port 0 leaves it to libvirt."""
    address = address_of(node, "virtio-serial")
    if address is None:
        return None
    port = index_of(address, "port")
    return (index_of(address, "controller") or 0, port) if port else None


def _find(draft: Draft, node: Node, taken: dict[int, set[int]], counts: dict[int, int], room: list[int]) -> None:
    """`room`: controllers that may have a free port, in order."""
    address = address_of(node, "virtio-serial")
    console = node.tag == "console"
    wanted = None if address is None else index_of(address, "controller") or 0
    for number in room if wanted is None else [wanted] if wanted in counts else []:
        first = 0 if console and wanted is None and 0 not in taken[number] else 1
        full = first and len(taken[number] | {0}) >= counts[number]
        port = None if full else next((n for n in range(first, counts[number]) if n not in taken[number]), None)
        if port is not None:
            _give(node, number, port, taken)
            return
    number = next(n for n in range(len(counts) + 1) if n not in counts)
    if wanted is not None or number > MOST_INDEX:
        return
    room.append(number)
    counts[number], taken[number] = PORTS, set()
    _give(node, number, 0 if console else 1, taken)
    maybe_add(draft, "virtio-serial", number)


def _give(node: Node, controller: int, port: int, taken: dict[int, set[int]]) -> None:
    taken[controller].add(port)
    if node.tag == "channel":
        give_address(node, "virtio-serial", controller=str(controller), port=str(port))


def memory(draft: Draft) -> None:
    """Slots of memory modules, from 0."""
    dimms = [node for node in draft.of("memory") if node.attrib.get("model") in ("dimm", "nvdimm")]
    used = {index_of(address, "slot") for node in dimms if (address := address_of(node, "dimm")) is not None}
    slot = 0
    for node in dimms:
        if node.peek("address") is None:
            while slot in used:
                slot += 1
            used.add(slot)
            give_address(node, "dimm", slot=str(slot))


def smartcards(draft: Draft) -> None:
    nodes = draft.of("smartcard")
    highest = -1
    for node in nodes:
        address = address_of(node, "ccid")
        if address is not None and not index_of(address, "controller"):
            highest = max(highest, index_of(address, "slot") or 0)
    for node in nodes:
        if node.peek("address") is None:
            highest += 1
            give_address(node, "ccid", controller="0", slot=str(highest))


def scsi_hosts(draft: Draft) -> None:
    """SCSI devices of the host take the first free unit, in order (virDomainHostdevAssignAddress)."""
    hosts = [node for node in draft.of("hostdev") if node.attrib.get("type") == "scsi"]
    if not hosts:
        return
    used = {place for node in (*draft.disks, *hosts) if (place := _drive(node)) is not None}
    for node in hosts:
        if node.peek("address") is None:
            free = ((controller, unit) for controller in range(MOST_INDEX) for unit in range(7) if (controller, unit) not in used)
            if (place := next(free, None)) is None:
                return
            used.add(place)
            give_address(node, "drive", controller=str(place[0]), bus="0", target="0", unit=str(place[1]))


def _drive(node: Node) -> tuple[int, int] | None:
    """Controller and unit on channel 0, target 0 of SCSI."""
    address = address_of(node, "drive")
    if address is None or (node.tag == "disk" and told(node.peek("target"), "bus") != "scsi"):
        return None
    if index_of(address, "bus") or index_of(address, "target"):
        return None
    return index_of(address, "controller") or 0, index_of(address, "unit") or 0
