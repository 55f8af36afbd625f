"""Findings for a terminal: grouped by severity, one line each with where, what and what to do."""

from __future__ import annotations

from .report import SEVERITIES, Finding

COLOURS = {"guest": "red", "data": "yellow", "host": "cyan", "note": "dim"}
HEADINGS = {
    "guest": "The guest will see",
    "data": "To copy or convert",
    "host": "Host policy or speed",
    "note": "Good to know",
}


def print_findings(findings: list[Finding]) -> None:
    """To stderr, in colour only on a terminal."""
    if not findings:
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for severity in SEVERITIES:
        group = [finding for finding in findings if finding.severity == severity]
        if not group:
            continue
        console.print(Text(f"{HEADINGS[severity]} ({severity}):", style=f"bold {COLOURS[severity]}"))
        for finding in group:
            where = f"{finding.where}: " if finding.where else ""
            hint = f" -> {finding.hint}" if finding.hint else ""
            console.print(Text(f"  {where}{finding.message}").append(hint, style="dim"))
