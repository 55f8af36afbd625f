"""What qemu-server does not check when it loads a file, but a converter must (security-rules C1-C9, config-grammar 4.1).

qemu-server checks a top-level option without a format only by its type, drops a bad line with a warning, and lets any byte pass in a
value. Each such place is a Doubt; the caller makes it a finding or, where `refuse` is set, an error.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from math import inf
from typing import NamedTuple

from ..core.shellwords import split
from ..data.options import OPTIONS, SECRETS, option
from ..data.schema import Option
from .formats import SPACE
from .propstring import Values, format_of
from .text import ConfigText, Entry, Problem, SectionText


class Doubt(NamedTuple):
    """`refuse`: the VM cannot be converted safely.

    Beside the kinds of `text`: `control` (characters), `blank` (value), `limit` (of the schema), `aside` (sections that are left),
    `quotes` (that the next write strips), `percent` (broken encoding), `restore` (a comment that steers one).
    """

    problem: Problem
    refuse: bool


LOSABLE = frozenset((
    "boot", "bootdisk", "cpu", "description", "hookscript", "hotplug", "lock", "meta", "name", "parent", "running-nets-host-mtu",
    "runningcpu", "runningmachine", "snaptime", "startup", "tags", "vmgenid", "vmstate", "vmstatestorage",
))  # fmt: skip
"""Options whose bad line may be dropped, as qemu-server does, for the VM's devices stay the same.
A bad line of any other option, with no good one beside it, would silently take away or change a device: refused."""

_CONTROL = r"[\x00-\x1f\x7f\ud800-\udfff]"
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_HEADER = re.compile(r"unable to parse config:\s*\[")
_BROKEN = re.compile(r"(?:serial|model)=[^,]*%(?![0-9A-Fa-f]{2})")
_MOST = float(1 << 63)
_LARGEST = sys.float_info.max
MAX_DESCRIPTION = OPTIONS["description"].max_length or 0
_RESTORE = re.compile(r"#?(?:qmdump|vzdump)#")


def _range(declared: Option) -> str:
    if declared.minimum is not None and declared.maximum is not None:
        return f"between {declared.minimum} and {declared.maximum}"
    return f"at least {declared.minimum}" if declared.minimum is not None else f"at most {declared.maximum}"


def limit_problem(key: str, value: str) -> str | None:
    """What the published schema forbids about a top-level value that loads cleanly; None if nothing."""
    declared = option(key)
    if declared is None:
        return None
    if declared.type in ("integer", "number"):
        number = float(value)
        low, high = declared.minimum, declared.maximum
        if "e" in value or "I" in value or not (low is None or low <= number) or not (high is None or number <= high):
            return f"{value} is not {_range(declared)}"
    elif declared.enum and value not in declared.enum:
        return f"'{value}' is not one of {', '.join(declared.enum)}"
    elif declared.pattern and not declared.internal and not re.compile(declared.pattern, re.ASCII).fullmatch(value):
        return f"'{value}' does not have the form that qemu-server asks for"
    elif declared.max_length is not None and len(value.encode("utf-8", "surrogateescape")) > declared.max_length:
        return f"the value is longer than {declared.max_length} bytes"
    return None


def _of_value(key: str, entry: Entry) -> tuple[str, str, bool] | None:
    """Kind, message, whether to refuse."""
    value = entry.value
    if not value.isprintable() and re.search(_CONTROL, value):
        return "control", "control characters or broken UTF-8 in the value" + ("" if key in SECRETS else f": {value!r}"), True
    if not value.strip(SPACE):
        return "blank", "the value is blank", entry.parts is None and key not in LOSABLE
    if (message := limit_problem(key, value)) is not None:
        return "limit", message, True
    if entry.parts is not None:
        if (wide := _out_of_range(key, entry.parts, 0, _MOST)) is not None:
            return "limit", wide, True
        if "%" in value and _BROKEN.search(value):
            return "percent", "a % without two hexadecimal digits behind it is taken for itself", False
        return None
    if key == "args":
        if not split(value):
            return "quotes", "the quotes do not balance, so qemu-server would pass no arguments at all", True
        if len(value) > 1 and value[0] == value[-1] == '"':
            return "quotes", "qemu-server strips the outer quotes at its next write", False
    return None


@cache  # without: 8 % more calls from a config to a command line
def _numbers(key: str) -> frozenset[str]:
    """The sub-options of a property string that are numbers."""
    return frozenset(name for name, sub in format_of(key).fields.items() if sub.field.type in ("integer", "number"))


def _out_of_range(key: str, parts: Values, low: float, high: float) -> str | None:
    """The first number that is not from `low` to below `high`, for a message."""
    numbers = _numbers(key)
    if numbers.isdisjoint(parts):
        return None
    for name, text in parts.items():
        if name in numbers and not low <= float(text) < high:
            return f"{name}={str(text)[:40]} is out of range"
    return None


def infinite(part: SectionText) -> Problem | None:
    """The first number that is none to a computer; all others may go on a command line, whatever they are."""
    for key, entry in part.entries.items():
        if entry.parts is not None and (wide := _out_of_range(key, entry.parts, -_LARGEST, inf)) is not None:
            return Problem(entry.line, f"{key}: {wide}", "limit", key)
    return None


def _aside(found: ConfigText) -> list[Doubt]:
    """Sections that a conversion leaves."""
    doubtful = []
    if found.pending.entries:
        message = f"changes that wait for a restart are not converted: {', '.join(found.pending.entries)}"
        doubtful.append(Doubt(Problem(found.pending.line, message, "aside"), refuse=False))
    if found.snapshots:
        line = min(part.line for part in found.snapshots.values())
        doubtful.append(Doubt(Problem(line, f"snapshots are not converted: {', '.join(found.snapshots)}", "aside"), refuse=False))
    return doubtful


def _bad_line(problem: Problem, part: SectionText) -> Doubt:
    """A line that qemu-server drops. What would take away or change a device without a word is refused."""
    if problem.kind == "value":
        stored = "ide2" if problem.key == "cdrom" else problem.key
        return Doubt(problem, problem.key not in LOSABLE and stored not in part.entries)
    # After a broken section header the keys land in the section before; a line with control characters is of no config.
    message = problem.message
    if problem.kind != "line" or ("[" not in message and message.isprintable()):  # as nearly all
        return Doubt(problem, refuse=False)
    return Doubt(problem, bool(_HEADER.search(message) or _NO_TEXT.search(message)))


def doubts(found: ConfigText, snapshot: str | None = None) -> list[Doubt]:
    """All doubts about the main section, or about that snapshot's, by line. The file's problems and notes are among them."""
    part = found.snapshots[snapshot] if snapshot is not None else found.main
    label = snapshot or ""
    doubtful = [_bad_line(problem, part) for problem in found.problems if problem.section == label or problem.kind == "section"]
    doubtful += [Doubt(note, refuse=False) for note in found.notes if note.section == label]
    for key, entry in part.entries.items():
        if wrong := _of_value(key, entry):
            kind, message, refuse = wrong
            doubtful.append(Doubt(Problem(entry.line, f"{key}: {message}", kind, key, label), refuse))
    if part.description and len(part.description) > MAX_DESCRIPTION:
        message = f"description: the text is longer than {MAX_DESCRIPTION} characters"
        doubtful.append(Doubt(Problem(part.line, message, "limit", "description", label), refuse=True))
    if part.description and any(_RESTORE.match(line) for line in part.description.split("\n")):
        message = "a comment that steers the restore of a backup (qmdump, vzdump)"
        doubtful.append(Doubt(Problem(part.line, message, "restore", "description", label), refuse=False))
    if snapshot is None:
        doubtful += _aside(found)
    doubtful.sort(key=lambda doubt: doubt.problem.line)
    return doubtful
