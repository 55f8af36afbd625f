"""What qemu-server does not check when it loads a file, but a converter must (security-rules C1-C9, config-grammar 4.1).

qemu-server checks a top-level option without a format only by its type, drops a bad line with a warning, and lets any byte pass in a
value. Here each such place is a Finding-like `Doubt`; the caller turns it into a finding or, where `refuse` is set, into an error.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from ..data.options import OPTIONS, Option, keys, option
from .formats import SPACE
from .text import ConfigText, Entry, Problem, SectionText


class Doubt(NamedTuple):
    """`refuse`: the VM cannot be converted safely. `loss`: a line of the file is lost in the conversion, as it is for qemu-server."""

    line: int
    message: str
    key: str
    refuse: bool
    loss: bool
    hint: str = ""


LOSABLE = frozenset((
    "boot", "bootdisk", "description", "hookscript", "hotplug", "lock", "meta", "name", "parent", "running-nets-host-mtu", "runningcpu",
    "runningmachine", "snaptime", "startup", "tags", "vmgenid", "vmstate", "vmstatestorage",
))  # fmt: skip
"""Options whose bad line may be dropped, as qemu-server does, for the VM's devices stay the same.
A bad line of any other option, with no good one beside it, would silently take away or change a device: refused."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_RESTORE = re.compile(r"#?(?:qmdump|vzdump)#")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII)


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
    elif declared.pattern and not declared.internal and not _pattern(declared.pattern).fullmatch(value):
        return f"'{value}' does not have the form that qemu-server asks for"
    elif declared.max_length is not None and len(value.encode("utf-8", "surrogateescape")) > declared.max_length:
        return f"the value is longer than {declared.max_length} bytes"
    return None


@cache
def _has_limits(key: str) -> bool:
    declared = option(key)
    return declared is not None and any(
        limit not in (None, ()) for limit in (declared.enum, declared.pattern, declared.minimum, declared.maximum, declared.max_length)
    )


def _of_value(key: str, entry: Entry) -> Doubt | None:
    value = entry.value
    if _CONTROL.search(value):
        return Doubt(entry.line, f"{key}: control characters or broken UTF-8 in the value: {value!r}", key, refuse=True, loss=False)
    if not value.strip(SPACE):
        return Doubt(entry.line, f"{key}: the value is blank", key, refuse=entry.parts is None, loss=False)
    if _has_limits(key) and (message := limit_problem(key, value)):
        return Doubt(entry.line, f"{key}: {message}", key, refuse=True, loss=False)
    return None


def _of_sections(found: ConfigText) -> list[Doubt]:
    """Sections that a conversion leaves aside."""
    aside = []
    if found.pending.entries:
        changes = ", ".join(found.pending.entries)
        message = f"changes that wait for a restart are not converted: {changes}"
        aside.append(Doubt(found.pending.line, message, "", refuse=False, loss=False))
    if found.snapshots:
        line = min(part.line for part in found.snapshots.values())
        names = ", ".join(found.snapshots)
        aside.append(Doubt(line, f"snapshots are not converted: {names}", "", refuse=False, loss=False))
    return aside


def doubts(found: ConfigText, snapshot: str | None = None) -> list[Doubt]:
    """All doubts about the main section, or about that snapshot's, in the order of their lines."""
    part = found.snapshots[snapshot] if snapshot is not None else found.main
    label = snapshot or ""
    doubtful = [_bad_line(problem, part) for problem in found.problems if problem.section == label or problem.kind == "section"]
    doubtful += [Doubt(note.line, note.message, note.key, refuse=False, loss=True) for note in found.notes if note.section == label]
    for key, entry in part.entries.items():
        if doubt := _of_value(key, entry):
            doubtful.append(doubt)
    if (args := part.entries.get("args")) and len(args.value) > 1 and args.value[0] == args.value[-1] == '"':
        doubtful.append(
            Doubt(args.line, "args: qemu-server strips the outer quotes at its next write", "args", refuse=False, loss=False)
        )
    if part.description and any(_RESTORE.match(line) for line in part.description.split("\n")):
        doubtful.append(
            Doubt(part.line, "a comment that steers the restore of a backup (qmdump, vzdump)", "description", refuse=False, loss=False)
        )
    if snapshot is None:
        doubtful += _of_sections(found)
    if len(doubtful) > 1:
        doubtful.sort(key=lambda doubt: doubt.line)
    return doubtful


def _bad_line(problem: Problem, part: SectionText) -> Doubt:
    """What a line that qemu-server drops means here."""
    key = problem.key
    refuse = False
    hint = ""
    if problem.kind == "value":
        stored = "ide2" if key == "cdrom" else key
        refuse = key not in LOSABLE and stored not in part.entries
    elif problem.kind == "line":
        # A broken section header: the keys after it land in the section before.
        refuse = "unable to parse config: [" in problem.message
        if "unable to parse config: \ufeff" in problem.message:
            hint = "the file begins with a byte order mark: save it without one"
    elif problem.kind == "unknown":
        near = suggestion(key)
        hint = f"did you mean {near}?" if near else ""
    return Doubt(problem.line, problem.message, key, refuse, loss=True, hint=hint)


def suggestion(key: str) -> str | None:
    """The known key that looks most like an unknown one; None if none does."""
    from difflib import get_close_matches

    if len(key) > 40:
        return None
    name = key.rstrip("0123456789")
    index = key[len(name) :]
    if index and (found := OPTIONS.get(name + "N")) is not None:
        return f"{name}0 to {name}{found.max_index}"
    near = get_close_matches(key, keys(), 1)
    return near[0] if near else None


def suboption_suggestion(key: str, sub: str) -> str | None:
    """The known sub-option of `key` that looks most like an unknown one."""
    from difflib import get_close_matches

    declared = option(key)
    near = get_close_matches(sub[:40], declared.fields, 1) if declared and declared.fields else []
    return near[0] if near else None
