"""The tables and the rules of places, held against a QEMU; and what `--run` says about machines that it starts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from bridge.argv.read import read
from bridge.core.report import BridgeError
from bridge.data import gates
from bridge.data.devices import ALIASES, DEFAULTS, PLUGS, SINGLE, VERSIONED, defaults
from bridge.guest.compare import compare
from bridge.guest.inert import LEFT_OUT, SAME_CARD, SAME_PORT, SAME_SLOT, UNLIKE
from bridge.guest.run import Runner, differences
from bridge.guest.tree import Tree, tree
from tests.corpus import Row
from tests.diff.cases import Case, cases, line

pytestmark = pytest.mark.slow

QEMU = "qemu-system-x86_64"
HERE = gates.version("10.0")
CASES = cases(Path(__file__).parent / "cases")
STAND_INS = {**SAME_SLOT, **SAME_CARD, **SAME_PORT}
MEANT = {
    # what QEMU's help says -> what it comes to
    ("rombar", "-1"): "1",
    ("rerror", "auto"): "report",
    ("werror", "auto"): "enospc",
    ("write-cache", "auto"): "on",
    ("vram64_size_mb", "4294967295"): "0",
}
NOT_STARTED = ("ib700,bus=pci.0", "foo,", "ne2k_isa")
UNSAID = {"host_mtu", "ramfb", "max-bytes", "period"}
"""QEMU's help names no default for these everywhere."""
NO_BUS = {"dimm", "pc-dimm", "nvdimm"}


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(QEMU)


def help_of(driver: str) -> dict[str, str]:
    """Property -> default, as `-device DRIVER,help` says."""
    text = subprocess.run([QEMU, "-device", f"{driver},help"], capture_output=True, text=True, check=False).stdout
    return dict(re.findall(r"^ +([\w-]+)=<\w+> .*\(default: (.*)\)$", text, re.MULTILINE))


@pytest.mark.parametrize("driver", DEFAULTS)
def test_defaults_are_qemus(driver: str) -> None:
    said = help_of(driver)
    assert said
    versioned = {name: value for (of, name), (_, value) in VERSIONED.items() if of == driver}
    wrong = {}
    for name, value in {**defaults(driver), **versioned}.items():
        found = MEANT.get((name, said.get(name, "")), said.get(name))
        if found != value and not (found is None and name in UNSAID):
            wrong[name] = (value, found)
    assert wrong == {}


def test_devices_of_the_tables_exist_and_aliases_are_qemus() -> None:
    text = subprocess.run([QEMU, "-device", "help"], capture_output=True, text=True, check=True).stdout
    known = dict(re.findall(r'^name "([^"]+)"(?:, bus [\w-]+)?(?:, alias "([^"]+)")?', text, re.MULTILINE))
    assert {alias: name for name, alias in known.items() if alias and alias in ALIASES} == {
        alias: name for alias, name in ALIASES.items() if known.get(name) == alias
    }
    buses = dict(re.findall(r'^name "([^"]+)", bus ([\w-]+)', text, re.MULTILINE))
    kinds = {"usb-bus": "usb", "SCSI": "scsi", "IDE": "ide", "virtio-serial-bus": "virtio-serial", "HDA": "hda", "ISA": "isa", "PCI": "pci"}
    placed = {name: bus for name, bus in buses.items() if bus in kinds and name not in SINGLE}
    wrong = {name: bus for name, bus in placed.items() if PLUGS.get(name, "pci") != kinds[bus]}
    assert wrong == {}


def shown(runner: Runner, argv: list[str]) -> tuple[Tree, Tree]:
    """(by the options, by QEMU)."""
    found = read(argv)
    return tree(found, HERE), runner.tree(found, "test", HERE)


def misplaced(said: Tree, seen: Tree) -> dict[str, tuple[str, str | None]]:
    """Devices that QEMU has somewhere else than the options say."""
    there = {place: device.driver for place, device in seen.devices.items()}
    wrong = {}
    for place, device in said.devices.items():
        wanted = STAND_INS.get(device.driver, device.driver)
        if device.driver not in LEFT_OUT | NO_BUS | {"vmgenid"} and there.get(place) != wanted:
            wrong[place] = (wanted, there.get(place))
    return wrong


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases_are_the_same_when_they_run(case: Case, runner: Runner) -> None:
    trees = []
    for command_line in (case.a, case.b):
        said, seen = shown(runner, command_line.words)
        assert misplaced(said, seen) == unlike(said, seen) == {}
        assert {"firmware tables", "QEMU machine", "QEMU cpu", "firmware pci 00.0"} <= set(seen.facts)
        assert {"ACPI DSDT", "ACPI FACP", "SMBIOS type 1"} <= set(seen.facts["firmware tables"])
        trees.append((said, seen))
    (said_a, seen_a), (said_b, seen_b) = trees
    found = differences(compare(said_a, said_b), seen_a, seen_b)
    assert [line(difference) for difference in found] == case.differences


