"""--keep-layout, for real: the domain as libvirt itself starts it, and the config that comes of it, both up to where the firmware has
numbered the buses. A network card's name depends on that number and the slot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bridge
from bridge.guest.native import Embedded
from tests.embed.qemu import Qemu
from tests.processes import wait_for

HERE = Path(__file__).parent
VMID = 100


@pytest.fixture(scope="module")
def libvirt() -> Iterator[Embedded]:
    with Embedded() as embedded:
        yield embedded


def config(xml: str, keep_layout: bool) -> str:
    return bridge.convert(xml, "conf", "xml", vmid=VMID, host=HOST, keep_layout=keep_layout).text


HOST = bridge.HostFacts(qemu_version="10.0.2", storage_map={"/var/lib/libvirt/images": "local"})


def command_line(xml: str, keep_layout: bool) -> list[str]:
    argv = bridge.convert(config(xml, keep_layout), "argv", "conf", vmid=VMID, host=HOST).argv
    assert argv is not None
    return argv


def cards(qemu: Qemu) -> list[tuple[int, int]]:
    """(bus, slot) of the virtio cards, once the firmware has given every bridge its number."""
    qemu.qmp("cont")
    return wait_for(lambda: sorted(_cards(qemu.qmp("query-pci"))), "a card")


def _cards(buses: list[dict]) -> Iterator[tuple[int, int]]:  # type: ignore[type-arg]
    for bus in buses:
        for device in bus["devices"]:
            if device["id"]["vendor"] == 0x1AF4 and device["id"]["device"] in (0x1000, 0x1041):
                yield bus["bus"], device["slot"]
            bridge_ = device.get("pci_bridge")
            if bridge_ and bridge_["bus"]["secondary"] not in (0, 255):  # no number yet; SeaBIOS begins with 255
                yield from _cards([{"bus": bridge_["bus"]["secondary"], "devices": bridge_.get("devices", [])}])


@pytest.mark.parametrize("name", ["pc", "q35"])
def test_a_card_keeps_its_place(name: str, libvirt: Embedded, qemu_start: Callable[[list[str]], Qemu]) -> None:
    xml = (HERE / f"{name}.xml").read_text()
    there = cards(qemu_start(libvirt.native(xml).words))
    assert cards(qemu_start(command_line(xml, keep_layout=True))) == there
    assert cards(qemu_start(command_line(xml, keep_layout=False))) != there


def test_the_words() -> None:
    args = [line for name in ("pc", "q35") for line in config((HERE / f"{name}.xml").read_text(), True).split("\n") if line[:5] == "args:"]
    assert args == [
        "args: -set device.net0.addr=0x3 -set device.virtio0.addr=0x6 -set device.balloon0.addr=0x7",
        (
            "args: -set device.net0.bus=ich9-pcie-port-1 -set device.net0.addr=0x0 "
            "-set device.virtio0.bus=ich9-pcie-port-4 -set device.virtio0.addr=0x0"
        ),
    ]


def test_a_pool_of_iothreads_has_drives_that_no_argument_moves() -> None:
    xml = (HERE / "pc.xml").read_text()
    pool = xml.replace("<vcpu placement='static'>4</vcpu>", "<vcpu>4</vcpu><iothreads>2</iothreads>")
    pool = pool.replace("<driver name='qemu' type='qcow2'", "<driver name='qemu' type='qcow2' iothread='1'", 1)
    line = next(line for line in config(pool, True).split("\n") if line.startswith("args:"))
    assert "net0" in line


def test_ports_without_numbers_are_walked_once() -> None:
    """Each is `#0` to the reader, as the board's own bus is: seven behind one another were 7 to the 31st walks."""
    port = "<controller type='pci' model='pcie-root-port'><address type='pci' slot='2' function='{}'/></controller>"
    devices = "<controller type='pci' model='pcie-root'/>" + "".join(map(port.format, range(7)))
    board = "<os><type arch='x86_64' machine='q35'>hvm</type></os><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
    xml = f"<domain type='kvm'><name>a</name>{board}<devices>{devices}</devices></domain>"
    assert "machine: q35" in config(xml, keep_layout=True)
