"""A config that comes out of an XML, and what it means when it is read again."""

from __future__ import annotations

from collections.abc import Set
from functools import cached_property

from msgspec.structs import replace

from ..core.report import BridgeError, Finding, Line, NullReport, Report
from ..core.shellwords import quote, split
from ..libvirt.tree.node import Node
from ..model.vm import VM
from ..passes.resolve.cpu import tell_missing
from ..paths.request import Request
from ..paths.steps import completed, domain_of, read_conf
from ..qemuserver.limits import Doubt, doubts
from ..qemuserver.write import checked_file
from .documents import Atoms, atoms

LOSSES = frozenset(("fallback", "guest-changed", "guest-lost", "lint", "refused", "resource-unknown"))
"""Kinds of findings that say that a domain is not what its config asks for, or that nobody here knows whether it is."""

FILE = "the config"
"""Its name in findings."""


class Config:
    """`text` is the whole file, `parsed` what it reads back as, `said` its VM. Raises BridgeError if no config can hold the values."""

    def __init__(self, values: dict[str, str], description: str | None, request: Request, sections: str = "") -> None:
        self.values = values
        self.description = description
        self.sections = sections
        self.request = request
        self.text, self.parsed = checked_file(values, description, sections)
        self.said = read_conf(self.parsed, replace(request, file=FILE, snapshot=None), NullReport())[1]
        self.refusal: BridgeError | None = None
        """Why qemu-server would not run it."""

    @cached_property  # without: 1 % more calls from XML
    def doubts(self) -> list[Doubt]:
        """What qemu-server does not check, and its API would refuse. Asked when it is tried, and when it is told."""
        return doubts(self.parsed)

    @cached_property  # without: 6 % more calls from XML
    def after(self) -> VM | None:
        """The machine that qemu-server would run, None if it would refuse it."""
        try:
            return completed(self.said, self.request, NullReport())
        except BridgeError as error:
            self.refusal = error
            return None

    @cached_property  # without: 30 % more calls from XML with metadata
    def _written(self) -> tuple[Node | None, dict[Finding, object]]:
        report = Report()
        tell_missing(self.said, self.request.host, report)  # `after` is made in silence
        try:
            tree = domain_of(self.said, self.request, report, self.after)[1]
        except BridgeError:
            return None, {}
        return tree, {finding._replace(where=""): where for finding, where in report.places() if finding.kind in LOSSES}

    @property
    def tree(self) -> Node | None:
        """The domain that this config gives, None if it gives none."""
        return self._written[0]

    @cached_property  # without: 9 % more calls from XML with metadata
    def atoms(self) -> Atoms:
        """All that this domain says; nothing if there is none. The gate asks for each claim anew."""
        return frozenset() if self.tree is None else atoms(self.tree)

    @property
    def losses(self) -> Set[Finding]:
        """What the guest would miss in that domain, wherever it stands."""
        return self._written[1].keys()

    def losers(self, losses: Set[Finding]) -> set[str]:
        """The keys whose lines these are about."""
        lines = {place.number for loss, place in self._written[1].items() if loss in losses and isinstance(place, Line)}
        return {key for key, entry in self.parsed.main.entries.items() if entry.line in lines}

    def with_sections(self, sections: str) -> Config:
        """The same with other sections behind."""
        return Config(self.values, self.description, self.request, sections)

    def with_words(self, words: list[str]) -> str:
        """The file with more words of `args`."""
        values = {**self.values, "args": quote([*split(self.values.get("args", "")), *words])}
        return checked_file(values, self.description, self.sections)[0]
