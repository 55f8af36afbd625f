"""VMID.conf as text: lines, sections, comments, values checked as on load, and the same text written back.

As PVE/QemuServer.pm parse_vm_config, check_type and write_vm_config of qemu-server 9.2.6; config-grammar.md. What the reference warns
about is a Problem with its wording (an error in strict mode). Inside, text is one character a byte, as in Perl.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

import msgspec

from ..core.report import BridgeError, Line
from ..data.options import DRIVES
from . import propstring
from .drive import CLOUDINIT, unusable
from .formats import SPACE
from .propstring import FormatError
from .setting import FLEECING_CHECKERS, PLAIN, Checker, bytewise, characters, checked, checker_of
from .setting import Setting as Setting

MAX_FILE = 1 << 20
MAX_LINE = 64 << 10
"""Bytes (security-rules C8)."""
MAX_PROBLEMS = 200_000
"""Lines that are not settings: what has more is not a config, and each is remembered."""


class Problem(NamedTuple):
    """What qemu-server would warn about, and what happened to the line: it is lost.

    `kind`: `line` (no setting at all), `unknown` (key), `value` (of `key`), `place` (`delete` outside pending), `section` (unknown or
    doubled). Further kinds are silent in the reference and stand in ConfigText.notes: `duplicate`, `swallowed`.
    `section` is "" (main), `PENDING`, `special:NAME` or a snapshot's name. `text`: a line that is lost whole.
    """

    line: int
    message: str
    kind: str
    key: str = ""
    section: str = ""
    text: str = ""


class SectionText(msgspec.Struct):
    """One section. `description` is decoded; None and "" differ in `[PENDING]` only. `line` is that of the header."""

    entries: dict[str, Setting]
    description: str | None = None
    line: int = 0


class ConfigText(msgspec.Struct):
    """A config file. `snapshots` and `special` (`cloudinit`, `fleecing`) go by name; an empty `pending` is the same as none."""

    main: SectionText
    pending: SectionText
    snapshots: dict[str, SectionText]
    special: dict[str, SectionText]
    problems: list[Problem]
    notes: list[Problem]


def section(values: Mapping[str, str], description: str | None = None) -> SectionText:
    """A section made from plain values, for writing."""
    return SectionText({key: Setting(value) for key, value in values.items()}, description)


def config(main: SectionText, snapshots: dict[str, SectionText] | None = None) -> ConfigText:
    """A config made for writing."""
    return ConfigText(main, SectionText({}), snapshots or {}, {}, [], [])


# Comments

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNSAFE = re.compile(rb"[^\x20-\x24\x26-\x39\x3b-\x7e]")
UNICODE_SPACE = SPACE + "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def decode_comment(text: str) -> str:
    """Percent decoding, then UTF-8; what is not UTF-8 becomes U+FFFD."""
    if text.isascii() and "%" not in text:
        return text
    raw = _PERCENT.sub(lambda match: bytes((int(match[1], 16),)), text.encode("latin-1"))
    return raw.decode("utf-8", "replace")


def encode_comment(text: str) -> str:
    """The inverse, for one line."""
    return _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], text.encode("utf-8", "replace")).decode("ascii")


# Reading

_HEADER = re.compile(r"\[([^\]]*)\][ \t\r\f\v]*")
_SNAPSHOT = re.compile(r"[a-zA-Z][a-zA-Z0-9_\-]+")
_KEY = re.compile(r"[a-z][a-z_\-]*[0-9]*")
_SNAPSTATE = re.compile(r"snapstate:[ \t\r\f\v]*(prepare|delete)[ \t\r\f\v]*\Z")


class _Reader:
    """Reads line by line. `lines` is the fast way for plain settings; all else goes through `other`."""

    def __init__(self, vmid: int, name: str, strict: bool) -> None:
        self.vmid = vmid
        self.name = name
        self.strict = strict
        self.main = SectionText({})
        self.pending: SectionText | None = None
        self.snapshots: dict[str, SectionText] = {}
        self.special: dict[str, SectionText] = {}
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.section: SectionText | None = self.main
        self.label = ""
        self.comment: list[str] = []

    def lines(self, text: str) -> None:
        odd = "\r" in text or "snapstate" in text
        plain, entries = PLAIN, self.main.entries
        for number, line in enumerate(text.split("\n"), 1):
            key, _, value = line.partition(":")
            check = plain.get(key)
            if check is None or not (value := value.strip(SPACE)) or (odd and ("\r" in value or "snapstate" in line)):
                self.other(number, line)
                if line[:1] == "[":
                    plain, entries = self.fast_way()
                continue
            try:
                entry = check(value, number)
            except FormatError as error:
                self.bad_value(number, key, error)
                continue
            if key in entries:
                self.doubled(number, key, entries)
            entries[key] = entry
        self.finish_description()

    def fast_way(self) -> tuple[dict[str, Checker], dict[str, Setting]]:
        """The checkers that plain lines of this section may use at once, and where their values go."""
        if self.section is None or self.label.startswith("special:"):
            return {}, {}
        return PLAIN, self.section.entries

    def problem(self, line: int, kind: str, message: str, key: str = "", text: str = "") -> None:
        message = f"vm {self.vmid} - {message}"
        if self.strict:
            raise BridgeError(characters(message), Line(self.name, line))
        if len(self.problems) == MAX_PROBLEMS:
            message = f"more than {MAX_PROBLEMS} lines are not settings: this is not a config of qemu-server"
            raise BridgeError(message, Line(self.name, line))
        self.problems.append(Problem(line, message, kind, key, self.label, text))

    def bad_value(self, line: int, key: str, error: FormatError) -> None:
        kind = "unknown" if str(error).startswith("unknown setting ") else "value"
        self.problem(line, kind, f"unable to parse value of '{key}' - {str(error).rstrip(chr(10))}", key)

    def doubled(self, line: int, key: str, entries: dict[str, Setting]) -> None:
        self.notes.append(Problem(line, f"{key} is set again, line {entries[key].line} no longer counts", "duplicate", key, self.label))

    def finish_description(self) -> None:
        if self.comment:
            assert self.section
            self.section.description = "".join(self.comment).rstrip(UNICODE_SPACE)
            self.comment = []

    def header(self, line: int, inner: str) -> None:
        self.finish_description()
        self.section = SectionText({}, line=line)
        self.label = inner
        if inner.lower() == "pending":
            self.label = "PENDING"
            if self.pending is not None:
                self.problem(line, "section", "duplicate section: pending")
            self.pending = self.section
        elif inner[:8].lower() == "special:" and (name := inner[8:]) in ("cloudinit", "fleecing"):
            self.label = f"special:{name}"
            if name in self.special:
                self.problem(line, "section", f"duplicate special section: {name}")
            self.special[name] = self.section
        elif _SNAPSHOT.fullmatch(inner):
            if inner in self.snapshots:
                self.problem(line, "section", f"duplicate snapshot section: {inner}")
            self.snapshots[inner] = self.section
        else:
            self.section = None
            self.problem(line, "section", f"skipping unknown section: '{inner}'")

    def other(self, number: int, line: str) -> None:
        """Any line but a plain setting with a value."""
        if not line or not line.strip(SPACE):
            return
        if line[0] == "[" and (match := _HEADER.fullmatch(line)):
            self.header(number, match[1])
            return
        section = self.section
        if section is None:
            return
        if line[0] == "#":
            self.comment.append(decode_comment(line[1:]) + "\n")
            return
        key, colon, rest = line.partition(":")
        value = rest.strip(SPACE)
        if key == "description" and value:
            self.comment.append(decode_comment(value))
        elif "snapstate" in line and (match := _SNAPSTATE.search(line)):
            self.snapstate(number, line, match, section)
        elif key == "args" and value:
            if key in section.entries:
                self.doubled(number, key, section.entries)
            section.entries[key] = Setting(value, number)
        elif key == "delete" and value:
            if self.label == "PENDING":
                section.entries[key] = Setting(value, number)
            else:
                self.problem(number, "place", "property 'delete' is only allowed in [PENDING]", key)
        elif colon and rest and _KEY.fullmatch(key):
            # A key followed by blanks only holds the last of them: the reference's `\s*(.+?)\s*$` gives back one.
            self.setting(number, key, value or rest[-1], section)
        else:
            self.problem(number, "line", f"unable to parse config: {line}", text=line)

    def snapstate(self, number: int, line: str, match: re.Match[str], section: SectionText) -> None:
        """Set by any line with that tail; dropped from main."""
        if match.start() or self.label == "":
            message = f"the line counts as snapstate and is lost: {line}"
            self.notes.append(Problem(number, message, "swallowed", line.partition(":")[0], self.label, line))
        if self.label:
            section.entries["snapstate"] = Setting(match[1], number)

    def setting(self, number: int, key: str, value: str, section: SectionText) -> None:
        entries = section.entries
        if self.label == "special:cloudinit":
            entry = Setting(value, number)
        else:
            checker = FLEECING_CHECKERS.get(key) if self.label == "special:fleecing" else checker_of(key)
            try:
                entry = checked(checker, key, value, number)
            except FormatError as error:
                self.bad_value(number, key, error)
                return
        if key == "description":
            section.description = entry.value
            return
        if key == "cdrom" and self.label != "special:cloudinit":
            key = "ide2"
        if key in entries:
            self.doubled(number, key, entries)
        entries[key] = entry


def _decoded(found: ConfigText) -> ConfigText:
    """Bytes to characters, for a file that is not plain ASCII."""
    for part in (found.main, found.pending, *found.snapshots.values(), *found.special.values()):
        for key, entry in part.entries.items():
            if not entry.value.isascii():
                parts = entry.parts and {k: characters(v) if isinstance(v, str) else v for k, v in entry.parts.items()}
                part.entries[key] = Setting(characters(entry.value), entry.line, parts)
    for problems in (found.problems, found.notes):
        problems[:] = [problem._replace(message=characters(problem.message)) for problem in problems]
    return found


def parse(data: bytes | str, *, vmid: int = 100, name: str = "", strict: bool = False) -> ConfigText:
    """Read a config file; `name` stands in messages.

    Raises BridgeError if the file is too large, and in strict mode at the first problem. Otherwise bad lines become problems.
    """
    if len(data) > MAX_FILE:
        raise BridgeError(f"the config is larger than {MAX_FILE} bytes", name)
    text = bytewise(data, name)
    if len(text) > MAX_LINE:
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > MAX_LINE:
                raise BridgeError(f"a line is longer than {MAX_LINE} bytes", Line(name, number))
    reader = _Reader(vmid, name, strict)
    reader.lines(text)
    found = ConfigText(
        reader.main, reader.pending or SectionText({}), reader.snapshots, reader.special, reader.problems, reader.notes
    )
    return found if text.isascii() else _decoded(found)


# Writing


def _refuse(message: str, label: str) -> NoReturn:
    raise BridgeError(characters(message) + (f" (section {label})" if label else ""))


def _stored(part: SectionText, label: str) -> dict[str, str]:
    """The section's values, checked again as the reference does before it writes."""
    values = {}
    for key, entry in part.entries.items():
        value = bytewise(entry.value)
        if entry.parts is None and key != "snapstate":
            if key == "delete":
                if label != "PENDING":
                    _refuse("property 'delete' is only allowed in [PENDING]", label)
            else:
                try:
                    value = checked(checker_of(key), key, value, 0).value
                except FormatError as error:
                    _refuse(f"unable to parse value of '{key}' - {str(error).rstrip(chr(10))}", label)
        values[key] = value
    return values


