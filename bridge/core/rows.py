"""Rows: one line binds a field of the model to its place in a format, both ways.

A row is data. Each format reads its own rows (`qemuserver.section`, `libvirt.tree.node`, `argv.emit`), so that writing and reading
cannot drift apart. What is not plain is code; then the row says so (`code=True`) and only documents the place:
the table of `virt-qm options` and the check that no field is lost are made from all rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar


class Codec(NamedTuple):
    """How a value is spelled. `read` takes the format's text and may raise ValueError; `write` gives the text."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]


class Row(NamedTuple):
    """`field` of a model part stands at `place` of the format.

    Places: a sub-option (`detect_zeroes`) in a config; `driver@cache`, `@type`, `serial` (an element's text) in XML, relative to the
    device's element; a property (`write-cache`) on a command line.
    """

    field: str
    place: str
    codec: Codec | None = None
    """None: plain text (XML, argv) or the parsed value as it is (config)."""
    code: bool = False
    finding: str | None = None
    """The kind of finding that comes with the field; a row without a place has one."""


def values_of(fields: list[str]) -> Callable[[object], tuple[Any, ...]]:
    """A function that gives all these fields of a part."""
    return attrgetter(*fields) if len(fields) > 1 else lambda part: tuple(getattr(part, name) for name in fields)


C = TypeVar("C")


def compiled(form: Callable[[tuple[Row, ...]], C]) -> Callable[[tuple[Row, ...]], C]:
    """A function that brings rows into a form of a format's own, once for each tuple: they are constants of their modules."""
    known: dict[int, tuple[tuple[Row, ...], C]] = {}

    def of(rows: tuple[Row, ...]) -> C:
        found = known.get(id(rows))
        if found is None:
            found = known[id(rows)] = rows, form(rows)  # the rows, too, lest another tuple gets their id
        return found[1]

    return of


class MalformedError(ValueError):
    """No value of its kind at all, to nobody; any other ValueError means: none that we know."""


def whole_number(text: str) -> int:
    """ASCII digits only: no sign, blank, underscore or foreign digit gets through (security-rules S9)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise MalformedError(f"'{text[:40]}' is not a whole number")
    return int(text)


_is_hex = re.compile(r"(?:0[xX])?[0-9a-fA-F]{1,16}").fullmatch


def _hex_number(text: str) -> int:
    if not _is_hex(text):
        raise MalformedError(f"'{text[:40]}' is not a hexadecimal number")
    return int(text, 16)


def _choice(table: dict[str, Any], text: str) -> Any:
    if text not in table:
        raise ValueError(f"'{text[:40]}' is not one of {', '.join(table)}")
    return table[text]


def choice(table: dict[str, Any]) -> Codec:
    """Words of a format for values of the model; the first word for a value is the one that is written."""
    back: dict[Any, str] = {}
    for word, value in table.items():
        back.setdefault(value, word)
    return Codec(lambda text: _choice(table, text), back.__getitem__)


INT = Codec(whole_number, str)
ON_OFF = choice({"on": True, "off": False})
YES_NO = choice({"yes": True, "no": False})
HEX = Codec(_hex_number, hex)
