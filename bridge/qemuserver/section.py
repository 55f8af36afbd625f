"""A section of a config while it is read into the model, and while one is written from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..core.report import BridgeError, Line, Report
from ..core.rows import Codec, Row, compiled, values_of
from . import propstring
from .text import Setting

COUNTED = Codec(int, str)
"""A number whose text the grammar has checked already (`+4` is fine there)."""


class ConfigSection:
    """Taking a key claims it; `unclaimed` gives the rest. Values were checked by `text.parse` already."""

    def __init__(self, entries: dict[str, Setting], file: str, report: Report, description: str | None = None) -> None:
        self.entries = entries
        self.file = file
        self.report = report
        self.description = description
        self.claimed: set[str] = set()
        self._numbered: dict[str, list[tuple[int, str]]] | None = None

    def text(self, key: str) -> str | None:
        entry = self.entries.get(key)
        if entry is None:
            return None
        self.claimed.add(key)
        return entry.value

    def flag(self, key: str) -> bool | None:
        text = self.text(key)
        return None if text is None else text == "1"

    def number(self, key: str) -> int | None:
        text = self.text(key)
        if text is None:
            return None
        if not text.isdigit():  # what qemu-server makes of more digits than 64 bits hold
            raise BridgeError(f"{key}: {text} is too large a number", self.line(key))
        return int(text)

    def props(self, key: str) -> dict[str, Any] | None:
        """The parsed property string: aliases resolved, the default key under its name, booleans as bool, numbers as their text."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        self.claimed.add(key)
        return entry.props()

    def indexed(self, prefix: str, count: int) -> list[tuple[int, str]]:
        """The numbered keys that are there, in ascending order: [(3, "net3"), ...]."""
        if self._numbered is None:
            self._numbered = _numbered(self.entries)
        found = self._numbered.get(prefix)
        if found is None:
            return []
        return found if found[-1][0] < count else [pair for pair in found if pair[0] < count]

    def line(self, key: str) -> Line:
        return Line(self.file, self.entries[key].line)

    def unclaimed(self) -> list[str]:
        return [key for key in self.entries if key not in self.claimed]


def _numbered(entries: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """Stem -> its numbered keys in ascending order."""
    found: dict[str, list[tuple[int, str]]] = {}
    for key in entries:
        stem = key.rstrip("0123456789")
        if stem != key:
            found.setdefault(stem, []).append((int(key[len(stem) :]), key))
    for pairs in found.values():
        pairs.sort()
    return found


class Lines:
    """Config lines being written: key -> value text."""

    def __init__(self, report: Report) -> None:
        self.values: dict[str, str] = {}
        self.report = report

    def put(self, key: str, value: str | bool | int | None) -> None:
        """Write a key; None writes nothing, a bool writes 1 or 0."""
        if value is not None:
            self.values[key] = ("1" if value else "0") if isinstance(value, bool) else str(value)

    def props(self, key: str, said: dict[str, Any]) -> None:
        """Write a property string; an empty one writes nothing. Raises BridgeError for what qemu-server would not read back."""
        if said:
            try:
                self.values[key] = propstring.write(key, said)
            except propstring.FormatError as error:
                raise BridgeError(f"{key} cannot be written: {error}") from None


class _Compiled:
    """Rows in the form that reading and writing go through: what is said decides the work, not how many rows there are."""

    __slots__ = ("places", "readers", "values")

    def __init__(self, rows: tuple[Row, ...]) -> None:
        plain = [row for row in rows if not row.code]
        self.readers = {row.place: (row.field, row.codec.read if row.codec else None) for row in plain}
        self.places = [(row.place, row.codec.write if row.codec else None) for row in plain]
        self.values = values_of([row.field for row in plain])


_of = compiled(_Compiled)


def read_rows(said: dict[str, Any], rows: tuple[Row, ...]) -> dict[str, Any]:
    """{field: value} of what the parsed property string says."""
    readers = _of(rows).readers
    found: dict[str, Any] = {}
    for place, value in said.items():
        reader = readers.get(place)
        if reader is not None:
            field, read = reader
            found[field] = value if read is None else read(value)
    return found


def read_keys(take: Callable[[str], Any], rows: tuple[Row, ...]) -> dict[str, Any]:
    """{field: value} of top-level keys, each taken by this method of the section; None where a key is not there."""
    return {row.field: take(row.place) for row in rows if not row.code}


def write_keys(lines: Lines, part: object, rows: tuple[Row, ...]) -> None:
    for row in rows:
        if not row.code:
            lines.put(row.place, getattr(part, row.field))


def write_rows(part: object, rows: tuple[Row, ...]) -> dict[str, Any]:
    """{sub-option: value} of what the part says; fields that are None leave nothing."""
    form = _of(rows)
    return {
        place: value if write is None else write(value)
        for value, (place, write) in zip(form.values(part), form.places, strict=True)
        if value is not None
    }