def _modern(values: dict[str, str]) -> None:
    """The old keys of main are replaced."""
    values.pop("snapstate", None)
    if values.get("cdrom"):
        if values.get("ide2"):
            _refuse("option ide2 conflicts with cdrom", "")
        values["ide2"] = values.pop("cdrom")
    smp = values.get("smp", "0")
    if values.get("sockets", "0") != "0":
        values.pop("smp", None)
    elif smp != "0":
        del values["smp"]
        values.pop("cores", None)
        values["sockets"] = smp


def _files(part: SectionText) -> set[str]:
    """The files of the section's drives that qemu-server would use, one character a byte."""
    files = set()
    for key in DRIVES:
        entry = part.entries.get(key)
        if entry:
            said = propstring.parse(key, bytewise(entry.value))
            if unusable(key, said) is None:
                files.add(str(said["file"]))
    return files


def body(values: Mapping[str, str], description: str | None, pending: bool = False) -> str:
    """A section's body."""
    text = ""
    if description and description != "0":  # a lone 0 is false in Perl
        text = "".join(f"#{encode_comment(line)}\n" for line in description.rstrip("\n").split("\n")) if description.strip("\n") else ""
    elif description is not None and pending:
        text = "#\n"
    return text + "".join([f"{key}: {values[key]}\n" for key in sorted(values)])


