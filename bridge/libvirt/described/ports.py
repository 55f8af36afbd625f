"""Serial and parallel ports, channels, consoles, redirected USB devices, smartcards."""

from __future__ import annotations

from ..tree.node import Node
from .writer import Builder, Properties, Writer, write_boot


def serial(target: str, model: str) -> Builder:
    def build(writer: Writer, said: Properties) -> Node | None:
        node = writer.add("serial")
        if not writer.chardev(node):
            return None
        port = said.pop("index", None)
        at = node.add("target", type=target)
        if target == "isa-serial":
            taken = [n for n in map(_port, writer.domain.devices.children) if n is not None]
            at.set("port", str(port if port is not None else next(n for n in range(len(taken) + 1) if n not in taken)))
        at.add("model", name=model)
        return node

    return build


def _port(node: Node) -> int | None:
    target = node.peek("target") if node.tag == "serial" else None
    text = target.attrib.get("port", "") if target is not None else ""
    return int(text) if text.isdigit() else None


def parallel(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("parallel")
    if not writer.chardev(node):
        return None
    rank = sum(child.tag == "parallel" for child in writer.domain.devices.children)
    node.add("target", port=str(said.pop("index", rank)))
    return node


def channel(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("channel")
    if not writer.chardev(node):
        return None
    target = node.add("target", type="virtio")
    if (name := said.pop("name", None)) is not None:
        target.set("name", str(name))
    return node


def console(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("console")
    if not writer.chardev(node):
        return None
    said.pop("name", None)
    node.add("target", type="virtio", port=str(sum(child.tag == "console" for child in writer.domain.devices.children)))
    return node


def redirdev(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("redirdev", bus="usb")
    if not writer.chardev(node):
        return None
    write_boot(node, said)
    return node


def smartcard(writer: Writer, said: Properties) -> Node | None:
    node = writer.add("smartcard", mode="passthrough")
    if not writer.chardev(node):
        return None
    said.pop("bus", None)
    return node


