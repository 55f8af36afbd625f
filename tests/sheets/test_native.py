"""What libvirt is asked for the command line of a domain, and what comes of its answer. libvirt is played: it completes a domain with a
place for every card, starts cards as it would, and says a line of the rest."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bridge.core.report import BridgeError
from bridge.guest import hostless, native
from bridge.guest.native import Embedded, Native
from tests.sheets.domains import DOMAINS, UUID, cpu, disk, domain, nic, os_
from tests.sheets.sheet import check, differences, names

CASES: dict[str, str] = {
    **{name: text for name, text in DOMAINS.items() if name.startswith(("nic type", "nic mtu", "nic queues", "nic driver", "nic e1000e", "nic no", "nic v", "nic host", "nic rom", "filesystem"))},
    "nothing": "<domain type='kvm'><name>a</name><memory>1024</memory><os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os></domain>",
    "programs and metadata": domain(devices="<emulator>/bin/mine</emulator>", rest="<metadata><a xmlns='urn:a'/></metadata>"),
    "loaders": domain(os=os_("<loader>/l</loader><nvram>/n</nvram><bios useserial='yes'/><boot dev='hd'/>", more=" firmware='efi'"), devices=nic("")),
    "a card boots": domain(devices=nic("<boot order='1'/>") + disk()), "a card and a disk boot": domain(devices=nic("<boot order='2'/>") + disk("<boot order='1'/>")),
    "a card boots beside an order of classes": domain(os=os_("<boot dev='hd'/>"), devices=nic("<boot order='1'/>")),
    "two cards": domain(devices=disk() + nic("<mtu size='1400'/>") + nic("<driver name='qemu' queues='2'/><mtu size='9000'/>", model="e1000") + "<controller type='pci' model='pcie-root-port'/>"),
    "CPUs to plug": domain(vcpu="<vcpu current='3'>8</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='3' enabled='yes' hotpluggable='yes'/>"
                           "<vcpu id='5' enabled='yes' hotpluggable='yes'/><vcpu id='6' enabled='no' hotpluggable='yes'/></vcpus>",
                           cpu=cpu("<topology sockets='2' cores='2' threads='2'/>")),
    "CPUs to plug without a topology": domain(vcpu="<vcpu current='2'>2</vcpu><vcpus><vcpu id='1' enabled='yes' hotpluggable='yes'/></vcpus>"),
    "a machine of elsewhere": domain(os=os_("", "pc-i440fx-7.7"), devices=nic("")), "a machine of nobody": domain(os=os_("", "abacus")),
    "refused": domain(os=os_("<loader>refused</loader>")), "cards refused": domain(devices=nic("<alias name='ua-refused'/>")), "another root": "<network/>",
}  # fmt: skip


PLAIN = f"""\
<domain type="qemu">
  <name>one</name>
  <uuid>{UUID}</uuid>
  <memory unit="MiB">1024</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch="x86_64" machine="pc-q35-9.2">hvm</type>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <devices>
    <emulator>EMULATOR</emulator>
  </devices>
