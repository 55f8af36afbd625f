"""Which image a disk has on either side of a move, and which are not the same, so that their contents have to go along."""

from __future__ import annotations

import json
import os.path
from pathlib import Path
from typing import Any, NamedTuple

from ...argv.read import CommandLine, fields
from ...core.report import BridgeError
from .machine import Machine
from .request import Disk

NODE = "drive-"
"""Before the id of a device, in qemu-server's names of block nodes."""
ALIAS = "ua-"
"""Before it, in libvirt's: an alias that its user chose."""
MOUNTS = "/proc/self/mountinfo"
MANY_HOSTS = frozenset(
    (
        *("nfs", "nfs4", "gfs2", "ocfs2", "afs", "smb3", "cifs", "ceph", "gpfs", "acfs", "beegfs", "lustre"),
        *("fuse.glusterfs", "fuse.quobyte"),
    )
)
"""File systems that many hosts have, in the kernel's names; libvirt's list (virfile.c, virFileIsSharedFS), and Lustre."""
FIRMWARE = frozenset(("efidisk0",))
"""Variables go with the memory."""


class Drive(NamedTuple):
    """A disk of a QEMU that runs: its block node, its image, and the bytes that the guest sees."""

    node: str
    file: str
    size: int


class Place(NamedTuple):
    """A disk of a domain: libvirt's name for it, and its image."""

    target: str
    file: str


def drives(machine: Machine) -> dict[str, Drive]:
    """Device -> its disk, as the running QEMU has it; without what only reads."""
    found = {}
    for each in machine.do("query-block"):
        inserted = each.get("inserted")
        if inserted is not None and not inserted["ro"] and (device := _device(each)) not in FIRMWARE:
            found[device] = Drive(inserted["node-name"], _file(inserted["image"]["filename"]), int(inserted["image"]["virtual-size"]))
    return found


def _device(block: dict[str, Any]) -> str:
    """`scsi0` of the path of a device, /machine/peripheral/virtio0/virtio-backend, or of the name of its drive."""
    parts = str(block.get("qdev", "")).split("/")
    if "peripheral" in parts:
        return parts[parts.index("peripheral") + 1]
    name = parts[-1] or str(block.get("device", "")).removeprefix(NODE)
    return name.removeprefix(ALIAS)


def places(xml: str) -> dict[str, Place]:
    """Device -> its disk in a domain, as far as the devices have the names of qemu-server."""
    from lxml import etree

    found = {}
    for disk in etree.fromstring(xml).iterfind("devices/disk"):
        alias, source, target = disk.find("alias"), disk.find("source"), disk.find("target")
        if alias is None or source is None or target is None or disk.find("readonly") is not None:
            continue
        name, file = str(alias.get("name")), source.get("file") or source.get("dev")
        if name.startswith(ALIAS) and file:
            found[name.removeprefix(ALIAS)] = Place(str(target.get("dev")), str(file))
    return found


def images(line: CommandLine) -> dict[str, str]:
    """Device -> its image on a command line of qemu-server's."""
    found = {}
    for option in line.options:
        if option.name == "blockdev" and option.value.startswith("{"):
            node = top = json.loads(option.value)
            while isinstance(node.get("file"), dict):
                node = node["file"]
            name, file = str(top.get("node-name", "")), node.get("filename")
        elif option.name == "drive":
            said = fields(option.value, "file")
            name, file = NODE + str(said.get("id", "")).removeprefix(NODE), said.get("file")
        else:
            continue
        if name.startswith(NODE) and file:
            found[name.removeprefix(NODE)] = _file(str(file))
    return found


def _file(name: str) -> str:
    """The image's own file, of QEMU's way to name one with its options."""
    if not name.startswith("json:"):
        return name
    node = json.loads(name.removeprefix("json:"))
    while isinstance(node.get("file"), dict):
        node = node["file"]
    return str(node.get("filename", name))


def copied(here: dict[str, str], there: dict[str, str], targets: dict[str, Place], allowed: bool) -> tuple[Disk, ...]:
    """The disks whose images are two. BridgeError for one that is not there, and for any unless they may be copied.

    Images that are no files, as those of a network, are taken for the same ones: whoever can open them can open all.
    """
    apart = {device: (here[device], there[device]) for device in here if device in there and _apart(here[device], there[device])}
    if apart and not allowed:
        said = "; ".join(f"{device} is {ours} here and {theirs} there" for device, (ours, theirs) in apart.items())
        raise BridgeError(f"the images are not the same, and would have to be copied (--copy-disks): {said}")
    for device, (_, file) in apart.items():
        if not Path(file).exists():
            raise BridgeError(f"the image that {device} is copied to is not there: make an empty one of the same size", file)
    return tuple(Disk(device=device, target=targets[device].target) for device in apart)


def over_hosts(
    here: dict[str, str], there: dict[str, str], targets: dict[str, Place], allowed: bool, same: bool, table: str = MOUNTS
) -> tuple[Disk, ...]:
    """The same for two hosts, of which the images of this one alone can be seen. Two images are one if both have the same path on a file
    system of many hosts, or if the user says so (`same`). BridgeError where a copy might be one of an image into itself."""
    if same:
        return ()
    files = {device: here[device] for device in here if device in there and here[device].startswith("/") and there[device].startswith("/")}
    shared = {device for device, file in files.items() if _many_hosts(file, table)}
    if odd := [f"{device} is {files[device]} here, {there[device]} there" for device in sorted(shared) if files[device] != there[device]]:
        raise BridgeError(f"these may be the same images, or not: --shared-images if they are, else give them one path: {'; '.join(odd)}")
    apart = [device for device in files if device not in shared]
    if apart and not allowed:
        said = "; ".join(f"{device} is {files[device]}" for device in apart)
        hint = "--copy-disks copies them, --shared-images says that both hosts have them"
        raise BridgeError(f"these images are on this host alone, as far as is to be seen: {said}: {hint}")
    return tuple(Disk(device=device, target=targets[device].target) for device in apart)


def _many_hosts(file: str, table: str) -> bool:
    """Whether it is on a file system that other hosts have, too."""
    try:
        of = Path(file).stat().st_dev
    except OSError as error:
        raise BridgeError(error.strerror or str(error), file) from None
    wanted = f"{os.major(of)}:{os.minor(of)}"
    for line in Path(table).read_text(encoding="utf-8", errors="replace").splitlines():
        words, _, rest = line.partition(" - ")
        if words.split(" ")[2] == wanted:
            return rest.split(" ")[0] in MANY_HOSTS
    return False


def _apart(ours: str, theirs: str) -> bool:
    if not (ours.startswith("/") and theirs.startswith("/")):
        return False
    try:
        return not Path(ours).samefile(theirs)
    except OSError:
        return os.path.normpath(ours) != os.path.normpath(theirs)
