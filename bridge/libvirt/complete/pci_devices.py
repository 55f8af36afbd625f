"""The devices of a domain that stand on a PCI bus, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..address import number
from ..tree.node import Node
from .draft import Draft, default, give_address, index_of, told
from .pci_buses import NoPlaceError, Plug
from .pci_kinds import Kinds

Place = tuple[int, int, int]
"""Bus, slot, function."""


class Device(NamedTuple):
    node: Node
    plug: Plug


class Devices:
    """In the order in which libvirt gives them places."""

    def __init__(self, draft: Draft, kinds: Kinds) -> None:
        self.draft = draft
        self.kinds = kinds
        videos = draft.of("video")
        videos = sorted(videos, key=lambda node: told(node.peek("model"), "primary") != "yes") if len(videos) > 1 else videos
        self.video = _all(videos, kinds.video)[:1] if videos else []
        self.sounds = _all(draft.of("sound"), kinds.sound)
        self.before = [*_all(draft.of("filesystem"), kinds.filesystem), *_all(draft.of("interface"), kinds.interface)]
        self.after = [
            *_all(draft.disks, kinds.disk),
            *_all(_hosts(draft), kinds.hostdev),
            *self._rest("memballoon", "rng", "watchdog"),
            *_all(videos, kinds.video),
            *self._rest("shmem", "input", "serial", "iommu", "vsock", "memory", "crypto", "panic", "pstore"),
        ]

    def _rest(self, *tags: str) -> Iterator[Device]:
        for tag in tags:
            if tag in self.draft.kinds:
                yield from _all(self.draft.kinds[tag], getattr(self.kinds, tag))

    def bridges(self) -> list[Device]:
        return _all(self.draft.of_type("pci"), self.kinds.controller)

    def adapters(self) -> list[Device]:
        """All other controllers."""
        return _all([node for node in self.draft.controllers if node.attrib.get("type") != "pci"], self.kinds.controller)

    def every(self) -> list[Device]:
        return [*self.bridges(), *self.before, *self.sounds, *self.adapters(), *self.after]


def _all(nodes: list[Node], plug_of: Callable[[Node], Plug | None]) -> list[Device]:
    return [Device(node, plug) for node in nodes if (plug := plug_of(node)) is not None]


def _hosts(draft: Draft) -> list[Node]:
    """Network cards of the host come before its other devices."""
    return [node for node in draft.of("interface") if node.attrib.get("type") == "hostdev"] + draft.of("hostdev")


_MANY = ("filesystem", "interface", "sound", "controller", "disk", "memballoon", "rng", "watchdog", "video", "shmem", "input", "serial",
         "iommu", "vsock", "memory", "crypto", "panic", "pstore", "hostdev")  # fmt: skip


def incomplete(draft: Draft, kinds: Kinds) -> bool:
    """Whether a device has no place, stands on a bus that no controller makes, or shares a slot that does not say so."""
    there = {index_of(node) for node in draft.of_type("pci")}
    alone: set[tuple[int, int]] = set()
    behind: set[tuple[int, int]] = set()
    for tag in _MANY:
        for node in draft.kinds.get(tag, ()):
            address = node.peek("address")
            if address is not None and address.attrib.get("type") != "pci":
                continue
            at = None if address is None else place(node)
            if at is None:
                if getattr(kinds, tag)(node) is not None or (tag == "interface" and kinds.hostdev(node) is not None):
                    return True
                continue
            if at[0] not in there:
                return True
            if at[2]:
                behind.add(at[:2])
            elif address is not None and "multifunction" not in address.attrib:
                alone.add(at[:2])
    return not alone.isdisjoint(behind)


def wanted(node: Node) -> bool:
    """Whether libvirt is to choose the place: no address, or one that says nothing."""
    address = node.peek("address")
    if address is None:
        return True
    return address.attrib.get("type") == "pci" and place(node) is None


def place(node: Node) -> Place | None:
    """Where the device stands. Raises NoPlaceError for another PCI domain, ValueError for what is not a number."""
    address = node.peek("address")
    if address is None or address.attrib.get("type") != "pci":
        return None
    get = address.attrib.get
    if number(get("domain")):
        raise NoPlaceError
    at = number(get("bus")), number(get("slot")), number(get("function"))
    return at if any(at) else None


def give(node: Node, at: Place, multifunction: bool = False) -> None:
    bus, slot, function = at
    give_address(node, "pci", domain="0x0000", bus=f"0x{bus:02x}", slot=f"0x{slot:02x}", function=f"0x{function:x}")
    if multifunction and (address := node.peek("address")) is not None:
        default(address, "multifunction", "on")
