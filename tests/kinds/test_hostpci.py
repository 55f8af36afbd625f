"""hostpciN, one way and back."""

from __future__ import annotations

import pytest
from lxml import etree

import bridge
from bridge.host.mapping import PCIMap, PCIMapping
from tests.kinds.both import back, domain, findings, keys, refusal, values, xml

PRESENT = ["0000:00:02.0", "0000:01:00.0", "0000:01:00.1", "0000:06:00.0", "0000:06:00.4", "0000:06:00.5"]
GPU = PCIMap(node="localhost", id="10de:2231", paths=("0000:06:00.4",)), PCIMap(node="localhost", id="10de:2231", paths=("0000:06:00.5",))
HOST = bridge.HostFacts.load(
    None,
    qemu_version="11.0.2",
    pci={"present": PRESENT},
    pci_mappings={"gpu": PCIMapping(id="gpu", maps=GPU), "live": PCIMapping(id="live", maps=GPU[:1], live_migration_capable=True)},
)
Q35 = "machine: q35\n"


def devices(config: str) -> list[str]:
    return [word for word in values(config, "-device", HOST) if word.startswith(("vfio-pci", "pcie-root-port"))]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("hostpci0: 01:00.0\n", ["vfio-pci,host=0000:01:00.0,id=hostpci0,bus=pci.0,addr=0x10"]),
        (
            "hostpci1: 01:00,rombar=0,romfile=x.rom,vendor-id=0x1000\n",
            [
                (
                    "vfio-pci,host=0000:01:00.0,id=hostpci1.0,bus=pci.0,addr=0x11.0,rombar=0,multifunction=on"
                    ",romfile=/usr/share/kvm/x.rom,x-pci-vendor-id=0x1000"
                ),
                "vfio-pci,host=0000:01:00.1,id=hostpci1.1,bus=pci.0,addr=0x11.1",
            ],
        ),
        (Q35 + "hostpci0: 01:00.0,pcie=1\n", ["vfio-pci,host=0000:01:00.0,id=hostpci0,bus=ich9-pcie-port-1,addr=0x0"]),
        (
            Q35 + "hostpci4: 01:00.0,pcie=1\n",
            [
                "pcie-root-port,id=ich9-pcie-port-5,addr=10.0,x-speed=16,x-width=32,multifunction=on,bus=pcie.0,port=5,chassis=5",
                "vfio-pci,host=0000:01:00.0,id=hostpci4,bus=ich9-pcie-port-5,addr=0x0",
            ],
        ),
        (Q35 + "ostype: win7\nhostpci4: 01:00.0,pcie=1\n", ["vfio-pci,host=0000:01:00.0,id=hostpci4,bus=pcie.0,addr=0x9"]),
        ("hostpci0: 01:00.0,x-vga=1\n", ["vfio-pci,host=0000:01:00.0,id=hostpci0,bus=pci.0,addr=0x10,x-vga=on"]),
        ("bios: ovmf\nhostpci0: 01:00.0,x-vga=1\n", ["vfio-pci,host=0000:01:00.0,id=hostpci0,bus=pci.0,addr=0x10"]),
        ("vga: none\nhostpci0: 00:02.0,legacy-igd=1\n", ["vfio-pci,host=0000:00:02.0,id=hostpci0,bus=pci.0,addr=0x2"]),
        (
            "hostpci2: 06:00.0,mdev=i915-x\n",
            ["vfio-pci,sysfsdev=/sys/bus/mdev/devices/00000002-0000-0000-0000-000000000100,id=hostpci2,bus=pci.0,addr=0x1b"],
        ),
        ("hostpci0: mapping=live\n", ["vfio-pci,host=0000:06:00.4,enable-migration=on,id=hostpci0,bus=pci.0,addr=0x10"]),
        (
            "hostpci0: 06:00.4\nhostpci1: mapping=gpu\n",
            [
                "vfio-pci,host=0000:06:00.4,id=hostpci0,bus=pci.0,addr=0x10",
                "vfio-pci,host=0000:06:00.5,id=hostpci1,bus=pci.0,addr=0x11",
            ],
        ),
    ],
)
def test_devices(config: str, wanted: list[str]) -> None:
    assert devices(config) == wanted


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("hostpci0: 01:00.0,pcie=1\n", "q35 machine model is not enabled"),
        ("hostpci0: 09:00.0\n", "no PCI device found for '09:00.0'"),
        ("hostpci0: rombar=0\n", "Either 'host' or 'mapping' must be set."),
        ("hostpci0: 01:00.0,mapping=gpu\n", "Cannot set both 'host' and 'mapping'."),
        ("hostpci0: mapping=none\n", "PCI device mapping not found for 'none'"),
        ("hostpci0: 01:00.0\nhostpci1: 01:00\n", "device '0000:01:00.0' assigned more than once"),
        ("hostpci0: 01:00,mdev=x\n", "cannot use mediated device with multifunction device"),
        ("hostpci0: 06:00.4\nhostpci1: 06:00.5\nhostpci2: mapping=gpu\n", "could not find a free device for 'hostpci2'"),
        ("hostpci0: 00:02.0,legacy-igd=1\n", "legacy IGD assignment requires VGA mode to be 'none'"),
        ("vga: none\nhostpci0: 01:00.0,legacy-igd=1\n", "legacy IGD assignment only works for devices on host bus 00:02.0"),
        ("vga: none\nhostpci0: 00:02.0,legacy-igd=1,rombar=0\n", "legacy IGD assignment requires rombar to be enabled"),
        ("vga: none\nhostpci0: 00:02.0,legacy-igd=1,x-vga=1\n", "legacy IGD assignment is not compatible with x-vga"),
        ("vga: none\nmachine: q35\nhostpci0: 00:02.0,legacy-igd=1\n", "legacy IGD assignment is not compatible with q35"),
    ],
)
def test_refusals(config: str, message: str) -> None:
    assert refusal(config, HOST) == message


