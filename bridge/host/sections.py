"""Section files of Proxmox VE: storage.cfg, cpu-models.conf and mapping/*.cfg, all in the grammar of PVE::SectionConfig.

A section is a header line, then indented `key value` lines up to an empty line. What the grammar cannot take is skipped there with a
warning, never an error; so it is here, and the warnings are kept.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..core.report import Line

TYPED_HEADER = re.compile(r"(\S+):\s*(\S+)\s*", re.ASCII)
"""`dir: local`"""
PLAIN_HEADER = re.compile(r"()(\S+)\s*", re.ASCII)
"""`someGpu`: the mapping files, where the file says the type."""
CONFIG_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]+")
STORAGE_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]")

_ENTRY = re.compile(r"\s+(\S+)(?:\s+(.*\S))?\s*", re.ASCII)
_COMMENT = re.compile(r"\s*#", re.ASCII)
_LIST = re.compile(r"[,;\s]+", re.ASCII)

Warnings = list[tuple[Line, str]]


class Property(NamedTuple):
    """One `key value` line; `value` is None for a key alone."""

    key: str
    value: str | None
    line: Line


class Section(NamedTuple):
    type: str
    id: str
    line: Line
    entries: list[Property]


def read_sections(text: str, file: str, header: re.Pattern[str], warnings: Warnings) -> list[Section]:
    """The sections in file order. `header` is one of the two patterns above; `warnings` takes the lines that are skipped."""
    sections: list[Section] = []
    current: Section | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if _COMMENT.match(line):
            continue
        where = Line(file, number)
        if not line:
            current = None
        elif current is not None:
            entry = _ENTRY.fullmatch(line)
            if entry:
                current.entries.append(Property(entry[1], entry[2], where))
            else:
                warnings.append((where, f"not a 'key value' line of section '{current.id}', ignored"))
        elif match := header.fullmatch(line):
            current = Section(match[1].lower(), match[2], where, [])
            sections.append(current)
        else:
            warnings.append((where, "neither a section header nor part of a section, ignored"))
    return sections


def split_list(text: str) -> list[str]:
    """Lists in these files are separated by commas, semicolons or blanks (PVE::ParseUtils::split_list)."""
    return [part for part in _LIST.split(text) if part]


def yes(text: str | None) -> bool | None:
    """A boolean as section files have it: a key alone means yes; None when it is not a boolean."""
    if text is None:
        return True
    return {"1": True, "on": True, "yes": True, "true": True, "0": False, "off": False, "no": False, "false": False}.get(text.lower())
