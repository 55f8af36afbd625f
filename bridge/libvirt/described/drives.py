"""Disks on buses that no config has."""

from __future__ import annotations

from ...model.disk import Disk
from ..disk import write_disk
from ..tree.node import Node
from .writer import Properties, Writer, spelled, whole

DISK_BUSES = {"usb-storage": "usb", "floppy": "fdc"}


def disk(writer: Writer, said: Properties) -> Node | None:
    disk = writer.other.disk
    if disk is None:
        return None
    bus = DISK_BUSES[writer.other.driver or ""]
    prefix = "fd" if bus == "fdc" else "sd"
    unit = whole(said.pop("unit", 0)) or 0
    letters = "abcdefghijklmnopqrstuvwxyz"
    taken = {t.attrib.get("dev") for c in writer.domain.devices.children if c.tag == "disk" and (t := c.peek("target")) is not None}
    wished = f"fd{letters[unit % 26]}" if bus == "fdc" else None
    target = wished if wished is not None and wished not in taken else next(f"{prefix}{x}" for x in letters if f"{prefix}{x}" not in taken)
    node = write_disk(writer.vm, _named(disk, writer.other.key, target, bus), writer.domain)
    at = node.peek("target")
    if at is not None and "removable" in said:
        at.set("removable", spelled(said.pop("removable")))
    if bus == "fdc":
        node.set("device", "floppy")
        node.add("address", type="drive", controller="0", bus="0", target="0", unit=str(unit))
        said.pop("drive-type", None)
        said.pop("bus", None)
    for name in ("drive", "bootindex", "serial", "write-cache", "share-rw"):
        said.pop(name, None)
    writer.domain.devices.children.remove(node)
    return node


def _named(disk: Disk, key: str | None, target: str, bus: str) -> Disk:
    from msgspec.structs import replace

    return replace(disk, key=key, target=target, bus=bus, address=None)