def test_xml_of_a_whole_device() -> None:
    nodes = xml("hostpci0: 01:00,vendor-id=0x1000,driver=keep\n", HOST).findall("devices/hostdev")
    assert [node.get("managed") for node in nodes] == ["no", "no"]
    assert [node.find("alias").get("name") for node in nodes] == ["ua-hostpci0", "ua-hostpci0-1"]  # type: ignore[union-attr]
    places = [dict(node.find("address").attrib) for node in nodes]  # type: ignore[union-attr]
    assert [(place["slot"], place["function"], place.get("multifunction")) for place in places] == [
        ("0x10", "0x0", "on"),
        ("0x10", "0x1", None),
    ]


@pytest.mark.parametrize(
    ("head", "value"),
    [
        ("", "0000:01:00.0"),
        ("", "0000:01:00.0;0000:01:00.1"),
        ("", "0000:01:00.0,device-id=0x2000,romfile=x.rom,sub-device-id=0x0003,sub-vendor-id=0x0002,vendor-id=0x1000"),
        ("", "0000:01:00.0,driver=keep,rombar=0"),
        (Q35, "0000:01:00.0,pcie=1"),
        ("vga: none\n", "0000:00:02.0,legacy-igd=1"),
    ],
)
def test_back(head: str, value: str) -> None:
    assert back(f"ostype: l26\n{head}hostpci0: {value}\n", HOST)["hostpci0"] == value


def test_an_address_that_no_bus_has_is_left_out() -> None:
    host = bridge.HostFacts(qemu_version="11.0.2")
    out = bridge.convert("hostpci0: 00:43.1\n", to="xml", source="conf", host=host)
    assert "<hostdev" not in out.text
    assert any(f.kind == "guest-lost" and "0000:00:43.1" in f.message for f in out.findings)


@pytest.mark.parametrize(
    ("value", "lost", "functions"),
    [
        ("0000:01:00.0;01:3e.0", ["0000:01:3e.0"], ["0x0"]),
        ("01:3e.0;01:00.1;01:00.2", ["0000:01:3e.0"], ["0x1", "0x2"]),
        ("01:00.9", ["0000:01:00.9"], []),
        ("01:1f.8;02:20.0", ["0000:01:1f.8", "0000:02:20.0"], []),
        ("0000000000000001:01:00.0", [], ["0x0"]),
        ("fffffffff:01:00.0;01:00.3", ["fffffffff:01:00.0"], ["0x3"]),
    ],
)
def test_an_address_that_our_own_reader_refuses_is_never_written_and_comes_back(value: str, lost: list[str], functions: list[str]) -> None:
    host = bridge.HostFacts(qemu_version="11.0.2")
    out = bridge.convert(f"memory: 512\nhostpci1: {value}\n", to="xml", source="conf", vmid=100, host=host)
    told = [finding.message for finding in out.findings if finding.kind == "guest-lost"]
    assert told == [f"hostpci1: {address} is not an address that a PCI bus can have: left out" for address in lost]
    devices = etree.fromstring(out.text).findall("devices/hostdev")
    assert [each.get("function") for device in devices for each in device.iterfind("source/address")] == functions
    assert [each.get("function") for device in devices for each in device.iterfind("address")] == [f"0x{n}" for n in range(len(functions))]
    again = bridge.convert(out.text, to="conf", source="xml", host=host, trust_metadata=True).text
    assert f"hostpci1: {value}\n" in again
    if keys(out.text, host).get("hostpci1") != value:  # nothing in the XML vouches for what was left out
        assert lost
        assert any("hostpci1" in message for message in findings(out.text, "withheld"))


HOSTDEV = "<devices><hostdev mode='subsystem' type='{type}'{more}><source>{source}</source></hostdev></devices>"


def test_devices_of_somebody_else() -> None:
    pci = HOSTDEV.format(type="pci", more=" managed='yes'", source="<address domain='0' bus='6' slot='2' function='0'/>")
    assert keys(domain(pci))["hostpci0"] == "0000:06:02.0"
    assert any("0000:06:02.0" in m for m in findings(domain(pci), "ambiguous"))
    scsi = HOSTDEV.format(type="scsi", more="", source="<adapter name='scsi_host0'/>")
    assert any("scsi_host0" in m for m in findings(domain(scsi), "guest-lost"))
    mdev = HOSTDEV.format(type="mdev", more=" model='vfio-pci'", source="<address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/>")
    assert any("c2177883" in m for m in findings(domain(mdev), "guest-lost"))


def test_a_network_card_of_the_host() -> None:
    card = (
        "<devices><interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:01'/>"
        "<source><address type='pci' domain='0' bus='7' slot='0x10' function='1'/></source></interface></devices>"
    )
    assert keys(domain(card))["hostpci0"] == "0000:07:10.1"
    assert any("52:54:00:00:00:01" in m for m in findings(domain(card), "guest-changed"))
