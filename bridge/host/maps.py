"""The maps of the host facts, as `--storage`, `--bridge` and a `--map FILE` say them: what is on one side -> what it is on the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_type_hints

import msgspec

from ..core.report import BridgeError, Line
from . import forms
from .facts import HostFacts, toml_line

TABLES = {"storages": "storage_map", "bridges": "bridge_map", "networks": "network_map", "firmware": "firmware_map", "pools": "pools"}
"""Table of a --map file -> the key of the host facts that it is."""
_SAY = f"say [{'], ['.join(TABLES)}]"


class Pair(NamedTuple):
    """`key` is `value` on the other side. `where` it was said, and as what (`[networks] vmbr0`)."""

    table: str
    key: str
    value: str
    where: object
    said: str


def with_pairs(facts: HostFacts, pairs: Iterable[Pair]) -> HostFacts:
    """A copy in which each of them counts, the last one of a key. Raises BridgeError for a key or a value that cannot be."""
    hints = get_type_hints(HostFacts, include_extras=True)
    found: dict[str, dict[str, str]] = {}
    for pair in pairs:
        field = TABLES[pair.table]
        try:
            said = msgspec.convert({pair.key: pair.value}, hints[field])
        except msgspec.ValidationError as error:
            problem, _, place = str(error).partition(" - at `")
            which = pair.key if place.startswith("key`") else pair.value
            raise BridgeError(f"{pair.said}: '{_word(which)}' {forms.in_words(problem)}", pair.where) from None
        found.setdefault(field, dict(getattr(facts, field))).update(said)
    return msgspec.structs.replace(facts, **found) if found else facts


def of_option(option: str, table: str, said: Iterable[str]) -> Iterator[Pair]:
    """What an option says, A=B each. B has no `=`, a path may. Raises BridgeError."""
    for text in said:
        key, equals, value = text.rpartition("=")
        if not equals:
            raise BridgeError(f"'{text[:80]}' has no =: write A=B, what it is on this side first", option)
        yield Pair(table, key, value, option, f"'{text[:80]}'")


def of_file(data: bytes, file: str) -> Iterator[Pair]:
    """What a --map file says. Raises BridgeError."""
    import tomllib

    try:
        text = data.decode("utf-8-sig")
        tables: dict[str, Any] = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise BridgeError("is not UTF-8: save it as UTF-8", Line(file, data.count(b"\n", 0, error.start) + 1)) from None
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits among them
        match = re.search(r"\(at line ([0-9]+)", str(error))
        raise BridgeError(f"is not TOML: {error}"[:200], Line(file, int(match[1])) if match else file) from None
    for name, table in tables.items():
        if name not in TABLES or not isinstance(table, dict):
            what = "is not a table" if name in TABLES else "is not a table of a map"
            raise BridgeError(f"'{_word(name)}' {what}: {_SAY}", _at(text, file, [name]))
        for key, value in table.items():
            said, where = f"[{name}] {_word(key) or repr(key)}", _at(text, file, [name, key])
            if not isinstance(value, str):
                raise BridgeError(f'{said}: is not a text: write "A" = "B", both in quotes', where)
            yield Pair(name, key, value, where, said)


def _word(text: str) -> str:
    """Short, and on one line."""
    return text[:80] if text.isprintable() else repr(text[:80])[1:-1]


def _at(text: str, file: str, keys: list[str]) -> object:
    line = toml_line(text, keys)
    return Line(file, line) if line else file
