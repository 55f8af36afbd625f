"""Findings for a terminal: a few lines a VM, worst first, with where, what and what to do; those of several VMs folded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..core.digest import TOGETHER, Line, digest, told
from ..core.report import HEADINGS, SEVERITIES, Finding, shown
from ..fleet.summary import Fold, fold

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..core.literals import Severity
    from ..fleet.summary import Summary

COLOURS = {"guest": "red", "data": "yellow", "host": "cyan", "note": "dim"}
MANY = 12
"""Folded findings of one severity that a summary shows; the report has them all."""
MARGIN = 9
"""Columns before the words of a finding: its severity."""
LONG = 400
"""Characters of a hint in a digest."""
REPORT = "--report FILE.json"


def console() -> Console:
    """stderr, in colour only on a terminal. Lines are not broken, so that they can be searched and copied."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_findings(findings: list[Finding], name: str, everything: bool = False) -> None:
    """To stderr: a line that names the VM, and a digest of what there is to know of it, or `everything`."""
    if not findings:
        return
    screen = console()
    lines, left = digest(findings)
    folded = left or len(lines) < len(findings)
    screen.print(_name(name, findings, "-v lists all" if folded and not everything else ""))
    if everything:
        for severity in SEVERITIES:
            group = [finding for finding in findings if finding.severity == severity]
            if group:
                screen.print(_heading(severity))
                for finding in group:
                    _print_line(screen, told(finding, 1), _place(finding))
        return
    for line in lines:
        alone = line.number == 1
        more = "" if alone or line.first.kind in TOGETHER else f" ({line.number - 1:,} more like it)"
        _print_line(screen, _short(line), _place(line.first) if alone else "", _severity(line.first.severity), more)
    if left:
        screen.print(f"  and {left:,} milder findings", style="dim")


def print_several(vms: list[tuple[str, list[Finding]]], everything: bool = False) -> None:
    """To stderr: what there is to know of several VMs; what is said of several alike is told once, with their names."""
    if everything or len(vms) == 1:
        for name, findings in vms:
            print_findings(findings, name, everything)
        return
    screen = console()
    folds = fold((name, finding) for name, findings in vms for finding in findings)
    if not folds:
        return
    total = [finding for _, findings in vms for finding in findings]
    screen.print(_name(f"{len(vms):,} VMs", total, "-v lists all, VM by VM"))
    _print_by_severity(screen, list(folds.values()), "-v")


def print_summary(summary: Summary) -> None:
    """To stderr: what to look at, worst first."""
    screen = console()
    if summary.refused:
        screen.print("Refused:", style="bold red")
        _print_folds(screen, sorted(summary.refused.values(), key=lambda fold: -fold.count))
    _print_by_severity(screen, list(summary.folds.values()))
    screen.print(_table(summary), soft_wrap=False)


def _print_by_severity(screen: Console, folds: list[Fold], all_of_them: str = REPORT) -> None:
    for severity in SEVERITIES:
        group = sorted((fold for fold in folds if fold.first.severity == severity), key=lambda fold: -fold.files)
        if group:
            screen.print(_heading(severity))
            _print_folds(screen, group, all_of_them)


def _print_folds(screen: Console, folds: list[Fold], all_of_them: str = REPORT) -> None:
    for each in folds[:MANY]:
        count = 1 if each.same and each.count == each.files else each.count  # said of all in the same words: these
        line = told(each.first, count, each.one_hint)
        _print_line(screen, _short(line), _vms(each), more=like_it(each))
    if len(folds) > MANY:
        screen.print(f"  and {len(folds) - MANY:,} more: {all_of_them} has them all", style="dim")


def _short(line: Line) -> Line:
    """In a digest: a hint that is a screen of arguments is told by its beginning."""
    if len(line.hint) <= LONG:
        return line
    return line._replace(hint=f"{line.hint[:LONG].rpartition(' ')[0]} ... (-v shows all of it)")


def _name(name: str, findings: list[Finding], hint: str) -> Text:
    """`debian.xml: 2 data, 5 note`"""
    from rich.text import Text

    count = Counter(finding.severity for finding in findings)
    text = Text(f"{shown(name)}: ", style="bold")
    text.append(", ".join(f"{count[severity]:,} {severity}" for severity in SEVERITIES if count[severity]), style="not bold")
    return text.append(f" ({hint})", style="dim not bold") if hint else text


def _heading(severity: Severity) -> Text:
    from rich.text import Text

    return Text(f"{HEADINGS[severity]} ({severity}):", style=f"bold {COLOURS[severity]}")


def _severity(severity: Severity) -> Text:
    from rich.text import Text

    return Text(f"{severity:<{MARGIN - 2}}", style=f"bold {COLOURS[severity]}")


def _place(finding: Finding) -> str:
    return f"{shown(finding.where)}: " if finding.where else ""


def _vms(fold: Fold) -> str:
    """Whose finding it is; of a refusal, its place."""
    if not fold.first.severity:
        return _place(fold.first)
    if fold.files == 1:
        return f"{shown(fold.first_file)}: "
    return f"{shown(fold.first_file)} and {fold.files - 1:,} more: "


def like_it(fold: Fold) -> str:
    """How often it is said, if not once for each VM and in the same words; of a refusal, how many there are."""
    if not fold.first.severity:
        return f" ({fold.count - 1:,} more in {fold.files:,} files)" if fold.count > 1 else ""
    if fold.first.kind in TOGETHER or (fold.count == fold.files and fold.same):
        return ""
    return f" ({fold.count - 1:,} more like it)"


def _print_line(screen: Console, line: Line, before: str, mark: Text | None = None, more: str = "") -> None:
    """One line; on a terminal words are broken at its width, and a hint, which may be a command, stands on a line that is not."""
    from rich.text import Text

    text = Text(f"{before}{shown(line.text)}")
    text.append(more, style="bold")
    hint = Text(f" -> {shown(line.hint)}", style="dim") if line.hint else Text()
    kind = Text(f" [{shown(line.first.kind)}]", style="dim") if line.first.severity else Text()
    margin = Text("  ") if mark is None else Text("  ") + mark
    if not screen.is_terminal or len(margin) + len(text) + len(hint) + len(kind) <= screen.width:
        screen.print(margin + text + hint + kind)
        return
    wide = max(screen.width - len(margin), 20)
    for n, part in enumerate((text + kind).wrap(screen, wide)):
        screen.print((margin if n == 0 else Text(" " * len(margin))) + part)
    if hint:
        screen.print(Text(" " * (len(margin) - 1)) + hint)


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
