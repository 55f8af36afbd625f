"""<acpi> of a device: the number that the guest's firmware tables give it, and the NUMA nodes that are its own (libvirt 7.3 and 11.8)."""

from __future__ import annotations

from ..core.rows import whole_number
from .tree.domain import Domain
from .tree.node import Node


def read_acpi(domain: Domain) -> None:
    """No key holds either; the number is a property of QEMU's device."""
    for device in domain.devices.children:
        if device.children and (node := device.peek("acpi")) is not None and not node.claimed:
            _lose(domain, device, node)


def _lose(domain: Domain, device: Node, node: Node) -> None:
    node.claim()
    if (index := node.take("index")) is not None:
        message = f"ACPI index {index} of the {device.tag} has no place in a config"
        try:
            domain.report.set_properties("guest-lost", node, message, device, {"acpi-index": str(whole_number(index))})
        except ValueError:
            domain.report.add("guest-lost", node, message)
    if (nodes := node.take("nodeset")) is not None:
        domain.report.add("guest-lost", node, f"NUMA nodes {nodes} of the {device.tag}'s own have no place in a config")
