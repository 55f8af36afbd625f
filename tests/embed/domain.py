"""A domain without what needs its host, so that libvirt starts it here: under TCG, with empty images, no bridge and no card."""

from __future__ import annotations

import os
from pathlib import Path

from lxml import etree

from tests.embed.command_line import IMAGE_SIZE, machine_type

HOST_ELEMENTS = "numatune memoryBacking/hugepages cputune/vcpupin cputune/emulatorpin cpu launchSecurity devices/hostdev devices/tpm"


def startable(xml: str, directory: Path) -> str:
    """The domain for libvirt to define and start here; its images are made, empty, in `directory`.

    Machine versions that this QEMU lacks become its newest, pins on CPUs that this machine lacks are left out.
    """
    root = etree.fromstring(xml.encode())
    root.set("type", "qemu")
    for path in HOST_ELEMENTS.split():
        for element in root.findall(path):
            element.getparent().remove(element)  # type: ignore[union-attr]
    type_ = root.find("os/type")
    if type_ is not None and type_.get("machine"):
        type_.set("machine", machine_type(type_.get("machine", "")))
    for pin in root.findall("cputune/iothreadpin"):
        if not pins_here(pin.get("cpuset", "")):
            pin.getparent().remove(pin)  # type: ignore[union-attr]
    vcpu = root.find("vcpu")
    if vcpu is not None and not pins_here(vcpu.get("cpuset", "")):
        del vcpu.attrib["cpuset"]
    for number, disk in enumerate(root.findall("devices/disk")):
        disk_image(disk, directory / f"{number}.img")
    for interface in root.findall("devices/interface"):
        interface.set("type", "user")
        for tag in ("source", "target", "virtualport", "vlan", "bandwidth", "filterref", "driver"):
            for element in interface.findall(tag):
                interface.remove(element)
    return etree.tostring(root, encoding="unicode")


def pins_here(cpuset: str) -> bool:
    """Whether this machine has every CPU of a set such as `0-3,^2,7`."""
    return all(int(cpu) < (os.cpu_count() or 1) for cpu in cpuset.replace("^", "").replace("-", ",").split(",") if cpu)


def disk_image(disk: etree._Element, image: Path) -> None:
    source = disk.find("source")
    for element in disk.findall("backingStore"):
        disk.remove(element)
    if source is None:
        return
    image.parent.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as file:
        file.truncate(IMAGE_SIZE)
    fresh = etree.Element("source", {"file": str(image)})
    fresh.tail = source.tail
    disk.replace(source, fresh)
    disk.set("type", "file")
    driver = disk.find("driver")
    if driver is not None:
        driver.set("type", "raw")
