"""The images of a domain that a command line became: which are copied, and the domain with their copies in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from lxml import etree

from ...argv.read import read as split_line
from ...argv.reading.line import Line
from ...convert import detect
from ...core.report import BridgeError, Report
from ...core.report import Line as Place
from ...host.storage import Location
from .given import Input
from .volume import IMAGE_FORMATS, Volume

PATHS = {"file": "file", "block": "dev"}
FILES = ("kernel", "initrd")
FIRMWARE = "nvram"
HOST_CDROM = ("/dev/cdrom", "/dev/sr")
ISO = (".iso",)
STAYS = {
    "devices/filesystem/source": ("dir", "socket"),
    "sysinfo/entry": ("file",),
    "devices/*/rom": ("file",),
    "os/loader": (),
}
"""Places of files that a plan does not copy -> their attributes; none: the text."""


class Moved(NamedTuple):
    """The domain as it shall be; each image with its file name and format over there; what stays, with the reason."""

    xml: str
    images: list[tuple[Volume, str, str]]
    stays: list[str]


def is_persons(given: Input) -> bool:
    """Whether the input is a command line of somebody else than qemu-server, whose machine becomes a domain as it stands."""
    if (given.keywords.get("source") or detect(given.text)) != "argv":
        return False
    command = split_line(given.text, given.file)
    return not Line(command, given.keywords["host"], Report(), given.keywords.get("vmid") or 0, given.file).is_pve


def moved(xml: str, name: str, directory: str, form: str | None, file: str) -> Moved:
    """`directory` is that of the images over there, `form` the format of all disks, None: as they are. Raises BridgeError."""
    domain: Any = etree.fromstring(xml)
    images: list[tuple[Volume, str, str]] = []
    stays: list[str] = []
    for disk in domain.iterfind("devices/disk"):
        _disk(disk, name, directory, form, file, images, stays)
    for tag, volume in _loads(domain, file):
        image = f"{name}-{tag}" if tag in FILES else f"{name}-{tag}.raw"
        images.append((volume, image, "raw"))
        if tag == FIRMWARE:
            domain.find("os/nvram/source").set("file", f"{directory}/{image}")
        else:
            domain.find(f"os/{tag}").text = f"{directory}/{image}"
    stays += [f"{path} is not moved: the host must have it" for path in _others(domain)]
    return Moved(etree.tostring(domain, encoding="unicode", pretty_print=True), images, stays)


def _disk(
    disk: Any, name: str, directory: str, form: str | None, file: str, images: list[tuple[Volume, str, str]], stays: list[str]
) -> None:
    source, target = disk.find("source"), disk.find("target").get("dev")
    if source is None:
        return
    attribute = PATHS.get(disk.get("type"))
    path = source.get(attribute) if attribute is not None else None
    if path is None:
        stays.append(f"{target}: {source.get('name') or source.get('protocol')} is reached over the network")
        return
    if disk.get("device") == "lun" or path.startswith(HOST_CDROM):
        stays.append(f"{target}: {path} is a device of its host, and not moved")
        return
    driver = disk.find("driver")
    plain = disk.get("device") in ("cdrom", "floppy")
    said = driver.get("type", "raw")
    is_iso = disk.get("device") == "cdrom" and path.lower().endswith(ISO)
    wanted = "raw" if plain else form or (said if said in IMAGE_FORMATS else "qcow2")
    image = PurePosixPath(path).name if is_iso else f"{name}-{target}.{wanted}"
    location = Location(kind=disk.get("type"), volid=path, path=path, vtype="iso" if is_iso else None)
    images.append((Volume(target, location, said, plain, Place(file, 1)), image, wanted))
    for child in disk.findall("backingStore"):
        disk.remove(child)
    disk.set("type", "file")
    source.attrib.clear()
    source.set("file", f"{directory}/{image}")
    driver.set("type", wanted)


def _loads(domain: Any, file: str) -> Iterator[tuple[str, Volume]]:
    """What the firmware of the VM starts with: its variables, and a kernel."""
    variables = domain.find("os/nvram/source")
    if variables is not None:
        path = variables.get("file")
        if path is None:
            raise BridgeError("the firmware's variables are in no file: copy them by hand", file)
        form = domain.find("os/nvram").get("format", "raw")
        if form != "raw":
            domain.find("os/nvram").set("format", "raw")
        yield FIRMWARE, Volume(FIRMWARE, Location(kind="file", volid=path, path=path), form, False, Place(file, 1))
    for tag in FILES:
        path = domain.findtext(f"os/{tag}")
        if path:
            yield tag, Volume(tag, Location(kind="file", volid=path, path=path), "raw", False, Place(file, 1))


def _others(domain: Any) -> Iterator[str]:
    for place, attributes in STAYS.items():
        for node in domain.iterfind(place):
            yield from (path for name in attributes if (path := node.get(name)))
            if not attributes and node.text:
                yield node.text
