"""How passes change parts: never in place."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec.structs import replace

from ..model.part import Part

P = TypeVar("P", bound=Part)

change = replace
"""change(part, field=value): a new part with these fields."""


def fill(part: P, **values: Any) -> P:
    """Fill in what nobody said: fields that are None get these values and are remembered in `filled`."""
    fresh = {}
    for name, value in values.items():
        if value is not None and getattr(part, name) is None:
            fresh[name] = value  # noqa: PERF403  a comprehension is a call more, and every part of every VM comes through here
    if not fresh:
        return part
    return replace(part, filled=part.filled.union(fresh), **fresh)


def forget(part: P, *names: str) -> P:
    """Make fields unsaid again."""
    return replace(part, filled=part.filled.difference(names), **dict.fromkeys(names))
