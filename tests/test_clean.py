"""`--clean`: a domain of libvirt's own elements, and each thing that it cannot say told, by who loses it."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from lxml import etree

import bridge
from bridge.cli import main
from bridge.guest.native import Embedded
from bridge.host.mapping import read_usb_mappings
from bridge.libvirt.tree.node import QEMU_NS
from bridge.testing import configs
from tests.corpus import Row

Q35 = "machine: q35\nmemory: 512\n"
PC = "machine: pc\nmemory: 512\n"


def parsed(xml: str) -> Any:
    return etree.fromstring(xml.encode())


def clean(text: str, **keywords: Any) -> bridge.Result:
    made = bridge.convert(text, "xml", vmid=100, clean=True, **keywords)
    assert escapes(made.text) == []
    return made


def escapes(xml: str) -> list[str]:
    """What of a document is in the namespace of libvirt's escapes; declaring it counts."""
    root = parsed(xml)
    inside = [str(each.tag) for each in root.iter(etree.Element) if f"{{{QEMU_NS}}}" in f"{each.tag}{list(each.attrib)}"]
    return inside + [uri for uri in root.nsmap.values() if uri == QEMU_NS]


def losses(text: str, **keywords: Any) -> list[tuple[str, str]]:
    """(severity, message) of what is told of the clean document and not of the other."""
    full = bridge.convert(text, "xml", vmid=100, **keywords)
    return [(each.severity, each.message) for each in clean(text, **keywords).findings if each not in full.findings]


@given(configs())
@settings(max_examples=30)
def test_a_clean_domain_is_one_and_its_config_comes_back(text: str) -> None:
    made = clean(text)
    assert [each.message for each in bridge.check(made.text) if each.kind == "invalid"] == []
    assert bridge.convert(made.text, "conf", trust_metadata=True).text == text


@given(configs())
@settings(max_examples=30)
def test_what_only_the_escapes_said_is_told(text: str) -> None:
    """A document without escapes is as clean as it was, and one with some has a finding for each device or option in them."""
    full = parsed(bridge.convert(text, "xml", vmid=100).text)
    said = full.findall(f"{{{QEMU_NS}}}commandline/{{{QEMU_NS}}}arg") + full.findall(f"{{{QEMU_NS}}}override/{{{QEMU_NS}}}device")
    assert bool(said) == bool(losses(text))


@pytest.mark.parametrize(
    ("config", "severity", "message"),
    [
        (PC, "guest", "the boot picture is left out"),
        (PC, "host", "QEMU no longer refuses to start"),
        (
            PC + "scsihw: virtio-scsi-single\nscsi1: local:100/vm-100-disk-0.raw\n",
            "guest",
            "scsi1: XML without qemu:override cannot set device_id=drive-scsi1",
        ),
        (PC + "scsihw: lsi53c810\nscsi1: local:100/vm-100-disk-0.raw\n", "guest", "the device is a lsi53c810"),
        (Q35, "guest", "ehci-2: the device is a ich9-usb-ehci2"),
        (Q35, "guest", "uhci-4: libvirt has no element for the device ich9-usb-uhci4"),
        (Q35 + "vga: qxl\n", "guest", "the board's own sound: libvirt has no element for the device ich9-intel-hda"),
        (PC + "args: -device pvpanic\n", "guest", "args are left out: XML says them by qemu:commandline alone: -device pvpanic"),
        (PC + "reboot: 0\n", "host", "a restart of the guest ends it by libvirt alone"),
        (PC + "usb0: host=1234:5678\n", "host", "usb0: libvirt looks for the device once"),
        (PC + "usb0: host=1-2\n", "guest", "usb0: libvirt has no element for the device usb-host"),
        (PC + "bios: ovmf\nacpi: 0\n", "guest", "the guest has ACPI"),
        (Q35 + "ostype: win10\nvga: qxl\n", "guest", "vga: no max_outputs"),
        (Q35 + "hostpci0: 0000:01:00.0,x-vga=1\n", "guest", "hostpci0: x-vga=true"),
        (PC + "cpu: Haswell,phys-bits=40\n", "guest", "cpu: phys-bits=40"),
    ],
)
def test_each_loss_says_who_loses(config: str, severity: str, message: str) -> None:
    target = {"libvirt": "8.0"} if "phys-bits" in config else {}
    found = losses(config, **target)
    assert [each for each in found if each[0] == severity and message in each[1]], found


