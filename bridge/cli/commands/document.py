"""`--output-format json`: what a command has to say as one JSON document on stdout, after schemas/output.schema.json."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from ...core.report import BridgeError, Finding
from .files import ascii_json


def entry(
    file: str, status: str, findings: Iterable[Finding] = (), output: object = None, error: BridgeError | None = None, **more: Any
) -> dict[str, Any]:
    """One VM. `status`: done, held-back (--fail-on), would (--dry-run) or refused. `output`: the file that is there now."""
    return {
        "file": file,
        "status": status,
        "output": None if output is None else str(output),
        "error": None if error is None else {"message": error.message, "where": error.where or file},
        "findings": [finding._asdict() for finding in findings],
        **more,
    }


def emit(command: str, entries: Iterable[dict[str, Any]]) -> None:
    """Print the document."""
    from ... import __version__

    print_json({"program": "virt-qm", "version": __version__, "command": command, "files": list(entries)})


def print_json(document: dict[str, Any]) -> None:
    """To stdout, whatever bytes are in it."""
    import msgspec

    click.echo(ascii_json(msgspec.json.format(msgspec.json.encode(_unicode(document)), indent=1)))


def _unicode(value: Any) -> Any:
    """Names of files, and what they hold, may be bytes that are not UTF-8; JSON cannot."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key: _unicode(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_unicode(each) for each in value]
    return value
