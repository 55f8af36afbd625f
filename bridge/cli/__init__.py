"""The command. It finds the module of the command that was asked for; the rest of them is not imported."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from .. import __version__

COMMANDS = {
    "check": "check",
    "completion": "completion",
    "define": "define",
    "diff": "diff",
    "explain": "explain",
    "import": "dumpxml",
    "man": "man",
    "move": "move",
    "options": "option_table",
    "pin": "pin",
    "plan": "plan",
    "show": "show",
    "state": "state",
    "to-argv": "to_argv",
    "to-conf": "to_conf",
    "to-xml": "to_xml",
}
"""Command -> module of `bridge.commands` that has it, as a click command named `command`; imported when it is called."""


class Commands(click.Group):
    """The commands of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f".commands.{COMMANDS[cmd_name]}", __package__).command
        return command

    def main(self, *args: Any, **extra: Any) -> Any:
        """What stands in no file of its own to blame is the output: a full disk behind `>`, a reader that is gone."""
        if sys.stdout is None:  # closed by the caller: what is written to it goes nowhere, and not into a file that gets its number
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        gc.set_threshold(20_000, 50, 100)  # modules stay, and trees are many small objects: a twentieth of a command was collecting
        try:
            try:
                return super().main(*args, **extra)
            finally:
                sys.stdout.flush()
        except OSError as error:
            _give_up(error)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)


def _give_up(error: OSError) -> NoReturn:
    """At most one line, and exit code 1; what is buffered for stdout is dropped, as Python would try it once more."""
    from ..core.report import shown

    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), 1)
        if not isinstance(error, BrokenPipeError):  # nobody wants to hear of `| head`
            click.echo(f"error: {shown(str(error.filename or 'the output'))}: {error.strerror or error}", err=True)
    except OSError:
        pass  # nor is there anybody to tell
    sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="virt-qm")
def main() -> None:
    """Translate virtual machines between Proxmox VE's qemu-server, libvirt and QEMU, so that the guest cannot tell.

    FILE is a VMID.conf, a domain XML, `-` for stdin, or on a Proxmox VE node the id of a VM. Findings go to stderr: nothing is
    dropped without one.

    \b
    Exit codes:
      0    done
      1    an input cannot be converted; of several, the others are done
      2    wrong usage
      3    a finding is at or above --fail-on: nothing was written for that input
      130  interrupted; every file that is there is whole
    """


if __name__ == "__main__":
    main()
