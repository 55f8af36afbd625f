"""Twenty domains as people have them: five kinds, four of each, with names, UUIDs and MAC addresses of their own."""

from __future__ import annotations

import uuid
from pathlib import Path

from lxml import etree

from tests.corpus import ROOT
from tests.libvirtd.daemon import Daemon

KINDS = ("samples/debian.xml", "samples/workstation.xml", "tests/foreign/pc.xml", "tests/foreign/q35.xml", "tests/cases/windows-q35.xml")
SPACE = uuid.UUID("0d3ac0d5-77f8-4e0e-8e0c-6a8f4f0c1b2a")


def define(libvirtd: Daemon, directory: Path) -> list[str]:
    """Define them, for a host without KVM; their names."""
    names: list[str] = []
    for n in range(20):
        kind = ROOT / KINDS[n % len(KINDS)]
        root = etree.parse(kind).getroot()
        name = f"{kind.stem}-{n // len(KINDS) + 1}"
        root.set("type", "qemu")
        [machine] = root.findall("os/type")
        machine.set("machine", "q35" if "q35" in machine.get("machine", "") else "pc")
        _say(root, "name", name)
        _say(root, "uuid", str(uuid.uuid5(SPACE, name)))
        for element in root.iter("mac"):
            element.set("address", f"52:54:00:00:{n:02x}:{len(names):02x}")
        for element in root.findall("metadata"):  # nobody's but libvirt's
            root.remove(element)
        for element in root.findall("cpu"):
            if element.get("mode") in ("host-passthrough", "maximum"):
                root.remove(element)
        file = directory / f"{name}.xml"
        file.write_bytes(etree.tostring(root))
        libvirtd.give(file)
        libvirtd.virsh("define", str(file))
        names.append(name)
    return names


def _say(root: etree._Element, name: str, text: str) -> None:
    found = root.find(name)
    if found is None:
        found = etree.Element(name)
        root.insert(0, found)
    found.text = text
