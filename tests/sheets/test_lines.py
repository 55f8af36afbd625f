"""Every small command line: the domain and the config that it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

import bridge
from tests.sheets import lines, rare
from tests.sheets.lines import PLAIN
from tests.sheets.sheet import changes, check, differences, kinds, names

LINES = (*lines.LINES, *rare.LINES)


@cache
def plain(to: bridge.Format) -> str:
    return bridge.convert(PLAIN, to, "argv").text


def of(line: str, to: bridge.Format, args: bool | None = None) -> Iterator[str]:
    """What the document has more than that of a plain line."""
    try:
        result = bridge.convert(f"{PLAIN} {line}", to, "argv", args=args)
    except bridge.BridgeError:
        yield "! refused"
        return
    yield from changes(plain(to), result.text)
    yield from kinds(result)


@pytest.mark.parametrize("line", LINES)
def test_a_line_becomes(line: str) -> None:
    xml = list(of(line, "xml"))
    more = differences(xml, list(of(line, "xml", args=True)))
    check("lines", line, ["-- conf", *of(line, "conf"), "-- xml", *xml, "-- xml with args", *more])


def test_every_entry_is_of_a_line() -> None:
    assert names("lines") == set(LINES)
    assert len(LINES) == len(set(LINES))
