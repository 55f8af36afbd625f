"""What a fleet came to: how many of what, equal findings folded into one, and all of it as a document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from .. import __version__
from ..core.digest import TOGETHER
from ..core.literals import Format, Severity, Status
from ..core.report import SEVERITIES, Finding
from .work import Outcome

STATUSES: tuple[Status, ...] = ("converted", "up-to-date", "held-back", "refused")

UNGRADED: Any = ""
"""In place of a severity: an error, which is no finding, folded with its like."""

_OWN = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9]+")
"""MAC addresses, UUIDs and numbers: what differs between findings that say the same of several VMs."""


class Fold(msgspec.Struct):
    """Findings that say the same. `first` is the first of them, of `first_file`; `same`: all read exactly as it does;
    `one_hint`: and all say the same of what to do."""

    first: Finding
    first_file: str = ""
    count: int = 0
    files: int = 0
    same: bool = True
    one_hint: bool = True
    last_file: str = ""

    def add(self, finding: Finding, file: str) -> None:
        self.count += 1
        self.same = self.same and finding.said() == self.first.said()
        self.one_hint = self.one_hint and finding.hint == self.first.hint
        if file != self.last_file:
            self.files += 1
            self.last_file = file


def fold(found: Iterable[tuple[str, Finding]], folds: dict[tuple[str, str], Fold] | None = None) -> dict[tuple[str, str], Fold]:
    """(file, finding)s -> folds by kind and message, in the order in which they are met; of kinds that are told together, by kind."""
    folds = {} if folds is None else folds
    for file, finding in found:
        key = (finding.kind, "" if finding.kind in TOGETHER else _OWN.sub("0", finding.message))
        if key not in folds:
            folds[key] = Fold(finding if finding.where else finding._replace(where=file), file)
        folds[key].add(finding, file)
    return folds


class Summary:
    """Grows with every outcome. Keeps what was refused, the folds, and with `whole` a text of every outcome for the document."""

    def __init__(self, to: Format, whole: bool = False) -> None:
        self.to = to
        self.status: Counter[Status] = Counter()
        self.losing: Counter[Severity] = Counter()
        """Severity -> VMs with such a finding."""
        self.findings: Counter[str] = Counter()
        self.clean = 0
        """VMs without a finding."""
        self.folds: dict[tuple[str, str], Fold] = {}
        self.refused: dict[tuple[str, str], Fold] = {}
        self.interrupted = False
        self._texts: list[bytes] | None = [] if whole else None

    @property
    def total(self) -> int:
        return self.status.total()

    def add(self, outcome: Outcome) -> None:
        self.status[outcome.status] += 1
        if outcome.status == "refused":
            fold([(outcome.file, Finding("refused", UNGRADED, outcome.where or outcome.file, outcome.error or ""))], self.refused)
        else:
            severities = Counter(finding.severity for finding in outcome.findings)
            self.losing.update(severities.keys())
            self.findings.update(severities)
            self.clean += not severities
            fold(((outcome.file, finding) for finding in outcome.findings), self.folds)
        if self._texts is not None:
            self._texts.append(msgspec.json.encode(_plain(outcome)))

    def by_severity(self, severity: Severity) -> list[Fold]:
        """Most frequent first."""
        return sorted((fold for fold in self.folds.values() if fold.first.severity == severity), key=lambda fold: -fold.count)

    def document(self) -> bytes:
        """JSON after schemas/report.schema.json, a line for each file."""
        head = {
            "program": "virt-qm", "version": __version__, "to": self.to, "interrupted": self.interrupted,
            "summary": {
                "files": self.total, **{status.replace("-", "_"): self.status[status] for status in STATUSES},
                "without_findings": self.clean,
                "losing": {severity: self.losing[severity] for severity in SEVERITIES},
                "findings": {severity: self.findings[severity] for severity in SEVERITIES},
            },
        }  # fmt: skip
        return msgspec.json.encode(head)[:-1] + b',"files":[\n' + b",\n".join(self._texts or ()) + b"\n]}\n"


def _plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the document has it."""
    return {
        "file": _unicode(outcome.file), "status": outcome.status, "output": outcome.output and _unicode(outcome.output),
        "error": None if outcome.error is None else {"message": _unicode(outcome.error), "where": _unicode(outcome.where or "")},
        "findings": [{key: _unicode(text) for key, text in finding._asdict().items()} for finding in outcome.findings],
    }  # fmt: skip


def _unicode(text: str) -> str:
    """File names and messages may hold bytes that are not UTF-8; JSON cannot."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
