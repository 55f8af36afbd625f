"""usbN, one way and back."""

from __future__ import annotations

import pytest

import bridge
from tests.kinds.both import HOST, back, commandline, domain, findings, keys, pieces, refusal, values

ERA = "ostype: l26\n"
OLD = "machine: pc-i440fx-4.1\n"


def usb(config: str, host: bridge.HostFacts = HOST) -> list[str]:
    return [word for word in values(config, "-device", host) if word.startswith(("usb-host", "usb-redir"))]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (ERA + "usb3: 0627:0001\n", ["usb-host,bus=xhci.0,port=4,vendorid=0x0627,productid=0x0001,id=usb3"]),
        (ERA + "usb0: host=0x12aB:0001,usb3=1\n", ["usb-host,bus=xhci.0,port=1,vendorid=0x12aB,productid=0x0001,id=usb0"]),
        (OLD + "usb0: 1-4.2\n", ["usb-host,hostbus=1,hostport=4.2,id=usb0"]),
        (OLD + "usb0: 1-4,usb3=1\n", ["usb-host,bus=xhci.0,hostbus=1,hostport=4,id=usb0"]),
        (OLD + "usb2: spice\n", ["usb-redir,chardev=usbredirchardev2,id=usbredirdev2,bus=ehci.0"]),
        (OLD + "usb2: spice,usb3=1\n", ["usb-redir,chardev=usbredirchardev2,id=usbredirdev2,bus=xhci.0"]),
        (ERA + "usb2: spice\n", ["usb-redir,chardev=usbredirchardev2,id=usbredirdev2,bus=xhci.0,port=3"]),
        (ERA + "boot: order=usb0\nusb0: 1-4\n", ["usb-host,bus=xhci.0,port=1,hostbus=1,hostport=4,id=usb0,bootindex=100"]),
    ],
)
def test_devices(config: str, wanted: list[str]) -> None:
    assert usb(config) == wanted


def test_controllers() -> None:
    assert "/usr/share/qemu-server/pve-usb.cfg" in values(OLD + "usb0: 1-4\n", "-readconfig")
    assert "/usr/share/qemu-server/pve-usb.cfg" not in values(OLD + "usb0: 1-4,usb3=1\n", "-readconfig")
    assert "nec-usb-xhci,id=xhci,bus=pci.1,addr=0x1b" in values(OLD + "usb0: 1-4,usb3=1\n", "-device")
    assert "qemu-xhci,p2=15,p3=15,id=xhci,bus=pci.1,addr=0x1b" in values(ERA + "usb0: 1-4\n", "-device")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (OLD + "usb5: spice\n", "using usb5 is only possible with machine type >= 7.1 and ostype l26 or windows > 7"),
        (ERA + "usb0: Spice\n", "no usb id or path given"),
        (ERA + "usb0: host=1-4,mapping=cam\n", "no usb id or path given"),
        (ERA + "usb0: usb3=1\n", "no usb id or path given"),
    ],
)
def test_refusals(config: str, message: str) -> None:
    assert refusal(config) == message


def test_a_device_of_the_host_goes_by_the_command_line() -> None:
    words = commandline(ERA + "usb1: 0627:000a\n")
    assert words[-2:] == ["-device", '{"driver":"usb-host","vendorid":1575,"productid":10,"id":"usb1","bus":"ua-xhci.0","port":"2"}']


def test_redirection_needs_spice_in_xml_only() -> None:
    assert len(pieces(ERA + "vga: qxl\nusb0: spice\n", "devices/redirdev")) == 1
    assert pieces(ERA + "usb0: spice\n", "devices/redirdev") == []
    assert "spicevmc,id=usbredirchardev0,name=usbredir" in commandline(ERA + "usb0: spice\n")


@pytest.mark.parametrize("value", ["0627:0001", "1-4.2", "spice"])
@pytest.mark.parametrize(
    "head", [ERA, ERA + "vga: qxl\n", ERA + "machine: q35\n", ERA + "machine: pc-i440fx-4.1\n", ERA + "machine: pc-q35-4.1\n"]
)
def test_back(value: str, head: str) -> None:
    assert back(f"{head}usb0: {value}\n")["usb0"].split(",")[0] == value


@pytest.mark.parametrize("value", ["09001-0.08.91.9", "00001-01", "0x0627:0xAbCd", "0627:0x0001", "99999-1"])
def test_an_odd_spelling_of_a_port_or_an_id_is_no_other_device(value: str) -> None:
    text = bridge.convert(f"memory: 512\nusb0: host={value}\n", "xml", "conf", vmid=100, host=HOST).text
    assert keys(text)["usb0"] == f"host={value}"


HOSTDEV = "<devices><hostdev mode='subsystem' type='usb' managed='yes'><source{0}>{1}</source></hostdev></devices>"


def test_hostdev_of_somebody_else() -> None:
    ids = "<vendor id='0x1234'/><product id='0xbeef'/>"
    assert keys(domain(HOSTDEV.format("", ids)))["usb0"] == "1234:beef"
    assert any("requisite" in m for m in findings(domain(HOSTDEV.format(" startupPolicy='requisite'", ids)), "host-state"))
    text = domain(HOSTDEV.format("", "<address bus='1' device='5'/>"))
    assert "usb0" not in keys(text)
    assert "device='5'" in findings(text, "resource-unknown")[0]


def test_a_hub_is_lost() -> None:
    assert any(
        "hub" in m
        for m in findings(domain("<devices><hub type='usb'><address type='usb' bus='0' port='1'/></hub></devices>"), "guest-lost")
    )
