"""<disk>: bus, format, and the place that its name means (libvirt 11.3, virDomainDiskDefPostParse, virDomainDiskDefAssignAddress)."""

from __future__ import annotations

import re

from ..tree.node import Node
from .draft import MOST_INDEX, Draft, child, give_address, told

PREFIXES = {"hd": "ide", "sd": "scsi", "vd": "virtio", "xvd": "xen", "ubd": "uml"}
"""Bus for a target without one."""
_NAME = re.compile(r"(?:fd|hd|vd|sd|xvd|ubd)([a-z]{1,5})[0-9]*", re.ASCII).fullmatch
SCSI_UNITS, SATA_UNITS, IDE_UNITS, FLOPPIES = 7, 6, 4, 2


def position(node: Node) -> int:
    """The number that the letters of a target mean: vda 0, vdb 1, … vdaa 26; -1 for any other name (virDiskNameToIndex)."""
    found = _NAME(told(node.peek("target"), "dev") or "")
    if found is None:
        return -1
    n = 0
    for letter in found[1]:
        n = 26 * n + ord(letter) - ord("a") + 1
    return n - 1


def bus(draft: Draft) -> None:
    for node in draft.of("disk"):
        target = node.peek("target")
        if target is not None and "bus" not in target.attrib:
            target.attrib["bus"] = _bus(node, target.attrib.get("dev", "").removeprefix("ioemu:"))


def _bus(node: Node, name: str) -> str:
    if node.attrib.get("device") == "floppy":
        return "fdc"
    return next((bus for prefix, bus in PREFIXES.items() if name.startswith(prefix)), "ide")


def order(draft: Draft) -> None:
    """Buses as the document first has them, disks of one bus by the letters of their targets (virDomainDiskInsert).

    What does not say its bus yet is of a bus of its own. A document of libvirt's own has them in this order already: it may be one in
    which buses were not said, and is left as it is."""
    nodes = draft.of("disk")
    if _is_dump(draft, nodes):
        draft.disks = list(nodes)
        return
    by_bus: dict[str | None, list[Node]] = {}
    for node in nodes:
        by_bus.setdefault(told(node.peek("target"), "bus"), []).append(node)
    draft.disks = [node for disks in by_bus.values() for node in sorted(disks, key=position)]


def _is_dump(draft: Draft, nodes: list[Node]) -> bool:
    """Whether all is said that libvirt says of disks."""
    root = any(node.attrib.get("type") == "pci" and node.attrib.get("index") == "0" for node in draft.of("controller"))
    return root and all("bus" in (target.attrib if (target := node.peek("target")) else ()) and _has_place(node) for node in nodes)


def _has_place(node: Node) -> bool:
    return node.peek("address") is not None or told(node.peek("target"), "bus") not in ("ide", "sata", "scsi", "virtio")


def image(draft: Draft) -> None:
    """The format, never looked up in the image; LUN 0 of an iSCSI target.

    libvirt has run a domain that it knows, which has a UUID, with a raw image by now. Of one that never was defined nobody can tell what
    the image file is: the reader asks (security-rules S8)."""
    known = draft.root.peek("uuid") is not None
    for node in draft.of("disk"):
        _image(draft, node, known)


def _image(draft: Draft, node: Node, known: bool) -> None:
    type_, device = node.attrib.get("type", "file"), node.attrib.get("device", "disk")
    driver = child(node, "driver")
    if type_ != "volume" and "type" not in driver.attrib and (known or type_ != "file" or device == "cdrom"):
        if node.peek("source") is not None and device != "cdrom":
            draft.notes.append(("ambiguous", node, "the disk does not say its image's format: raw is taken, as libvirt does"))
        driver.attrib["type"] = "raw"
    source = node.peek("source")
    if source is not None and source.attrib.get("protocol") == "iscsi" and "/" not in source.attrib.get("name", "/"):
        source.attrib["name"] += "/0"


def place(draft: Draft) -> None:
    """Controller and unit by the letters of the target."""
    for node in draft.of("disk"):
        if node.peek("address") is None and (number := position(node)) >= 0:
            _place(node, number)


def _place(node: Node, number: int) -> None:
    bus = told(node.peek("target"), "bus")
    channel = 0
    if bus == "scsi":
        controller, unit = divmod(number, SCSI_UNITS)
    elif bus == "ide":
        controller, rest = divmod(number, IDE_UNITS)
        channel, unit = divmod(rest, 2)
    elif bus == "sata":
        controller, unit = divmod(number, SATA_UNITS)
    elif bus == "fdc":
        controller, unit = divmod(number, FLOPPIES)
    else:
        return
    if controller <= MOST_INDEX:
        give_address(node, "drive", controller=str(controller), bus=str(channel), target="0", unit=str(unit))
