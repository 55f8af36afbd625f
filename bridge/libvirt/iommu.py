"""<iommu>: the guest's own IOMMU (mapping-machine 11; libvirt 12.8)."""

from __future__ import annotations

import re
from itertools import pairwise

from ..core.report import BridgeError
from ..core.rows import INT
from ..model.machine import Machine
from ..model.part import PCIAddress
from ..model.vm import VM
from .address import read_address
from .numa import size_bytes
from .tree.domain import Domain
from .tree.node import Node

IOMMU_ALIAS = "iommu0"


def write_iommu(vm: VM, domain: Domain) -> None:
    """libvirt knows virtio-iommu on q35 and ARM only; on i440fx it goes by the command line."""
    machine = vm.machine
    address = machine.viommu_address
    width = machine.aw_bits
    if machine.viommu == "intel":
        driver = domain.devices.add("iommu", model="intel").add("driver", intremap="on", caching_mode="on")
        if width:
            driver.set("aw_bits", str(width))
    elif machine.viommu == "virtio" and machine.base == "i440fx" and address is not None:
        domain.arguments += ("-device", _plain(address.slot, width))
    elif machine.viommu == "virtio":
        node = domain.devices.add("iommu", model="virtio")
        if address is not None:
            domain.pci_address(node, address)
        if width:
            domain.set_override(IOMMU_ALIAS, "aw-bits", "unsigned", str(width))


def _plain(slot: int, width: int | None) -> str:
    return f"virtio-iommu-pci,bus=pci.0,addr={slot:#x}" + (f",aw-bits={width}" if width else "")


# Reading


def read_iommu(domain: Domain, machine: Machine) -> None:
    nodes = domain.devices.all("iommu")
    for node in nodes[1:]:
        domain.report.add("guest-lost", node, f"{node.whole()}: a config has one vIOMMU")
    if not nodes:
        _read_plain(domain, machine)
        return
    node = nodes[0]
    model = node.attrib.get("model")
    if model not in ("intel", "virtio") or (model == "intel" and machine.base != "q35"):
        domain.report.add("guest-lost", node, f"{node.whole()} has no counterpart in a qemu-server config")
        return
    node.take("model")
    machine.viommu = model
    _read_driver(domain, node, machine)
    address = read_address(node, domain)
    machine.viommu_address = address if isinstance(address, PCIAddress) else None
    width = domain.override(IOMMU_ALIAS, "aw-bits")
    if width is not None and width[1] and width[1].isascii() and width[1].isdigit():
        machine.aw_bits = int(width[1])


def _read_driver(domain: Domain, node: Node, machine: Machine) -> None:
    """qemu-server always has intremap and caching-mode on with intel."""
    driver = node.only("driver")
    intel = machine.viommu == "intel"
    for name in ("intremap", "caching_mode"):
        have = driver.attrib.get(name) if driver is not None else None
        if driver is not None and have in ("on", "off"):
            driver.take(name)
        if intel and have in (None, "off"):
            domain.report.add("guest-changed", node, f"the vIOMMU has {name} {have or 'unset'}; qemu-server turns it on")
    if driver is None:
        return
    _lose_options(domain, driver, machine)
    try:
        width = INT.read(driver.attrib["aw_bits"])
    except (KeyError, ValueError):
        return
    if intel and width in (39, 48):
        machine.aw_bits = width
        driver.take("aw_bits")


IOMMU = {"eim": "eim", "iotlb": "device-iotlb", "dma_translation": "dma-translation"}
"""libvirt's name -> the property of QEMU's device, which has no id under qemu-server."""
IOMMU_DRIVERS = {"intel": "intel-iommu", "virtio": "virtio-iommu-pci"}


def _lose_options(domain: Domain, driver: Node, machine: Machine) -> None:
    device = IOMMU_DRIVERS[machine.viommu or "intel"]
    for name, prop in IOMMU.items():
        if (value := driver.attrib.get(name)) in ("on", "off"):
            _lose(domain, driver, f"{name}='{value}'", f"{device}.{prop}={value}")
            driver.take(name)
    if machine.viommu == "virtio" and (width := driver.attrib.get("aw_bits", "")).isascii() and width.isdigit() and len(width) < 3:
        _lose(domain, driver, f"aw_bits='{width}'", f"{device}.aw-bits={width}")
        driver.take("aw_bits")
    for node in driver.all("granule"):  # libvirt 12.1
        size = _granule(node)
        _lose(domain, node, node.outline(), f"{device}.granule={size}" if size else "")
        node.claim_text("mode", "size", "unit")


def _lose(domain: Domain, node: Node, what: str, setting: str) -> None:
    message = f"{what} of the vIOMMU has no place in a config"
    words = ["-global", setting]
    if setting:
        domain.take_arguments(*words)  # what --args wrote before
        domain.report.mend("guest-lost", node, message, words)
    else:
        domain.report.add("guest-lost", node, message)


GRANULES = (4, 8, 16, 64)
"""KiB that QEMU knows."""


def _granule(node: Node) -> str:
    """QEMU's word for it; empty if it has none."""
    if node.attrib.get("mode") == "host":
        return "host"
    try:
        size = size_bytes(node.attrib.get("size", ""), node.attrib.get("unit", "KiB"), node)
    except BridgeError:
        return ""
    return next((f"{known}k" for known in GRANULES if size == known << 10), "")


_PLAIN_IOMMU = re.compile(r"virtio-iommu-pci,bus=pci\.0,addr=0x([0-9a-f]{1,2})(?:,aw-bits=([0-9]{2}))?", re.ASCII).fullmatch


def _read_plain(domain: Domain, machine: Machine) -> None:
    for option, word in pairwise(domain.arguments):
        found = _PLAIN_IOMMU(word) if option == "-device" else None
        if found and domain.take_arguments(option, word):
            machine.viommu = "virtio"
            machine.viommu_address = PCIAddress("pci.0", int(found[1], 16))
            machine.aw_bits = int(found[2]) if found[2] else None
            return
