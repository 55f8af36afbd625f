"""`virt-qm to-argv --by libvirt`: one input to the command line that libvirt runs."""

from __future__ import annotations

import sys
from typing import Any

import click

from .files import exit_code, guarded, keywords, print_findings, read, say_held_back, write


def run(given: dict[str, Any]) -> None:
    """Ask libvirt for one VM's command line."""
    if len(given["files"]) != 1 or (given["output"] is not None and given["output"].is_dir()):
        raise click.UsageError("--by libvirt takes one input, and -o a file")
    file = given["files"][0]
    text, words = read(file), keywords(file, given)
    document, findings = guarded(lambda: _asked(text, words))
    print_findings(findings, given, file)
    code = exit_code(findings, given["fail_on"])
    if code == 0 and given["output"] is not None:
        write(given["output"], document, given["force"])
    elif code == 0:
        sys.stdout.write(document)
    else:
        say_held_back(given)
    sys.exit(code)


def _asked(text: bytes, words: dict[str, Any]) -> tuple[str, list[Any]]:
    """(document, findings of the conversion to XML if there was one)."""
    from ...convert import argv_text, convert, detect
    from ...guest.native import Embedded

    findings: list[Any] = []
    xml: bytes | str = text
    if (words["source"] or detect(text)) != "xml":
        result = convert(text, "xml", **words)
        xml, findings = result.text, result.findings
    with Embedded() as libvirt:
        return argv_text(libvirt.native(xml, fit=False).words), findings
