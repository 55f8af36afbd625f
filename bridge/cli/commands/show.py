"""`virt-qm show`: the VM at a glance, and which thread serves what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .document import emit, entry
from .files import exit_code, guarded, keywords, print_findings, read, write
from .options import NewFile, fail_on_option, format_options, host_options, output_format_option, report_option, target_options

if TYPE_CHECKING:
    from ...show.subject import Subject


@click.command("show")
@format_options
@click.argument("file")
@host_options
@target_options
@report_option
@fail_on_option
@output_format_option
@click.option("--html", "page", type=NewFile(), metavar="FILE", help="Write a page instead; - is stdout.")
@click.option("--svg", type=NewFile(), metavar="FILE", help="Write the drawing alone; - is stdout.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def command(**given: Any) -> None:
    """The VM at a glance: which iothread serves which queues, and on which host CPUs its threads run.

    FILE is a config, a domain XML or a QEMU command line; XML and command lines are shown as they stand, with queue mappings that no config
    can say. --html writes one page that needs nothing else: the same as a drawing, the findings, the PCI devices of both stacks side by
    side, and the texts, without passwords and keys.

    \b
    Example:
      virt-qm show samples/iothreads.conf
    """
    file = given["file"]
    text = read(file)

    def look() -> Any:
        from ...show.subject import subject

        return subject(text, keywords(file, given))

    what = guarded(look)
    code = exit_code(what.findings, given["fail_on"])
    if given["output_format"] == "json":
        from ...show.plain import plain

        more = {"title": what.title, "picture": plain(what.picture), "advice": what.advice}
        emit("show", [entry(file, "held-back" if code else "done", what.findings, **more)])
    elif code == 0:
        _show(what, given)
    print_findings(what.findings, given, file)
    sys.exit(code)


def _show(what: Subject, given: dict[str, Any]) -> None:
    """A page, a drawing or both, as files; without them what a terminal can show."""
    if given["svg"] is None and given["page"] is None:
        from ...show.terminal import show

        show(what)
    if given["svg"] is not None:
        from ...show.drawing import alone

        _write(given["svg"], alone(what.picture, what.ids), given["force"])
    if given["page"] is not None:
        from ...show.page import page

        _write(given["page"], page(what), given["force"])


def _write(target: Path, text: str, force: bool) -> None:
    if str(target) == "-":
        sys.stdout.write(text)
    else:
        write(target, text, force)
