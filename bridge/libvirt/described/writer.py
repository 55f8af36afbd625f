"""A small device while its element is made, and what has no attribute there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from weakref import ref

from ...data.properties import type_of
from ...host.volid import path_problem
from ...model.raw import Other
from ...model.vm import VM
from ..args.properties import VIRTIO
from ..tree.domain import Domain
from ..tree.node import Node
from .chardevs import write_chardev

_SIZE = re.compile(r"([0-9]{1,12})([KMG]?)", re.ASCII | re.IGNORECASE).fullmatch
Properties = dict[str, Any]
Builder = Callable[["Writer", Properties], "Node | None"]
"""Fills the element and takes what stands in it of the properties; None if libvirt has no such device."""


class Writer:
    """One device while its element is made. `index` gives the number of a controller by type and key."""

    def __init__(self, vm: VM, domain: Domain, other: Other) -> None:
        self.vm = vm
        self.domain = domain
        self.other = other
        self.late: list[Node] = []
        """Elements beside the device's own."""
        self.inside = False
        """The element stands in another one already, and has no name and no place of its own."""

    def add(self, tag: str, **attributes: str) -> Node:
        """The element, not yet in the tree: a builder may still find that there is none for the device."""
        return Node(tag, attributes, ref(self.domain.devices))

    def chardev(self, node: Node) -> bool:
        backend = self.other.backends.get("chardev")
        if backend is not None and backend.properties.get("backend") in ("spicevmc", "spiceport") and not self._has_spice():
            return False  # libvirt refuses it, QEMU does not
        return backend is not None and write_chardev(self.domain, node, backend)

    def _has_spice(self) -> bool:
        return any(child.tag == "graphics" and child.attrib.get("type") == "spice" for child in self.domain.devices.children)

    def index(self, type_: str, key: str) -> int:
        return next((c.index or 0 for c in self.vm.controllers if c.type == type_ and c.key == key), 0)


def write_boot(node: Node, said: Properties) -> None:
    if (order := said.pop("bootindex", None)) is not None:
        node.add("boot", order=str(order))


def memory_size(value: object) -> int | None:
    """Bytes of a size as -object has it."""
    match = _SIZE(str(value))
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2].upper()] if match else None


def whole(value: object) -> int | None:
    """A number in any spelling of C's."""
    try:
        return int(str(value), 0)
    except ValueError:
        return None


def set_properties(domain: Domain, node: Node, name: str, driver: str, said: Properties) -> None:
    """Properties without an attribute of their own: those of every virtio device in <driver>, others by qemu:override."""
    back = {there: here for here, there in VIRTIO.items()}
    for prop, value in said.items():
        text = spelled(value)
        if prop == "acpi-index" and node.peek("acpi") is None:
            node.add("acpi", index=text)
            continue
        if prop in ("rombar", "romfile", "transitional"):
            _rom_or_model(domain, node, name, prop, text)
            continue
        if prop in back and text in ("on", "off") and driver.startswith(("virtio-", "vhost-")):
            node.ensure("driver").set(back[prop], text)
            continue
        if isinstance(value, str) and type_of(driver, prop) == "number" and (plain := memory_size(value)) is not None:
            value = plain
        type_ = _type(driver, prop, value)
        text = spelled(value)
        shown = {"on": "true", "off": "false"}.get(text, text) if type_ == "bool" else text
        domain.set_override(name, prop, type_, shown)


def _rom_or_model(domain: Domain, node: Node, name: str, prop: str, text: str) -> None:
    """<rom>, and the model of a virtio device for guests of before or after version 1."""
    if prop == "rombar":
        node.ensure("rom").set("bar", "off" if text in ("0", "off") else "on")
    elif prop == "romfile" and text:
        if not path_problem(text):
            node.ensure("rom").set("file", text)
        elif "/" in text:
            domain.report.add("guest-lost", node, f"the boot ROM '{text[:200]}' is left out: the path {path_problem(text)}")
        else:  # QEMU's own, by its name
            domain.set_override(name, prop, "string", text)
    elif prop == "romfile":
        node.ensure("rom").set("enabled", "no")
    else:
        model = "virtio-non-transitional" if "-non-" in text else "virtio-transitional"
        if node.tag == "interface":
            node.ensure("model").set("type", model)
        else:
            node.set("model", model)


def _type(driver: str, prop: str, value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "signed" if value < 0 else "unsigned"
    text = str(value)
    wanted = type_of(driver, prop)
    if wanted == "switch" and text in ("on", "off"):
        return "bool"
    return "unsigned" if wanted == "number" and text.isdigit() else "string"


def spelled(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
