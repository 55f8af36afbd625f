"""What qemu-server lets pass when it loads a file and the bridge does not."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from bridge.qemuserver import limits, text

CASES = [
    # text, kinds of doubts, refused
    ("cores: 2\nnet0: virtio\nboot: order=net0", [], False),
    ("serial0: /dev/ttyS0,logfile=/x", ["limit"], True),
    ("serial0: socket\nserial1: /dev/ttyS0", [], False),
    ("parallel0: /dev/parport0,logfile=/x", ["limit"], True),
    ("parallel0: /dev/usb/lp1", [], False),
    ("vmgenid: 1,multifunction=on", ["limit"], True),
    ("vmgenid: 1", [], False),
    ("ostype: win99", ["limit"], True),
    ("cores: 0", ["limit"], True),
    ("cores: 99999999999999999999", ["limit"], True),
    ("cpulimit: 129.5", ["limit"], True),
    ("shares: 50001", ["limit"], True),
    ("startdate: 2006-6-17T1:2:3", [], False),
    ("startdate: tomorrow", ["limit"], True),
    ("smbios1: serial=" + "A" * 510, ["limit"], True),
    ("ostype: ", ["blank"], True),
    ("args: ", ["blank"], True),
    ("boot: ", ["blank"], False),
    ("tags: ", ["blank"], False),
    ("ciuser: a\x00b", ["control"], True),
    ("ciuser: a\tb", ["control"], True),
    (b"ciuser: \xff", ["control"], True),
    ("ciuser: \N{LATIN SMALL LETTER U WITH DIAERESIS}", [], False),
    ("scsi0: /a,b", ["value"], True),
    ("scsi0: /a,b\nscsi0: /b", ["value"], False),
    ("cdrom: x", ["value"], True),
    ("bootdisk: net0", ["value"], False),
    ("cores: \uff12", ["value"], True),
    ("[foo] x\ncores: 1", ["line"], True),
    ("[x y]\ncores: 1", ["section"], False),
    ("Cores: 1", ["line"], False),
    ("\ufeffcores: 1", ["line"], False),
    ("frob: 1", ["unknown"], False),
    ("delete: net0", ["place"], False),
    ("cores: 1\ncores: 2", ["duplicate"], False),
    ("args: -S snapstate: delete", ["swallowed"], False),
    ('args: "-name a" -S "b"', ["quotes"], False),
    ("#qmdump#map:scsi0:drive-scsi0:other:raw:", ["restore"], False),
    ("##vzdump#x", ["restore"], False),
    ("[PENDING]\ncores: 0", ["aside"], False),
    ("[foo]\nostype: bogus\n[bar]\nscsi0: x", ["aside"], False),
]


@pytest.mark.parametrize(("given", "kinds", "refused"), CASES, ids=[repr(given[:40]) for given, _, _ in CASES])
def test_doubts(given: str | bytes, kinds: list[str], refused: bool) -> None:
    found = limits.doubts(text.parse(given))
    assert [doubt.problem.kind for doubt in found] == kinds
    assert any(doubt.refuse for doubt in found) == refused


@pytest.mark.parametrize("line", ["tags: ", "tags:  ", "tags:   "])
def test_a_vm_whose_last_tag_was_taken_away_was_refused(line: str) -> None:
    """Proxmox VE leaves the key with a blank, and one blank more at each write."""
    config = f"memory: 512\nname: a\n{line}\n"
    there = bridge.convert(config, "xml", vmid=100)
    assert ("100.conf:3", "tags: the value is blank") in [(finding.where, finding.message) for finding in there.findings]
    assert bridge.convert(there.text, "conf", "xml", vmid=100).text == bridge.rewrite_config(config, vmid=100)


def test_doubts_about_a_snapshot() -> None:
    config = text.parse("ostype: bogus\n[foo]\ncores: 0\nnet0: x\n[bar]\ncores: 1")
    assert [(doubt.problem.line, doubt.refuse) for doubt in limits.doubts(config, "foo")] == [(3, True), (4, True)]
    assert limits.doubts(config, "bar") == []


@pytest.mark.corpus("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl")
def test_nothing_is_refused_that_the_reference_runs(row: dict[str, str]) -> None:
    if "argv" in row:
        assert [doubt for doubt in limits.doubts(text.parse(row["conf"])) if doubt.refuse] == []


def test_hostile_configs(shared: Path) -> None:
    """Those whose refusal is the grammar's matter."""
    seen = 0
    for line in (shared / "corpus/hostile/MANIFEST.tsv").read_text().splitlines()[1:]:
        name, action, *_ = line.split("\t")
        if name.endswith(".conf"):
            found = limits.doubts(text.parse((shared / "corpus/hostile" / name).read_bytes()))
            assert any(doubt.refuse for doubt in found) == (action == "reject"), name
            seen += 1
    assert seen
