"""What a fleet came to: counts, folds, and the document."""

from __future__ import annotations

import json

import pytest

from bridge.core.literals import Severity
from bridge.core.report import Finding
from bridge.fleet import Outcome
from bridge.fleet.summary import Summary, fold


def finding(message: str, where: str = "", severity: Severity = "host", kind: str = "host-lost") -> Finding:
    return Finding(kind, severity, where, message)


def folded(*messages: str) -> list[tuple[str, int, int, bool]]:
    found = fold((f"{number}.conf", finding(message)) for number, message in enumerate(messages))
    return [(each.first.message, each.count, each.files, each.same) for each in found.values()]


def test_equal_findings_are_one() -> None:
    assert folded("onboot is lost", "onboot is lost", "no such thing") == [("onboot is lost", 2, 2, True), ("no such thing", 1, 1, True)]


@pytest.mark.parametrize(
    "pair",
    [
        ("net0: no firewall", "net12: no firewall"),
        ("'vm-101-disk-0' is raw", "'vm-2000-disk-11' is raw"),
        ("net0 got BC:24:11:00:00:01", "net0 got 02:FF:11:0A:00:01"),
        ("uuid 1c4a8f5e-8f0e-4a7b-9d05-5b0f3c1f7a11", "uuid ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ],
)
def test_findings_that_differ_in_ids_and_numbers_are_alike(pair: tuple[str, str]) -> None:
    assert folded(*pair) == [(pair[0], 2, 2, False)]


def test_other_storages_are_other_findings() -> None:
    assert len(folded("no storage 'tank'", "no storage 'pool'")) == 2


def test_kinds_are_not_mixed() -> None:
    assert len(fold([("a", finding("gone", kind="host-lost")), ("a", finding("gone", kind="lint"))])) == 2


def test_two_findings_of_one_file_are_in_one_file() -> None:
    found = fold((file, finding("gone")) for file in ("a", "a", "b"))
    assert [(each.count, each.files) for each in found.values()] == [(3, 2)]


def test_a_finding_without_a_place_names_the_first_file() -> None:
    found = fold([("7.conf", finding("gone")), ("8.conf", finding("gone"))])
    assert [each.first.where for each in found.values()] == ["7.conf"]


def test_counts() -> None:
    summary = Summary("xml", whole=True)
    summary.add(Outcome("1.conf", "converted", "1.xml", [finding("a"), finding("b"), finding("c", severity="guest", kind="moved")]))
    summary.add(Outcome("2.conf", "up-to-date", "2.xml", [finding("a")]))
    summary.add(Outcome("3.conf", "converted", "3.xml"))
    summary.add(Outcome("4.conf", "held-back", findings=[finding("c", severity="guest", kind="moved")]))
    summary.add(Outcome("5.conf", "refused", error="no", where="5.conf:1"))
    assert json.loads(summary.document())["summary"] == {
        "files": 5,
        "converted": 2,
        "up_to_date": 1,
        "held_back": 1,
        "refused": 1,
        "without_findings": 1,
        "losing": {"guest": 2, "data": 0, "host": 2, "note": 0},
        "findings": {"guest": 2, "data": 0, "host": 3, "note": 0},
    }
    assert [(each.first.message, each.count) for each in summary.by_severity("host")] == [("a", 2), ("b", 1)]


def test_names_that_are_no_unicode_are_in_the_document() -> None:
    summary = Summary("xml", whole=True)
    summary.add(Outcome("caf\udce9.conf", "refused", error="no", where="caf\udce9.conf:1"))
    assert json.loads(summary.document())["files"][0]["file"] == "caf\ufffd.conf"
