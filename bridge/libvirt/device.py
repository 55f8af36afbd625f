"""What devices have in common: alias, address, boot order, and what running domains and host policy leave in them."""

from __future__ import annotations

import re
from typing import Any

from ..core.rows import INT, Row
from ..model.part import Device, PCIAddress, SerialAddress, USBAddress
from ..model.vm import VM
from .address import read_address, write_usb
from .args import devices
from .tree.domain import Domain
from .tree.node import Node

BOOT = Row("bootindex", "boot@order", INT)
PLACE_ROWS = (Row("key", "alias@name", code=True), Row("address", "address", code=True))

OWN = {
    "interface": "net", "hostdev": "hostdev", "redirdev": "redir", "hub": "hub", "video": "video", "channel": "channel", "sound": "sound",
    "input": "input", "serial": "serial", "console": "console|serial", "parallel": "parallel", "rng": "rng", "watchdog": "watchdog",
    "filesystem": "fs", "shmem": "shmem", "memballoon": "balloon", "memory": "dimm",
}  # fmt: skip
"""Element -> beginning of the alias that libvirt itself gives a running device."""


def alias(key: str) -> str:
    """User aliases hold letters, digits, `-` and `_` only; a dot would be dropped silently (mapping-devices R7)."""
    return "ua-" + key.replace(".", "-")


def write_device(domain: Domain, node: Node, device: Device, key: str | None = None) -> None:
    """Alias and address."""
    node.add("alias", name=alias(key or device.key or ""))
    if isinstance(device.address, PCIAddress):
        domain.pci_address(node, device.address)


def index_of(vm: VM, key: str) -> int:
    """libvirt's index of the controller with this id."""
    return next((controller.index or 0 for controller in vm.controllers if controller.key == key), 0)


def write_usb_address(vm: VM, node: Node, address: object) -> None:
    if isinstance(address, USBAddress):
        write_usb(node, address, index_of(vm, address.bus))


_OWN = {tag: re.compile(f"(?:{start})[0-9]{{1,3}}").fullmatch for tag, start in OWN.items()}


def read_alias(domain: Domain, node: Node, keys: str) -> tuple[str | None, str | None]:
    """(key, alias): the key that a `ua-` alias says, if it fits the pattern `keys`. Aliases of libvirt's own are host state."""
    found = node.peek("alias")
    name = found.attrib.get("name") if found is not None else None
    if found is None or name is None or found.claimed:
        return None, None
    found.claim("name")
    if name.startswith("ua-") and re.compile(keys).fullmatch(name, 3):
        return name[3:], name
    own = _OWN.get(node.tag)
    if own is None or not own(name):
        domain.report.add("normalised", found, f"the alias '{name}' is not kept: a config names its devices by kind and number")
    return None, name


def read_device(domain: Domain, node: Node, keys: str) -> dict[str, Any]:
    """Fields of every Device: key, address, where."""
    key, _ = read_alias(domain, node, keys)
    return {"key": key, "address": read_address(node, domain), "where": node}


def read_port(domain: Domain, vm: VM, node: Node, own: SerialAddress) -> None:
    """Take a channel's address; qemu-server has a serial controller for each of its channels, and ports of its own."""
    said = node.peek("address")
    address = read_address(node, domain)
    if not isinstance(address, SerialAddress) or (said is not None and said.implied):
        return
    name = next((c.alias for c in vm.controllers if c.type == "virtio-serial" and f"#{c.index or 0}" == address.controller), None)
    if name != alias(own.controller) or address.port != own.port:
        there = f"virtio-serial controller {address.controller[1:]} port {address.port}"
        domain.report.add("moved", node, f"channel: {there} -> {own.controller} port {own.port}")


def lose(domain: Domain, node: Node, kind: str, *tags: str) -> None:
    """Claim these children whole, each with a finding that names it."""
    if not node.holds(tags):
        return
    for child in node.children:
        if not child.claimed and child.tag in tags:
            domain.report.add(kind, child, f"{child.whole()} has no counterpart in a config")


def lose_attributes(domain: Domain, node: Node, kind: str, *names: str) -> None:
    if not node.attrib:
        return
    for name in names:
        value = node.take(name)
        if value is not None:
            domain.report.add(kind, node, f"{name}='{value}' has no counterpart in a config")


def lose_rest(domain: Domain, node: Node, kind: str, what: str) -> None:
    """Claim what is left of an element, in one finding with all its values."""
    left = [text for _, text in node.unclaimed()]
    if left:
        domain.report.add(kind, node, f"{what}: {' '.join(left)} is left behind")
    node.take_all()


def refuse(domain: Domain, node: Node, kind: str, why: str) -> None:
    """A device that no key holds, whole: raw arguments may."""
    found = devices.of(domain, node)
    message = f"{why}: {node.whole()}"
    if found is None:
        domain.report.add(kind, node, message)
    else:
        domain.report.mend(kind, node, message, found.words, found.needs)


_LABEL = ("seclabel",)
_LABELLED = ("source", "backend")


def host_state(domain: Domain, node: Node) -> None:
    """Labels of the host's security driver, at the device or at its source."""
    parents = [node]
    if node.holds(_LABELLED):
        parents += [child for child in node.children if child.tag in _LABELLED]
    for parent in parents:
        if parent.children and parent.holds(_LABEL):
            for child in parent.children:
                if child.tag == "seclabel" and not child.claimed:
                    domain.report.add("host-state", child, f"{child.whole()} is set by the host's security driver and left behind")
