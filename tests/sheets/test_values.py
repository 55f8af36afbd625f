"""Every value that an option lists: what it adds to the command line and to domain XML."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import bridge
from bridge.data.options import CPU_MODELS, OPTIONS
from tests.option_samples import CONTEXT, HOST, TARGET, VMID, can_be_said, config
from tests.sheets.sheet import changes, check, kinds, names

WORDS: dict[bridge.Format, dict[str, Any]] = {"argv": {}, "xml": {**TARGET}}
ALIKE = ("cdrom", "ideN", "runningmachine", "sataN")
"""Options whose values are those of scsiN, virtioN and machine."""


def values() -> Iterator[tuple[str, str]]:
    """(name, config) of each."""
    for name, option in OPTIONS.items():
        key = name.replace("N", "0")
        for value in option.enum or ():
            yield f"{name} {value}", CONTEXT.get(name, "") + f"{key}: {value}\n"
        for field, said in (option.fields or {}).items() if name not in ALIKE else ():
            if not said.alias and can_be_said(name, field):
                for value in said.enum or ():
                    yield f"{name} {field}={value}", valued(config(name, field), key, field, value, said.default_key)
    for model in CPU_MODELS:
        yield f"cpu {model}", f"cpu: {model}\n"


def valued(text: str, key: str, field: str, value: str, default: bool) -> str:
    """The sample with this value in place of its own."""
    lines = []
    for line in text.splitlines():
        if line.startswith(f"{key}: "):
            parts = line.removeprefix(f"{key}: ").split(",")
            at = next((n for n, part in enumerate(parts) if part.startswith(f"{field}=")), 0 if default else None)
            if at is None:
                parts.append(f"{field}={value}")
            elif field == "model" and key == "net0":
                parts[0] = f"{value}={parts[0].partition('=')[2]}"
            else:
                parts[at] = f"{field}={value}"
            lines.append(f"{key}: {','.join(parts)}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


VALUES = dict(values())


@cache
def plain(to: bridge.Format) -> str:
    return bridge.convert("", to, "conf", vmid=VMID, host=HOST, **WORDS[to]).text


def of(text: str) -> Iterator[str]:
    yield from text.splitlines()
    for to, words in WORDS.items():
        yield f"-- {to}"
        try:
            result = bridge.convert(text, to, "conf", vmid=VMID, host=HOST, **words)
        except bridge.BridgeError:
            yield "! refused"
            continue
        yield from changes(plain(to), result.text)
        yield from kinds(result)


@pytest.mark.parametrize("name", sorted(VALUES))
def test_a_value_becomes(name: str) -> None:
    check("values", name, list(of(VALUES[name])))


def test_every_entry_is_of_a_value() -> None:
    assert names("values") == set(VALUES)