_NOT_WRITTEN = frozenset(("digest", "pending", "snapshots"))
"""Names that the reference keeps for itself in every section."""


def _special_values(part: SectionText, name: str) -> dict[str, str]:
    """Values of a special section: kept unchecked, but one line each."""
    values = {}
    for key, entry in part.entries.items():
        if "\n" in entry.value or not _KEY.fullmatch(key):
            _refuse(f"unable to write '{key}' - property contains a line feed", f"special:{name}")
        if key not in _NOT_WRITTEN:
            values[key] = bytewise(entry.value)
    return values


def canonical(found: ConfigText) -> tuple[dict[str, str], str]:
    """What qemu-server writes: the main section's values, and the text of all other sections. Raises BridgeError for what it refuses."""
    main, pending = _stored(found.main, ""), _stored(found.pending, "PENDING")
    for name in found.snapshots:
        if name.lower() == "pending" or not _SNAPSHOT.fullmatch(name):
            _refuse(f"snapshot name '{name}' is forbidden", "")
    snapshots = {name: _stored(part, name) for name, part in found.snapshots.items()}
    _modern(main)
    unused = [key for key in main if key.startswith("unused")]
    if unused or "cloudinit" in found.special:
        files = _files(found.main)
        has_cloudinit = any(map(CLOUDINIT.search, files))
        files |= _files(found.pending)
        for key in unused:
            if main[key] in files:
                del main[key]
    text = ""
    if pending or found.pending.description is not None:
        text += "\n[PENDING]\n" + body(pending, found.pending.description, pending=True)
    for name in sorted(found.special):
        if name != "cloudinit" or has_cloudinit:
            text += f"\n[special:{name}]\n" + body(_special_values(found.special[name], name), found.special[name].description)
    for name in sorted(snapshots):
        text += f"\n[{name}]\n" + body(snapshots[name], found.snapshots[name].description)
    return main, text


def write(found: ConfigText) -> str:
    """The file's text as qemu-server writes it. Raises BridgeError for what it refuses to write."""
    main, sections = canonical(found)
    return characters(body(main, found.main.description) + sections)


def rewrite(data: bytes | str, vmid: int = 100, strict: bool = False) -> str:
    """Read and write, as qemu-server would. Raises BridgeError where it refuses."""
    return write(parse(data, vmid=vmid, name=f"{vmid}.conf", strict=strict))