def test_what_libvirt_has_words_for_is_no_loss() -> None:
    """Fields of SMBIOS, messages on the serial port and the ROM of a card have elements, which come back."""
    text = PC + "serial0: socket\nsmbios1: uuid=5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10,manufacturer=QWNtZSwgSW5j,base64=1\nvga: serial0\n"
    made = clean(text)
    root = parsed(made.text)
    assert root.findtext("sysinfo/system/entry[@name='manufacturer']") == "Acme, Inc"
    assert [each.attrib for each in (root.find("os/smbios"), root.find("os/bios"))] == [
        {"mode": "sysinfo"},
        {"useserial": "yes", "rebootTimeout": "1000"},
    ]
    assert not [each for each in losses(text) if "smbios" in each[1] or "graphics" in each[1]]
    back = bridge.convert(bridge.convert(text, "xml", vmid=100, clean=True, metadata=False).text, "conf", vmid=100).text
    assert "manufacturer=QWNtZSwgSW5j" in back
    assert "vga: serial0" in back


def test_a_device_of_the_host_is_one_for_libvirt() -> None:
    node = parsed(clean(PC + "usb0: host=1234:5678\n").text).find("devices/hostdev[@type='usb']")
    assert [child.attrib for child in node.find("source")] == [{"id": "0x1234"}, {"id": "0x5678"}]
    assert node.find("source").get("startupPolicy") == "optional"


def test_protection_is_never_left_out() -> None:
    with pytest.raises(bridge.BridgeError, match="protected by QEMU's command line alone with this libvirt"):
        clean("machine: q35\nmemory: 512\nbios: ovmf\nintel-tdx: type=tdx,attestation=0\n", libvirt="11.0")


def test_a_command_line_becomes_a_clean_domain() -> None:
    line = "qemu-system-x86_64 -M q35 -m 512 -nodefaults -device virtio-net-pci,romfile=,vectors=7 -set device.x.y=1 -device pvpanic"
    made = bridge.convert(line, "xml", "argv", clean=True)
    assert escapes(made.text) == []
    assert any(each.severity == "guest" and "vectors=7" in each.message for each in made.findings)


def test_a_domain_of_others_is_cleaned() -> None:
    text = bridge.convert(PC, "xml", vmid=100).text
    assert escapes(text) != []
    assert escapes(bridge.convert(text, "xml", "xml", clean=True).text) == []


def test_the_option_is_there(tmp_path: Any) -> None:
    (tmp_path / "100.conf").write_text(PC)
    (tmp_path / "101.conf").write_text(Q35)
    done = CliRunner().invoke(main, ["to-xml", "--clean", str(tmp_path / "100.conf")])
    assert done.exit_code == 0
    assert escapes(done.stdout) == []
    assert "boot picture is left out" in done.stderr
    fleet = CliRunner().invoke(main, ["to-xml", "--clean", str(tmp_path), "-o", str(tmp_path / "out")])
    assert fleet.exit_code == 0
    assert [escapes(file.read_text()) for file in sorted((tmp_path / "out").glob("*.xml"))] == [[], []]


@pytest.mark.parametrize("device", ["usb0: host=1-2", "usb1: host=1-2", "usb0: mapping=stick", "usb0: spice"])
def test_a_usb_device_was_left_out_and_on_the_command_line_at_once(device: str) -> None:
    """What is told of a clean domain is true of it: a device that is left out needs no access, and no vga."""
    stick = read_usb_mappings("stick\n\tmap node=node,id=1234:5678,path=1-2\n", "usb.cfg", [])
    host = bridge.HostFacts(nodename="node", usb_mappings=stick)
    key = device.split(":")[0]
    found = [f for f in clean(f"{PC}{device}\n", host=host).findings if f.message.startswith(f"{key}: ")]
    assert [f.kind for f in found] == ["guest-lost"]
    assert found[0].message.endswith("left out")


