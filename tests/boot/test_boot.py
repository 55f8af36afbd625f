"""Proof by boot: a guest cannot tell qemu-server's command line from the bridge's domain. `python -m tests.boot` prints the table."""

from __future__ import annotations

import re

import pytest

from tests.boot.boot import EXPLAINED, Boot, boot, cases
from tests.boot.guest import differences, facts
from tests.libvirtd.daemon import Daemon

pytestmark = pytest.mark.slow

CASES = cases()
SAID_ALWAYS = {"pci", "slots", "input", "dmi", "acpi", "cpu", "numa", "memory", "fw_cfg", "block", "virtio", "usb", "by-id"}
SAID_OF = {
    "net": r"^net\d+:",
    "net-id": r"^net\d+:",
    "ports": r"^agent:",
    "watchdog": r"^watchdog:",
    "tpm": r"^tpmstate0:",
    "firmware": r"^bios: ovmf$",
}
"""Section of what a guest says -> what of its config it is about. A guest that lacks a driver would say nothing, on both sides alike."""


@pytest.mark.parametrize("case", CASES)
def test_the_guest_cannot_tell(case: str, libvirtd: Daemon) -> None:
    result, unexplained, known = booted(case, libvirtd)
    assert unexplained == [], "\n".join(unexplained)
    assert bool(known) == (case in {explanation.case for explanation in EXPLAINED})
    assert result.iothreads[0] == result.iothreads[1]
    assert result.pins[0] == result.pins[1]
    said = {section for section in SAID_ALWAYS | SAID_OF.keys() if result.reference[section]}
    assert said == SAID_ALWAYS | {section for section in SAID_OF if speaks_of(section, case)}
    if case == "shared-iothreads":
        assert result.iothreads == (4, 4)
        assert result.pins == (["0"] * 4, ["0"] * 4)


PAIRS = 5


def booted(case: str, libvirtd: Daemon) -> tuple[Boot, list[str], list[str]]:
    """A boot, and what differs in it without a reason and with one. On a busy machine SeaBIOS keeps a page
    more or less in either guest, presumably by the order in which drives answer: what is another machine's is so in each of some pairs."""
    result = boot(CASES[case], libvirtd)
    unexplained, known = result.differences(case)
    pairs = 1
    while unexplained and pairs < PAIRS:
        result = boot(CASES[case], libvirtd)
        there, known = result.differences(case)
        unexplained = [difference for difference in unexplained if difference in there]
        pairs += 1
    return result, unexplained, known


def speaks_of(section: str, case: str) -> bool:
    return re.search(SAID_OF[section], CASES[case], re.MULTILINE) is not None


def test_every_section_has_a_guest_that_says_something() -> None:
    assert all(any(speaks_of(section, case) for case in CASES) for section in SAID_OF)


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


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("000e7800-000effff : Adapter ROM", False),
        ("  000e7800-000effff : Adapter ROM", False),
        ("  000c0000-000c97ff : Video ROM", True),
        ("  000ca000-000cadff : Adapter ROM", True),
    ],
)
def test_a_rom_of_a_card_is_told_and_what_firmware_left_is_not(line: str, is_told: bool) -> None:
    """Linux takes what begins as a ROM and has its checksum for one, and SeaBIOS's own memory does by chance."""
    console = "== block\n== net\n== slots\n== iomem\n000a0000-000fffff : Reserved\n{}== end\n"
    said = differences(facts(console.format("")), facts(console.format(f"{line}\n")))
    assert said == ([f"iomem {line}: - | "] if is_told else [])
