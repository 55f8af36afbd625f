"""`virt-qm completion`: scripts for shells."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """A script that completes commands, options and names in a shell. A package puts it where the shell looks by itself.

    \b
    Example:
      virt-qm completion bash > ~/.local/share/bash-completion/completions/virt-qm
    """
    from ..completion import script

    click.echo(script(shell, context.find_root().command), nl=False)
