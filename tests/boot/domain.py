"""The bridge's domain run by a real libvirtd: its files, bridges and sockets are replaced, the machine stays as it is."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from lxml import etree

from tests.boot.images import image, picture, tpm_state, variables
from tests.libvirtd.daemon import Daemon, affinity
from tests.processes import remove

QEMU_NS = "http://libvirt.org/schemas/domain/qemu/1.0"
CACHE = {"none": "writeback", "directsync": "writethrough"}
"""The same for the guest, without O_DIRECT."""


class Domain:
    """One guest as a libvirt domain, with a directory of its own. `console` is what it said so far."""

    def __init__(self, xml: str, daemon: Daemon, kernel: Path, initramfs: Path, append: str) -> None:
        self.daemon = daemon
        root = etree.fromstring(xml)
        self.name = str(root.findtext("name"))
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.name[:20]}-", dir=daemon.directory / "images"))
        self._console = self.directory / "console"
        try:
            self._console.touch()
            self.xml = runnable(root, self.directory, direct(kernel, initramfs, daemon.directory / "images"), append)
            file = self.directory / "domain.xml"
            file.write_text(self.xml)
            daemon.give(self.directory)
            daemon.virsh("define", str(file), "--validate")
            daemon.virsh("start", self.name)
        except BaseException:
            self.close()
            raise

    def iothreads(self) -> int:
        """How many the running domain has."""
        return len(self.daemon.iothreadinfo(self.name))

    def pinned(self) -> list[str]:
        """The CPUs that each may run on, of those that the domain pins."""
        pins = etree.fromstring(self.xml).findall("cputune/iothreadpin")
        allowed = affinity(self.pid())
        return [allowed[f"iothread{each.get('iothread')}"] for each in pins]

    def console(self) -> str:
        return self._console.read_text(errors="replace")

    def pid(self) -> int:
        return self.daemon.pid(self.name)

    def close(self) -> None:
        self.daemon.clear()
        remove(self.directory)


def direct(kernel: Path, initramfs: Path, directory: Path) -> tuple[Path, Path]:
    """Both where the daemon's user can read them."""
    copies = directory / kernel.name, directory / initramfs.name
    for source, target in zip((kernel, initramfs), copies, strict=True):
        if not target.exists():
            shutil.copy(source, target)
            target.chmod(0o644)
    return copies


def runnable(root: Any, directory: Path, boot: tuple[Path, Path], append: str) -> str:
    os = root.find("os")
    for tag, text in zip(("kernel", "initrd", "cmdline"), (*map(str, boot), append), strict=True):
        etree.SubElement(os, tag).text = text
    nvram = os.find("nvram")
    if nvram is not None and nvram.find("source") is not None:
        source = nvram.find("source")
        source.set("file", str(variables(source.get("file"), directory, nvram.get("format", "raw"))))
    for argument in root.iter(f"{{{QEMU_NS}}}arg"):
        if argument.get("value").startswith("splash="):
            argument.set("value", f"splash={picture(directory)}")
    devices = root.find("devices")
    for disk in devices.iterfind("disk"):
        own_disk(disk, directory)
    for interface in devices.iterfind("interface"):
        own_interface(root, interface)
    own_sockets(devices, directory)
    return etree.tostring(root, encoding="unicode")


def own_disk(disk: Any, directory: Path) -> None:
    driver, source = disk.find("driver"), disk.find("source")
    driver.attrib.pop("io", None)
    driver.attrib.update({"cache": CACHE.get(driver.get("cache"), driver.get("cache"))} if driver.get("cache") else {})
    if source is not None:
        path = source.get("file") or source.get("dev")
        source.attrib.clear()
        source.set("file", str(image(path, directory, driver.get("type", "raw"))))
        disk.set("type", "file")


def own_interface(root: Any, interface: Any) -> None:
    """User mode; libvirt takes no <mtu> there, so the property that it would give the device is set as an override."""
    interface.set("type", "user")
    mtu = interface.find("mtu")
    if mtu is not None:
        override(root, interface.find("alias").get("name"), "host_mtu", mtu.get("size"))
    for tag in ("source", "target", "virtualport", "vlan", "bandwidth", "mtu"):
        for element in interface.findall(tag):
            interface.remove(element)
    driver = interface.find("driver")
    if driver is not None:
        driver.attrib.pop("name", None)


def override(root: Any, alias: str, name: str, value: str) -> None:
    top = root.find(f"{{{QEMU_NS}}}override")
    if top is None:
        top = etree.SubElement(root, f"{{{QEMU_NS}}}override")
    device = top.find(f"{{{QEMU_NS}}}device[@alias='{alias}']")
    if device is None:
        device = etree.SubElement(top, f"{{{QEMU_NS}}}device", alias=alias)
        etree.SubElement(device, f"{{{QEMU_NS}}}frontend")
    etree.SubElement(device[0], f"{{{QEMU_NS}}}property", name=name, type="unsigned", value=value)


def own_sockets(devices: Any, directory: Path) -> None:
    """Only the first serial port goes to a file, libvirt chooses all others; SPICE gets no port, which another program could take."""
    first = devices.find("serial")
    first.set("type", "file")
    first.insert(0, etree.Element("source", path=str(directory / "console")))
    for graphics in devices.iterfind("graphics[@type='spice']"):
        for name in ("port", "tlsPort", "autoport", "listen"):
            graphics.attrib.pop(name, None)
        for listen in graphics.findall("listen"):
            graphics.remove(listen)
        etree.SubElement(graphics, "listen", type="none")
    for source in devices.iterfind("tpm/backend/source"):
        source.set("path", str(tpm_state(directory / "tpm")))
