"""What is told while our own XML is read, and is no news: its metadata, or the config that comes of it, is the answer."""

from __future__ import annotations

from ..host.facts import HostFacts
from ..model.vm import VM
from ..report import Report
from .resolve import ostype

Told = set[tuple[str, str]]
"""(kind, message) of findings."""

REMEMBERED = frozenset(("restored", "stale-residue"))
"""Kinds that tell of the metadata itself."""
TAKES = "the VM takes the device {} of the host it runs on"
"""What reading says of each host device."""


def open_questions(report: Report) -> Told:
    """What reading told, as far as a config can be the answer."""
    return {(finding.kind, finding.message) for finding in report if finding.kind not in REMEMBERED}


def foreseen(after: VM, host: HostFacts) -> Told:
    """What reading the XML of `after`, a VM as the target takes it, tells whatever else it says: known without writing it.

    Law: no more than reading it does tell; what is missing here costs time, and nothing else."""
    told = {(ostype.KIND, ostype.message(ostype.judge(after, host)))} if after.cpu.runningcpu is None else set()
    for device in after.hostpcis:
        if device.mdev is None:
            told.update(("ambiguous", TAKES.format(function)) for function in device.ids or ())
    return told
