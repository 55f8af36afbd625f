"""Which steps a request asks for, and who says where the VM runs."""

from __future__ import annotations

from collections.abc import Callable

from . import into, out, saved
from .request import Request
from .sides import Sides
from .step import Step

STEPS: dict[tuple[bool, str], Callable[[Sides], list[Step]]] = {
    (True, "protocol3"): into.steps,
    (True, "restore"): saved.into_live,
    (True, "saved"): saved.into_saved,
    (False, "protocol3"): out.steps,
    (False, "saved"): saved.out_saved,
}


def steps(sides: Sides) -> list[Step]:
    """In their order."""
    return STEPS[sides.request.into, sides.request.way](sides)


def where(sides: Sides, moved: bool) -> str:
    """The one line that says where the VM runs."""
    return into.where(sides, moved) if sides.request.into else out.where(sides, moved)


def listed(request: Request) -> list[tuple[str, str, bool]]:
    """(what, how one would do it by hand, whether it is the point of no return) of every step; nothing is done."""
    sides = Sides(request)
    try:
        return [(step.what, step.shell, step.final) for step in steps(sides)]
    finally:
        sides.close()