</domain>"""
"""What the first question is compared with."""


class Libvirt:
    """In place of a connection to the embedded driver."""

    def __init__(self, uri: str, limit: float) -> None:
        self.heard = [f"{uri.replace(uri.rpartition('=')[2], 'ROOT')} for {limit:g} s"]
        self.root = Path(uri.rpartition("=")[2])

    def __enter__(self) -> Libvirt:
        played.append(self)
        for file in sorted(self.root.rglob("*")):
            mode = f"{file.stat().st_mode & 0o777:o}"
            self.heard += [f"{file.relative_to(self.root)} {mode}", *(file.read_text().splitlines() if file.is_file() else ())]
        return self

    def __exit__(self, *_: object) -> None: ...

    def note(self, what: str, xml: str) -> Any:
        root: Any = etree.fromstring(xml)
        etree.indent(root)
        self.heard += [f"-- {what}", *etree.tostring(root, encoding="unicode").splitlines()]
        if root.findtext("os/loader") == "refused":
            raise BridgeError("no such loader")
        return root

    def completed(self, xml: str) -> str:
        root = self.note("completed", xml)
        for slot, card in enumerate(root.iterfind("devices/interface"), 1):
            if card.find("address") is None:
                etree.SubElement(card, "address", type="pci", slot=hex(slot))
        return etree.tostring(root, encoding="unicode")

    def create(self, xml: str) -> None:
        root = self.note("created", xml)
        if root.find("devices/interface/alias[@name='ua-refused']") is None:
            words = ["qemu", "-sandbox", "on"]
            for number, card in enumerate(root.iterfind("devices/interface")):
                model = card.find("model")
                driver = "virtio-net-pci" if model is None or str(model.get("type")).startswith("virtio") else model.get("type")
                words += ["-netdev", json.dumps({"type": "stream", "id": f"hostnet{number}"})]
                words += ["-device", json.dumps({"driver": driver, "netdev": f"hostnet{number}"}, separators=(",", ":"))]
            words += ["-device", '{"driver":"memballoon"}']
            (self.root / "argv").write_text("".join(f"{word}\0" for word in words))
        raise BridgeError("recorded")

    def native(self, xml: str) -> str:
        root = self.note("said", xml)
        words = [
            root.findtext("devices/emulator"),
            "-name",
            "guest=one",
            "-machine",
            f"{root.find('os/type').get('machine')},usb=off",
            "-accel",
            "tcg",
        ]
        words += [
            "-cpu",
            "max,migratable=on",
            "-chardev",
            f"socket,id=c,path={self.root}/lib/qemu/c.sock",
            "-device",
            '{"driver":"pcie-root-port","id":"pci.1"}',
        ]
        words += [word for _ in root.iterfind("devices/disk") for word in ("-device", '{"driver":"virtio-blk-pci","drive":"d"}')]
        return "LC_ALL=C " + shlex.join([*words, "-device", '{"driver":"virtio-balloon-pci"}'])


played: list[Libvirt] = []


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A QEMU that knows two machines."""
    program = tmp_path / "qemu"
    program.write_text("#!/bin/sh\n[ \"$*\" = '-machine help' ] && printf 'Supported machines are:\\npc-q35-9.2  x\\npc  y\\n\\n'\n")
    program.chmod(0o755)
    monkeypatch.setattr(native, "Connection", Libvirt)
    monkeypatch.setattr(hostless, "KVM", str(tmp_path / "kvm"))
    played.clear()
    return str(program)


def asked(text: str, emulator: str, fit: bool) -> Iterator[str]:
    """What libvirt hears, one question after the other as far as it differs; and what is made of its answer."""
    with Embedded(emulator) as libvirt:
        found: Native | BridgeError
        try:
            found = libvirt.native(text, fit)
        except BridgeError as error:
            found = error
    before = [line.replace("EMULATOR", str(played[0].root / "qemu")) for line in PLAIN.splitlines()] if played else []
    for part in "\n".join(played[0].heard[1:] if played else ()).split("\n-- ")[1:]:
        what, *lines = part.split("\n")
        yield f"-- {what}"
        yield from differences(before, lines)
        before = lines
    if isinstance(found, BridgeError):
        yield f"! {found}"
        return
    yield from ("-- words", shlex.join(found.words), "-- changed", *found.changed, "-- plugged", *found.plugged)


def shown(lines: Iterator[str], emulator: str) -> list[str]:
    found = [line.replace(emulator, "QEMU") for line in lines]
    return [line.replace(str(played[0].root), "ROOT") for line in found] if played else found


@pytest.mark.parametrize("name", CASES)
def test_libvirt_is_asked(name: str, emulator: str) -> None:
    check("native", name, shown(asked(CASES[name], emulator, fit=True), emulator))


@pytest.mark.parametrize("name", ["loaders", "a machine of elsewhere"])
def test_a_domain_is_taken_as_it_is(name: str, emulator: str) -> None:
    check("native", f"{name}, as it is", shown(asked(CASES[name], emulator, fit=False), emulator))


def test_where_libvirt_finds_itself(emulator: str) -> None:
    list(asked(CASES["nothing"], emulator, fit=True))
    heard = played[0].heard
    check("native", "the place", shown(iter(heard[: heard.index("-- completed")]), emulator))
    assert not played[0].root.exists()


def test_with_kvm_here_nothing_gives_way(emulator: str, tmp_path: Path) -> None:
    (tmp_path / "kvm").touch()
    found = list(asked(domain(cpu=cpu()), emulator, fit=True))
    assert any(" -accel tcg " in line for line in found)
    assert found[found.index("-- changed") + 1] == "-- plugged"


def test_without_a_qemu_there_is_nothing_to_speak_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    for given, name in (((), "qemu-system-x86_64"), (("qemu-none",), "qemu-none")):
        with Embedded(*given) as libvirt, pytest.raises(BridgeError, match=f"libvirt needs a QEMU to speak for: {name} is not here"):
            libvirt.native(CASES["nothing"])


def test_libvirt_is_started_once(emulator: str) -> None:
    with Embedded(emulator) as libvirt:
        assert libvirt.native(CASES["nothing"]) == libvirt.native(CASES["nothing"])
    assert len(played) == 1


def test_every_entry_is_of_a_domain() -> None:
    assert names("native") == {*CASES, "loaders, as it is", "a machine of elsewhere, as it is", "the place"}
