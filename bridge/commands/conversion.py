"""What `to-xml`, `to-conf` and `to-argv` have in common: one input to one output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..files import SUFFIX
from .files import exit_code, guarded, keywords, print_findings, read, write

if TYPE_CHECKING:
    from ..convert import Result


def run(to: str, given: dict[str, Any]) -> None:
    """Convert the inputs one by one; several need -o DIR."""
    files, output = given["files"], given["output"]
    if len(files) > 1 and (output is None or not output.is_dir()):
        raise click.UsageError("several inputs need -o DIR (an existing directory)")
    worst = 0
    for file in files:
        result = _converted(file, to, given)
        print_findings(result.findings, given["report_form"], file)
        code = exit_code(result.findings, given["fail_on"])
        worst = max(worst, code)
        if code == 0:
            _deliver(_document(result, to, given), file, to, output, given["force"])
    sys.exit(worst)


def _converted(file: str, to: str, given: dict[str, Any]) -> Result:
    from ..convert import convert

    text, words = read(file), keywords(file, given)
    return guarded(lambda: convert(text, to, **words))


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
