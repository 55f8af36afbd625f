"""What a tree says of its devices: kind, model and place of each."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bridge.libvirt.complete import complete
from bridge.libvirt.tree.node import Node
from bridge.libvirt.tree.parse import tree

Fact = tuple[Any, ...]
NAMED_BY: dict[str, tuple[tuple[str, str], ...]] = {
    # tag -> (child, attribute) by which a device is known; "" is the device itself
    "controller": (("", "type"), ("", "index"), ("", "model"), ("target", "chassis"), ("target", "port"),
                   ("target", "chassisNr"), ("master", "startport")),
    "disk": (("target", "dev"), ("target", "bus")),
    "interface": (("mac", "address"), ("model", "type")),
    "hostdev": (("", "type"),),
    "video": (("model", "type"),),
    "sound": (("", "model"),),
    "serial": (("target", "type"), ("target", "port")),
    "channel": (("target", "name"),),
    "filesystem": (("target", "dir"), ("", "accessmode")),
    "rng": (("", "model"), ("backend", "")),
    "input": (("", "type"), ("", "bus")),
    "tpm": (("", "model"), ("backend", "version")),
    "memballoon": (("", "model"),),
    "shmem": (("", "name"), ("size", "")),
    "vsock": (("", "model"),),
    "hub": (("", "type"),),
    "memory": (("", "model"),),
}  # fmt: skip
NOTHING = ("function", "target", "bus")
"""Attributes of an address that are 0 where they are not said."""


def of(xml: str, completed: bool) -> Counter[Fact]:
    """`completed`: after the bridge has added what libvirt would add. PS/2 is left out: every board has it."""
    root = tree(xml)
    devices = root.ensure("devices")
    if completed:
        complete(root, devices)
    return Counter(_fact(node) for node in devices.children if node.tag in NAMED_BY and node.attrib.get("bus") != "ps2")


def _fact(node: Node) -> Fact:
    named = []
    for tag, name in NAMED_BY[node.tag]:
        part = node.peek(tag) if tag else node
        text = None if part is None else part.attrib.get(name) if name else part.text
        named.append(_number(text) if name in ("index", "port", "chassis") else text and text.lower())
    address = node.peek("address")
    place = {name: _number(text) for name, text in address.attrib.items()} if address is not None else {}
    return node.tag, *named, tuple(sorted((name, value) for name, value in place.items() if value or name not in NOTHING))


def _number(text: str | None) -> int | str | None:
    try:
        return int(text or "", 0)
    except ValueError:
        return text
