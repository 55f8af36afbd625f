"""A command line that is to be started without its host: nothing of the host is named, every device has what it stands on; and what QEMU
prints of its devices, by place."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

import bridge
from bridge.argv.read import read
from bridge.guest import qtree
from bridge.guest.inert import Inert

CASES = Path(__file__).parents[1] / "cases"
MACHINES = frozenset(("pc", "q35", "virt", "pc-i440fx-10.0", "pc-q35-10.0", "pc-i440fx-9.2", "pc-q35-9.2", "none"))


def inert(words: list[str]) -> Inert:
    return Inert(read(words), MACHINES, (10, 0))


def line(name: str) -> list[str]:
    host = bridge.HostFacts.load(CASES / "host")
    return bridge.convert((CASES / f"{name}.conf").read_text(), "argv", "conf", vmid=8006, host=host).argv or []


def values(words: list[str], option: str) -> list[str]:
    return [value for name, value in itertools.pairwise(words) if name == f"-{option}"]


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.cmd")))
def test_nothing_of_the_host_is_named_and_every_device_stands_on_something(name: str) -> None:
    given = line(name)
    words = inert(given).words("/run/x")
    assert words == inert(given).words("/run/x")
    (machine,) = values(words, "machine")
    assert ",accel=tcg" in machine
    said = " ".join(words).replace("addr=/run/x/spice", "")
    assert re.findall(r"/(?:dev|usr|var|etc|run|proc|sys|mnt)\b[^ ]*", said) == []
    assert set(words) & {"-drive", "-pflash", "-bios", "-kernel", "-tpmdev", "-qmp", "-mon", "-pidfile", "-daemonize", "-vnc"} == set()
    assert all(value.startswith("hubport,") for value in values(words, "netdev"))
    assert all(value.startswith("null,") for value in values(words, "chardev"))
    assert all(json.loads(value)["driver"] == "null-co" for value in values(words, "blockdev"))
    there = {
        "drive": {json.loads(value)["node-name"] for value in values(words, "blockdev")},
        "netdev": {value.split("id=")[1].split(",")[0] for value in values(words, "netdev")},
        "chardev": {value.split("id=")[1].split(",")[0] for value in values(words, "chardev")},
        "memdev": {value.split("id=")[1].split(",")[0] for value in values(words, "object")},
    }
    for device in values(words, "device"):
        assert "vfio-pci" not in device
        assert "usb-host" not in device
        assert not re.search(r",(?:iothread|romfile)[a-z-]*=", device)
        for kind, names in there.items():
            if (found := re.search(rf",{kind}=([^,]+)", device)) and kind != "chardev":
                assert found[1] in names, device
    left_out = ("tpm-tis", "tpm-crb", "guest-loader", "loader")
    devices = [value for value in values(given, "device") if not any(word in value for word in left_out)]
    assert len(values(words, "device")) >= len(devices) - 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["-device", "vfio-pci,host=0000:01:00.0,id=hostpci0,bus=pci.0,addr=0x10"], "pci-testdev,id=hostpci0,bus=pci.0,addr=0x10"),
        (["-device", "usb-host,hostbus=1,hostport=2,id=usb0"], "usb-kbd,id=usb0"),
        (["-device", "virtio-vga-gl,id=vga"], "virtio-vga,id=vga"),
        (["-device", "AC97,id=a,audiodev=x", "-audiodev", "spice,id=x"], "AC97,id=a,audiodev=inert-audio"),
        (["-object", "iothread,id=t", "-device", "virtio-scsi-pci,id=s,iothread=t"], "virtio-scsi-pci,id=s"),
        (["-device", "e1000,id=n,romfile=/x.rom"], "e1000,id=n"),
    ],
)
def test_what_stands_for_a_device_of_the_host(given: list[str], wanted: str) -> None:
    assert values(inert(["qemu-system-x86_64", *given]).words("/run/x"), "device") == [wanted]


@pytest.mark.parametrize(
    ("given", "machine", "lost"),
    [
        (["-M", "pc-i440fx-9.2,hpet=off"], "pc-i440fx-9.2,accel=tcg,hpet=off", 0),
        (["-M", "pc-i440fx-2.4"], "pc,accel=tcg", 1),
        (["-M", "pc-q35-4.0+pve0", "-no-hpet"], "q35,accel=tcg,hpet=off", 1),
        (["-M", "q35,kernel-irqchip=split,accel=kvm"], "pc-q35-10.0,accel=tcg", 0),
    ],
)
def test_the_machine_that_stands_for_it(given: list[str], machine: str, lost: int) -> None:
    made = inert(["qemu-system-x86_64", *given])
    assert values(made.words("/run/x"), "machine") == [machine]
    assert len(made.lost) == lost


@pytest.mark.parametrize(
    ("given", "cpu"),
    [
        (["-cpu", "host,+aes,migratable=off"], "max,+aes"),
        (["-cpu", "kvm64,enforce,+sep"], "kvm64,+sep"),
        (["-cpu", "qemu64", "-enable-kvm"], "qemu64,acpi=off,monitor=off,svm=off"),
        (["-cpu", "qemu64,+svm", "-enable-kvm"], "qemu64,+svm,acpi=off,monitor=off"),
    ],
)
def test_the_cpu_that_stands_for_it(given: list[str], cpu: str) -> None:
    assert values(inert(["qemu-system-x86_64", *given]).words("/run/x"), "cpu") == [cpu]


PRINTED = """\
bus: main-system-bus
  type System
  dev: i440FX-pcihost, id ""
    bus: pci.0
      type PCI
      dev: virtio-scsi-pci, id "s"
        addr = 05.0
        romfile = ""
        ioeventfd = true
        class SCSI controller, addr 00:05.0, pci id 1af4:1004 (sub 1af4:0008)
        bus: virtio-bus
          type virtio-pci-bus
          dev: virtio-scsi-device, id ""
            seg_max_adjust = true
            bus: s.0
              type SCSI
              dev: scsi-hd, id "scsi1"
                lun = 1 (0x1)
                scsi-id = 0 (0x0)
                channel = 0 (0x0)
                rerror = "auto"
                serial = "A"
      dev: pci-bridge, id "pci.1"
        addr = 1e.0
        bus: pci.1
          type PCI
          dev: e1000, id "n"
            addr = 02.0
            mac = "bc:24:11:00:00:01"
      dev: piix3-usb-uhci, id "u"
        addr = 01.2
        bus: u.0
          type usb-bus
          dev: usb-tablet, id "t"
            usb_version = 2 (0x2)
            addr 0.1, port 1, speed 12, name QEMU USB Tablet
      dev: PIIX3, id ""
        addr = 01.0
        bus: isa.0
          type ISA
          dev: isa-serial, id "b"
            index = 1 (0x1)
          dev: isa-serial, id "a"
            index = 0 (0x0)
