"""The law: a config of an XML is the config of libvirt's own dump of that XML, and every device stands where libvirt puts it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

import bridge
from tests.completed import places
from tests.completed.made_up import UUID, Maker
from tests.corpus import ROOT
from tests.embed.driver import DriverError, EmbeddedDriver
from tests.foreign.domains import domains

MADE_UP = 200
ENOUGH = 0.8
"""libvirt takes so many; what it refuses (ports that do not fit, two of a kind) has no dump."""
DEFAULT_NAMES = {"pc": "pc-i440fx-10.0", "q35": "pc-q35-10.0"}


def dump(embed: EmbeddedDriver, xml: str) -> str | None:
    """libvirt's own dump; None if it refuses the domain."""
    try:
        name = embed.define(xml)
    except DriverError:
        return None
    try:
        return embed.dumpxml(name).replace(f"{embed.root}/lib/", "/var/lib/libvirt/")
    finally:
        embed.undefine(name)


def config(xml: str) -> list[str] | str:
    """The lines of the config; findings stand beside it. Why there is none, if there is none."""
    try:
        text = bridge.convert(xml, to="conf", source="xml", vmid=100, args=False).text
    except bridge.BridgeError:
        return "refused"
    return [line for line in text.splitlines() if not line.startswith("#")]


def differences(xml: str, dumped: str) -> list[str]:
    one, other = config(xml), config(dumped)
    wrong = [f"XML {line}" for line in one if line not in other] + [f"dump {line}" for line in other if line not in one]
    ours, theirs = places.of(xml, completed=True), places.of(dumped, completed=False)
    return wrong + [f"ours {fact}" for fact in ours - theirs] + [f"libvirt's {fact}" for fact in theirs - ours]


@pytest.mark.parametrize("seed", range(4))
def test_a_made_up_domain_is_read_as_libvirt_completes_it(embed: EmbeddedDriver, seed: int) -> None:
    maker, taken = Maker(seed), 0
    for _ in range(MADE_UP // 4):
        xml = maker.domain()
        dumped = dump(embed, xml)
        if dumped is not None:
            taken += 1
            assert differences(xml, dumped) == [], xml
    assert taken > ENOUGH * MADE_UP // 4


def suited(xml: str) -> str:
    """A domain as this host takes it: no KVM, a UUID and MAC addresses, no emulator but the one that is there."""
    root = etree.fromstring(re.sub(r"<numatune>.*?</numatune>|<hugepages>.*?</hugepages>|<hugepages/>", "", xml, flags=re.DOTALL).encode())
    root.set("type", "qemu")
    if "id" in root.attrib:
        del root.attrib["id"]
    machine = root.find("os/type")
    if machine is not None:
        machine.set("machine", DEFAULT_NAMES.get(machine.get("machine", "pc"), machine.get("machine", "pc")))
    if root.find("uuid") is None:
        etree.SubElement(root, "uuid").text = UUID
    for n, interface in enumerate(root.findall("devices/interface")):
        if interface.find("mac") is None:
            etree.SubElement(interface, "mac").set("address", f"52:54:00:00:01:{n:02x}")
    for emulator in root.findall("devices/emulator"):
        emulator.text = "/usr/bin/qemu-system-x86_64"
    for node in [*root.iter("seclabel"), *root.iterfind("memoryBacking/locked")]:
        parent = node.getparent()
        assert parent is not None
        parent.remove(node)
    return etree.tostring(root, encoding="unicode")


OWN = sorted([*(ROOT / "samples").glob("*.xml"), *(ROOT / "tests/cases").glob("*.xml")])


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_so_are_the_domains_of_the_repo(embed: EmbeddedDriver, path: Path) -> None:
    xml = suited(path.read_text())
    dumped = dump(embed, xml)
    if dumped is not None:
        ours, theirs = places.of(xml, completed=True), places.of(dumped, completed=False)
        assert (ours - theirs, theirs - ours) == ({}, {})


HOST_DECIDES = ("<os firmware=", "qemu-system-i386")
"""Which firmware, and which other emulators, are installed."""


@pytest.mark.usefixtures("shared")
def test_so_are_libvirts_own(embed: EmbeddedDriver) -> None:
    wrong, taken = {}, 0
    for domain in domains():
        if domain.tier == "T4" or any(text in domain.xml for text in HOST_DECIDES):
            continue
        xml = suited(domain.xml)
        dumped = dump(embed, xml)
        if dumped is not None:
            taken += 1
            one, other = config(xml), config(dumped)
            if one != other:
                wrong[domain.name] = [line for line in (*one, *other) if line not in one or line not in other]
    assert wrong == {}
    assert taken > ENOUGH * 350
