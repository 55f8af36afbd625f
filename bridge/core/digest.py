"""What is said of a VM at first: a few lines, worst first. Findings of one kind that nobody reads one by one are told together; when there
are still too many, the mildest kinds with the most findings are counted, too. Only kinds and severities are looked at, never words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .report import SEVERITIES, Finding

MOST = 9
"""Lines of findings of one VM; with the line that names it, ten."""


class Together(NamedTuple):
    """What several findings of a kind come to; `{n}` stands for how many they are. `hint`: what to do; none: as they
    say, if all say the same."""

    text: str
    hint: str = ""


TOGETHER: dict[str, Together] = {
    "moved": Together(
        "{n} devices, ports and controllers stand elsewhere: names that the guest makes of places change, those of network cards too",
        "--keep-layout keeps what a config can",
    ),
    "by-args": Together("{n} things stand in args, which only root may set"),
    "iothread-lost": Together("{n} details of iothreads have no place there", "virt-qm show draws what there was; --hook keeps pins"),
    "assumed": Together("{n} facts of the host are not known, the most usual are taken", "--host DIR or --host-fact KEY=VALUE"),
    "host-state": Together("{n} settings belong to the host that ran the domain and are left behind"),
    "normalised": Together("{n} settings are written differently and mean the same"),
    "added": Together("qemu-server gives the guest {n} things more"),
    "pins": Together("{n} threads have host CPUs of their own, which no command line can say"),
}
"""Kind -> what its findings are told as when there are several."""


class Line(NamedTuple):
    """One line: the first finding of it, how many it stands for, and its words. More than one and no `Together`: the first one's words."""

    first: Finding
    number: int
    text: str
    hint: str


def line(found: list[Finding]) -> Line:
    """Findings of one kind as one line."""
    return told(found[0], len(found), all(finding.hint == found[0].hint for finding in found))


def told(first: Finding, count: int, one_hint: bool = False) -> Line:
    """`count` findings of the kind of `first`. `one_hint`: all of them say the same of what to do."""
    together = TOGETHER.get(first.kind) if count > 1 else None
    if together is None:
        return Line(first, count, first.message, first.hint)
    return Line(first, count, together.text.format(n=f"{count:,}"), together.hint or (first.hint if one_hint else ""))


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first, and as they came otherwise."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def digest(findings: Iterable[Finding], most: int = MOST) -> tuple[list[Line], int]:
    """(at most so many lines, how many findings stand in none of them)."""
    kinds: dict[str, list[Finding]] = {}
    for finding in by_severity(findings):
        kinds.setdefault(finding.kind, []).append(finding)
    single = {kind for kind in kinds if kind not in TOGETHER}

    def length() -> int:
        return sum(len(kinds[kind]) if kind in single else 1 for kind in kinds)

    rank = {kind: (SEVERITIES.index(found[0].severity), len(found), n) for n, (kind, found) in enumerate(kinds.items())}
    while length() > most and single:
        single.remove(max(single, key=rank.__getitem__))
    lines = list(_lines(kinds, single))
    if len(lines) > most:
        most -= 1  # for the line that says how many are left
    return lines[:most], sum(each.number for each in lines[most:])


def _lines(kinds: dict[str, list[Finding]], single: set[str]) -> Iterator[Line]:
    for kind, found in kinds.items():
        if kind in single:
            yield from (line([finding]) for finding in found)
        else:
            yield line(found)
