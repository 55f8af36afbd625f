"""Many inputs: how `to-xml`, `to-conf` and `to-argv` convert them with a bar, a summary and a report."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .files import (
    CANNOT,
    FAILED_ON,
    ascii_json,
    complain,
    form_of,
    guarded,
    host,
    located,
    print_findings,
    report_file,
    say_held_back,
    write,
)  # fmt: skip

if TYPE_CHECKING:
    from ...core.literals import Format
    from ...fleet.summary import Summary

INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell gives it."""


def is_fleet(given: dict[str, Any]) -> bool:
    return len(given["files"]) > 1 or given["resume"] or Path(given["files"][0]).is_dir()


def run(to: Format, given: dict[str, Any]) -> NoReturn:
    """Convert them all; one that cannot be does not keep the others from it."""
    _usage(given)
    from ...fleet.summary import Summary

    as_json = given["output_format"] == "json"
    summary = Summary(to, whole=as_json or report_file(given) is not None)
    _convert(to, given, summary)
    _tell(summary, given)
    if summary.interrupted:
        click.echo("interrupted: every file that is there is whole; --resume does the rest", err=True)
    write_report(summary, given)
    if as_json:
        click.echo(ascii_json(summary.document()), nl=False)
    if summary.interrupted:
        sys.exit(INTERRUPTED)
    sys.exit(CANNOT if summary.status["refused"] else FAILED_ON if summary.status["held-back"] else 0)


def _tell(summary: Summary, given: dict[str, Any]) -> None:
    """To stderr: the summary; where findings are not wanted, what kept inputs from becoming files, as it is said of a single one."""
    from ..render import MANY, REPORT, like_it, print_summary

    form = form_of(given)
    if form in ("text", "all"):
        print_summary(summary)
    elif form == "none" and given["output_format"] != "json":
        refused = sorted(summary.refused.values(), key=lambda fold: -fold.count)
        for each in refused[:MANY]:
            complain(f"{each.first.where}: {each.first.message}{like_it(each)}")
        if len(refused) > MANY:
            click.echo(f"and {len(refused) - MANY:,} more errors: {REPORT} has them all", err=True)
        if summary.status["held-back"]:
            say_held_back(given, f"{summary.status['held-back']:,} of {summary.total:,} files were not written")


def _usage(given: dict[str, Any]) -> None:
    if given["output"] is None or given["output"].is_file():
        raise click.UsageError("several inputs need -o DIR, a directory")
    if "-" in given["files"]:
        raise click.UsageError("stdin cannot be one of several inputs")
    if given.get("vmid"):
        raise click.UsageError("several inputs cannot share one --vmid: name the files VMID.conf or VMID.xml")
    if given.get("hook") or given.get("form") == "qm-create":
        raise click.UsageError("--hook and --as qm-create are for one input")


def _convert(to: Format, given: dict[str, Any], summary: Summary) -> None:
    from ...fleet import convert_fleet, inputs

    files = guarded(lambda: inputs(map(located, given["files"]), given["source"]))
    names = ("source", "libvirt", "qemu", "machine", "args", "snapshot", "started_in")
    keywords = {name: given[name] for name in names if given.get(name) is not None}
    switches = ("keep_layout", "pretty", "trust_metadata", "node_paths", "clean")
    keywords |= {name: True for name in switches if given.get(name)}  # as the API's defaults: see Job.of
    if given.get("no_metadata"):
        keywords["metadata"] = False
    ways = {name: given[name] for name in ("jobs", "force", "resume", "fail_on")} | {"first_vmid": given.get("first")}

    def all_of_them() -> None:
        with _progress(len(files)) as advance, _interruptible():
            for outcome in convert_fleet(files, to, given["output"], host=host(given, files), **ways, **keywords):
                summary.add(outcome)
                advance()
                if form_of(given) in ("json", "all"):
                    print_findings(outcome.findings, given, outcome.file, outcome.error)

    try:
        guarded(all_of_them)
    except KeyboardInterrupt:
        summary.interrupted = True


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end a fleet as Ctrl-C does."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A bar on a terminal, nothing anywhere else. It has no thread, as processes are forked beside it."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from time import monotonic

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ..render import console

    columns = (TextColumn("converting"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=console(), transient=True, auto_refresh=False) as bar:
        task, start, shown, done = bar.add_task("", total=total), monotonic(), 0.0, 0

        def advance() -> None:
            nonlocal shown, done
            done += 1
            if monotonic() - shown > INTERVAL:
                shown = monotonic()
                bar.update(task, completed=done, description=f"{done / (shown - start):,.0f}/s", refresh=True)

        yield advance


INTERVAL = 0.1
"""Seconds between two pictures of the bar."""


def write_report(summary: Summary, given: dict[str, Any]) -> None:
    """Write --report FILE.json; one that is there is replaced."""
    file = report_file(given)
    if file is not None:
        write(file, summary.document().decode(), force=True)
