"""The check of lost fields over rows of its own: what has no row, is not filled in and says something, is told once a part and kind."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.core.coverage import FieldCoverage, Rows, parts
from bridge.core.report import NullReport, Report
from bridge.core.rows import HEX, INT, ON_OFF, YES_NO, Row, choice, compiled, values_of
from bridge.model.disk import Disk, Source, Throttle
from bridge.model.memory import Memory
from bridge.model.meta import Meta
from bridge.model.net import Net
from bridge.model.vm import VM

CARRIED = tuple(Row(name, name) for name in ("bus", "cache", "slot", "boot_index"))


def coverage(**more: Any) -> FieldCoverage:
    table = (
        Rows(Disk, "disk", CARRIED, implied=("aio",)),
        Rows(Source, "disk/source", (Row("path", "file"),)),
        Rows(Net, "interface", ()),
        Rows(Throttle, "iotune", ()),
    )
    return FieldCoverage(table, "host-lost", "no place", **more)


def told(vm: VM, **more: Any) -> list[tuple[str, str, str]]:
    report = Report()
    of = coverage(**more)
    of.check(vm, report)
    again = Report()
    of.check(vm, again)  # now it knows the classes
    assert list(again) == list(report)
    return [(each.kind, each.where, each.message) for each in report]


def test_what_has_no_row_is_lost_and_what_is_implied_is_not() -> None:
    lost = coverage().uncarried(Disk)
    assert not {"bus", "cache", "aio", "source", "throttle", "filled", "where", "key", "index"} & set(lost)
    assert {"serial", "ro"} <= set(lost)
    assert "link_down" in coverage().uncarried(Net)
    assert "link_down" not in coverage(of_devices=frozenset(("link_down",))).uncarried(Net)
    assert "name" in coverage(of_devices=frozenset(("name",))).uncarried(Source)  # no device


def test_one_finding_for_each_part_and_kind() -> None:
    disk = Disk(key="scsi0", where="a.conf:3", bus="scsi", serial="S" * 70, ro=True, ssd=False)
    found = told(VM(disks=[disk]), kinds={Disk: {"ssd": "guest-lost"}})
    assert [each[:2] for each in sorted(found)] == [("guest-lost", "a.conf:3"), ("host-lost", "a.conf:3")]
    words = {message for _, _, message in found}
    assert "scsi0: ssd=0: no place" in words
    assert {part for message in words for part in message.split(": ")[1].split(", ")} == {"ssd=0", "ro=1", f"serial={'S' * 57}..."}


@pytest.mark.parametrize(("length", "shown"), [(60, "S" * 60), (61, "S" * 57 + "...")])
def test_a_long_value_is_cut(length: int, shown: str) -> None:
    assert told(VM(disks=[Disk(key="scsi0", serial="S" * length)])) == [("host-lost", "", f"scsi0: serial={shown}: no place")]


def test_parts_within_parts_are_told_with_their_owner() -> None:
    disk = Disk(key="scsi0", where="x:1", source=Source(path="/a", user="u"), throttle=Throttle(iops="1"))
    assert ("host-lost", "x:1", "scsi0: user=u: no place") in told(VM(disks=[disk]))
    assert [each for each in told(VM(disks=[disk])) if "iops=1" in each[2]] == [("host-lost", "x:1", "scsi0: iops=1: no place")]


def test_what_was_filled_in_by_itself_is_not_lost() -> None:
    disk = Disk(key="scsi0", serial="S", filled=frozenset(("serial",)))
    assert told(VM(disks=[disk])) == []


def test_a_part_without_a_key_is_named_after_its_class() -> None:
    assert any(message.startswith("meta: ") and "name=a" in message for _, _, message in told(VM(meta=Meta(name="a"))))


def test_nothing_is_looked_at_where_nobody_reads() -> None:
    report = NullReport()
    coverage().check(VM(disks=[Disk(key="scsi0", serial="S")]), report)
    assert list(report) == []


def test_the_parts_of_a_vm() -> None:
    disk, memory = Disk(key="scsi0"), Memory()
    found = list(parts(VM(disks=[disk], memory=memory)))
    assert any(each is disk for each in found)
    assert any(each is memory for each in found)
    assert not any(isinstance(each, list | str) or each is None for each in found)


def test_rows_are_brought_into_form_once() -> None:
    made: list[tuple[Row, ...]] = []

    def form(rows: tuple[Row, ...]) -> int:
        made.append(rows)
        return len(rows)

    of = compiled(form)
    assert [of(CARRIED), of(CARRIED), of(CARRIED[:1])] == [4, 4, 1]
    assert made == [CARRIED, CARRIED[:1]]
    disk = Disk(bus="scsi", cache="none")
    assert [values_of(names)(disk) for names in (["bus", "cache"], ["bus"], [])] == [("scsi", "none"), ("scsi",), ()]


def test_codecs_read_what_they_write() -> None:
    assert [(ON_OFF.write(value), YES_NO.write(value)) for value in (True, False)] == [("on", "yes"), ("off", "no")]
    assert [ON_OFF.read("on"), YES_NO.read("no"), INT.read("007"), HEX.read("0x1F"), HEX.read("1f"), HEX.write(31), INT.write(7)] == [
        True,
        False,
        7,
        31,
        31,
        "0x1f",
        "7",
    ]
    assert INT.read("9" * 18) == int("9" * 18)
    assert HEX.read("f" * 16) == (1 << 64) - 1
    for codec, text in (
        (INT, "9" * 19),
        (INT, "-1"),
        (INT, "1_0"),
        (INT, "\u0661"),
        (HEX, "f" * 17),
        (HEX, "0x"),
        (HEX, "g"),
        (ON_OFF, "yes"),
    ):
        with pytest.raises(ValueError, match=r"^'"):
            codec.read(text)
    two = choice({"first": 1, "second": 1, "other": 2})
    assert [two.read("second"), two.write(1), two.write(2)] == [1, "first", "other"]
