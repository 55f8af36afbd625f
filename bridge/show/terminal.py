"""The VM on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .picture import IOTHREAD, Picture
from .words import headline, notes, together, where, work

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from .subject import Subject

COLOURS = ("blue", "magenta", "cyan", "yellow", "green", "bright_blue", "bright_magenta", "bright_cyan")
"""Of iothreads, in turn; red is for what contends."""
WIDTH = 120
"""Where there is no terminal."""


def show(what: Subject) -> None:
    """To stdout."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    console.print(Text(what.title, style="bold").append(f"  {what.file}", style="dim"))
    console.print(_facts(what))
    console.print()
    console.print(Text(headline(what.picture), style="bold"))
    if what.picture.together:
        console.print(Text(together(what.picture)))
    for note in notes(what.picture):
        console.print(Text(f"! {note}", style="red"))
    for hint in what.advice:
        console.print(Text(f"> {hint}", style="cyan"))
    console.print()
    console.print(_threads(what))
    _host_cpus(what.picture, console)


def styles(found: Picture) -> dict[str, str]:
    """Thread -> its colour."""
    names = [thread.name for thread in found.of_role(IOTHREAD)]
    return {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(names)}


def _facts(what: Subject) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in what.facts:
        table.add_row(Text(name), Text(words))
    return table


def _threads(what: Subject) -> Table:
    from rich.table import Table
    from rich.text import Text

    found = what.picture
    colour = styles(found)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("thread", "runs on", "serves"):
        table.add_column(title, overflow="fold")
    for thread in found.threads:
        name = Text(thread.name, style=colour.get(thread.name, ""))
        other = what.ids.get(thread.iothread or 0)
        if other:
            name.append(f" (libvirt {other})", style="dim")
        place = Text(where(thread), style="" if thread.pin else "dim")
        serves = Text("\n".join([*work(found, thread), *(thread.details if thread.role == IOTHREAD else ())]))
        if thread.role == IOTHREAD and not found.served(thread.iothread or 0):
            serves.stylize("dim")
        table.add_row(name, place, serves)
    return table


def _host_cpus(found: Picture, console: Console) -> None:
    """A row for each thread that is pinned, a column for host CPUs that are treated alike."""
    from rich.table import Table
    from rich.text import Text

    listed = found.columns
    if not listed:
        return
    colour = styles(found)
    pinned = [thread for thread in found.threads if thread.cpus]
    most = max(4, (console.width - max(len(thread.name) for thread in pinned) - 10) // 8)
    for start in range(0, len(listed), most):
        band = listed[start : start + most]
        table = Table(box=None, pad_edge=False)
        table.add_column("host CPU", header_style="dim")
        for column in band:
            table.add_column(Text(column.label + ("!" if column.contended else ""), style="bold red" if column.contended else "dim"))
        for thread in pinned:
            used = [column.on(thread) for column in band]
            if any(used):
                own = colour.get(thread.name, "")
                marks = [
                    Text("#", style="red" if column.contended else own) if on else Text(".", style="dim")
                    for on, column in zip(used, band, strict=True)
                ]
                table.add_row(Text(thread.name), *marks)
        console.print()
        console.print(table)
