"""A command line -> its options: words, `key=value` lists, JSON. Syntax only; `bridge.guest` says what they mean to a guest."""

from __future__ import annotations

import re
import shlex
from typing import Any, NamedTuple

import msgspec

from ..core.report import BridgeError
from ..data.qemu import FLAGS, PROGRAM
from .script import call

Pairs = list[tuple[str, Any]]

MOST_WORDS = 20_000
LONGEST_WORD = 1 << 15
_LONG = re.compile(rf"[^\s'\"]{{{LONGEST_WORD}}}|'[^']{{{LONGEST_WORD}}}|\"[^\"]{{{LONGEST_WORD}}}").search
_PROGRAM = re.compile(PROGRAM)
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.ASCII | re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\\n|\\.", re.DOTALL)
_IMAGE = re.compile(r"(?!-)[^\n]*(?:/[^/\n]+|\.(?:img|raw|qcow2?|qed|vmdk|vdi|vhdx?|vpc|iso|bin))", re.ASCII).fullmatch
_GLOBAL = re.compile(r"([^.=,]+)\.([^=]+)=(.*)", re.DOTALL)
_decode = msgspec.json.Decoder().decode


class Option(NamedTuple):
    """`-name value`; `value` is "" for an option that has none."""

    name: str
    value: str

    def __str__(self) -> str:
        """For messages: `-device virtio-net-pci,mac=…`, cut at 60 characters."""
        text = f"-{self.name} {self.value}".rstrip()
        return text if len(text) <= 60 else text[:59] + "…"


class CommandLine(NamedTuple):
    """`program` is QEMU as it was called, "" if the words start with an option; `words` all there was."""

    program: str
    options: list[Option]
    words: list[str]


def read(text: str | bytes | list[str], name: str = "argv") -> CommandLine:
    """A command line as text for a shell, as bytes of /proc/PID/cmdline, or as words.

    What stands before QEMU (environment, `taskset …`) is left out. `name` is for messages.
    Raises BridgeError for quotes that do not end, options without their value and words that are not option.
    """
    all_words = text if isinstance(text, list) else words(text, name)
    start = _program(all_words)
    program = "" if start is None else all_words[start]
    return CommandLine(program, _options(all_words[0 if start is None else start + 1 :], name), all_words)


def words(text: str | bytes, name: str = "argv") -> list[str]:
    """The words that a shell makes of the text, or of the one call of QEMU in a script; a JSON array of words; NUL separates words, as
    under /proc."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if "\0" in text:
        found = text.removesuffix("\0").split("\0")
    elif text.lstrip("\ufeff \t\r\n").startswith("["):
        found = _array(text, name)
    else:
        if _LONG(text):
            raise BridgeError(f"a word of more than {LONGEST_WORD >> 10} KiB: this is not a command line", name)
        text = call(text, name)
        lines = (line for line in text.removeprefix("\ufeff").split("\n") if not line.startswith("#"))
        try:
            found = shlex.split(_QUOTED.sub(_joined, "\n".join(lines)))
        except ValueError:
            raise BridgeError("a quote or a backslash at the end: this is not a whole command line", name) from None
    if len(found) > MOST_WORDS:
        raise BridgeError(f"more than {MOST_WORDS} words: this is not a command line", name)
    return found


def _array(text: str, name: str) -> list[str]:
    """A JSON array of words."""
    try:
        found = msgspec.json.decode(text.lstrip("\ufeff").encode(), type=list[str])
    except (msgspec.DecodeError, RecursionError):
        raise BridgeError("no JSON array of words", name) from None
    if any("\0" in word for word in found):
        raise BridgeError("a word of a command line holds no NUL", name)
    return found


def _joined(match: re.Match[str]) -> str:
    """Backslash and newline together are nothing, but between single quotes."""
    text = match[0]
    return text if text[0] == "'" else text.replace("\\\n", "")


def _program(found: list[str]) -> int | None:
    """Where QEMU's own name stands; None if the words start with an option."""
    first = next((i for i, word in enumerate(found) if not _ENVIRONMENT.fullmatch(word)), None)
    if first is None or found[first].startswith("-"):
        return None
    named = (i for i in range(first, len(found)) if _PROGRAM.fullmatch(found[i].rpartition("/")[2]))
    return next(named, first)


def _options(found: list[str], name: str) -> list[Option]:
    options = []
    rest = iter(found)
    for word in rest:
        if _IMAGE(word):  # QEMU's image argument, the first disk
            options.append(Option("hda", word))
            continue
        if not word.startswith("-") or word in ("-", "--"):
            raise BridgeError(f"'{word[:40]}' is not an option, and no file of a disk image", name)
        option = word[2:] if word.startswith("--") else word[1:]
        value = "" if option in FLAGS else next(rest, None)
        if value is None:
            raise BridgeError(f"-{option[:40]} needs a value", name)
        options.append(Option(option, value))
    return options


def pairs(text: str, first: str | None = None) -> Pairs:
    """`a,b=c,d=e,,f` -> [(first, "a"), ("b", "c"), ("d", "e,f")], or the members of a JSON object; keys may repeat.

    A bare word is the value of `first` where it stands first, else it is `on`. Values of JSON keep their types.
    Raises BridgeError for what is not a JSON object.
    """
    if text.startswith("{"):
        try:
            value = _decode(text)
        except (msgspec.DecodeError, RecursionError):
            raise BridgeError(f"no JSON object: {text[:60]}") from None
        assert isinstance(value, dict)
        if _depth(value) > DEEPEST:
            raise BridgeError(f"JSON is nested more than {DEEPEST} deep: {text[:60]}")
        return list(value.items())
    found: Pairs = []
    # QEMU reads a doubled comma as a comma; no word of a command line holds a NUL
    for n, part in enumerate(text.replace(",,", "\0").split(",")):
        key, equals, value = part.replace("\0", ",").partition("=")
        if equals:
            found.append((key, value))
        elif key:
            found.append((first, key) if n == 0 and first else (key, "on"))
    return found


DEEPEST = 100


def _depth(value: Any) -> int:
    """How many objects and lists stand in each other; DEEPEST + 1 for more than that."""
    depth, level = 0, [value]
    while level and depth <= DEEPEST:
        depth += 1
        inner = [each for each in level if isinstance(each, dict | list)]
        level = [below for each in inner for below in (each.values() if isinstance(each, dict) else each)]
    return depth


def fields(text: str, first: str | None = None) -> dict[str, Any]:
    """`pairs` as a dict: the last of equal keys counts, as for QEMU."""
    return dict(pairs(text, first))


def global_property(text: str) -> tuple[str, str, str] | None:
    """-global: `driver.property=value`, or `driver=…,property=…,value=…`. None for neither."""
    match = _GLOBAL.fullmatch(text)
    if match:
        return match[1], match[2], match[3]
    said = fields(text)
    if {"driver", "property", "value"} <= said.keys():
        return str(said["driver"]), str(said["property"]), str(said["value"])
    return None
