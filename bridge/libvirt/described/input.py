"""USB hubs, pointers and keyboards, USB devices of the host."""

from __future__ import annotations

from ..tree.node import Node
from .writer import Builder, Properties, Writer, whole, write_boot


def hub(writer: Writer, said: Properties) -> Node:
    said.pop("ports", None)
    return writer.add("hub", type="usb")


def pointer(type_: str, bus: str) -> Builder:
    def build(writer: Writer, said: Properties) -> Node:
        node = writer.add("input", type=type_, bus=bus)
        if (event := said.pop("evdev", None)) is not None:
            node.add("source", evdev=str(event))
        return node

    return build


def usb_host(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("hostdev", mode="subsystem", type="usb", managed="no")
    source = node.add("source")
    path = str(said.pop("hostdevice", ""))
    bus, _, device = path.removeprefix("/dev/bus/usb/").partition("/")
    if "vendorid" in said and "productid" in said:
        for tag in ("vendor", "product"):
            number = whole(said.pop(f"{tag}id"))
            if number is None:
                return None
            source.add(tag, id=f"0x{number:04x}")
    elif bus.isdigit() and device.isdigit():
        source.add("address", bus=str(int(bus)), device=str(int(device)))
    elif "hostbus" in said and "hostaddr" in said:
        source.add("address", bus=str(said.pop("hostbus")), device=str(said.pop("hostaddr")))
    else:
        return None
    write_boot(node, said)
    return node
