"""serialN and parallelN, one way and back."""

from __future__ import annotations

import pytest

import bridge
from tests.kinds.both import argv, back, domain, findings, keys, values, xml


def test_ports() -> None:
    words = argv("serial1: socket\nserial3: /dev/ttyS0\nparallel0: /dev/parport0\nparallel2: /dev/usb/lp1\n")
    text = " ".join(words)
    assert "-chardev socket,id=serial1,path=/var/run/qemu-server/100.serial1,server=on,wait=off -device isa-serial,chardev=serial1" in text
    assert "-chardev serial,id=serial3,path=/dev/ttyS0 -device isa-serial,chardev=serial3" in text
    assert "-chardev parallel,id=parallel0,path=/dev/parport0 -device isa-parallel,chardev=parallel0" in text
    assert "-chardev serial,id=parallel2,path=/dev/usb/lp1 -device isa-parallel,chardev=parallel2" in text


def test_the_uart_of_aarch64() -> None:
    words = argv("arch: aarch64\nserial0: socket\n", bridge.HostFacts(qemu_version="11.0.2"))
    assert words[words.index("-serial") + 1] == "chardev:serial0"


def test_the_guest_counts_the_ports_that_are_there() -> None:
    targets = xml("serial1: socket\nserial3: socket\nagent: 1,type=isa\n").findall("devices/serial/target")
    assert [target.get("port") for target in targets] == ["0", "1", "2"]


def test_back() -> None:
    config = {"serial1": "socket", "serial3": "/dev/ttyS0", "parallel1": "/dev/parport0"}
    found = back("".join(f"{key}: {value}\n" for key, value in config.items()))
    assert {key: found.get(key) for key in config} == config


@pytest.mark.parametrize("line", ["serial0: /dev/ttyS0,logfile=/etc/x", "parallel0: /dev/parport0x", "serial0: pty"])
def test_options_of_the_chardev_cannot_be_smuggled_in(line: str) -> None:
    with pytest.raises(bridge.BridgeError):
        values(line + "\n", "-chardev")


def test_a_port_that_gets_another_number_is_named() -> None:
    """libvirt gives COM3 to a lone port 2, qemu-server COM1."""
    serial = "<serial type='unix'><source mode='bind' path='/a'/><target type='isa-serial' port='2'/></serial>"
    parallel = "<parallel type='dev'><source path='/dev/parport0'/><target port='1'/></parallel>"
    told = findings(domain(f"<devices>{serial}{parallel}</devices>"), "moved")
    assert {"serial2: COM3 -> COM1", "parallel1: LPT2 -> LPT1"} <= set(told)
    text = domain(f"<devices>{serial.replace('2', '0')}</devices>")
    assert not [message for message in findings(text, "moved") if "COM" in message]


def test_ports_of_somebody_else() -> None:
    text = domain("<devices><serial type='tcp'><source mode='bind' host='10.0.0.1' service='23'/></serial></devices>")
    assert keys(text)["serial0"] == "socket"
    assert any("10.0.0.1" in m for m in findings(text, "host-lost"))
    only = domain("<devices><console type='pty'/></devices>")
    assert keys(only)["serial0"] == "socket"
    virtio = domain("<devices><console type='pty'><target type='virtio'/></console></devices>")
    assert "serial0" not in keys(virtio)
    assert findings(virtio, "guest-lost")
    with pytest.raises(bridge.BridgeError):
        keys(domain("<devices><serial type='dev'><source path='/dev/ttyS0,x=1'/></serial></devices>"))
