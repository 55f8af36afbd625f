"""Proof by boot: a guest cannot tell qemu-server's command line from the bridge's domain. `python -m tests.boot` prints the table."""

from __future__ import annotations

import pytest

from tests.boot.boot import EXPLAINED, boot, cases
from tests.boot.guest import differences, facts
from tests.libvirtd.daemon import Daemon

CASES = cases()
SAID_SOMEWHERE = ("block", "net", "virtio", "ports", "usb", "watchdog", "tpm", "firmware", "by-id", "net-id")


@pytest.mark.parametrize("case", CASES)
def test_the_guest_cannot_tell(case: str, libvirtd: Daemon) -> None:
    result = boot(CASES[case], libvirtd)
    unexplained, known = result.differences(case)
    assert unexplained == []
    assert bool(known) == (case in {explanation.case for explanation in EXPLAINED})
    assert result.iothreads[0] == result.iothreads[1]
    assert result.pins[0] == result.pins[1]
    assert all(result.reference[section] for section in ("pci", "slots", "input", "dmi", "acpi", "cpu", "numa", "memory", "fw_cfg"))
    SEEN.update(section for section in SAID_SOMEWHERE if result.reference[section])
    if case == "shared-iothreads":
        assert result.iothreads == (4, 4)
        assert result.pins == (["0"] * 4, ["0"] * 4)


SEEN: set[str] = set()


def test_every_section_said_something_in_some_guest() -> None:
    """A guest that lacks a driver would say nothing, on both sides alike."""
    assert set(SAID_SOMEWHERE) == SEEN


def test_what_is_changed_is_seen(libvirtd: Daemon) -> None:
    """The comparison itself: a NIC in another slot, a disk of another name and a smaller queue do not pass."""

    def edit(xml: str) -> str:
        for old, new in (('slot="0x12"', 'slot="0x14"'), ('value="drive-scsi0"', 'value="drive-scsi9"'), ("0200000b", "0200000c")):
            xml = xml.replace(old, new)
        return xml

    unexplained, _ = boot(CASES["virtio-scsi-pci"].replace(",serial=first", ""), libvirtd, edit).differences("")
    text = "\n".join(unexplained)
    assert "net-id devices/pci0000:00/0000:00:12.0/virtio/net: ens18 enp0s18" in text
    assert "net-id devices/pci0000:00/0000:00:14.0/virtio/net: - | ens20 enp0s20" in text
    assert "scsi-0QEMU_QEMU_HARDDISK_drive-scsi0 | scsi-0QEMU_QEMU_HARDDISK_drive-scsi9" in text


def test_a_console_becomes_facts() -> None:
    console = (
        "noise\r\n== block\r\n/sys/block/sda -> ../devices/pci0000:00/0000:00:05.0/virtio3/host2/target2:0:1/2:0:1:0/block/sda\r\n"
        "/sys/block/sda/size=64\r\n== net\r\n== slots\r\n== end\r\n"
    )
    place = "devices/pci0000:00/0000:00:05.0/virtio/host/target:0:1/0:1:0/block"
    first = facts(console)
    assert first["block"] == {place: "present", f"{place} size": "64"}
    second = facts(console.replace("host2", "host4").replace("2:0:1", "4:0:1").replace("virtio3", "virtio1").replace("sda", "sdc"))
    assert differences(first, second) == []
    assert differences(first, facts(console.replace("=64", "=65"))) == [f"block {place} size: 64 | 65"]
