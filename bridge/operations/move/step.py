"""A move is a list of steps, each with its way back. Whatever goes wrong, the steps that were begun are undone, the last one first.

One step is the point of no return: from there on the VM runs on the other side, and what is left is cleaned up as far as that goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import NamedTuple, Protocol

from ...core.report import BridgeError
from .request import Request

BEGUN, DONE, UNDOING, UNDONE, FAILED = "begun", "done", "undoing", "undone", "failed"
"""What is noted of a step."""


class CancelledError(BridgeError):
    """Somebody does not want the move any more, or it took too long."""


class UnsureError(BridgeError):
    """It cannot be found out whether the VM runs on the other side, so that nothing may be started here."""


class Outcome(NamedTuple):
    """How a move ended. `where`: the one line that says where the VM runs. `error`: why it did not move; `troubles`: what was left undone.
    `downtime` in ms, as QEMU says it."""

    moved: bool
    where: str
    error: str = ""
    troubles: list[str] = []  # noqa: RUF012  never changed
    downtime: int | None = None


Note = Callable[[dict[str, object]], object]


class Move:
    """A move on its way: the request, whether it is still wanted, and who is told how it goes."""

    def __init__(self, request: Request, note: Note) -> None:
        self.request = request
        self.note = note
        self.cancelled = Event()
        self.downtime: int | None = None
        self.until = time.monotonic() + request.timeout

    def check(self) -> None:
        """Raises CancelledError if it is to end."""
        if self.cancelled.is_set():
            raise CancelledError("cancelled")
        if time.monotonic() > self.until:
            raise CancelledError(f"not done in {self.request.timeout:g} s (--timeout)")

    def wait(self, seconds: float) -> None:
        """A pause between two looks."""
        self.cancelled.wait(seconds)
        self.check()


class Step(Protocol):
    """`what`: a line for people. `shell`: what one would type for it, or call. `final`: the point of no return.

    `undo` leads back from a step that was begun, however far it came.
    """

    what: str
    shell: str
    final: bool

    def do(self, move: Move) -> None: ...

    def undo(self, move: Move) -> None: ...


class Ends(Protocol):
    """Where the VM runs, looked at: (whether it is certain, the line)."""

    def __call__(self, moved: bool) -> str: ...


def run(steps: Sequence[Step], move: Move, where: Ends) -> Outcome:
    """Take the steps. Never raises for what fails: the outcome says it."""
    begun: list[Step] = []
    moved, troubles = False, []
    for number, step in enumerate(steps):
        try:
            if not moved:
                move.check()
            move.note({"step": number, "is": BEGUN})
            begun.append(step)
            step.do(move)
        except Exception as error:
            move.note({"step": number, "is": FAILED, "said": _said(error)})
            if not moved:
                troubles = _back(begun, steps, move)
                return Outcome(False, where(False), _said(error), troubles)
            troubles.append(f"{step.what}: {_said(error)}")
            continue
        move.note({"step": number, "is": DONE})
        moved = moved or step.final
    return Outcome(moved, where(moved), "", troubles, move.downtime)


def _back(begun: list[Step], steps: Sequence[Step], move: Move) -> list[str]:
    """Undo, the last one first. Where it is not known what runs, what would start a VM is left alone by its own step."""
    troubles = []
    for step in reversed(begun):
        move.note({"step": steps.index(step), "is": UNDOING})
        try:
            step.undo(move)
        except Exception as error:
            troubles.append(f"{step.what}: cannot be undone: {_said(error)}")
            continue
        move.note({"step": steps.index(step), "is": UNDONE})
    return troubles


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, BridgeError) else f"{type(error).__name__}: {error}"
