"""`virt-qm explain`: what a kind of finding means."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from .files import guarded
from .options import ParamType


class KindName(ParamType):
    """A key of `report.KINDS`, checked where it is explained, so that a near one can be named."""

    name = "KIND"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        from ...core.report import KINDS

        return [CompletionItem(kind, help=meaning) for kind, (_, meaning) in KINDS.items() if kind.startswith(incomplete)]


@click.command("explain")
@click.argument("kinds", nargs=-1, metavar="[KIND]...", type=KindName())
def command(kinds: tuple[str, ...], **_: Any) -> None:
    """What a kind of finding means, and what to do about it.

    A finding ends with its kind: [storage-unknown]. Without KIND, all of them are listed, most severe first.

    \b
    Example:
      virt-qm explain storage-unknown
    """
    from ...core.explain import explained
    from ...core.report import KINDS

    if not kinds:
        width = max(map(len, KINDS))
        for name, (severity, meaning) in KINDS.items():
            click.echo(f"{severity:5}  {name:{width}}  {meaning}")
    for number, kind in enumerate(kinds):
        text = guarded(lambda kind=kind: explained(kind))  # type: ignore[misc]
        click.echo(("\n" if number else "") + wrapped(text), nl=False)


def wrapped(text: str) -> str:
    """Paragraphs that fit into 80 columns."""
    from textwrap import fill

    return "\n\n".join(fill(paragraph, 80) for paragraph in text.rstrip("\n").split("\n\n")) + "\n"
