"""libvirt takes the domains that lines of people's become, and starts those that need nothing of their host."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

import bridge
from tests.argvin.test_lines import INPUTS, NAMES
from tests.embed.domain import startable
from tests.embed.driver import DriverError, EmbeddedDriver

NOT_DEFINED = {"confidential": "launch security is not supported"}
"""Line -> what libvirt says where this host cannot have it."""
NOT_STARTED = {
    "desktop-script": "does not have OpenGL support",
    "two-screens": "does not have OpenGL support",
}


def domain(name: str) -> etree._Element:
    """As `to-xml` writes it, for a host without KVM: TCG has no CPU `host`."""
    root = etree.fromstring(bridge.convert(INPUTS[name].read_bytes(), "xml", "argv", args=True).text)
    root.set("type", "qemu")
    cpu = root.find("cpu")
    if cpu is not None and cpu.get("mode") == "host-passthrough":
        for child in ("feature", "cache", "maxphysaddr"):
            for node in cpu.findall(child):
                cpu.remove(node)
        cpu.attrib.clear()
        cpu.set("mode", "maximum")
    return root


def of_this_host(root: etree._Element, directory: Path) -> etree._Element:
    """Without the ends of devices that only their own host has; the guest's side stays."""
    (place := directory / "host").mkdir()
    (place / "kernel").write_bytes(b"\0" * 4096)
    for node in root.findall("os/kernel"):
        node.text = str(place / "kernel")
    for tag in ("serial", "parallel", "console", "channel"):
        for node in root.findall(f"devices/{tag}"):
            for child in ("source", "log", "protocol"):
                for found in node.findall(child):
                    node.remove(found)
            node.set("type", "null")
    for audio in root.findall("devices/audio"):
        audio.set("type", "none")
    for lun in root.findall("devices/disk[@device='lun']"):
        lun.set("device", "disk")
    for path in HOSTS:
        for node in root.findall(path):
            node.getparent().remove(node)  # type: ignore[union-attr]
    return root


HOSTS = (
    *(f"devices/{tag}" for tag in ("filesystem", "graphics", "shmem", "smartcard", "redirdev", "vsock", "input[@type='evdev']")),
    *("devices/interface/mtu", "os/initrd", "os/loader", "os/nvram", "sysinfo[@type='fwcfg']", "{http://libvirt.org/schemas/domain/qemu/1.0}commandline"),
)
"""What stands on files, sockets and devices of another host."""


@pytest.mark.parametrize("name", NAMES)
def test_libvirt_takes_it(name: str, embed: EmbeddedDriver) -> None:
    text = etree.tostring(domain(name), encoding="unicode")
    if name not in NOT_DEFINED:
        embed.define(text)
        return
    with pytest.raises(DriverError, match=NOT_DEFINED[name]):
        embed.define(text)


@pytest.mark.parametrize("name", NAMES)
def test_it_starts(name: str, embed: EmbeddedDriver, tmp_path: Path) -> None:
    text = startable(etree.tostring(of_this_host(domain(name), tmp_path), encoding="unicode"), tmp_path)
    if name not in NOT_STARTED:
        embed.start(embed.define(text))
        return
    with pytest.raises(DriverError, match=NOT_STARTED[name]):
        embed.start(embed.define(text))
