"""What is said of a VM at first: how many lines there are, which are told together, which are counted."""

from __future__ import annotations

import pytest

from bridge.core.digest import TOGETHER, by_severity, digest, told
from bridge.core.report import KINDS, Finding


def found(*kinds: str) -> list[Finding]:
    return [Finding(kind, KINDS[kind].severity, "", f"{kind} {n}", f"hint {n}") for n, kind in enumerate(kinds)]


def texts(findings: list[Finding], most: int = 9) -> tuple[list[str], int]:
    lines, left = digest(findings, most)
    return [f"{line.number}: {line.text}" for line in lines], left


@pytest.mark.parametrize("number", range(1, 12))
def test_up_to_nine_are_told_one_by_one(number: int) -> None:
    findings = found(*["guest-lost"] * number)
    lines, left = texts(findings)
    assert lines == ([f"1: guest-lost {n}" for n in range(number)] if number <= 9 else [f"{number}: guest-lost 0"])
    assert left == 0


@pytest.mark.parametrize("kinds", [8, 9, 10, 12])
def test_more_kinds_than_lines_are_counted_in_the_last(kinds: int) -> None:
    some = [kind for kind in KINDS if KINDS[kind].severity == "note"][:kinds]
    lines, left = digest(found(*some))
    assert (len(lines), left) == ((kinds, 0) if kinds <= 9 else (8, kinds - 8))
    assert [line.first.kind for line in lines] == some[: len(lines)]


def test_the_mildest_and_most_are_told_together_first() -> None:
    findings = found(*["guest-lost"] * 3, *["lint"] * 3, *["fallback"] * 4, *["warning"] * 2)
    assert texts(findings, 11)[0] == [
        *(f"1: guest-lost {n}" for n in range(3)),
        *(f"1: lint {n}" for n in range(3, 6)),
        *(f"1: fallback {n}" for n in range(6, 10)),
        "2: warning 10",
    ]
    assert texts(findings, 8)[0] == [
        *(f"1: guest-lost {n}" for n in range(3)),
        *(f"1: lint {n}" for n in range(3, 6)),
        "4: fallback 6",
        "2: warning 10",
    ]


def test_what_nobody_reads_one_by_one_is_one_line_when_there_are_several() -> None:
    for kind in ("moved", "by-args", "iothread-lost", "assumed", "host-state", "normalised", "added", "pins"):
        (one,), (first, second) = found(kind), found(kind, kind)
        assert told(one, 1)[2:] == (one.message, one.hint)
        both = told(first, 2)
        assert both.text.startswith(("2 ", "qemu-server gives the guest 2 "))
        assert both.hint != first.hint, "what to do about one of them is not what to do about both"
        alike = [each._replace(hint="do this") for each in (first, second)]
        assert digest(alike)[0][0].hint == (TOGETHER[kind].hint or "do this")
        lines, left = digest([first, second])
        assert ([line.number for line in lines], left) == ([2], 0)
    assert told(found("lint")[0], 5).text == "lint 0"


def test_the_worst_come_first_and_the_rest_as_they_came() -> None:
    findings = found("pins", "lint", "guest-lost", "import-needed", "fallback", "moved")
    assert [finding.kind for finding in by_severity(findings)] == ["guest-lost", "moved", "import-needed", "lint", "fallback", "pins"]
