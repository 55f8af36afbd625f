"""Pairs of command lines: equal machines in two syntaxes are the same, and every class of difference is told, once, by name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.argv.read import read
from bridge.guest.compare import IMPORTANCE, compare
from bridge.guest.tree import tree
from tests.diff.cases import NEWEST, Case, cases, line

HERE = Path(__file__).parent
CASES = cases(HERE / "cases")
BASE = {case.name: case.text["a"] for case in CASES}


class Edit(NamedTuple):
    """`differences` are lines as in a case."""

    what: str
    case: str
    old: str
    new: str
    differences: list[str]


def edits() -> list[Edit]:
    """The blocks of edits.txt."""
    found = []
    for block in (HERE / "edits.txt").read_text(encoding="utf-8").split("\n== ")[1:]:
        title, case, old, new, *wanted = block.split("\n")
        assert (case[:3], old[:2], new[:2]) == ("in ", "- ", "+ "), title
        found.append(Edit(title, case[3:], old[2:], new[2:], [line for line in wanted if line]))
    return found


EDITS = edits()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    a, b = tree(case.a, NEWEST), tree(case.b, NEWEST)
    assert [line(found) for found in compare(a, b)] == case.differences
    assert compare(a, a, host=True) == compare(b, b, host=True) == []
    assert a.notes == b.notes == []


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.what.replace(" ", "-"))
def test_every_class_of_difference(edit: Edit) -> None:
    text = BASE[edit.case]
    assert edit.old in text
    a, b = tree(read(text), NEWEST), tree(read(text.replace(edit.old, edit.new)), NEWEST)
    assert [line(found) for found in compare(a, b, host=True)] == edit.differences
    back = [line(found._replace(a=found.b, b=found.a)) for found in compare(b, a, host=True)]
    assert sorted(back) == sorted(edit.differences)
    assert [line(found) for found in compare(a, b)] == [each for each in edit.differences if not each.startswith("host ")]


def test_the_classes_are_all_met() -> None:
    assert {wanted.split(" | ")[0] for edit in EDITS for wanted in edit.differences} == set(IMPORTANCE)


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("bus=pci.2,addr=0xb,", "bus=pci.9,addr=0xb,", "QEMU would refuse ivshmem-plain: no bus 'pci.9'"),
        ("addr=0x13", "addr=0x12", "QEMU would refuse e1000: pci 12.0 is taken"),
        ("bootindex=101", "bootindex=100", "QEMU would refuse -device net0: bootindex 100 is taken"),
    ],
)
def test_what_qemu_would_refuse_is_noted(old: str, new: str, note: str) -> None:
    assert tree(read(BASE["i440fx"].replace(old, new)), NEWEST).notes == [note]
