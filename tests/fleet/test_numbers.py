"""`--vmid-from`: a directory of XML becomes configs that are named by their ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import bridge
from bridge.cli import main

UUID = "5f0b4b3e-6a0d-4c39-8f6c-0000000000{:02x}"
XML = """<domain type='kvm'><name>{name}</name>{uuid}<memory unit='MiB'>512</memory>
<os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os></domain>
"""


def domain(name: str, number: int | None) -> str:
    return XML.format(name=name, uuid="" if number is None else f"<uuid>{UUID.format(number)}</uuid>")


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Five domains: two of libvirt's own, one that the bridge made of VM 201, one whose file names VM 150, one without a UUID."""
    directory = tmp_path / "domains"
    directory.mkdir()
    for name, text in {
        "a.xml": domain("a", 1),
        "b.xml": domain("b", 2),
        "c.xml": bridge.convert("name: c\nmemory: 512\n", "xml", vmid=201).text,
        "150.xml": domain("d", 4),
        "e.xml": domain("e", None),
    }.items():
        (directory / name).write_text(text)
    return directory


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["to-conf", "-q", *map(str, words)])


def names(directory: Path) -> dict[str, str]:
    """VMID.conf -> the VM's name."""
    texts = {file.name: file.read_text() for file in directory.glob("*.conf")}
    return {name: next(line[6:] for line in text.split("\n") if line.startswith("name: ")) for name, text in texts.items()}


FIRST = {"150.conf": "d", "200.conf": "a", "201.conf": "c", "202.conf": "b", "203.conf": "e"}


def test_ids_that_are_said_stay_and_the_others_are_given_in_order(fleet: Path, tmp_path: Path) -> None:
    assert run("--vmid-from", 200, fleet, "-o", tmp_path / "out").exit_code == 0
    assert names(tmp_path / "out") == FIRST


@pytest.mark.parametrize("way", ["--force", "--resume"])
def test_a_second_run_keeps_the_ids_that_the_first_gave(fleet: Path, tmp_path: Path, way: str) -> None:
    run("--vmid-from", 200, fleet, "-o", tmp_path / "out")
    (fleet / "0.xml").write_text(domain("first", 9))
    (fleet / "a.xml").rename(fleet / "z.xml")
    assert run("--vmid-from", 200, fleet, "-o", tmp_path / "out", way).exit_code == 0
    assert names(tmp_path / "out") == FIRST | {"204.conf": "first"}


def test_no_id_comes_twice(tmp_path: Path) -> None:
    made = bridge.convert("name: c\nmemory: 512\nsmbios1: uuid=5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10\n", "xml", vmid=300).text
    (tmp_path / "a.xml").write_text(made)
    (tmp_path / "b.xml").write_text(made.replace("5f0b4b3e", "6f0b4b3e").replace(">c<", ">other<"))
    assert run("--vmid-from", 300, tmp_path, "-o", tmp_path / "out").exit_code == 0
    assert sorted(names(tmp_path / "out")) == ["300.conf", "301.conf"]


def test_a_single_file_gets_an_id_too(fleet: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/200.conf").write_text("name: there\n")
    assert run("--vmid-from", 200, fleet / "a.xml", "-o", tmp_path / "out").exit_code == 0
    assert names(tmp_path / "out") == {"200.conf": "there", "201.conf": "a"}
    assert run("--vmid-from", 200, fleet / "a.xml", "-o", tmp_path / "out", "--force").exit_code == 0
    assert len(names(tmp_path / "out")) == 2
    assert "qm create 200 " in run("--vmid-from", 200, "--as", "qm-create", fleet / "a.xml").stdout


def test_by_the_api(fleet: Path, tmp_path: Path) -> None:
    outcomes = bridge.convert_fleet([fleet], "conf", tmp_path / "out", first_vmid=200)
    assert {Path(outcome.output or "").name for outcome in outcomes} == FIRST.keys()
    with pytest.raises(ValueError, match="only configs"):
        list(bridge.convert_fleet([fleet], "xml", tmp_path / "xml", first_vmid=200))


def test_what_cannot_be_read_does_not_keep_the_others(fleet: Path, tmp_path: Path) -> None:
    (fleet / "bad.xml").write_text("<domain>")
    assert run("--vmid-from", 200, fleet, "-o", tmp_path / "out").exit_code == 1
    assert set(names(tmp_path / "out").values()) == set(FIRST.values())


def told(directory: Path, *words: object) -> list[str]:
    outcomes = bridge.convert_fleet([*map(str, words)], "conf", directory, first_vmid=200, force=True)
    return [finding.message for outcome in outcomes for finding in outcome.findings if finding.kind == "lint"]


def test_two_of_one_uuid_do_not_become_more_with_each_run(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / f"in/{name}.xml").write_text(domain(name, 1))
    for _ in range(3):
        said = told(tmp_path / "out", tmp_path / "in")
        assert names(tmp_path / "out") == {"200.conf": "a", "201.conf": "b"}
    assert [message.partition("in/")[2] for message in said] == ["a.xml has the same UUID: VM 201 is a second VM of one identity"]


def test_an_id_that_two_say_is_not_changed_in_silence(tmp_path: Path) -> None:
    for number, name in enumerate("ce", 1):
        (tmp_path / name).mkdir()
        (tmp_path / name / "200.xml").write_text(domain(name, number))
    said = told(tmp_path / "out", tmp_path / "c", tmp_path / "e")
    assert said == ["another input is VM 200, too: this one becomes VM 201"]
    assert names(tmp_path / "out") == {"200.conf": "c", "201.conf": "e"}


def test_nothing_is_said_of_ids_that_are_as_they_should_be(fleet: Path, tmp_path: Path) -> None:
    assert told(tmp_path / "out", fleet) == []
