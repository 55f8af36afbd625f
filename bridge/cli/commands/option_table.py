"""`virt-qm options`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .files import fail

if TYPE_CHECKING:
    from ..option_table import Shown

WIDE = 180
"""Columns where no terminal tells its own."""


@click.command("options")
@click.argument("names", nargs=-1, metavar="[OPTION]...")
@click.option("--short", is_flag=True, help="One line for each option, without sub-options; those that are alike share one.")
@click.option("--json", "form", flag_value="json", help="As JSON.")
@click.option("--markdown", "form", flag_value="markdown", help="As a Markdown table.")
def command(names: tuple[str, ...], short: bool, form: str | None) -> None:
    """Show how each format carries each option of a VM's config.

    `residue` says what is kept as text in the XML's metadata, as XML has no place for it; an explicit default is kept there as well.
    `finding` names the kinds of findings that come with an option.

    \b
    Example:
      virt-qm options scsi net
    """
    from .. import option_table

    try:
        entries = option_table.chosen(names)
    except ValueError as error:
        fail(error)
    rows: list[Shown] = [((entry.name,), entry) for entry in entries]
    if short:
        rows = option_table.folded([entry for entry in entries if entry.field is None])
    if form == "json":
        import msgspec

        click.echo(msgspec.json.encode([{"names": names, **entry._asdict()} for names, entry in rows]).decode())
    elif form == "markdown":
        click.echo(option_table.markdown(rows), nl=False)
    else:
        _print(rows)


def _print(rows: list[Shown]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..option_table import HEADINGS, cells

    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for names, entry in rows:
        table.add_row(*(Text(", ".join(words)) for words in cells(names, entry)), style="bold" if entry.field is None else "")
    Console(width=None if sys.stdout.isatty() else WIDE, highlight=False).print(table)
