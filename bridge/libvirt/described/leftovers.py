"""Properties of devices that the model holds without them: attributes where libvirt has some, else qemu:override."""

from __future__ import annotations

from typing import Any

from ...model.raw import Backend
from ...model.vm import VM
from ..args.properties import BLOCK_IO, DISK, GEOMETRY, NET, NET_GUEST, NET_HOST, VIRTIO
from ..device import alias
from ..tree.domain import Domain
from ..tree.node import Node
from .nets import write_backend
from .writer import set_properties, spelled

Left = list[tuple[Any, str, dict[str, Any]]]
"""(where the device was read, its driver, the properties)"""

BACKEND = "netdev"
"""Stands for what a card hangs on, a Backend."""
TX = {"bh": "iothread", "timer": "timer"}
"""How QEMU sends what a card gives it -> libvirt's word."""


def write_leftovers(vm: VM, domain: Domain, left: Left) -> None:
    names = dict(_names(vm))
    for where, driver, said in left:
        name = names.get(id(where))
        node = _element(domain, name) if name is not None else None
        if node is None or name is None:
            for prop, value in said.items() if BACKEND not in said else ():
                domain.report.add("unknown", where, f"{prop}={spelled(value)} of {driver} has no form in a domain and is left out")
            continue
        rest = dict(said)
        if isinstance(backend := rest.pop(BACKEND, None), Backend):
            write_backend(domain, node, backend)
        rest = _attributes(node, driver, rest)
        set_properties(domain, node, alias(name), driver, rest)


def _names(vm: VM) -> Any:
    return ((id(device.where), device.key) for device in vm.devices() if device.where is not None and device.key is not None)


def _element(domain: Domain, name: str) -> Node | None:
    for node in domain.devices.children:
        found = node.peek("alias")
        if found is not None and found.attrib.get("name") == alias(name):
            return node
    return None


def _attributes(node: Node, driver: str, said: dict[str, Any]) -> dict[str, Any]:
    """What libvirt has an attribute for; the rest is given back."""
    tables: dict[str, list[tuple[str, dict[str, str]]]] = {
        "disk": [("driver", DISK), ("blockio", BLOCK_IO), ("geometry", GEOMETRY)],
        "interface": [("driver", NET), ("driver/host", NET_HOST), ("driver/guest", NET_GUEST)],
        "memballoon": [("", {"autodeflate": "deflate-on-oom"}), ("driver", VIRTIO)],
        "controller": [("driver", VIRTIO), ("target", {"hotplug": "hotplug"})],
    }
    if node.tag == "disk" and said.pop("copy-on-read", False):
        node.ensure("driver").set("copy_on_read", "on")
    if said.get("tx") in TX:
        node.ensure("driver").set("txmode", TX[said.pop("tx")])
    if node.tag == "interface" and spelled(said.get("failover")) == "on":
        del said["failover"]
        node.add("teaming", type="persistent")
    if node.tag == "hostdev" and (pair := said.pop("failover_pair_id", None)) is not None:
        node.add("teaming", type="transient", persistent=alias(str(pair).removeprefix("ua-")))
    for path, table in tables.get(node.tag, ()):
        if node.tag in ("disk", "interface") and not driver.startswith("virtio") and path.startswith("driver"):
            continue
        for attribute, prop in table.items():
            if prop not in said:
                continue
            at = node
            for step in filter(None, path.split("/")):
                at = at.ensure(step)
            at.set(attribute, spelled(said.pop(prop)))
    return said
