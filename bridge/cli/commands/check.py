"""`virt-qm check`."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from .files import exit_code, guarded, keywords, print_findings, read
from .options import host_options, input_options, report_options, target_options


@click.command("check")
@input_options
@host_options
@target_options
@report_options
def command(**given: Any) -> None:
    """Check configs, XML and command lines: grammar, schemas, and what hardly was meant.

    \b
    Example:
      virt-qm check samples/iothreads.conf
    """
    from ...operations.check import problems

    worst = 0
    for file in given["files"]:
        findings = guarded(partial(problems, read(file), keywords(file, given)))
        print_findings(findings, given["report_form"], file)
        worst = max(worst, exit_code(findings, given["fail_on"]))
    sys.exit(worst)
