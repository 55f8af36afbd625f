"""One setting of a config file: how qemu-server checks and stores its value on load (PVE/QemuServer.pm check_type, release 9.2.6).

Here and in `text` a character is a byte, as in Perl, until a file has been read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from ..core.report import BridgeError
from ..data.options import FLEECING, option
from ..data.schema import Option
from . import propstring
from .formats import value_format
from .propstring import FormatError, Values


class Setting(msgspec.Struct, frozen=True):
    """A setting: the text as qemu-server stores it, its line in the file (0: none), and a property string's checked parts."""

    value: str
    line: int = 0
    parts: Values | None = None

    def props(self) -> Values | None:
        """The parts of a property string, None if the option is none. Not to be changed."""
        return self.parts


Checker = Callable[[str, int], Setting]


def _boolean(value: str, line: int) -> Setting:
    said = propstring.truth(value)
    if said is None:
        raise FormatError(f"type check ('boolean') failed - got '{value}'")
    return Setting("1" if said else "0", line)


def _integer(value: str, line: int) -> Setting:
    if not (value.isascii() and value.isdigit()):
        raise FormatError(f"type check ('integer') failed - got '{value}'")
    if len(value) < 19:
        return Setting(str(int(value)), line)
    digits = value.lstrip("0") or "0"
    if len(digits) > 20 or int(digits) >= 1 << 64:  # a float in Perl, so it cannot be written again
        digits = f"{float(digits):.15g}".replace("inf", "Inf")
    return Setting(digits, line)


_is_number = re.compile(r"[0-9]+(?:\.[0-9]+)?").fullmatch


def _number(value: str, line: int) -> Setting:
    if not _is_number(value):
        raise FormatError(f"type check ('number') failed - got '{value}'")
    return Setting(value, line)


def _unquoted(value: str, line: int) -> Setting:
    return Setting(value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value, line)


_TYPES: dict[str, Checker] = {"boolean": _boolean, "integer": _integer, "number": _number}


def _checker(key: str, declared: Option) -> Checker:
    if declared.fields is not None:
        form = propstring.format_of(key)
        parse_parts = propstring.parse
        return lambda value, line: Setting(value, line, parse_parts(form, value))
    if declared.format is not None:
        accepts, message = value_format(declared.format)

        def formatted(value: str, line: int) -> Setting:
            if not accepts(value):
                raise FormatError(message(value))
            return Setting(value, line)

        return formatted
    return _TYPES.get(declared.type, _unquoted)


PLAIN: dict[str, Checker] = {}
"""Checkers of keys met so far whose lines need nothing but their check."""
_SPECIAL_KEYS = frozenset(("args", "cdrom", "description"))
FLEECING_CHECKERS = {key: _checker(key, declared) for key, declared in FLEECING.items()}


def checker_of(key: str) -> Checker | None:
    """The checker of a key of main, pending and snapshots; None if there is no such key."""
    found = PLAIN.get(key)
    if found is None and (declared := option(key)):
        found = _checker(key, declared)
        if key not in _SPECIAL_KEYS:
            PLAIN[key] = found
    return found


def checked(checker: Checker | None, key: str, value: str, line: int) -> Setting:
    if checker is None:
        raise FormatError(f"unknown setting '{key}'")
    if "\n" in value or "\r" in value:
        raise FormatError("property contains a line feed")
    return checker(value, line)


def bytewise(data: bytes | str, where: object = None) -> str:
    """One character a byte."""
    if isinstance(data, bytes):
        return data.decode("latin-1")
    if data.isascii():
        return data
    try:
        return data.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:
        raise BridgeError("the text holds a lone surrogate", where) from None


def characters(text: str) -> str:
    """The inverse of bytewise; bytes that are not UTF-8 become surrogates."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")
