"""What is printed on a terminal that is narrow."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from bridge.cli.render import _print_line
from bridge.core.digest import told
from bridge.core.report import Finding

WORDS = "every word of a finding stands on the terminal, however long the finding is, and in the order in which it was said"
HINT = "virt-qm define --replace --connect qemu+ssh://root@host.example/system /etc/pve/qemu-server/100.conf"


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_line_is_broken_at_words_behind_its_mark(width: int) -> None:
    """It stands before the first line, and the others are as far from the margin; the hint, a command, has a line of its own."""
    screen = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    mark = Text("!! ")
    _print_line(screen, told(Finding("lint", "note", "", WORDS, HINT), 1), "", mark)
    lines = screen.file.getvalue().rstrip("\n").split("\n")  # type: ignore[attr-defined]
    hint = next(n for n, line in enumerate(lines) if "->" in line)
    shown = lines[:hint]
    at = len("  !! ")
    assert shown[0].startswith("  !! every")
    assert all(line[:at] == " " * at and line[at] != " " for line in shown[1:])
    assert all(len(line) <= width for line in shown)
    assert " ".join(line[at:].strip() for line in shown).startswith(WORDS)
    assert lines[hint].startswith(" " * at + "-> virt-qm")
