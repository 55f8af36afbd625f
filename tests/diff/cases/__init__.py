"""Pairs of command lines beside what `diff` says about them.

A case is a file `NAME.case`: sections `== a` and `== b`, each a command line, and `== differences` with one line each:
`importance | what | value in A | value in B`, `-` for none; no line where the guest cannot tell. Lines that start with # are comments.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bridge.argv.read import CommandLine, read
from bridge.data import gates
from bridge.guest.compare import Difference

NEWEST = gates.qemu_version(None)


class Case(NamedTuple):
    """`rest` holds sections that the case has beside the usual ones."""

    name: str
    a: CommandLine
    b: CommandLine
    differences: list[str]
    text: dict[str, str]


def cases(directory: Path) -> list[Case]:
    """All cases of a directory; any other file there is an error."""
    stray = {path.name for path in directory.iterdir() if path.suffix != ".case"} - {"__init__.py", "__pycache__"}
    assert not stray, f"no cases: {stray}"
    return [_case(path) for path in sorted(directory.glob("*.case"))]


def _case(path: Path) -> Case:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("== "):
            current = sections[line[3:]] = []
        else:
            current.append(line)
    assert set(sections) == {"a", "b", "differences"}, f"{path.name} has the sections {sorted(sections)}"
    text = {name: "\n".join(lines) for name, lines in sections.items()}
    wanted = [line for line in sections["differences"] if line and not line.startswith("#")]
    return Case(path.stem, read(text["a"]), read(text["b"]), wanted, text)


def line(difference: Difference) -> str:
    """A difference as a case spells it."""
    return " | ".join("-" if part is None else part for part in difference[:4])
