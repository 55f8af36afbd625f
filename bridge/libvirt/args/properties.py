"""Attributes of XML that are properties of a device in QEMU, and no sub-option of a config: libvirt's name -> QEMU's
(libvirt 11.3, qemu_command.c; mapping-devices 18.5)."""

from __future__ import annotations

import re

from ..tree.domain import Domain
from ..tree.node import Node

VIRTIO = {"iommu": "iommu_platform", "ats": "ats", "packed": "packed", "page_per_vq": "page-per-vq"}
"""Of every virtio device's <driver>."""
DISK = {**VIRTIO, "queue_size": "queue-size", "queues": "num-queues", "event_idx": "event_idx", "ioeventfd": "ioeventfd"}
GEOMETRY = {"cyls": "cyls", "heads": "heads", "secs": "secs", "trans": "bios-chs-trans"}
BLOCK_IO = {
    "logical_block_size": "logical_block_size",
    "physical_block_size": "physical_block_size",
    "discard_granularity": "discard_granularity",
}
NET = {
    "iommu": "iommu_platform", "ats": "ats", "page_per_vq": "page-per-vq", "event_idx": "event_idx", "ioeventfd": "ioeventfd",
    "rss": "rss", "rss_hash_report": "hash",
}  # fmt: skip
NET_HOST = {
    "csum": "csum", "gso": "gso", "tso4": "host_tso4", "tso6": "host_tso6", "ecn": "host_ecn", "ufo": "host_ufo", "mrg_rxbuf": "mrg_rxbuf",
}  # fmt: skip
NET_GUEST = {"csum": "guest_csum", "tso4": "guest_tso4", "tso6": "guest_tso6", "ecn": "guest_ecn", "ufo": "guest_ufo"}
BALLOON = {"autodeflate": "deflate-on-oom"}

_VALUE = re.compile(r"[A-Za-z0-9_.-]{1,64}").fullmatch


def lose_properties(domain: Domain, node: Node, device: Node, table: dict[str, str], what: str) -> None:
    """Take the attributes that the table names: they are lost, or become arguments. `device` is the device's own element."""
    if not node.attrib or node.attrib.keys().isdisjoint(table):
        return
    for name, prop in table.items():
        value = node.attrib.get(name)
        if value is None:
            continue
        node.take(name)
        message = f"{name}='{value}' of the {what} has no place in a config"
        if _VALUE(value):
            domain.report.set_properties("guest-lost", node, message, device, {prop: value})
        else:
            domain.report.add("guest-lost", node, message)


def lose_children(domain: Domain, device: Node, tag: str, table: dict[str, str], what: str, inside: Node | None = None) -> None:
    """The same for the attributes of children of this name, of the device or of an element `inside` it."""
    for child in (inside or device).all(tag):
        lose_properties(domain, child, device, table, what)


TRANSITIONAL, MODERN = "virtio-transitional", "virtio-non-transitional"


def plain_virtio(domain: Domain, node: Node, name: str, device: Node, what: str) -> None:
    """Make `virtio` of the two other words in attribute `name`. qemu-server's virtio devices stand on a conventional PCI bus, where QEMU
    gives them the legacy interface besides (hw/virtio/virtio-pci.c)."""
    model = node.attrib.get(name)
    if model == TRANSITIONAL:
        domain.report.add("normalised", node, f"the {what} is {model}, as all of qemu-server's are")
    elif model == MODERN:
        message = f"the {what} is {model}: qemu-server's has the legacy interface, too"
        domain.report.set_properties("guest-changed", node, message, device, {"disable-legacy": "on"})
    else:
        return
    node.attrib[name] = "virtio"


def lose_driver(domain: Domain, device: Node, what: str) -> None:
    """The options in <driver> that every virtio device has."""
    for driver in device.all("driver"):
        lose_properties(domain, driver, device, VIRTIO, what)
