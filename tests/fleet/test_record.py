"""What an earlier fleet wrote is left alone, replaced, or refused: `resume`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import bridge
from bridge.core.report import BridgeError
from bridge.fleet.record import NAME
from tests.fleet import configs
from tests.fleet.test_fleet import files_in

VMIDS = range(101, 105)


class Fleet:
    def __init__(self, root: Path) -> None:
        self.source, self.out = configs.fill(root / "in", VMIDS), root / "out"

    def __call__(self, resume: bool = True, **given: Any) -> dict[int, str]:
        self.outcomes = list(bridge.convert_fleet([self.source], "xml", self.out, resume=resume, **given))
        return {int(Path(outcome.file).stem): outcome.status for outcome in self.outcomes}

    def is_right(self) -> bool:
        return files_in(self.out) == {f"{vmid}.xml": configs.converted(self.source / f"{vmid}.conf") for vmid in VMIDS}


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    found = Fleet(tmp_path)
    assert set(found(resume=False).values()) == {"converted"}
    return found


def all_but(status: str, vmid: int, other: str = "up-to-date") -> dict[int, str]:
    return {number: status if number == vmid else other for number in VMIDS}


def test_what_is_up_to_date_is_left_alone_and_keeps_its_findings(fleet: Fleet) -> None:
    before = [outcome.findings for outcome in fleet.outcomes]
    times = {path: path.stat().st_mtime_ns for path in fleet.out.glob("*.xml")}
    assert all(before)
    assert set(fleet().values()) == {"up-to-date"}
    assert [outcome.findings for outcome in fleet.outcomes] == before
    assert {path: path.stat().st_mtime_ns for path in fleet.out.glob("*.xml")} == times


def test_without_conversion(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.fleet.work.convert", lambda *_, **__: pytest.fail("converted again"))
    assert set(fleet().values()) == {"up-to-date"}


def test_a_changed_input_is_converted_again(fleet: Fleet) -> None:
    (fleet.source / "102.conf").write_text(configs.text(102, "changed"))
    assert fleet() == all_but("converted", 102)
    assert fleet.is_right()


def test_other_options_are_other_files(fleet: Fleet) -> None:
    assert set(fleet(metadata=False).values()) == {"converted"}
    assert set(fleet(metadata=False).values()) == {"up-to-date"}
    assert set(fleet().values()) == {"converted"}
    assert fleet.is_right()


def test_other_host_facts_are_other_files(fleet: Fleet) -> None:
    host = bridge.HostFacts.load(None, bridge_mtu={"vmbr0": 9000})
    assert set(fleet(host=host).values()) == {"converted"}


def test_a_name_that_clashes_now_is_another_file(fleet: Fleet) -> None:
    (fleet.source / "103.conf").write_text(configs.text(103, "vm-101-x"))
    assert fleet() == {101: "converted", 102: "up-to-date", 103: "converted", 104: "up-to-date"}


def test_a_file_that_is_gone_is_made_again(fleet: Fleet) -> None:
    (fleet.out / "103.xml").unlink()
    assert fleet() == all_but("converted", 103)
    assert fleet.is_right()


def test_a_file_that_somebody_changed_is_not_replaced(fleet: Fleet) -> None:
    (fleet.out / "103.xml").write_text("edited")
    assert fleet() == all_but("refused", 103)
    assert fleet.outcomes[2].error == "was changed since it was written: pass --force to replace it"
    assert (fleet.out / "103.xml").read_text() == "edited"
    assert fleet(force=True)[103] == "converted"
    assert fleet.is_right()


def test_a_file_that_the_power_cut_off_is_not_up_to_date(fleet: Fleet) -> None:
    whole = (fleet.out / "103.xml").read_bytes()
    (fleet.out / "103.xml").write_bytes(whole[:100])
    assert fleet()[103] == "refused"


@pytest.mark.parametrize("record", [None, b"", b"{\n\xff\xfe\nnull\n"])
def test_without_a_record_equal_files_are_up_to_date(fleet: Fleet, record: bytes | None) -> None:
    (fleet.out / NAME).unlink()
    if record is not None:
        (fleet.out / NAME).write_bytes(record)
    assert set(fleet().values()) == {"up-to-date"}
    assert fleet.is_right()


def test_a_line_that_was_cut_off_is_no_line(fleet: Fleet) -> None:
    lines = (fleet.out / NAME).read_bytes()
    (fleet.out / NAME).write_bytes(lines[:-20])
    assert set(fleet().values()) == {"up-to-date"}
    assert (fleet.out / NAME).read_bytes() == lines


def test_the_record_does_not_grow(fleet: Fleet) -> None:
    before = (fleet.out / NAME).read_bytes()
    for _ in range(3):
        fleet()
        fleet(resume=False, force=True)
    assert (fleet.out / NAME).read_bytes() == before


def test_one_fleet_at_a_time(fleet: Fleet) -> None:
    found = bridge.convert_fleet([fleet.source], "xml", fleet.out, resume=True)
    next(iter(found))
    with pytest.raises(BridgeError, match="another virt-qm is writing"):
        fleet()
    found.close()
    assert set(fleet().values()) == {"up-to-date"}


def test_a_directory_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    configs.fill(tmp_path / "in", VMIDS)
    with pytest.raises(BridgeError, match="File exists"):
        list(bridge.convert_fleet([tmp_path / "in"], "xml", tmp_path / "file"))
