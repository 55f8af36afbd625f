"""What a guest would notice between two machines, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from ..guest.compare import Difference

COLOURS = {"device": "red", "place": "red", "identity": "yellow", "property": "yellow", "host": "cyan"}
WIDTH = 160
"""Of a table where there is no terminal."""


def difference_table(found: list[Difference], a: str = "A", b: str = "B") -> Table:
    """The machines are called `a` and `b`."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "what", a, b, f"{a} says it in", f"{b} says it in"):
        table.add_column(title, overflow="fold")
    for difference in found:
        cells = (difference.what, difference.a, difference.b, difference.where_a, difference.where_b)
        texts = [Text("-" if cell is None else cell) for cell in cells]
        table.add_row(Text(difference.importance, style=COLOURS[difference.importance]), *texts)
    return table
