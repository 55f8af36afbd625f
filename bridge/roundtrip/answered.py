"""What is told while our own XML is read, and is no news: its metadata, or the config that comes of it, is the answer."""

from __future__ import annotations

from ..core.report import Report

Told = set[tuple[str, str]]
"""(kind, message) of findings."""

REMEMBERED = frozenset(("stale-residue", "withheld"))
"""Kinds that tell of the metadata itself."""


def open_questions(report: Report) -> Told:
    """What reading told, as far as a config can be the answer."""
    return {(finding.kind, finding.message) for finding in report if finding.kind not in REMEMBERED}

