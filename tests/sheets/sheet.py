"""Sheets: `== NAME` and the lines that the code made for it when somebody last looked.

After a wanted change, `REWRITE=1 pytest tests/sheets` writes them anew: read the difference before it is committed.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import bridge

HERE = Path(__file__).parent


def check(sheet: str, name: str, lines: list[str]) -> None:
    """The lines are those that the sheet has under this name."""
    if os.environ.get("REWRITE") and lines != _entries(sheet).get(name):
        _entries.cache_clear()
        entries = {**_entries(sheet), name: lines}
        text = "".join("\n".join((f"== {each}", *entries[each], "")) for each in sorted(entries))
        (HERE / f"{sheet}.txt").write_text(text, encoding="utf-8")
        _entries.cache_clear()
        return
    wanted = _entries(sheet).get(name, [])
    assert lines == wanted, "\n" + "\n".join(difflib.unified_diff(wanted, lines, f"{sheet}.txt", "now", lineterm="", n=1))


@cache
def _entries(sheet: str) -> dict[str, list[str]]:
    path = HERE / f"{sheet}.txt"
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else ():
        if line.startswith("== "):
            lines = found[line[3:]] = []
        else:
            lines.append(line)
    return found


def names(sheet: str) -> set[str]:
    return set(_entries(sheet))


def changes(base: str, text: str) -> list[str]:
    """What is in one of two documents only, without the indentation."""
    one, other = ([line.strip() for line in each.splitlines()] for each in (base, text))
    return list(differences(one, other))


def differences(one: list[str], other: list[str]) -> Iterator[str]:
    for line in difflib.unified_diff(one, other, lineterm="", n=0):
        if not line.startswith(("---", "+++", "@@")):
            yield line


def kinds(result: bridge.Result) -> Iterator[str]:
    """The findings, without their words."""
    counted: dict[str, int] = {}
    for finding in result.findings:
        what = f"! {finding.kind} ({finding.severity})"
        counted[what] = counted.get(what, 0) + 1
    for what in sorted(counted):
        yield what if counted[what] == 1 else f"{what} x{counted[what]}"
