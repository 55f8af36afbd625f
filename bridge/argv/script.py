"""A shell script with one call of QEMU -> that call, without running anything: variables of plain text are put in, all else is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.report import BridgeError
from ..data.qemu import PROGRAM

_PIECE = re.compile(
    r"""(?P<single>'[^']*')|(?P<double>"(?:\\.|[^"\\])*")|(?P<joined>\\\n)|(?P<escaped>\\.)|(?P<comment>(?:^|(?<=[\s;&|]))\#[^\n]*)"""
    r"""|(?P<end>\n|;|&&|\|\||\||&(?![>0-9]))|(?P<plain>[^'"\\\#\n;&|]+|[\#&])""",
    re.DOTALL | re.VERBOSE | re.MULTILINE,
)
_ASSIGNMENT = re.compile(
    r"""(?:(?:export|local|readonly|declare)\s+)?([A-Za-z_][A-Za-z0-9_]*)=(\S*|'[^']*'|"[^"]*")\s*""", re.ASCII
).fullmatch
_CALL = re.compile(rf"(?:^|[\s(/])(?:{PROGRAM})(?=\s)")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))", re.ASCII)
_EXPANSION = re.compile(r"\$[A-Za-z0-9_{(@*?#]|`", re.ASCII)
_REDIRECTION = re.compile(r"(?:(?<=\s)[0-9]|&)?(?:>>?|<)\s*(?:&[0-9]|[^\s>]+)")
MOST_TEXT = 1 << 20
MOST_PUT_IN = 1 << 15
"""Characters that variables bring into one piece of text."""


def call(text: str, name: str) -> str:
    """The one call of QEMU in a script, ready to be split into words; the text as it is where it is a command line alone.

    Raises BridgeError for several calls, and for words that only a shell could make. `name` is for messages."""
    if len(text) > MOST_TEXT:
        raise BridgeError("the text has more than 1 MiB: this is not a command line", name)
    statements = list(_statements(text))
    calls = [n for n, statement in enumerate(statements) if _CALL.search(f" {statement} ") and not _ASSIGNMENT(statement.strip())]
    if not calls:
        return " ".join(statements) if len(statements) > 1 and "$" not in text else text
    if len(calls) > 1:
        raise BridgeError(f"the script calls QEMU {len(calls)} times: give the one that is meant", name)
    known: dict[str, str] = {}
    for statement in statements[: calls[0]]:
        match = _ASSIGNMENT(statement.strip())
        if match is not None:
            value = match[2]
            plain = value[1:-1] if value[:1] in ("'", '"') else value
            known[match[1]] = plain if value[:1] == "'" else _put_in(plain, known, name)
    return _without_variables(statements[calls[0]], known, name)


def _statements(text: str) -> Iterator[str]:
    """The commands of a script. A line that begins with a dash goes on with the one before: so command lines are often written."""
    current = ""
    at = 0
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None:  # a quote that does not end: shlex says so
            current += text[at:]
            break
        at = match.end()
        if match["end"] is not None:
            following = text[at:].lstrip(" \t\n")
            if match["end"] == "\n" and following.startswith("-") and current.strip():
                current += " "
                continue
            if current.strip():
                yield current
            current = ""
        elif match["comment"] is None and match["joined"] is None:
            current += match[0]
    if current.strip():
        yield current


def _put_in(text: str, known: dict[str, str], name: str) -> str:
    if "$" not in text:
        return text
    if sum(len(known.get(match[1] or match[2], "")) for match in _VARIABLE.finditer(text)) > MOST_PUT_IN:
        raise BridgeError(f"the variables of the script hold more than {MOST_PUT_IN >> 10} KiB: this is not a command line", name)
    return _VARIABLE.sub(lambda match: known.get(match[1] or match[2], match[0]), text)


def _without_variables(statement: str, known: dict[str, str], name: str) -> str:
    """The statement with its variables put in, and without redirections."""
    found: list[str] = []
    plain = ""
    at = grown = 0
    while at < len(statement):
        match = _PIECE.match(statement, at)
        if match is None:
            return "".join(found) + plain + statement[at:]
        at = match.end()
        piece = match[0]
        if match["single"] is None and match["escaped"] is None:
            piece = _put_in(piece, known, name)
            grown += len(piece) - len(match[0])
            if grown > MOST_TEXT:
                raise BridgeError("the variables of the script make more than 1 MiB: this is not a command line", name)
            if wrong := _EXPANSION.search(piece):
                shown = piece[wrong.start() : wrong.start() + 30].rstrip('"')
                hint = "give the words as they are run: virt-qm to-xml --pid PID, or `tr '\\0' ' ' < /proc/PID/cmdline`"
                raise BridgeError(f"only a shell knows what '{shown}' is: {hint}", name)
        if match["plain"] is not None:
            plain += piece
            continue
        found += [_REDIRECTION.sub(" ", plain), piece]
        plain = ""
    return "".join(found) + _REDIRECTION.sub(" ", plain)
