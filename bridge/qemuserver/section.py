"""A section of a config while it is read into the model, and while one is written from it."""

from __future__ import annotations

from typing import Any

from ..report import BridgeError, Line, Report
from ..rows import Row
from . import propstring
from .text import Entry


class Section:
    """Taking a key claims it; `unclaimed` gives the rest. Values were checked by `text.parse` already."""

    def __init__(self, entries: dict[str, Entry], file: str, report: Report, description: str | None = None) -> None:
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
            self._numbered = {}
            for key in self.entries:
                if key[-1].isdigit():
                    stem = key.rstrip("0123456789")
                    self._numbered.setdefault(stem, []).append((int(key[len(stem) :]), key))
        return sorted(pair for pair in self._numbered.get(prefix, ()) if pair[0] < count)

    def line(self, key: str) -> Line:
        return Line(self.file, self.entries[key].line)

    def unclaimed(self) -> list[str]:
        return [key for key in self.entries if key not in self.claimed]


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


def read_rows(said: dict[str, Any], rows: tuple[Row, ...]) -> dict[str, Any]:
    """{field: value} of what the parsed property string says."""
    return {
        row.field: row.codec.read(value) if row.codec else value
        for row in rows
        if not row.code and (value := said.get(row.place)) is not None
    }


def write_rows(part: object, rows: tuple[Row, ...]) -> dict[str, Any]:
    """{sub-option: value} of what the part says; fields that are None leave nothing."""
    return {
        row.place: row.codec.write(value) if row.codec else value
        for row in rows
        if not row.code and (value := getattr(part, row.field)) is not None
    }
