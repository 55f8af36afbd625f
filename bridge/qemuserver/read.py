"""A config -> the VM as it is said; nothing is filled in."""

from __future__ import annotations

from itertools import chain

from ..core.report import BridgeError, Line, Report
from ..data.options import SECRETS
from ..model.vm import VM
from .kinds import KINDS
from .limits import Doubt, doubts, infinite
from .section import ConfigSection
from .setting import characters
from .text import ConfigText, Problem

HINTS = {
    "line": "write `key: value`, without blanks before the key or the colon",
    "value": "mend the value; qemu-server ignores the line as it is",
    "place": "move it under [PENDING]",
    "section": "name a snapshot, or remove the section",
    "duplicate": "remove one of the lines",
    "swallowed": "remove the snapstate text",
    "bom": "the file begins with a byte order mark: save it without",
    "quotes": "put the quotes around single words",
    "restore": "remove it, unless the file comes out of a backup",
}
KEY_HINTS = {"iothreads": "affinity= holds one CPU or one range: write it as iothreads: 4,affinity=2-6"}
"""What else to do about a value of this key."""
FINDINGS = {
    "duplicate": "lint", "swallowed": "lint", "quotes": "lint", "percent": "lint", "restore": "lint", "aside": "metadata-only",
    "blank": "normalised",
}  # fmt: skip
"""Kind of a problem or doubt -> kind of the finding; all others are lines that are dropped."""
GUESSES = 10
"""Unknown keys for which a near one is looked for, which takes as long as reading some hundred lines."""


def read(config: ConfigText, vmid: int, file: str, report: Report, snapshot: str | None = None, checked: bool = False) -> VM:
    """The VM of the main section, or of one snapshot. Raises BridgeError if there is no such snapshot.

    `checked`: what qemu-server lets pass when it loads a file, and no other program should be given, is a BridgeError too.
    """
    part = config.main
    if snapshot is not None:
        if snapshot not in config.snapshots:
            known = ", ".join(config.snapshots) or "none"
            raise BridgeError(f"snapshot '{snapshot}' does not exist: the config has {known}", file)
        part = config.snapshots[snapshot]
    guesses = GUESSES
    for problem in chain(config.problems, config.notes):
        guesses -= problem.kind == "unknown"
        _tell(problem, file, report, guess=guesses >= 0)
    if checked:
        _check(config, file, report, snapshot)
    elif (beyond := infinite(part)) is not None:
        raise BridgeError(beyond.message, Line(file, beyond.line))
    section = ConfigSection(part.entries, file, report, part.description)
    vm = VM()
    vm.meta.vmid = vmid
    try:
        for kind in KINDS:
            kind.read(section, vm)
    except (ValueError, OverflowError) as error:
        raise BridgeError(f"a number is out of all bounds: {str(error)[:100]}", file) from None
    _tell_unclaimed(section, report)
    return vm


def _check(config: ConfigText, file: str, report: Report, snapshot: str | None) -> None:
    """Raises BridgeError at the first line that must not become part of another document (security-rules C1 to C9)."""
    for problem, refuse in doubts(config, snapshot):
        if refuse:
            raise _refusal(problem, file)
        if problem.kind in FINDINGS:
            _tell(problem, file, report)


def _refusal(problem: Problem, file: str) -> BridgeError:
    hint = KEY_HINTS.get(problem.key)
    return BridgeError(_message(problem) + (f": {hint}" if hint else ""), Line(file, problem.line) if problem.line else file)


def check_for_api(config: ConfigText, file: str) -> None:
    """Raises BridgeError at the first value that qemu-server takes from a file and its API refuses, with the whole command."""
    for problem, refuse in doubts(config):
        if refuse and problem.key not in SAID_OTHERWISE:
            raise _refusal(problem, file)


SAID_OTHERWISE = ("cpuunits",)
"""A `qm create` says these in another way (`create`)."""


def check_written(config: ConfigText, doubtful: list[Doubt], described: dict[str, str], report: Report) -> None:
    """A config that was made of XML, which says the values `described` itself; all others come out of its metadata. `doubtful`: `doubts`
    about it.

    Beyond the schema's limits the former are a finding, the latter a BridgeError: qemu-server does not check them either (C5).
    """
    for problem, refuse in doubtful:
        entry = config.main.entries.get(problem.key)
        if refuse and (entry is None or described.get(problem.key) != entry.value):
            raise BridgeError(f"the metadata is not to be trusted: {_message(problem)}")
        if refuse:
            report.add("lint", None, f"{_message(problem)}: the API of qemu-server would refuse it")


def _tell(problem: Problem, file: str, report: Report, guess: bool = False) -> None:
    """`guess`: at what an unknown key was meant to be."""
    kind = FINDINGS.get(problem.kind, "bad-line")
    if report.full(kind):
        report.add(kind, None, "")  # counted
        return
    hint = KEY_HINTS.get(problem.key) or HINTS.get(problem.kind, "")
    if problem.kind == "unknown":
        from .suggest import NO_GUESS, suggestion

        hint = suggestion(problem.key) if guess else NO_GUESS
    elif problem.kind == "line" and "\ufeff" in characters(problem.text):
        hint = HINTS["bom"]
    report.add(kind, Line(file, problem.line), _message(problem), hint)


def _message(problem: Problem) -> str:
    """The problem in words, without any secret."""
    for key in SECRETS:
        of_key = problem.kind == "value" and problem.key == key
        if of_key or key in problem.text.lower():
            return f"unable to parse a line with {key}"
    return problem.message


def _tell_unclaimed(section: ConfigSection, report: Report) -> None:
    """Keys that no kind reads: a bug of ours rather than of the config, but never silent."""
    for key in section.unclaimed():
        report.add("metadata-only", section.line(key), f"{key} is kept as text only")
