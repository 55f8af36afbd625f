"""The table of options against qemu-server's own schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bridge.data import options
from bridge.data.schema import Field, Option
from bridge.qemuserver.formats import value_format


def without_perl_groups(pattern: str) -> str:
    """`(?^:X)` -> `X`: how Perl writes a compiled pattern inside another."""
    while found := re.search(r"\(\?\^u?:", pattern):
        depth, at = 1, found.end()
        while depth:
            if pattern[at] == "\\":
                at += 1
            depth += {"(": 1, ")": -1}.get(pattern[at], 0)
            at += 1
        pattern = pattern[: found.start()] + pattern[found.end() : at - 1] + pattern[at:]
    return pattern


def published(schema: dict[str, Any]) -> dict[str, Any]:
    """One entry of options.json, with what both sides say alike: no empty keys, booleans as bool."""
    said = {key: value for key, value in schema.items() if value is not None and key not in ("format_name", "optional", "keyAlias")}
    said["optional"] = bool(schema.get("optional")) or "alias" in schema
    if "keyAlias" in schema:
        said["key_alias"] = schema["keyAlias"]
    if "maxLength" in schema:
        said["max_length"] = said.pop("maxLength")
    if schema.get("type") == "boolean" and "default" in said:
        said["default"] = said["default"] in (1, "1")
    if "pattern" in said:
        said["pattern"] = without_perl_groups(said["pattern"])
    if "default_key" in said:
        said["default_key"] = True
    if isinstance(schema.get("format"), dict):
        said["format"] = {key: published(sub) for key, sub in schema["format"].items()}
    return said


def ours(entry: Option | Field) -> dict[str, Any]:
    """One row of the table, likewise."""
    said = {key: list(value) if key == "enum" else value for key, value in entry._asdict().items() if value is not None and value != ()}
    if said.get("default_key") is False:
        del said["default_key"]
    if isinstance(entry, Option):
        del said["internal"]
        said["optional"] = True
        if entry.fields is not None:
            said["format"] = {key: ours(field) for key, field in (entry.fields or {}).items()}
            del said["fields"]
    elif entry.alias:
        del said["type"]
    return said


def test_the_table_is_the_published_schema(shared: Path) -> None:
    reference = json.loads((shared / "corpus/options.json").read_text())
    table = {name: found for name, found in options.OPTIONS.items() if not found.internal}
    assert sorted(table) == sorted(reference)
    for name, schema in reference.items():
        want = published(schema)
        assert ours(table[name]) == want, name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("cores", "cores"), ("net0", "netN"), ("net31", "netN"), ("numa", "numa"), ("numa7", "numaN"), ("smbios1", "smbios1"),
        ("unused255", "unusedN"), ("parent", "parent"), ("iothreads", "iothreads"),
    ],
)  # fmt: skip
def test_a_key_names_an_option(key: str, name: str) -> None:
    assert options.option(key) is options.OPTIONS[name]


@pytest.mark.parametrize(
    "key", ["net32", "net01", "net", "netN", "net00", "net٣", "net-1", "cores0", "smbios0", "smbios11", "", "7", "N", "net" + "1" * 5000]
)
def test_no_such_key(key: str) -> None:
    assert options.option(key) is None


def test_keys_are_the_options() -> None:
    keys = options.keys()
    assert len(keys) == len(set(keys))
    assert all(options.option(key) for key in keys)
    assert {"net0", "net31", "unused255", "numa", "numa0", "cores"} <= set(keys)


def test_the_table_is_consistent() -> None:
    for name, found in options.OPTIONS.items():
        for field in (found.fields or {}).values():
            if field.alias:
                assert field.alias in (found.fields or {})
            if field.format:
                assert value_format(field.format)
        assert [key for key, field in (found.fields or {}).items() if field.default_key][1:] == [], name
        if found.format and not found.fields:
            assert value_format(found.format)
