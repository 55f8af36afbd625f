"""What a remembered line names of the host, whether it may come back, and what of an edited one does; sections as a whole."""

from __future__ import annotations

from collections.abc import Set

import pytest

from bridge.core.report import Finding, Report
from bridge.data.remembered import RETURNS, WITHHELD
from bridge.libvirt.metadata.residue import Residue, compare, restore, stale
from bridge.roundtrip.claims import Claim, Standing, rescued, resources, standing
from bridge.roundtrip.documents import Atoms, Original
from bridge.roundtrip.metadata import is_ours
from bridge.roundtrip.resources import is_own
from bridge.roundtrip.sections import keep

NAMED = [
    ("scsi0", "local-lvm:vm-100-disk-0,size=8G", {"local-lvm:vm-100-disk-0"}),
    ("ide2", "none,media=cdrom", set()),
    ("unused3", "local:100/vm-100-disk-9.raw", {"local:100/vm-100-disk-9.raw"}),
    ("efidisk0", "local:vm-100-disk-1,efitype=4m", {"local:vm-100-disk-1"}),
    ("tpmstate0", "local:vm-100-disk-2,version=v2.0", {"local:vm-100-disk-2"}),
    ("usb0", "host=1A2B:3c4d", {"USB device 1a2b:3c4d"}),
    ("usb0", "spice", set()),
    ("usb1", "mapping=stick", {"USB mapping stick"}),
    ("hostpci0", "00:02.0", {"PCI device 0000:00:02.0"}),
    ("hostpci0", "host=0001:0a:00.0", {"PCI device 0001:0a:00.0"}),
    ("hostpci0", "host=01:00.0;01:00.1,romfile=a.bin", {"PCI device 0000:01:00.0", "PCI device 0000:01:00.1", "ROM file a.bin"}),
    ("hostpci1", "mapping=card,mdev=nvidia-11", {"PCI mapping card", "mediated device type nvidia-11"}),
    ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0", {"bridge vmbr0"}),
    ("net0", "virtio=BC:24:11:00:00:01", set()),
    ("virtiofs0", "dirid=media", {"directory media"}),
    ("rng0", "source=/dev/hwrng", {"source of entropy /dev/hwrng"}),
    ("rng0", "source=/dev/urandom", set()),
    ("rng0", "source=/dev/random", set()),
    ("ivshmem", "size=32,name=shared", {"shared memory shared"}),
    ("serial0", "/dev/ttyS0", {"/dev/ttyS0"}),
    ("serial0", "socket", set()),
    ("parallel0", "/dev/parport0", {"/dev/parport0"}),
    ("memory", "512", set()),
    ("vmstate", "local:vm-100-state-a", {"local:vm-100-state-a"}),
]


@pytest.mark.parametrize(("key", "text", "wanted"), NAMED)
def test_what_a_line_names_of_the_host(key: str, text: str, wanted: set[str]) -> None:
    assert resources(key, text) == wanted
    assert resources(key, None) == set()


@pytest.mark.parametrize(
    ("volume", "own"),
    [
        ("local:100/vm-100-disk-0.qcow2", True),
        ("lvm:vm-100-disk-0", True),
        ("zfs:base-9-disk-0/vm-100-disk-1", True),
        ("local:9/base-9-disk-0.qcow2/100/vm-100-disk-0.qcow2", True),
        ("local:101/vm-100-disk-0.qcow2", False),
        ("lvm:vm-101-disk-0", False),
        ("lvm:vm-1000-disk-0", False),
        ("lvm:vm-100-", False),
        ("lvm:base-100-disk-0", False),
        ("local:iso/vm-100-disk-0.iso", False),
        ("9:vm-100-disk-0", False),
        ("/dev/vm-100-disk-0", False),
        ("lvm:vm-100-disk-0/../x", False),
    ],
)
def test_a_volume_of_the_vms_own(volume: str, own: bool) -> None:
    assert is_own(volume, 100) == own


CARD = "virtio=A0:00:00:00:00:0"


@pytest.mark.parametrize(
    ("key", "text", "was", "now", "wanted"),
    [
        ("net0", f"{CARD}1,firewall=1", f"{CARD}1", f"{CARD}2", f"{CARD}2,firewall=1"),
        ("net0", "virtio=A0:00:00:00:00:01,tag=3", f"{CARD}1", f"{CARD}2", None),
        ("net0", "virtio=A0:00:00:00:00:01,firewall=1", f"{CARD}1", "e1000=A0:00:00:00:00:02,firewall=0", None),
        ("scsi0", "st:v,backup=0", "st:v", "st:v,ssd=1", "st:v,backup=0,ssd=1"),
        ("scsi0", "st:v,backup=0", "st:v", "st:w,ssd=1", None),
        ("scsi0", "st:v,backup=0", "st:w", "st:w,ssd=1", None),
        ("scsi0", "st:v,cache=unsafe", "st:v", "st:v,ssd=1", None),
        ("cores", "4", "2", "3", None),
        ("net0", "nonsense,,", f"{CARD}1", f"{CARD}2", None),
    ],
)  # fmt: skip
def test_what_of_an_edited_line_is_put_back(key: str, text: str, was: str, now: str, wanted: str | None) -> None:
    """Only what XML has no place for and the edit does not say; and of a drive, only with the same image."""
    assert rescued(key, text, was, now) == wanted


def table(*lines: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in lines)


