"""A domain as libvirt completes it when it is defined: the one place that knows what nobody needs to say.

People write XML that leaves addresses, controllers, models and defaults to libvirt. Every reader after this one finds them said, and
guesses nothing. The facts are those of libvirt 11.3 (src/conf/domain_postparse.c, src/conf/domain_addr.c, src/qemu/qemu_postparse.c,
src/qemu/qemu_domain_address.c); the law, held by a test: a config of an XML is the config of libvirt's own dump of it.
"""

from __future__ import annotations

from collections.abc import Callable

from ..tree.node import Node
from . import controllers, devices, disks, domain, pci, pci_ports, ports, serials, usb
from .draft import Draft

STEPS: tuple[Callable[[Draft], None], ...] = (
    domain.blank,
    disks.order,
    disks.bus,
    controllers.index,
    controllers.board,
    domain.nvram,
    domain.iommu,
    domain.cpu,
    domain.numa,
    devices.balloon,
    devices.audio,
    disks.image,
    disks.place,
    devices.throttles,
    devices.interfaces,
    ports.scsi_hosts,
    devices.hostdevs,
    controllers.models,
    devices.inputs,
    devices.shares,
    devices.watchdogs,
    devices.rngs,
    devices.tpms,
    devices.vsock,
    domain.memory,
    domain.boot,
    serials.consoles,
    serials.targets,
    ports.smartcards,
    controllers.implied,
    controllers.models,
    devices.videos,
    ports.virtio_serial,
    pci.builtin,
    pci.assign,
    pci_ports.defaults,
    usb.assign,
    ports.memory,
)
"""libvirt's own order where one step needs another."""


def complete(root: Node, device_list: Node) -> Draft:
    """Add to the tree of a <domain> what libvirt would add. What libvirt would refuse stays as it is, for the readers to judge."""
    draft = Draft(root, device_list)
    for step in STEPS:
        step(draft)
    return draft
