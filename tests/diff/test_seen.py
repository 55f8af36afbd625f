"""What a guest is shown, of text alone: QEMU's own words for a device tree, places, and the stand-ins of what cannot run here."""

from __future__ import annotations

import pytest

from bridge.data.gates import version
from bridge.guest.inert import Inert
from bridge.guest.qtree import devices
from bridge.guest.run import _left_out
from bridge.guest.side import _stand_ins
from bridge.guest.values import devfn, memory
from bridge.host.facts import HostFacts

TREE = """\
bus: main-system-bus
  type System
  dev: q35-pcihost, id ""
    bus: pcie.0
      type PCIE
      dev: ich9-intel-hda, id "audio0"
        addr = 1b.0
        bus: audio0.0
          type HDA
          dev: hda-duplex, id ""
            cad = 0 (0x0)
            audiodev = "a"
            mixer = true
      dev: virtio-scsi-pci, id "scsi0"
        addr = 05.0
        bus: virtio-bus
          type virtio-pci-bus
          dev: virtio-scsi-device, id ""
            num_queues = 2 (0x2)
            bus: scsi0.0
              type SCSI
              dev: scsi-hd, id "d"
                channel = 0 (0x0)
                scsi-id = 1 (0x1)
                lun = 0 (0x0)
                write-cache = "auto"
                serial = "S"
      dev: ich9-usb-ehci1, id "e"
        addr = 1d.7
        bus: e.0
          type usb-bus
          dev: usb-tablet, id "t"
            addr 0.0, port 2, speed 480, name QEMU USB Tablet, attached
      dev: piix3-ide, id "i"
        addr = 01.1
        bus: ide.1
          type IDE
          dev: ide-cd, id "c"
            unit = 1 (0x1)
"""


def test_a_device_tree_is_read_with_places_and_without_what_says_a_place() -> None:
    found = devices(TREE)
    (codec,) = [device for device in found.values() if device.driver == "hda-duplex"]
    assert codec.properties == {"mixer": "on"}
    (disk,) = [device for device in found.values() if device.driver == "scsi-hd"]
    assert disk.properties["write-cache"] == "on"
    assert "scsi-id" not in disk.properties
    (card,) = [device for device in found.values() if device.driver == "virtio-scsi-pci"]
    assert card.properties["num_queues"] == "2"
    assert len(found) == len({device.place for device in found.values()}) == 9
    assert sorted(found) == sorted(device.place for device in found.values())


@pytest.mark.parametrize(("said", "wanted"), [
    ("1d.7", (0x1D, 7)), ("0x1d.0x7", (0x1D, 7)), ("5", (5, 0)), (0xEF, (0x1D, 7)), (8, (1, 0)), (255, (31, 7)),
    (256, None), (-1, None), (True, None),
    ("x", None),
])  # fmt: skip
def test_places_on_a_bus(said: object, wanted: tuple[int, int] | None) -> None:
    """A number holds the slot in its upper bits and the function in its lower three (PCI_DEVFN)."""
    assert devfn(said) == wanted


@pytest.mark.parametrize(("count", "wanted"), [
    (0, "0 MiB"), (1 << 30, "1024 MiB"), (1 << 20, "1 MiB"), (512 << 10, "512 KiB"), (1024, "1 KiB"),
    (1000, "1000 bytes"), (1025, "1025 bytes"),
])  # fmt: skip
def test_bytes_for_a_reader(count: int, wanted: str) -> None:
    assert memory(count) == wanted


def inert(text: str) -> Inert:
    from bridge.argv.read import read

    return Inert(read(text), frozenset(("pc-q35-9.2",)), version("10.0"))


def test_what_a_qemu_does_not_know_is_left_out_once() -> None:
    found = inert("qemu-system-x86_64 -machine pc-q35-9.2 -cpu Unheard")
    model = "qemu-system-x86_64: unable to find CPU model 'Unheard'"
    assert _left_out(found, model)
    assert not _left_out(found, model)  # it was left out, and QEMU says it again
    assert found.no_models == {"Unheard"}
    assert not _left_out(found, "qemu-system-x86_64: some other trouble")


@pytest.mark.parametrize(("line", "wanted"), [
    ("scsi0: st:vm-1-disk-0\n", {"st": "zfspool"}), ("scsi0: file=st:vm-1-disk-0,size=1G\n", {"st": "zfspool"}),
    ("scsi0: volume=st:vm-1-disk-0\n", {"st": "zfspool"}), ("ide2: st:iso/x.iso,media=cdrom\n", {"st": "dir"}),
    ("scsi0: st:1/vm-1-disk-0.qcow2\nscsi1: st:vm-1-disk-1\n", {"st": "dir"}), ("scsi0: /i\nname: st:b\n", {}),
])  # fmt: skip
def test_storages_that_nobody_told_of_are_of_a_kind_that_has_such_volumes(line: str, wanted: dict[str, str]) -> None:
    assert {name: storage.type for name, storage in _stand_ins(line, HostFacts()).items()} == wanted


CARDS = [
    ("virtio-vga-gl", "virtio-vga"), ("virtio-gpu-gl-pci", "virtio-gpu-pci"),
    ("vfio-pci,host=01:00.0", "pci-testdev"), ("usb-host,hostbus=1", "usb-kbd"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "shown"), CARDS)
def test_what_cannot_run_here_has_a_stand_in_that_runs_everywhere(wanted: str, shown: str) -> None:
    words = inert(f"qemu-system-x86_64 -machine pc-q35-9.2 -device qemu-xhci -device {wanted}").words("/tmp")
    devices = [words[n + 1] for n, word in enumerate(words) if word == "-device"]
    assert any(shown in device for device in devices)
    assert not any(f'"{wanted.split(",")[0]}"' in device or device.startswith(wanted.split(",")[0] + ",") for device in devices)