def unlike(said: Tree, seen: Tree) -> dict[str, tuple[str, str]]:
    """Properties that QEMU has otherwise than the options say, defaults from the tables among them."""
    wrong: dict[str, tuple[str, str]] = {}
    for place, device in said.devices.items():
        other = seen.devices.get(place)
        if other is not None and other.driver == device.driver and device.driver not in UNLIKE:
            both = device.properties.keys() & other.properties.keys()
            pairs = {f"{device.driver} {name}": (device.properties[name], other.properties[name]) for name in both}
            wrong |= {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return wrong


PLACED_BY_QEMU = [
    *("kvm", "-nodefaults", "-device", "nec-usb-xhci,id=x,p2=4,p3=4", "-device", "lsi,id=l", "-device", "ahci,id=a"),
    *("-device", "virtio-serial", "-device", "virtserialport,name=a", "-device", "virtconsole", "-device", "virtserialport,name=b,nr=7"),
    *("-blockdev", '{"driver":"null-co","node-name":"n"}', "-device", "scsi-hd,drive=n", "-device", "scsi-cd", "-device", "scsi-cd"),
    *("-device", "virtio-scsi-pci", "-device", "scsi-cd,scsi-id=5", "-device", "scsi-cd,scsi-id=5", "-device", "scsi-cd"),
    *("-device", "ide-cd", "-device", "ide-cd,bus=ide.1"),
    *(word for _ in range(6) for word in ("-device", "usb-tablet")),
    *("-device", "intel-hda,id=h", "-device", "hda-micro", "-device", "hda-duplex"),
    *("-device", "isa-serial", "-device", "isa-serial", "-device", "pci-bridge,id=b,chassis_nr=1", "-device", "e1000,bus=b,addr=3"),
    *("-device", "rtl8139", "-device", "piix3-usb-uhci,id=u", "-device", "usb-mouse", "-device", '{"driver":"pcnet"}'),
    *("-device", "ne2k_pci"),
]


@pytest.mark.parametrize("board", ["pc", "q35"])
def test_devices_without_a_place_are_where_qemu_puts_them(board: str, runner: Runner) -> None:
    said, seen = shown(runner, [*PLACED_BY_QEMU, "-machine", board])
    assert misplaced(said, seen) == {}
    assert said.notes == []


@pytest.mark.corpus("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl", sample=12)
def test_reference_devices_are_where_and_what_qemu_has(row: Row, runner: Runner) -> None:
    argv = row.get("argv", [])
    if not argv or any(word.startswith(NOT_STARTED) or "type=virt" in word for word in argv):
        return  # an error, another architecture, or what no QEMU starts
    said, seen = shown(runner, argv)
    assert misplaced(said, seen) == unlike(said, seen) == {}


def test_qemu_knows_the_defaults_that_the_tables_do_not(runner: Runner) -> None:
    a = ["kvm", "-nodefaults", "-device", "virtio-net-pci,id=n,addr=3,host_tso4=on,csum=off"]
    b = ["kvm", "-nodefaults", "-device", "virtio-net-pci,id=n,addr=3"]
    (said_a, seen_a), (said_b, seen_b) = shown(runner, a), shown(runner, b)
    said = compare(said_a, said_b)
    assert [line(difference) for difference in said] == [
        "property | virtio-net-pci at pci 03.0: host_tso4 | on | -",
        "property | virtio-net-pci at pci 03.0: csum | off | -",
    ]
    assert [line(difference) for difference in differences(said, seen_a, seen_b)] == [
        "property | virtio-net-pci at pci 03.0: csum | off | -",
    ]


def test_what_only_the_firmware_shows_is_told(runner: Runner) -> None:
    a = ["kvm", "-nodefaults", "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off", "-machine", "q35"]
    b = ["kvm", "-nodefaults", "-machine", "q35"]
    (said_a, seen_a), (said_b, seen_b) = shown(runner, a), shown(runner, b)
    found = {difference.what for difference in differences(compare(said_a, said_b), seen_a, seen_b)}
    assert {"global ICH9-LPC.acpi-pci-hotplug-with-bridge-support", "firmware tables ACPI DSDT"} <= found


def test_what_this_qemu_does_not_know_is_left_out_and_said(runner: Runner) -> None:
    argv = ["kvm", "-cpu", "No-Such-CPU,+no-such-flag", "-device", "e1000,no_such_property=1", "-machine", "pc-i440fx-99.0"]
    _, seen = shown(runner, argv)
    assert {note.partition("here: ")[2].partition(",")[0] for note in seen.notes} == {
        *("CPU model No-Such-CPU", "max-x86_64-cpu.no-such-flag", "e1000.no_such_property", "machine version of pc-i440fx-99.0"),
    }


def test_a_machine_that_does_not_start_says_why(runner: Runner) -> None:
    with pytest.raises(BridgeError, match=r"test: QEMU does not start it: .*no-such-device"):
        shown(runner, ["kvm", "-device", "no-such-device"])


def test_no_file_of_the_host_is_read_or_written(runner: Runner, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    argv = [
        *("kvm", "-nodefaults", "-machine", f"pc,dumpdtb={victim}"),
        *("-device", "qemu-xhci,id=x", "-device", f"usb-tablet,bus=x.0,pcap={victim}"),
        *("-global", f"usb-mouse.pcap={victim}", "-device", "usb-mouse,bus=x.0", "-device", f"e1000,romfile={victim}"),
        *("-drive", f"file={victim},if=none,id=d", "-device", "virtio-blk-pci,drive=d", "-chardev", f"file,id=c,path={victim}"),
        *("-device", "isa-serial,chardev=c", "-fw_cfg", f"name=opt/a,file={victim}", "-D", str(victim), "-bios", str(victim)),
        *("-object", f"memory-backend-file,id=m,size=1M,mem-path={victim}", "-device", "ivshmem-plain,memdev=m", "-pidfile", str(victim)),
    ]
    _, seen = shown(runner, argv)
    assert not victim.exists()
    assert sum(device.driver in ("usb-tablet", "usb-mouse", "e1000", "ivshmem-plain") for device in seen.devices.values()) == 4


DISK = ("-blockdev", "driver=null-co,node-name=n", "-device", "virtio-scsi-pci")
SLASHES = {
    # option -> the text that another machine has otherwise
    "serial": ("-device", "scsi-hd,drive=n,device_id=d,serial=AB/{}"),
    "product": ("-device", "scsi-hd,drive=n,product=/dev/{}"),
    "name": ("-device", "virtio-serial", "-device", "virtserialport,name=a/{}"),
    "x-notes": ("-device", "e1000,x-notes=a/{}"),
}


@pytest.mark.parametrize("what", SLASHES)
def test_a_text_with_a_slash_was_the_same_as_any_other(what: str, runner: Runner) -> None:
    """Text goes to QEMU as it is; what may name a file does not, and then the options alone tell."""
    lines = [["kvm", "-nodefaults", *DISK, *(word.format(text) for word in SLASHES[what])] for text in ("12", "99")]
    (said_a, seen_a), (said_b, seen_b) = [shown(runner, words) for words in lines]
    found = differences(compare(said_a, said_b), seen_a, seen_b)
    assert [difference.what.rpartition(": ")[2] for difference in found] == [what]
    assert differences(compare(said_a, said_a), seen_a, seen_a) == []


def test_the_boot_picture_is_a_file_that_the_guest_finds(runner: Runner) -> None:
    a, b = ["kvm", "-nodefaults", "-boot", "menu=on,splash=/a/x.jpg"], ["kvm", "-nodefaults", "-boot", "menu=on"]
    (said_a, seen_a), (said_b, seen_b), (said_c, seen_c) = [shown(runner, words) for words in (a, b, [*b, "-boot", "splash=/b/x.jpg"])]
    assert [line(found) for found in differences(compare(said_a, said_b), seen_a, seen_b)] == ["property | boot splash | x.jpg | -"]
    assert differences(compare(said_a, said_c), seen_a, seen_c) == []


def test_a_qemu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(BridgeError, match="--run needs a QEMU"):
        Runner("no-such-qemu")


def test_features_that_no_cpu_has_under_kvm_do_not_count(runner: Runner) -> None:
    """libvirt switches `monitor` off for some models (mapping-machine 6.3); without KVM the guest would see that."""
    for program, wanted in (("kvm", set()), ("qemu-system-x86_64", {"cpu monitor", "QEMU cpu monitor"})):
        a, b = [program, "-nodefaults", "-cpu", "EPYC"], [program, "-nodefaults", "-cpu", "EPYC,monitor=off"]
        (said_a, seen_a), (said_b, seen_b) = shown(runner, a), shown(runner, b)
        assert {difference.what for difference in differences(compare(said_a, said_b), seen_a, seen_b)} == wanted
