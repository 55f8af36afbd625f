"""libvirt's own command line: network cards are in it, nothing of the domain is run, and it is the machine that qemu-server starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.argv.read import read
from bridge.cli import main
from bridge.core.report import BridgeError
from bridge.data import gates
from bridge.guest.compare import compare
from bridge.guest.native import Embedded
from bridge.guest.tree import tree
from tests.corpus import Row

pytestmark = pytest.mark.slow

HERE = gates.version("10.0")
DOMAIN = """
<domain type='{type}'>
  <name>cards</name><uuid>6a3d0f22-7c5e-4b0d-9d0a-5f0c4e8b1a01</uuid>
  <memory unit='MiB'>64</memory><vcpu>3</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
  {more}
  <devices>
    <emulator>{program}</emulator>
    <controller type='pci' index='0' model='pci-root'/>
    <controller type='usb' index='0' model='none'/>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/a.raw'/><target dev='vda' bus='virtio'/>
      <address type='pci' slot='0xa'/></disk>
    <interface type='bridge'><mac address='bc:24:11:00:00:01'/><source bridge='vmbr0'/><model type='virtio'/><mtu size='1400'/>
      <driver queues='2'/><boot order='1'/><address type='pci' slot='0x12'/></interface>
    <interface type='network'><mac address='bc:24:11:00:00:02'/><source network='default'/><model type='e1000'/>
      <address type='pci' slot='0x13'/></interface>
    <memballoon model='none'/>
    {devices}
  </devices>
</domain>
"""


def domain(**parts: str) -> str:
    return DOMAIN.format(**{"type": "qemu", "machine": "pc-i440fx-10.0", "program": "/bin/false", "more": "", "devices": "", **parts})


@pytest.fixture(scope="module")
def libvirt() -> Iterator[Embedded]:
    with Embedded() as embedded:
        yield embedded


BARE = """
<domain type='qemu'>
  <name>bare</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/a.raw'/><target dev='vda' bus='virtio'/></disk>
    <interface type='bridge'><mac address='bc:24:11:00:00:01'/><source bridge='vmbr0'/><model type='virtio'/></interface>
    <interface type='bridge'><mac address='bc:24:11:00:00:02'/><source bridge='vmbr0'/><model type='e1000'/></interface>
  </devices>
