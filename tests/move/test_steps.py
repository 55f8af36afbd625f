"""The runner: whatever fails, what was begun is undone, the last one first; after the point of no return nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.core.report import BridgeError
from bridge.operations.move.request import Request
from bridge.operations.move.step import Move, Outcome, run

pytestmark = pytest.mark.quick

REQUEST = Request(into=True, way="protocol3", uri="", name="a", uuid="u", xml="", qmp="", directory="")


class Each:
    """A step that writes into a log, and fails where it is told to."""

    def __init__(self, name: str, log: list[str], fails: str = "", final: bool = False, error: Exception | None = None) -> None:
        self.what, self.shell, self.final = name, f"do {name}", final
        self.log, self.fails, self.error = log, fails, error or BridgeError("no")

    def do(self, move: Move) -> None:
        self.log.append(f"do {self.what}")
        if self.fails == "cancel":
            move.cancelled.set()
        if self.fails == "do":
            raise self.error

    def undo(self, move: Move) -> None:  # noqa: ARG002
        self.log.append(f"undo {self.what}")
        if self.fails == "undo":
            raise self.error


def taken(*steps: Any) -> tuple[Outcome, list[dict[str, object]]]:
    notes: list[dict[str, object]] = []
    move = Move(REQUEST, notes.append)
    return run(steps, move, lambda moved: "there" if moved else "here"), notes


@pytest.mark.parametrize("at", range(3))
def test_a_failure_is_undone_in_reverse(at: int) -> None:
    log: list[str] = []
    outcome, _ = taken(*(Each(name, log, "do" if n == at else "") for n, name in enumerate("abc")), Each("end", log, final=True))
    assert log == [f"do {name}" for name in "abc"[: at + 1]] + [f"undo {name}" for name in reversed("abc"[: at + 1])]
    assert outcome == Outcome(False, "here", "no", [])


def test_what_cannot_be_undone_does_not_keep_the_others() -> None:
    log: list[str] = []
    outcome, _ = taken(Each("a", log), Each("b", log, "undo"), Each("c", log, "do"))
    assert log[3:] == ["undo c", "undo b", "undo a"]
    assert outcome.troubles == ["b: cannot be undone: no"]


def test_after_the_point_of_no_return_nothing_is_undone() -> None:
    log: list[str] = []
    outcome, _ = taken(Each("a", log), Each("b", log, final=True), Each("c", log, "do"), Each("d", log))
    assert log == ["do a", "do b", "do c", "do d"]
    assert outcome == Outcome(True, "there", "", ["c: no"], None)


def test_cancelled_between_two_steps() -> None:
    log: list[str] = []
    outcome, _ = taken(Each("a", log, "cancel"), Each("b", log, final=True))
    assert log == ["do a", "undo a"]
    assert (outcome.moved, outcome.error) == (False, "cancelled")


def test_cancelled_too_late() -> None:
    log: list[str] = []
    outcome, _ = taken(Each("a", log, final=True), Each("b", log, "cancel"), Each("c", log))
    assert outcome.moved
    assert log == ["do a", "do b", "do c"]


def test_a_fault_of_ours_is_undone_like_any() -> None:
    log: list[str] = []
    outcome, _ = taken(Each("a", log), Each("b", log, "do", error=KeyError("x")))
    assert log[2:] == ["undo b", "undo a"]
    assert outcome.error == "KeyError: 'x'"


def test_it_is_told_how_it_goes() -> None:
    log: list[str] = []
    _, notes = taken(Each("a", log), Each("b", log, "do"))
    assert [(note["step"], note["is"]) for note in notes] == [
        *((0, "begun"), (0, "done"), (1, "begun"), (1, "failed"), (1, "undoing"), (1, "undone"), (0, "undoing"), (0, "undone")),
    ]
