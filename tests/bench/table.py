"""The tables that `run` prints."""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path
from statistics import mean, median

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.bench import subjects
from tests.bench.cases import Case
from tests.bench.subjects import Times
from tests.corpus import SHARED

CONVERSIONS = {
    "config → argv": (subjects.config_to_argv, 2.5),
    "config → XML": (subjects.config_to_xml, 4.2),
    "config → XML, proved": (subjects.config_to_proved_xml, 9.5),
    "XML → config": (subjects.xml_to_config, 10),
    "XML without metadata → config": (subjects.bare_xml_to_config, 10),
}
"""What -> (what is measured, how often lxml's time is wanted at most)."""


def heading(cases: list[Case]) -> str:
    """What this was measured on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    cpu = next((line.split(":", 1)[1].strip() for line in info.split("\n") if line.startswith("model name")), platform.machine())
    what = "of the corpora" if SHARED else "of tests/cases"
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    python = f"Python {platform.python_version()} {'with' if optimised else 'without'} PGO"
    return f"{len(cases)} configs {what}; {cpu}, {len(os.sched_getaffinity(0))} CPUs, {python}"


def conversions(cases: list[Case], with_libvirt: bool) -> Table:
    """Ratios first: the median of each config's own ratio."""
    base = subjects.warm(subjects.lxml_parse_and_serialise, cases)
    native: Times = [None] * len(cases)
    define = native
    if with_libvirt:
        native, define = subjects.libvirt(cases)
    title = "Conversions in CPU time: medians over the configs; how often lxml's time, and how often it fits into libvirt's"
    table = _table(title, "x lxml", "native / it", "define / it", "ms", "wanted", "cold / warm")
    for name, (action, wanted) in CONVERSIONS.items():
        times = subjects.warm(action, cases)
        share = subjects.cold(action, cases) / mean(time for time in times if time is not None)
        row = ratio(times, base), ratio(native, times), ratio(define, times), number(middle(times))
        table.add_row(name, *row, f"≤ {wanted:g}", number(share))
    table.add_row("lxml parse + serialise", "1", "", "", number(middle(base)), "", "")
    refused = sum(each is None for each in native)
    for name, times in ((f"libvirt domxml-to-native{f' ({refused} refused)' if refused else ''}", native), ("libvirt define", define)):
        table.add_row(name, ratio(times, base), "", "", number(middle(times)), "", "")
    return table


def every_slot() -> Table:
    table = _table("A config with every slot taken: 47 disks, 32 cards, 16 PCI devices", "ms", "wanted")
    for name, time in subjects.every_slot().items():
        table.add_row(name, number(time), "≤ 6")
    return table


def start_up() -> Table:
    table = _table("Start-up of the command, in CPU time", "ms above bare Python", "wanted", "ms")
    bare = subjects.start_up_bare()
    for name, time, wanted in (
        ("virt-qm --version", subjects.start_up_version(), 25),
        ("virt-qm to-xml, one config", subjects.start_up_conversion(), 85),
    ):
        table.add_row(name, f"{time - bare:.0f}", f"≤ {wanted}", f"{time:.0f}")
    table.add_row("python -c pass", "", "", f"{bare:.0f}")
    return table


def fleet(count: int) -> Table:
    table = _table(f"A fleet of {count:,} configs, with files read and written", "configs/s", "wanted", "peak MiB", "wanted")
    for command, wanted in (("to-xml", "1,400"), ("to-argv", "2,200")):
        found = subjects.fleet_run(count, command)
        speed, peak = f"{count / found.seconds:,.0f}", f"{found.peak:,.0f}"
        table.add_row(f"virt-qm {command} DIR -o DIR", speed, f"≥ {wanted} (2 CPUs)", peak, "< 200")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def show(console: Console, *tables: Table) -> None:
    for table in tables:
        console.print(table)


def ratio(times: Times, base: Times) -> str:
    """The median of time / base, case by case."""
    found = [time / other for time, other in zip(times, base, strict=True) if time and other]
    return number(median(found)) if found else "-"


def middle(times: Times) -> float | None:
    found = [time for time in times if time is not None]
    return median(found) if found else None


def number(value: float | None) -> str:
    """Three digits that count."""
    return "-" if value is None else f"{value:.3g}"
