"""The manual of a few small commands, whole: as roff, with what is said once for all of them."""

from __future__ import annotations

import click
import pytest

from bridge.cli.manual import page
from tests.sheets.sheet import check

SHARED = click.option("--shared", metavar="WHAT", help="Said by three.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("1.0")
def main() -> None:
    """A program that does things.

    It does a second thing, too.

    \b
    Exit codes:
      0    done
    """


@main.command()
@SHARED
@click.option("--own", is_flag=True, help="One's own: `quoted`, ~ and ^ and \\.")
@click.argument("files", nargs=-1)
def one(**_: object) -> None:
    """The first.

    .TH is no request here.
    """


@main.command()
@SHARED
def two(**_: object) -> None:
    """The second."""


@main.command()
@SHARED
@click.option("--own", is_flag=True, help="Said by one more.")
def three(**_: object) -> None:
    """'Quoted' at its start."""


@pytest.mark.parametrize(
    "part",
    [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        "COMMON OPTIONS",
        "HOST FACTS",
        "FINDINGS",
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
        "SEE ALSO",
    ],
)
def test_a_part_of_the_manual(part: str) -> None:
    parts = page(main).split("\n.SH ")
    (found,) = (each for each in parts if each.startswith(f"{part}\n"))
    lines = found.split("\n")
    check("manual", part, lines[:40] if part in ("HOST FACTS", "FINDINGS") else lines)


def test_the_head_and_the_parts_of_the_manual() -> None:
    head, *parts = page(main).split("\n.SH ")
    assert head.startswith('.TH VIRT-QM 1 "" "virt-qm ')
    assert head.endswith('" "User Commands"')
    check("manual", "parts", [each.split("\n")[0] for each in parts])
