"""The command. It reads and writes files; everything behind it is pure."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .commands.files import exit_code, guarded, keywords, print_findings, read, write
from .commands.options import host_options, input_options, output_options, report_options, target_options

if TYPE_CHECKING:
    from .convert import Result

SUFFIX = {"xml": ".xml", "conf": ".conf", "argv": ".cmd"}
COMMANDS = {
    "define": "define",
    "pin": "pin",
}
"""Command -> module of `bridge.commands` that has it, as a click command named `command`; imported when it is called."""


class Commands(click.Group):
    """The commands of this module and those of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f".commands.{COMMANDS[cmd_name]}", __package__).command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="virt-qm")
def main() -> None:
    """Translate virtual machines between Proxmox VE's qemu-server, libvirt and QEMU, so that the guest cannot tell.

    FILE is a VMID.conf, a domain XML or `-` for stdin. Findings go to stderr: nothing is dropped without one.
    """


@main.command("to-xml")
@input_options
@host_options
@target_options
@output_options
@report_options
@click.option("--no-metadata", is_flag=True, help="Leave out what only qemu-server understands.")
@click.option("--snapshot", metavar="NAME", help="The VM as it was at this snapshot.")
def to_xml(**given: Any) -> None:
    """Domain XML for libvirt.

    \b
    Example:
      virt-qm to-xml samples/iothreads.conf
    """
    _run("xml", given)


@main.command("to-conf")
@input_options
@host_options
@target_options
@output_options
@report_options
@click.option("--as", "form", type=click.Choice(["file", "qm-create"]), default="file", help="A VMID.conf, or a `qm create` command line.")
def to_conf(**given: Any) -> None:
    """A qemu-server config.

    \b
    Example:
      virt-qm to-xml samples/iothreads.conf | virt-qm to-conf -
    """
    _run("conf", given)


@main.command("to-argv")
@input_options
@host_options
@target_options
@output_options
@report_options
@click.option("--pretty", is_flag=True, help="Add a comment with what no command line can carry (pins).")
@click.option("--snapshot", metavar="NAME", help="The VM as it was at this snapshot.")
def to_argv(**given: Any) -> None:
    """The command line that qemu-server would run.

    \b
    Example:
      virt-qm to-argv --host-fact qemu_server=rfc-iothreads samples/iothreads.conf
    """
    _run("argv", given)


@main.command()
@input_options
@host_options
@target_options
@report_options
def check(**given: Any) -> None:
    """Check configs and XML: grammar, schemas, and what hardly was meant.

    \b
    Example:
      virt-qm check samples/iothreads.conf
    """
    from .check import problems

    worst = 0
    for file in given["files"]:
        findings = guarded(partial(problems, read(file), keywords(file, given)))
        print_findings(findings, given["report_form"], file)
        worst = max(worst, exit_code(findings, given["fail_on"]))
    sys.exit(worst)


def _run(to: str, given: dict[str, Any]) -> None:
    """Convert the inputs one by one; several need -o DIR."""
    files, output = given["files"], given["output"]
    if len(files) > 1 and (output is None or not output.is_dir()):
        raise click.UsageError("several inputs need -o DIR (an existing directory)")
    worst = 0
    for file in files:
        result = guarded(partial(_convert, read(file), to, keywords(file, given)))
        print_findings(result.findings, given["report_form"], file)
        code = exit_code(result.findings, given["fail_on"])
        worst = max(worst, code)
        if code == 0:
            _deliver(_document(result, to, given), file, to, output, given["force"])
    sys.exit(worst)


def _convert(text: bytes, to: str, keywords: dict[str, Any]) -> Result:
    from .convert import convert

    return convert(text, to, **keywords)


def _document(result: Result, to: str, given: dict[str, Any]) -> str:
    if to == "argv" and given.get("pretty"):
        notes = [f"# {finding.message}" for finding in result.findings if finding.kind == "pins"]
        return result.text + "".join(note + "\n" for note in notes)
    return result.text


def _deliver(text: str, file: str, to: str, output: Path | None, force: bool) -> None:
    """Print, or write the file whole."""
    if output is None:
        sys.stdout.write(text)
        return
    target = output / (Path(file).stem + SUFFIX[to]) if output.is_dir() else output
    write(target, text, force)


if __name__ == "__main__":
    main()
