"""The page: well-formed, nothing from elsewhere, nothing of the VM acted upon, no secrets."""

from __future__ import annotations

import re

import pytest
from lxml import etree

import bridge
from bridge.libvirt.tree.parse import tree
from bridge.show.page import page
from bridge.show.stacks import Slot, of_domain, side_by_side

from .pages import CASES, of_case, of_text

NAMES = sorted(path.name for path in CASES.iterdir())
SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> etree._Element:
    return etree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))


def test_the_cases_are_those_that_are_looked_at() -> None:
    assert NAMES == ["pool.conf", "queues.xml", "sixteen.conf"]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_well_formed_and_needs_nothing_else(name: str) -> None:
    root = parsed(page(of_case(name)))
    assert [heading.text for heading in root.iter("h2")] == [
        *("Who serves what", "At a glance", "Findings", "PCI devices of both stacks", "Texts"),
    ]
    for element in root.iter():
        assert not {"src", "href", "onload", "action", "srcset"} & set(element.attrib)
    assert not list(root.iter("script", "link", "img", "iframe", "object"))
    assert "url(" not in page(of_case(name))
    assert "@import" not in page(of_case(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_the_drawing_is_a_link_of_the_picture(name: str) -> None:
    what = of_case(name)
    root = parsed(page(what))
    wide, narrow = ([path.get("class") for path in svg.iter(f"{SVG}path")] for svg in root.iter(f"{SVG}svg"))
    drawn = [css for css in wide if css != "line anywhere"]
    assert sorted(narrow, key=str) == sorted(drawn, key=str)
    wanted = []
    for device in what.picture.devices:
        for link in device.links:
            wanted += ["spare"] if not link.queues else ["queues"] * (len(link.queues) if device.by_queue else 1)
    wanted += ["queues"] if what.picture.main_loop else []
    kinds = ["spare" if css == "line spare" else "queues" for css in drawn]
    assert sorted(kinds) == sorted(wanted)


def test_queues_have_a_line_each_where_they_are_mapped_one_by_one() -> None:
    root = parsed(page(of_case("queues.xml")))
    wide, narrow = ([text.text for text in svg.iter(f"{SVG}text") if text.get("class") == "queue"] for svg in root.iter(f"{SVG}svg"))
    assert wide == narrow
    assert wide == [
        *("queues 0, 2", "queue 1", "queue 1", "queue 3", "queue 5", "queue 0", "queue 2", "queue 4", "all 4 queues", "all queues"),
    ]


def test_text_of_the_vm_is_only_text() -> None:
    evil = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    xml = (
        "<domain type='kvm'><name>NAME</name><memory>1048576</memory><vcpu>1</vcpu><iothreads>1</iothreads>"
        "<os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os><devices><disk type='file' device='disk'>"
        "<driver name='qemu' type='raw' iothread='1'/><source file='/NAME'/><target dev='NAME' bus='virtio'/><alias name='ua-NAME'/>"
        "<address type='pci' bus='0' slot='3' function='0'/></disk></devices></domain>"
    ).replace("NAME", evil.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;"))
    text = page(of_text(xml, f"{evil}.xml"))
    assert "<script" not in text
    assert "<img" not in text
    parsed(text)


def test_what_a_screen_would_act_on_is_shown_as_an_escape() -> None:
    text = page(of_text("name: a\ndescription: x\u202ey\x1b[31m\n#\u202e\x07\nvirtio0: local:1/a.raw\n"))
    assert not re.search("[\u202e\x1b\x07]", text)


def test_passwords_and_keys_stay_at_home() -> None:
    config = "cipassword: sesame\nciuser: me\nsshkeys: ssh-ed25519%20OPEN\nide2: local:cloudinit\nvirtio0: local:1/a.raw\n"
    text = page(of_text(f"{config}[snap]\ncipassword: sesame\n"))
    assert "sesame" not in text
    assert "OPEN" not in text
    xml = (
        "<domain type='kvm'><name>x</name><memory>1048576</memory><vcpu>1</vcpu>"
        "<os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os>"
        "<devices><graphics type='vnc' port='-1' autoport='yes' passwd = 'sesame'/></devices></domain>"
    )
    assert "sesame" not in page(of_text(xml, "x.xml"))


def test_both_stacks_have_the_same_slots() -> None:
    for config in ((CASES / "pool.conf").read_text(), (CASES / "sixteen.conf").read_text()):
        what = of_text(config)
        assert len(what.slots) > 8
        assert [slot for slot in what.slots if not (slot.qemuserver and slot.libvirt)] == []
        assert what.notes == []


def test_devices_that_a_domain_leaves_to_libvirt_are_counted() -> None:
    what = of_case("queues.xml")
    told = "4 devices have no address in the XML: the column of libvirt shows where it puts them when the domain is defined."
    assert what.notes[0] == told
    there = {slot.place: slot.libvirt for slot in what.slots if slot.libvirt}
    assert there["03.0"] == "interface 52:54:00:6b:3c:58 virtio"
    assert [place for place, words in there.items() if words == "disk vda"] == ["01.2/00.0"]


def test_a_page_of_a_domain_was_red_all_over() -> None:
    """Stacks that were never meant to be alike; the findings of conversions that nobody asked for wait behind a line."""
    domain, config = page(of_case("queues.xml")), page(of_case("pool.conf"))
    assert 'class="one"' not in domain
    assert "places are of one stack only: moved, the guest finds devices elsewhere" in domain
    assert re.search(r"<details><summary>What a conversion to the other formats would tell: \d+ guest, \d+ data, ", domain)
    assert "of one stack only" not in config
    assert "<details>" not in config


def test_what_only_one_stack_has_stands_out_where_both_should_be_alike() -> None:
    what = of_case("pool.conf")
    apart = what._replace(slots=[*what.slots, Slot("1d.0", "edu: edu", None)])
    assert page(apart).count('<tr class="one">') == page(what).count('<tr class="one">') + 1


@pytest.mark.parametrize(
    ("drive", "words"),
    [("none,media=cdrom", "none, cdrom"), ("local:9/vm-9-disk-0.raw", "local:9/vm-9-disk-0.raw, cache none, aio io_uring")],
)
def test_an_empty_drive_was_read_by_io_uring(drive: str, words: str) -> None:
    assert ("ide2", words) in of_text(f"memory: 64\nide2: {drive}\n").facts


def test_bridges_become_paths() -> None:
    def at(bus: int, slot: int) -> str:
        return f"<address type='pci' bus='{bus:#x}' slot='{slot:#x}' function='0'/>"

    root = tree(
        f"<domain><devices><controller type='pci' index='0' model='pci-root'/>"
        f"<controller type='pci' index='7' model='pci-bridge'>{at(0, 0x1E)}</controller>"
        f"<controller type='pci' index='8' model='pci-bridge'>{at(7, 2)}</controller>"
        f"<controller type='pci' index='9' model='pci-bridge'>{at(9, 1)}</controller>"
        f"<rng model='virtio'>{at(8, 3)}</rng><watchdog model='i6300esb'>{at(9, 4)}</watchdog>"
        f"<memballoon model='virtio'>{at(5, 4)}</memballoon>"
        "</devices></domain>"
    )
    places, unplaced = of_domain(root)
    assert places["1e.0/02.0/03.0"] == "rng virtio"
    assert places["bus 5/04.0"] == "memballoon virtio"
    assert unplaced == 0
    assert [slot.depth for slot in side_by_side({}, places)][:3] == [16, 16, 0]


def test_a_vm_that_qemu_server_refuses_is_shown_all_the_same() -> None:
    disks = "".join(
        f"<disk type='file' device='disk'><driver name='qemu' type='raw' iothread='1'/><source file='/{n}'/>"
        f"<target dev='vd{chr(97 + n)}' bus='virtio'/></disk>"
        for n in range(20)
    )
    what = of_text(
        "<domain type='kvm'><name>x</name><memory>1048576</memory><vcpu>1</vcpu><iothreads>1</iothreads>"
        f"<os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os><devices>{disks}</devices></domain>",
        "x.xml",
    )
    assert [device.name for device in what.picture.devices] == [f"vd{chr(97 + n)}" for n in range(20)]
    assert what.findings[0][:2] == ("refused", "guest")
    assert [document.text is None for document in what.documents] == [True, False, True]
    parsed(page(what))


def test_more_threads_than_colours_are_told_apart_by_a_pattern() -> None:
    disks = "".join(f"virtio{n}: local:1/vm-1-disk-{n}.raw,iothread=1\n" for n in range(12))
    root = parsed(page(of_text(f"memory: 512\n{disks}")))
    for svg in root.iter(f"{SVG}svg"):
        looks = [path.get("class") for path in svg.iter(f"{SVG}path") if path.get("class") != "line anywhere"]
        assert len(looks) == len(set(looks)) == 12
    dots = [span.get("class") for span in root.iter("span") if "dot" in (span.get("class") or "")]
    assert dots == ["dot"] * 7 + ["dot r1"] * 5


def test_boxes_name_many_disks_as_a_range() -> None:
    disks = "".join(f"scsi{n}: local:1/vm-1-disk-{n}.raw,iothread=1\n" for n in range(12))
    root = parsed(page(of_text(f"iothreads: 2\nmemory: 512\nscsihw: virtio-scsi-single\n{disks}")))
    names = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "name"]
    assert names.count("scsi0-11") == 2


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "10.0, assumed: --host-fact qemu_version=VERSION names another"),
        ({"qemu_version": "9.2.0"}, "9.2.0"),
        ({"qemu_server": "8.4.0"}, ", which came with qemu-server 8.4.0"),
    ],
)
def test_one_qemu_is_named_and_whether_it_was_assumed(facts: dict[str, str], said: str) -> None:
    host = bridge.HostFacts(**facts)  # type: ignore[arg-type]
    found = dict(bridge.show("memory: 512\nvirtio0: local:1/vm-1-disk-0.raw\n", host=host, vmid=1).facts)
    assert found["QEMU"].endswith(said)
    assert found["virtio0"].endswith("aio io_uring")
