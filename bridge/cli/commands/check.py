"""`virt-qm check`."""

from __future__ import annotations

import sys
from typing import Any

import click

from ...core.report import BridgeError
from .document import emit, entry
from .files import CANNOT, complain, content, exit_code, expanded, keywords, name_of, print_several
from .options import host_options, input_options, report_options, target_options


@click.command("check")
@input_options
@host_options
@target_options
@report_options
def command(**given: Any) -> None:
    """Check configs, XML and command lines: grammar, schemas, what hardly was meant, and advice for iothreads.

    One that cannot be read does not keep the others from it. A directory stands for the *.conf and *.xml in it.

    \b
    Example:
      virt-qm check samples/iothreads.conf
    """
    from ...operations.check import problems

    found, entries, failed = [], [], False
    for file in expanded(given):
        try:
            findings = problems(content(file), keywords(file, given))
        except BridgeError as error:
            error = error.within(name_of(file))
            complain(error)
            entries.append(entry(file, "refused", error=error))
            failed = True
        else:
            found.append((file, findings))
            entries.append(entry(file, "held-back" if exit_code(findings, given["fail_on"]) else "done", findings))
    print_several(found, given)
    if given["output_format"] == "json":
        emit("check", entries)
    worst = max((exit_code(findings, given["fail_on"]) for _, findings in found), default=0)
    sys.exit(CANNOT if failed else worst)
