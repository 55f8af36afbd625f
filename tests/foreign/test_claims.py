"""What no reader takes is a finding: an unknown attribute or child shows, wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

import bridge
from tests.foreign.domains import Domain, domains

RICH = Path(__file__).parent / "rich.xml"
OTHERS = [domain for domain in domains() if domain.tier in ("T1", "T2h", "T3")][::30]
ODD = "frob"


def said(xml: str) -> str:
    """All that a conversion says; a refusal that names the intruder is an answer too."""
    try:
        result = bridge.convert(xml, source="xml", to="conf", vmid=100, args=False)
    except bridge.BridgeError as error:
        return str(error)
    return "\n".join(f"{finding.message} {finding.hint}" for finding in result.findings)


def unseen(xml: str) -> list[str]:
    """Places where an unknown attribute or child changes nothing that is said."""
    root = etree.fromstring(xml.encode())
    found = []
    for element in [each for each in root.iter() if isinstance(each.tag, str)]:
        if any(part.tag == "metadata" for part in (element, *element.iterancestors())):  # anybody's own
            continue
        place = root.getroottree().getpath(element)
        element.set(ODD, "1")
        if ODD not in said(etree.tostring(root).decode()):
            found.append(f"{place}/@{ODD}")
        del element.attrib[ODD]
        child = etree.SubElement(element, ODD)
        if ODD not in said(etree.tostring(root).decode()):
            found.append(f"{place}/{ODD}")
        element.remove(child)
    return found


def test_an_unknown_attribute_or_child_shows_wherever_it_stands() -> None:
    assert unseen(RICH.read_text()) == []


@pytest.mark.parametrize("domain", OTHERS, ids=lambda domain: domain.name)
def test_an_unknown_attribute_or_child_shows_in_domains_of_others(domain: Domain) -> None:
    assert unseen(domain.xml) == []


PLACES = {
    "os/smbios": ("<os><smbios mode='sysinfo' {}/></os>", ""),
    "os/kernel": ("<os><kernel {}>/boot/vmlinuz</kernel></os>", ""),
    "os/bootmenu": ("<os><bootmenu enable='yes' timeout='3000' {}/></os>", ""),
    "os/firmware/feature": ("<os><firmware><feature enabled='yes' name='secure-boot' {}/></firmware></os>", ""),
    "features/vmport": ("<features><vmport state='off' {}/></features>", ""),
    "features/vmcoreinfo": ("<features><vmcoreinfo state='on' {}/></features>", ""),
    "cpu/feature": ("<cpu mode='host-passthrough'><feature policy='disable' name='vmx' {}/></cpu>", ""),
    "cpu/feature osxsave": ("<cpu mode='host-passthrough'><feature policy='require' name='osxsave' {}/></cpu>", ""),
    "alias": ("", "<rng model='virtio'><backend model='random'>/dev/urandom</backend><alias name='ua-x' {}/></rng>"),
    "alias of the balloon": ("", "<memballoon model='virtio'><alias name='balloon0' {}/></memballoon>"),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_attribute_beside_one_that_is_read_is_not_dropped(place: str) -> None:
    head, devices = PLACES[place]
    type_ = "<type arch='x86_64' machine='pc-q35-10.0'>hvm</type>"
    head = head.replace("<os>", f"<os>{type_}") if "<os>" in head else f"<os>{type_}</os>{head}"
    xml = f"<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory>{head}<devices>{devices}</devices></domain>"
    assert ODD in said(xml.replace("{}", f"{ODD}='1'"))


@pytest.mark.parametrize(
    "controller", ["type='ide' index='0'", "type='usb' index='0' model='qemu-xhci'", "type='scsi' index='0' model='lsilogic'"]
)
def test_the_alias_of_a_controller_of_somebody_elses_is_told(controller: str) -> None:
    type_ = "<os><type arch='x86_64' machine='pc-i440fx-10.0'>hvm</type></os>"
    devices = f"<devices><controller {controller}><alias name='ua-mine'/></controller></devices>"
    assert "ua-mine" in said(f"<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory>{type_}{devices}</domain>")


HOSTDEV = (
    "<hostdev mode='subsystem' type='pci' managed='{}'><source><address domain='0' bus='0x41' slot='0' function='0'/></source></hostdev>"
)
USB2 = "".join(
    f"<controller type='usb' index='0' model='ich9-{model}'>{master}</controller>"
    for model, master in (("ehci1", ""), ("uhci1", "<master startport='0'/>"), ("uhci2", "<master startport='{}'/>"))
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (USB2.format(2), USB2.format(3)),
        (HOSTDEV.format("no"), HOSTDEV.format("maybe")),
        ("<controller type='scsi' index='0'><alias name='scsi0'/></controller>",
         "<controller type='scsi' index='0'><alias name='mine'/></controller>"),
    ],
    ids=["startport", "managed", "alias"],
)  # fmt: skip
def test_what_was_read_in_silence_shows(one: str, other: str) -> None:
    def said(devices: str) -> tuple[str, list[bridge.Finding]]:
        xml = (
            "<domain type='kvm'><name>a</name><memory>1048576</memory><os><type arch='x86_64' machine='pc-i440fx-10.0'>hvm</type></os>"
            f"<devices>{devices}<input type='tablet' bus='usb'/></devices></domain>"
        )
        result = bridge.convert(xml, source="xml", to="conf", vmid=100)
        return result.text, list(result.findings)

    assert said(one) != said(other)
