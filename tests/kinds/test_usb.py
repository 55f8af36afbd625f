"""usbN, one way and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

import bridge
from tests.kinds.both import HOST, back, commandline, domain, findings, keys, pieces, refusal, values, xml

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


SPICE = "vga: qxl\n"


def usb_words(config: str) -> list[dict[str, Any]]:
    """The USB devices on the domain's command line."""
    said = [json.loads(word) for word in commandline(config) if word.startswith("{")]
    return [each for each in said if each["driver"] in ("usb-host", "usb-redir")]


def test_a_device_of_an_old_machine_names_no_port_as_qemu_server_names_none() -> None:
    assert [each.get("port") for each in usb_words(OLD + "usb0: 1-4\nusb1: 0627:0001,usb3=1\n")] == [None, None]
    assert [each["bus"] for each in usb_words(OLD + "usb0: 1-4\nusb1: 0627:0001,usb3=1\n")] == ["ua-ehci.0", "ua-xhci.0"]
    assert [each["port"] for each in usb_words(ERA + "usb4: 1-4\n")] == ["5"]


def overridden(config: str) -> list[str]:
    """The devices whose port is taken off libvirt's command line."""
    found = xml(config).iter("{http://libvirt.org/schemas/domain/qemu/1.0}device")
    return [node.get("alias", "") for node in found if node.find(".//*[@name='port'][@type='remove']") is not None]


def test_a_redirection_of_an_old_machine_names_no_port_either() -> None:
    config = OLD + SPICE + "usb0: spice\nusb1: spice\nusb2: spice,usb3=1\n"
    assert [node.get("port") for node in xml(config).findall("devices/redirdev/address")] == ["1", "2", "1"]
    assert overridden(config) == ["ua-usb0", "ua-usb1", "ua-usb2"]
    assert overridden(ERA + SPICE + "usb0: spice\n") == []


def test_a_redirection_after_a_device_of_the_host_takes_the_port_after_it() -> None:
    """QEMU gives ports in the order of the line, and libvirt's own devices come first."""
    config = OLD + SPICE + "usb0: spice\nusb1: 1-4\nusb2: spice\nusb3: spice,usb3=1\n"
    assert [each["id"] for each in usb_words(config)] == ["usb1", "usb2"]
    assert overridden(config) == ["ua-usb0", "ua-usb3"]


def test_a_libvirt_without_overrides_gets_such_a_redirection_by_the_command_line() -> None:
    text = bridge.convert(OLD + SPICE + "usb0: spice\n", "xml", "conf", host=HOST, libvirt="8.0").text
    assert "<redirdev" not in text
    assert keys(text)["usb0"] == "spice"


@pytest.mark.parametrize(
    ("config", "behind"),
    [
        (OLD + SPICE + "".join(f"usb{n}: spice,usb3=1\n" for n in range(5)), ["usb3", "usb4"]),
        ("machine: pc-q35-4.1\n" + SPICE + "tablet: 1\n" + "".join(f"usb{n}: spice\n" for n in range(5)), ["usb4"]),
    ],
)
def test_what_stands_behind_the_hub_of_qemus_own_goes_by_the_command_line(config: str, behind: list[str]) -> None:
    """libvirt would want the hub said; QEMU puts one in front of the last port by itself."""
    assert [each["id"] for each in usb_words(config)] == behind
    assert pieces(config, "devices/hub") == []


@pytest.mark.parametrize("head", [OLD, "machine: pc-q35-4.1\n", "machine: pc-q35-4.1\ntablet: 1\n"])
def test_devices_without_ports_do_not_move_on_the_way_back(head: str) -> None:
    config = f"{head}{SPICE}usb0: spice,usb3=1\nusb1: 1-4\nusb2: spice\nusb3: 0627:0001,usb3=1\nusb4: spice\n"
    text = bridge.convert(config, "xml", "conf", host=HOST, metadata=False).text
    out = bridge.convert(text, "conf", "xml", host=HOST)
    # a device that QEMU puts on the only bus of USB 3 by itself says so when it comes back
    assert [word.replace("bus=xhci.0,", "") for word in usb(out.text)] == [word.replace("bus=xhci.0,", "") for word in usb(config)]
    assert [finding.message for finding in out.findings if "usb" in finding.message] == []


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