</domain>
"""


def devices(words: list[str]) -> dict[str, dict[str, object]]:
    """Devices by id."""
    found = [json.loads(word) for word in words if word.startswith('{"driver"')]
    return {str(device.get("id")): device for device in found}


def test_cards_keep_what_the_domain_says(libvirt: Embedded) -> None:
    words = libvirt.native(domain()).words
    made = devices(words)
    first, second = made["net0"], made["net1"]
    assert first.items() >= {"addr": "0x12", "mac": "bc:24:11:00:00:01", "host_mtu": 1400, "mq": True, "vectors": 6, "bootindex": 1}.items()
    assert (second["driver"], second["addr"]) == ("e1000", "0x13")
    assert '{"type":"tap","vhost":true,"id":"hostnet0"}' in words
    assert '{"type":"tap","id":"hostnet1"}' in words


def test_without_its_cards_nothing_else_is_booted(libvirt: Embedded) -> None:
    """libvirt gives the first disk a bootindex where no device has an order (mapping-devices R5)."""
    assert tree(read(libvirt.native(domain()).words), HERE).boot == ["pci 12.0"]


def test_a_passed_through_card_stays_one(libvirt: Embedded) -> None:
    card = (
        "<interface type='hostdev' managed='yes'><mac address='bc:24:11:00:00:03'/>"
        "<source><address type='pci' domain='0' bus='1' slot='0x10' function='2'/></source><address type='pci' slot='0x14'/></interface>"
    )
    made = [device for device in devices(libvirt.native(domain(devices=card)).words).values() if device["driver"] == "vfio-pci"]
    assert [(device["host"], device["addr"]) for device in made] == [("0000:01:10.2", "0x14")]


def test_no_program_that_a_domain_names_is_run(libvirt: Embedded, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(0o755)
    share = (
        f"<filesystem type='mount'><driver type='virtiofs'/><binary path='{trap}'/><source dir='/'/><target dir='t'/></filesystem>"
    )
    memory = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
    words = libvirt.native(domain(program=str(trap), devices=share, more=memory)).words
    assert any(device["driver"] == "vhost-user-fs-pci" for device in devices(words).values())
    assert not sprung.exists()


def test_a_machine_that_is_not_here_gives_way_and_is_put_back(libvirt: Embedded) -> None:
    namespace = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
    own = f"<qemu:commandline {namespace}><qemu:arg value='-machine'/><qemu:arg value='graphics=off'/>"
    found = libvirt.native(domain(machine="pc-i440fx-99.0", more=own + "</qemu:commandline>"))
    values = [value for option, value in pairwise(found.words) if option == "-machine"]
    assert values[0].startswith("pc-i440fx-99.0,")
    assert values[1] == "graphics=off"
    assert found.changed == ["machine pc-i440fx-99.0 is not here: libvirt was asked for pc"]
    with pytest.raises(BridgeError, match="does not support machine type"):
        libvirt.native(domain(machine="pc-i440fx-99.0"), fit=False)


def test_cpus_that_libvirt_plugs_are_there(libvirt: Embedded) -> None:
    vcpus = (
        "<vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='yes' hotpluggable='yes'/>"
        "<vcpu id='2' enabled='no' hotpluggable='yes'/></vcpus><cpu><topology sockets='1' cores='3' threads='1'/></cpu>"
    )
    found = libvirt.native(domain(more=vcpus))
    assert tree(read(found.words), HERE).facts["smp"]["present"] == "0"
    assert tree(read(found.words + found.plugged), HERE).facts["smp"]["present"] == "0-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<network/>", "give a libvirt <domain>"),
        ("<domain type='qemu'><name>x</name></domain>", "memory|os|type"),
        ("<!DOCTYPE domain [<!ENTITY a SYSTEM '/etc/passwd'>]><domain>&a;</domain>", "DOCTYPE"),
    ],
)
def test_what_libvirt_refuses_is_an_error(text: str, message: str, libvirt: Embedded) -> None:
    with pytest.raises(BridgeError, match=message):
        libvirt.native(text)


def test_without_qemu_libvirt_cannot_speak() -> None:
    with Embedded("no-such-qemu") as embedded, pytest.raises(BridgeError, match="no-such-qemu is not here"):
        embedded.native(domain())


CONFIG = """\
agent: 1
boot: order=net0;scsi0
cores: 2
machine: {machine}
memory: 512
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,queues=2
net1: e1000=BC:24:11:00:00:02,bridge=vmbr0
scsi0: local:100/vm-100-disk-0.raw,iothread=1
scsihw: virtio-scsi-single
sockets: 2
vmgenid: d0a6b5d4-3a4e-4c84-8f6e-4e5a5d0c7b02
"""


@pytest.mark.parametrize("machine", ["pc-i440fx-10.0", "pc-q35-10.0"])
def test_a_config_and_its_xml_as_libvirt_runs_it_are_the_same(machine: str, libvirt: Embedded) -> None:
    host = bridge.HostFacts(qemu_version="10.0")
    text = CONFIG.format(machine=machine)
    ours = bridge.convert(text, to="argv", source="conf", host=host).argv or []
    xml = bridge.convert(text, to="xml", source="conf", host=host).text
    assert compare(tree(read(ours), HERE), tree(read(libvirt.native(xml).words), HERE)) == []


def test_the_command_asks_libvirt(tmp_path: Path) -> None:
    file = tmp_path / "100.conf"
    file.write_text(CONFIG.format(machine="pc-i440fx-10.0"))
    result = CliRunner().invoke(main, ["to-argv", "--by", "libvirt", "--report", "none", str(file)])
    assert result.exit_code == 0, result.output
    assert "/qm-" not in result.stdout
    assert compare(tree(read(result.stdout), HERE), tree(read(result.stdout), HERE)) == []
    assert {"net0", "net1"} <= {name.removeprefix("ua-") for name in devices(read(result.stdout).words)}
    assert CliRunner().invoke(main, ["to-argv", "--by", "libvirt", str(file), str(file)]).exit_code == 2


def test_the_hand_written_examples_give_their_devices(corpus: Callable[[str], list[Row]], shared: Path, libvirt: Embedded) -> None:
    """Examples of the reference data that give the guest the same devices as the command line of the same name."""
    rows = {row["name"]: row for row in corpus("cfg2cmd.jsonl")}
    board = ("machine", "cpu", "smp", "smbios", "memory", "numa", "firmware", "boot")  # they were written before the boot picture was
    for name in ("bootorder", "q35-ide", "scsihw-virtio-scsi-single", "spice-usb3", "netdev-7.1-multiqueues"):
        words = libvirt.native((shared / f"design/examples/{name}.xml").read_bytes()).words
        found = compare(tree(read(rows[name]["argv"]), HERE), tree(read(words), HERE))
        left = [difference for difference in found if difference.what.split(" ")[0] not in board]
        assert [difference for difference in left if not difference.what.endswith("host_tunnel")] == [], name


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_no_two_devices_stand_in_one_slot_where_the_domain_leaves_them_to_libvirt(libvirt: Embedded, machine: str) -> None:
    found = [device for device in devices(libvirt.native(BARE.format(machine=machine)).words).values() if "addr" in device]
    places = [(device["bus"], device["addr"]) for device in found]
    assert sum(str(device["driver"]).startswith(("virtio-net", "e1000")) for device in found) == 2
    assert len(set(places)) == len(places) > 3
