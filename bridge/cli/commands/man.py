"""`virt-qm man`: the manual."""

from __future__ import annotations

import click


@click.command("man")
@click.pass_context
def command(context: click.Context) -> None:
    """The man page virt-qm(1), for `man -l -`. A package puts it where man looks by itself.

    \b
    Example:
      virt-qm man | man -l -
    """
    from ..manual import page

    root = context.find_root().command
    assert isinstance(root, click.Group)
    click.echo(page(root), nl=False)
