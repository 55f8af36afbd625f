"""The config file's grammar, example by example: input beside what qemu-server 9.2.6 stores and writes back (config-grammar 9)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from bridge.core.report import BridgeError, shown
from bridge.qemuserver import text

MAC1, MAC2 = "BC:24:11:00:00:01", "BC:24:11:00:00:02"


class Example(NamedTuple):
    number: int
    given: str
    written: str | None
    """None: the write is refused."""
    stored: Mapping[str, str] = MappingProxyType({})
    """Main section."""
    warns: bool = False


def same(number: int, *lines: str) -> list[Example]:
    """Lines, each a file, that are kept as they are."""
    return [Example(number, line + "\n", line + "\n", dict([line.split(": ", 1)])) for line in lines]


def dropped(number: int, *lines: str) -> list[Example]:
    """Lines, each a file, of which nothing is left but a warning."""
    return [Example(number, line, "", warns=True) for line in lines]


EXAMPLES = [
    Example(1, "cores:2", "cores: 2\n", {"cores": "2"}),
    *dropped(2, "cores : 2", " cores: 2", "Cores: 2"),
    Example(3, "cores: 007", "cores: 7\n", {"cores": "7"}),
    *dropped(4, "cores: -1", "cores: 2.0"),
    *same(5, "cores: 0"),
    Example(6, "cores: 99999999999999999999", None, {"cores": "1e+20"}),
    Example(7, "cores: 1\ncores: 2", "cores: 2\n", {"cores": "2"}),
    Example(8, "onboot: YES\nkvm: Off", "kvm: 0\nonboot: 1\n", {"onboot": "1", "kvm": "0"}),
    *dropped(9, "numa: 2"),
    *same(10, "cpulimit: 1.50"),
    *dropped(10, "cpulimit: .5"),
    Example(11, 'ostype: "l26"', "ostype: l26\n", {"ostype": "l26"}),
    *dropped(12, 'name: "foo"', "name: a_b"),
    Example(13, "ostype: ", "ostype:  \n", {"ostype": " "}),
    *dropped(14, "cores:"),
    *same(15, "memory: +512", "memory: ,512,,", "memory: current=512"),
    *dropped(16, "memory: 8", "memory: 512,current=1"),
    Example(17, "# a%20b:c\nname: x\n#d", "# a b%3Ac\n#d\nname: x\n", {"name": "x"}),
    Example(18, "#\n#a\n#\n#", "#\n#a\n"),
    Example(19, "description: a\n#b", "#ab\n"),
    Example(20, "#%zz é", "#%25zz %C3%A9\n"),
    Example(21, "[PENDING]\n#", "\n[PENDING]\n#\n"),
    Example(22, "[pending]\ncores: 3", "\n[PENDING]\ncores: 3\n"),
    Example(23, "[PENDING]", ""),
    Example(24, "[PENDING]\ncores: 1\n[PENDING]\nmemory: 512", "\n[PENDING]\nmemory: 512\n", warns=True),
    Example(25, "[PENDING]\ndelete: !net0 scsi1", "\n[PENDING]\ndelete: !net0 scsi1\n"),
    *dropped(26, "[a]\ncores: 1"),
    Example(27, "[foo] x\ncores: 2", "cores: 2\n", {"cores": "2"}, warns=True),
    Example(28, "[Zz]\ncores: 1\n[aa]", "\n[Zz]\ncores: 1\n\n[aa]\n"),
    *dropped(29, "[special:CloudInit]\na: b"),
    Example(30, "[special:cloudinit]\nbogus: x y", ""),
    Example(
        30,
        "ide2: s1:vm-9-cloudinit,media=cdrom\n[special:cloudinit]\nbogus: x y",
        "ide2: s1:vm-9-cloudinit,media=cdrom\n\n[special:cloudinit]\nbogus: x y\n",
        {"ide2": "s1:vm-9-cloudinit,media=cdrom"},
    ),
    Example(31, 'args: "-a b"', "args: -a b\n", {"args": '"-a b"'}),
    Example(32, "args: -S snapstate: delete", ""),
    Example(33, "cdrom: none", "ide2: none\n", {"ide2": "none"}),
    Example(34, "smp: 4\ncores: 2", "sockets: 4\n", {"smp": "4", "cores": "2"}),
    Example(35, "unused0: s1:v\nscsi0: s1:v,size=1G", "scsi0: s1:v,size=1G\n", {"unused0": "s1:v", "scsi0": "s1:v,size=1G"}),
    *same(36, f"net0: virtio={MAC1},firewall=yes"),
    *same(37, f"net0: model=virtio,macaddr={MAC1}"),
    *dropped(38, f"net0: virtio={MAC1},e1000={MAC2}"),
    *dropped(39, "scsi0: /a,b.raw", "scsi0: /a=b.raw"),
    *same(40, "scsi0: file=/a=b.raw"),
    *dropped(41, "scsi0: s1:v,ssd=1,ssd=0", "scsi0: s1:v,serial=", "scsi0: s1:v, ssd=1"),
    *same(42, "scsi0: s1:v,size=4194304K"),
    *same(43, "agent: enabled=0,1"),
    *dropped(43, "agent: 0,enabled=1"),
    *dropped(44, "boot: order=scsi0,net0"),
    *same(45, "boot: order=scsi0;net0"),
    *same(46, "affinity: 1,2-4"),
    *dropped(46, "affinity: 1;2"),
    *dropped(47, "smbios1: serial=foo bar"),
    *same(47, "smbios1: serial=Zm9v,base64=1"),
    Example(48, "scsi2: s1:b\nscsi10: s1:a", "scsi10: s1:a\nscsi2: s1:b\n", {"scsi2": "s1:b", "scsi10": "s1:a"}),
    Example(49, "cores: 2\r\n\r\nmemory: 512\r\n", "cores: 2\nmemory: 512\n", {"cores": "2", "memory": "512"}),
]


def test_every_example_is_there() -> None:
    assert {example.number for example in EXAMPLES} == set(range(1, 50))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.number}-{example.given[:30]!r}")
def test_example(example: Example) -> None:
    found = text.parse(example.given)
    assert {key: entry.value for key, entry in found.main.entries.items()} == example.stored
    assert bool(found.problems) == example.warns
    if example.written is None:
        with pytest.raises(BridgeError):
            text.write(found)
    else:
        assert text.write(found) == example.written
        assert text.rewrite(example.written) == example.written


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.warns], ids=lambda example: repr(example.given[:30]))
def test_a_warning_is_fatal_in_strict_mode(example: Example) -> None:
    warning = text.parse(example.given, name="100.conf").problems[0]
    with pytest.raises(BridgeError) as caught:
        text.parse(example.given, name="100.conf", strict=True)
    assert caught.value.message == shown(warning.message)
    assert caught.value.where == f"100.conf:{warning.line}"


# More that the reference does; each seen from its own parser and writer.

REWRITTEN: list[tuple[str | bytes, str]] = [
    ("#0", ""),  # a lone 0 is false in Perl
    ("[PENDING]\n#0", "\n[PENDING]\n#\n"),
    ("description: \ncores: 1", "# \ncores: 1\n"),
    ("#a \N{NO-BREAK SPACE}", "#a\n"),
    ("#a%0Ab", "#a\n#b\n"),
    ("#\x7f\t%", "#%7F%09%25\n"),
    ('ostype: ""a""', "ostype: a\n"),  # a pair on load, a pair on write
    ('ostype: "l26', 'ostype: "l26\n'),
    ("args: ", "args:  \n"),
    ("args: \t", "args: \t\n"),
    ("smp: 0", "smp: 0\n"),
    ("smp: 4\nsockets: 0", "sockets: 4\n"),
    ("smp: 4\nsockets: 2\ncores: 3", "cores: 3\nsockets: 2\n"),
    ("cores: 18446744073709551615", "cores: 18446744073709551615\n"),
    ("cores: 00000000000000000000000001", "cores: 1\n"),
    ("startup: ,", "startup: ,\n"),
    ("startup: 0", ""),
    ("tags: ;", "tags: ;\n"),
    ("tags: a;b,c d", "tags: a;b,c d\n"),
    ("unused0: volume=s1:v\nscsi0: s1:v", "scsi0: s1:v\nunused0: volume=s1:v\n"),
    ("unused0: s1:v\n[PENDING]\nscsi0: s1:v", "\n[PENDING]\nscsi0: s1:v\n"),
    ("unused0: s1:v\n[snap]\nscsi0: s1:v", "unused0: s1:v\n\n[snap]\nscsi0: s1:v\n"),
    ("unused0: s1:v\nvirtio0: s1:v,media=cdrom", "unused0: s1:v\nvirtio0: s1:v,media=cdrom\n"),  # a drive that is ignored
    ("unused0: s1:ü\nscsi0: s1:ü", "scsi0: s1:ü\n"),
    ("ide2: s1:cloudinit,bps=1,mbps=1\n[special:cloudinit]\na: b", "ide2: s1:cloudinit,bps=1,mbps=1\n"),
    ("[SPECIAL:fleecing]\nfleecing-images: s1:a s1:b", "\n[special:fleecing]\nfleecing-images: s1:a s1:b\n"),
    ("[special:fleecing]\ncores: 1", "\n[special:fleecing]\n"),
    ("[special]\ncores: 1", "\n[special]\ncores: 1\n"),
    ("[x y]\n#a\ncores: 1\n[foo]\ncores: 2", "\n[foo]\ncores: 2\n"),
    ("[snap]\nsnapstate: prepare", "\n[snap]\nsnapstate: prepare\n"),
    ("[snap]\nsnapstate: other", "\n[snap]\n"),
    ("[snap]\ndelete: net0", "\n[snap]\n"),
    ("[foo]\ncores: 1\n[foo]\nmemory: 16", "\n[foo]\nmemory: 16\n"),
    ("net01: virtio\nnet32: virtio\nnet31: virtio", "net31: virtio\n"),
    ("cores: 2\x0b", "cores: 2\n"),
    ("ostype: a\rb", ""),
    ("ciuser: ü", "ciuser: ü\n"),
    (b"ciuser: \xff", "ciuser: \udcff\n"),
    ("cores:\r\ncores: 1", "cores: 1\n"),
]


@pytest.mark.parametrize(("given", "written"), REWRITTEN, ids=repr)
def test_rewritten(given: str | bytes, written: str) -> None:
    assert text.rewrite(given) == written


MESSAGES = [
    ("bootdisk: net0", "unable to parse value of 'bootdisk' - invalid boot disk 'net0'"),
    ("frob: 1", "unable to parse value of 'frob' - unknown setting 'frob'"),
    ("delete: net0", "property 'delete' is only allowed in [PENDING]"),
    ("onboot: perhaps", "unable to parse value of 'onboot' - type check ('boolean') failed - got 'perhaps'"),
    ("cores: \uff12", "unable to parse value of 'cores' - type check ('integer') failed - got '\uff12'"),
    ("ostype: a\rb", "unable to parse value of 'ostype' - property contains a line feed"),
    ("garbage", "unable to parse config: garbage"),
    ("[:3]", "skipping unknown section: ':3'"),
    ("[foo]\n[foo]", "duplicate snapshot section: foo"),
    ("[special:cloudinit]\n[special:cloudinit]", "duplicate special section: cloudinit"),
    ("memory: 8", "unable to parse value of 'memory' - format error\ncurrent: value must have a minimum value of 16"),
    ("hotplug: disk,foo", "unable to parse value of 'hotplug' - invalid hotplug feature 'foo'"),
    ("vmstatestorage: a", "unable to parse value of 'vmstatestorage' - storage ID 'a' cannot be shorter than 2 characters"),
]


@pytest.mark.parametrize(("given", "message"), MESSAGES, ids=[given for given, _ in MESSAGES])
def test_message(given: str, message: str) -> None:
    assert [problem.message for problem in text.parse(given, vmid=8006).problems] == [f"vm 8006 - {message}"]


def test_what_the_reference_does_in_silence_is_noted() -> None:
    found = text.parse("ide2: none\ncdrom: s1:a\nargs: -S snapstate: delete\n[foo]\ncores: 1\ncores: 2")
    assert [(note.line, note.kind, note.key, note.section) for note in found.notes] == [
        (2, "duplicate", "ide2", ""),
        (3, "swallowed", "args", ""),
        (6, "duplicate", "cores", "foo"),
    ]


def test_problems_name_their_section() -> None:
    found = text.parse("a: b\n[pending]\na: b\n[foo]\na: b\n[special:fleecing]\na: b")
    assert [(problem.section, problem.line, problem.kind, problem.key) for problem in found.problems] == [
        ("", 1, "unknown", "a"),
        ("PENDING", 3, "unknown", "a"),
        ("foo", 5, "unknown", "a"),
        ("special:fleecing", 7, "unknown", "a"),
    ]


def test_parts_of_a_property_string_come_with_the_setting() -> None:
    entry = text.parse(f"net0: virtio={MAC1},firewall=yes,queues=007\ncores: 1").main.entries
    assert entry["net0"].props() == {"model": "virtio", "macaddr": MAC1, "firewall": True, "queues": "007"}
    assert entry["cores"].props() is None
    assert entry["net0"].line == 1


def test_values_made_for_writing_are_checked() -> None:
    assert text.write(text.config(text.section({"net0": "virtio", "cores": "2"}, "a:b\n\nc"))) == "#a%3Ab\n#\n#c\ncores: 2\nnet0: virtio\n"
    for values in ({"net0": "nothing"}, {"frob": "1"}, {"delete": "x"}, {"ostype": "a\nargs: -S"}, {"ciuser": "\ud800"}):
        with pytest.raises(BridgeError):
            text.write(text.config(text.section(values)))


@pytest.mark.parametrize("name", ["pending", "a", "x]y", "x\ny"])
def test_a_snapshot_name_that_would_not_read_back_is_refused(name: str) -> None:
    with pytest.raises(BridgeError):
        text.write(text.config(text.section({}), {name: text.section({})}))


@pytest.mark.parametrize("data", [b"#" * ((1 << 20) + 1), b"#" + b"a" * (1 << 16), "\ud800"])
def test_too_large_or_no_text(data: str | bytes) -> None:
    with pytest.raises(BridgeError):
        text.parse(data)


# Oracle


@pytest.mark.corpus("config-files.jsonl")
@pytest.mark.parametrize("mode", ["lenient", "strict"])
def test_reference_files(row: dict[str, Any], mode: str) -> None:
    want = row[mode]
    if "error" in want:
        with pytest.raises(BridgeError) as caught:
            text.rewrite(row["input"], 8006, strict=True)
        assert caught.value.message == want["error"]
    else:
        found = text.parse(row["input"], vmid=8006, strict=mode == "strict")
        assert text.write(found) == want["output"]
        assert [problem.message for problem in found.problems] == want.get("warnings", [])


@pytest.mark.corpus("random.jsonl", "random-extra.jsonl", "cfg2cmd.jsonl")
def test_reference_warnings_of_the_file(row: dict[str, Any]) -> None:
    """Every warning about a line of the file, and no other."""
    found = [problem.message for problem in text.parse(row["conf"], vmid=8006).problems]
    assert found == [warning for warning in row.get("warnings") or [] if warning.startswith("vm 8006 - ")]