"""


def test_devices_by_place() -> None:
    found = qtree.devices(PRINTED.replace("\n", "\r\n"))
    assert {place: device.driver for place, device in found.items()} == {
        "i440FX-pcihost": "i440FX-pcihost",
        "pci 01.0": "PIIX3",
        "isa serial 0": "isa-serial",
        "isa serial 1": "isa-serial",
        "pci 01.2": "piix3-usb-uhci",
        "pci 01.2 usb 1": "usb-tablet",
        "pci 1e.0": "pci-bridge",
        "pci 1e.0/02.0": "e1000",
        "pci 05.0": "virtio-scsi-pci",
        "pci 05.0 scsi 0:0:1": "scsi-hd",
    }
    card, disk = found["pci 05.0"].properties, found["pci 05.0 scsi 0:0:1"].properties
    assert card["seg_max_adjust"] == "on"
    assert "ioeventfd" not in card
    assert card["class"] == "SCSI controller"
    assert "romfile" not in card
    assert disk["rerror"] == "report"
    assert found["pci 1e.0/02.0"].properties["mac"] == "bc:24:11:00:00:01"


def test_what_the_firmware_made_of_a_function() -> None:
    region = {"bar": 0, "type": "memory", "mem_type_64": True, "prefetch": True, "size": 16384, "address": 0xFE000000}
    rom = {"bar": 6, "type": "memory", "size": 2048, "address": 1}
    below = {"slot": 2, "function": 0, "irq": 10, "irq_pin": 1, "regions": [rom]}
    bridge_ = {"bus": {"number": 1, "io_range": {"base": 4096, "limit": 8191}}, "devices": [below]}
    found = qtree.pci([{"devices": [{"slot": 30, "function": 1, "regions": [region], "pci_bridge": bridge_}]}])
    assert found == {
        "pci 1e.1": {
            "irq": "none", "pin": "none", "number": "1", "io_range": "0x1000-0x1fff",
            "bar 0": "memory 64 bit prefetch, 16384 bytes at 0xfe000000",
        },
        "pci 1e.1/02.0": {"irq": "10", "pin": "1", "bar 6": "memory, 2048 bytes"},
    }  # fmt: skip