WITHHELD_LINES = table(
    *("args: -S", "hookscript: local:snippets/a", "lock: backup", "parent: a", "template: 1", "vmstate: st:v", "unused0: st:v"),
    *("cicustom: user=local:snippets/a", "cipassword: x", "citype: nocloud", "ciupgrade: 1", "ciuser: root", "ipconfig0: ip=dhcp"),
    *("nameserver: 192.0.2.1", "searchdomain: a.example", "sshkeys: x", "hostpci0: 01:00.0,mdev=a"),
)
RETURNING_LINES = table(
    *("autostart: 1", "onboot: 1", "protection: 1", "startup: order=1", "tags: a", "freeze: 1", "keephugepages: 1"),
    *("migrate_downtime: 1", "migrate_speed: 1", "shares: 5", "vmstatestorage: st", "meta: ctime=1"),
)


@pytest.mark.parametrize("key", WITHHELD_LINES)
def test_what_runs_programs_sets_passwords_or_locks_never_returns(key: str) -> None:
    assert standing(Claim(key, WITHHELD_LINES[key]), None) is Standing.WITHHELD
    assert standing(Claim(key, None), "x") is Standing.BOUND


@pytest.mark.parametrize("key", RETURNING_LINES)
def test_what_names_nothing_and_runs_nothing_returns(key: str) -> None:
    assert standing(Claim(key, RETURNING_LINES[key]), None) is Standing.FREE
    assert standing(Claim(key, None), "x") is Standing.BOUND


def test_a_card_keeps_its_mdev_where_the_xml_has_it() -> None:
    claim = Claim("hostpci0", "01:00.0,mdev=a,rombar=0")
    assert standing(claim, "01:00.0,mdev=a") is Standing.BOUND
    assert standing(claim, "01:00.0,mdev=b") is Standing.WITHHELD
    assert standing(Claim("frob", "1"), None) is Standing.WITHHELD


def test_the_lines_above_are_all_that_the_lists_hold_of_whole_options() -> None:
    def options(lines: object) -> set[str]:
        return {str(line).rstrip("0") + "N" if str(line).endswith("0") else str(line) for line in lines}  # type: ignore[attr-defined]

    assert {entry.split(".")[0] for entry in WITHHELD} == options(WITHHELD_LINES)
    assert {entry for entry in RETURNS if "." not in entry} == options(RETURNING_LINES) | {"description", "snaptime"}


# The residue by itself


def test_what_the_xml_says_wins_and_the_residue_fills() -> None:
    wanted, seen = {"a": "1", "b": "2", "c": "3", "sshkeys": "x", "e": "5"}, {"a": "1", "b": "9", "d": "4", "e": "5"}
    residue = compare(wanted, seen, 100, always=("e",))
    assert residue.keys == {"b": ("2", "9"), "c": ("3", None), "e": ("5", "5"), "d": (None, "4")}
    assert restore({"a": "1", "b": "9", "d": "4", "e": "5"}, residue) == {"a": "1", "b": "2", "c": "3", "e": "5"}
    edited = {"a": "1", "b": "8", "c": "7", "d": "6", "e": "0"}
    assert restore(edited, residue) == edited
    report = Report()
    stale(edited, residue, report)
    assert [(finding.kind, finding.message) for finding in report] == [
        ("stale-residue", "b was edited in the XML: it reads '8' now, '9' when it was written; the remembered '2' is dropped"),
        ("stale-residue", "c was edited in the XML: it reads '7' now, 'nothing' when it was written; the remembered '3' is dropped"),
        ("stale-residue", "e was edited in the XML: it reads '0' now, '5' when it was written; the remembered '5' is dropped"),
        ("stale-residue", "d was edited in the XML: it reads '6' now, '4' when it was written"),
    ]
    report = Report()
    stale({"b": "9", "d": "4", "e": "5"}, residue, report)
    assert len(report) == 0


def test_a_part_of_the_residue_is_that_alone() -> None:
    residue = Residue(7, {"a": ("1", None), "b": ("2", None)}, "s", "t", "d")
    assert residue.part(("b", "z")) == Residue(7, {"b": ("2", None)})
    assert (residue.text("a"), residue.text("z")) == ("1", None)


class Nothing:
    """A config that gives no domain."""

    tree = None
    atoms: Atoms = frozenset()
    losses: frozenset[Finding] = frozenset()

    def losers(self, losses: Set[Finding]) -> set[str]:
        del losses
        return set()


def test_a_config_that_gives_no_domain_is_not_ours() -> None:
    assert not is_ours(Original("<domain/>"), None)
    assert not is_ours(Original("<domain/>"), Nothing())


# Sections


@pytest.mark.parametrize(
    ("section", "body", "returns"),
    [
        ("ab", "memory: 512\nsnaptime: 1\n", True),
        ("ab", "memory: 512\nparent: before\n", True),
        ("ab", "scsi0: st:vm-100-disk-0\n", True),
        ("ab", "scsi0: st:vm-101-disk-0\n", False),
        ("ab", "scsi0: st:vm-101-disk-1\n", True),
        ("ab", "vmstate: st:vm-100-state-a\n", False),
        ("ab", "hookscript: local:snippets/a\n", False),
        ("PENDING", "memory: 1024\n", True),
        ("PENDING", "args: -S\n", False),
        ("special:cloudinit", "name: a\n", False),
        ("special:fleecing", "fleecing-images: st:v\n", False),
    ],
)
def test_a_section_returns_whole_or_not_at_all(section: str, body: str, returns: bool) -> None:
    report = Report()
    kept = keep(f"\n[{section}]\n{body}", {"st:vm-101-disk-1"}, 100, report)
    assert (section in kept.names, f"[{section}]" in kept.text) == (returns, returns)
    assert ("withheld" in {finding.kind for finding in report}) == (not returns)
    assert ("pending-changes" in {finding.kind for finding in report}) == (returns and section == "PENDING")
    assert "scsi0" not in keep(f"\n[{section}]\n{body}", set(), None, Report()).text