def test_a_cpu_in_args_that_are_left_out_takes_no_place() -> None:
    told = [f for f in clean(PC + "cpu: host\nargs: -cpu max\n").findings if "-cpu max" in f.message]
    assert [(f.kind, f.hint) for f in told] == [("guest-lost", "")]


OFFERED = ("--args", "args=", "args say", "pass args")
LINE = "qemu-system-x86_64 -M q35 -m 512 -nodefaults -usb -set device.x.y=1 -device edu -global x.y=1 -device usb-host,hostbus=1,hostport=2"


@pytest.mark.parametrize("args", [None, False, True])
@pytest.mark.parametrize("form", ["line", "config", "domain"])
def test_raw_arguments_were_offered_where_none_can_stand(form: str, args: bool | None) -> None:
    text = {"line": LINE, "config": PC + "args: -device edu\n", "domain": bridge.convert(LINE, "xml", args=True).text}[form]
    if form == "domain" and args is None:
        with pytest.raises(bridge.BridgeError, match=r"on request only: --no-args leaves them out \(args=False from Python\)$"):
            bridge.convert(text, "xml", "xml", clean=True)
        return
    found = bridge.convert(text, "xml", clean=True, args=args).findings
    assert [f for f in found if any(word in f"{f.message} {f.hint}" for word in OFFERED)] == []
    assert [f for f in found if "edu" in f.message] != []


def test_what_raw_arguments_would_do_is_said_in_words_for_both_doors() -> None:
    """The command line says --args, Python args=True."""
    config = bridge.convert(PC + "args: -device edu\n", "xml", args=False)
    domain = bridge.convert(PC + "args: -device edu\n", "xml", metadata=False).text
    with pytest.raises(bridge.BridgeError, match=r"--args carries them over, --no-args leaves them out \(args=True, args=False from"):
        bridge.convert(domain, "conf")
    [told] = [f for f in config.findings if f.kind == "args-off"]
    assert told.hint == "leave out --no-args, and they are carried over (args=None from Python)"
    of_data = domain.replace("-device", "-name").replace('"edu"', '"other"')
    [told] = [f for f in bridge.convert(of_data, "conf").findings if f.kind == "args-off"]
    assert told.hint == "--args carries them over (args=True from Python)"


@pytest.mark.slow
def test_libvirts_own_command_lines_differ_by_what_is_told() -> None:
    """As many differences for the guest as findings of that severity: of both documents libvirt says what it would run."""
    from bridge.api import _words
    from bridge.guest.diff import diff
    from bridge.guest.side import side

    with Embedded() as libvirt:

        @given(configs())
        @settings(max_examples=12)
        def law(text: str) -> None:
            pair = [bridge.convert(text, "xml", vmid=100, metadata=False, clean=clean).text for clean in (False, True)]
            a, b = (side(each.encode(), _words("x", None, "xml", {}), "libvirt", libvirt) for each in pair)
            found = diff(a, b, newest=(10, 0)).differences
            told = [message for severity, message in losses(text, metadata=False) if severity == "guest"]
            assert len(found) == len(told), f"{found}\n{told}"

        law()


@pytest.mark.corpus("random.jsonl", "random-extra.jsonl", "cfg2cmd.jsonl", sample=30)
def test_rows_become_clean_domains(row: Row) -> None:
    try:
        full = bridge.convert(row["conf"], "xml", "conf", vmid=100)
    except bridge.BridgeError:
        return
    try:
        made = clean(row["conf"])
    except bridge.BridgeError as error:
        assert "--clean" in error.message  # noqa: PT017
        return
    assert [each.message for each in bridge.check(made.text) if each.kind == "invalid"] == []
    assert escapes(full.text) == [] or len(made.findings) > 0
