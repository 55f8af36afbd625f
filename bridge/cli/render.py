"""Findings for a terminal: grouped by severity, one line each with where, what and what to do; those of a fleet folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.report import HEADINGS, SEVERITIES, Finding, shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..fleet.summary import Fold, Summary

COLOURS = {"guest": "red", "data": "yellow", "host": "cyan", "note": "dim"}
MANY = 12
"""Folded findings of one severity that a summary shows; the report has them all."""


def console() -> Console:
    """stderr, in colour only on a terminal. Lines are not broken, so that they can be searched and copied."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_findings(findings: list[Finding]) -> None:
    """To stderr."""
    if not findings:
        return
    screen = console()
    for severity in SEVERITIES:
        group = [finding for finding in findings if finding.severity == severity]
        if group:
            screen.print(_heading(severity))
            for finding in group:
                screen.print(_line(finding))


def print_summary(summary: Summary) -> None:
    """To stderr: what to look at, most important last, where a terminal shows it."""
    screen = console()
    for severity in reversed(SEVERITIES):
        folds = summary.by_severity(severity)
        if folds:
            screen.print(_heading(severity))
            _print_folds(screen, folds)
    if summary.refused:
        screen.print("Refused:", style="bold red")
        _print_folds(screen, sorted(summary.refused.values(), key=lambda fold: -fold.count))
    screen.print(_table(summary), soft_wrap=False)


def _print_folds(screen: Console, folds: list[Fold]) -> None:
    for fold in folds[:MANY]:
        screen.print(_folded(fold))
    if len(folds) > MANY:
        screen.print(f"  and {len(folds) - MANY:,} more: --report FILE.json has them all", style="dim")


def _heading(severity: str) -> Text:
    from rich.text import Text

    return Text(f"{HEADINGS[severity]} ({severity}):", style=f"bold {COLOURS[severity]}")


def _line(finding: Finding, more: str = "") -> Text:
    from rich.text import Text

    where = f"{shown(finding.where)}: " if finding.where else ""
    line = Text(f"  {where}{shown(finding.message)}")
    if more:
        line.append(more, style="bold")
    if finding.hint:
        line.append(f" -> {shown(finding.hint)}", style="dim")
    if finding.severity:
        line.append(f" [{shown(finding.kind)}]", style="dim")
    return line


def _folded(fold: Fold) -> Text:
    if fold.count == 1:
        return _line(fold.first)
    alike = "" if fold.same else " like it"
    others = f"{fold.count - 1:,} more{alike}"
    if fold.files > 1:
        others += f" in {fold.files:,} files"
    return _line(fold.first, f" ({others})")


def _table(summary: Summary) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "VMs", "findings"):
        table.add_column(heading, justify="right" if heading else "left")

    def row(what: str, number: int, findings: int | None = None, style: str = "") -> None:
        table.add_row(what, f"{number:,}", "" if findings is None else f"{findings:,}", style=style if number else "dim")

    done = summary.status["converted"] + summary.status["up-to-date"]
    row("converted", done, style="bold")
    if summary.status["up-to-date"]:
        row("  up to date before", summary.status["up-to-date"])
    for severity in SEVERITIES:
        row(f"  {severity}: {HEADINGS[severity].lower()}", summary.losing[severity], summary.findings[severity], COLOURS[severity])
    row("  nothing to say", summary.clean)
    if summary.status["held-back"]:
        row("held back (--fail-on)", summary.status["held-back"], style="yellow")
    row("refused", summary.status["refused"], style="bold red")
    return table
