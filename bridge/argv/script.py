"""A shell script with one call of QEMU -> that call, without running anything.

Variables and arrays of plain text are put in; what depends on how the script is run (`if`, `&&`, a function) is refused."""

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
_ARRAY = re.compile(
    r"""(?:(?:export|local|readonly|declare)\s+)?(?:-a\s+)?([A-Za-z_][A-Za-z0-9_]*)(\+?)=\((.*)\)\s*""", re.ASCII | re.DOTALL
).fullmatch
_ARRAY_BEGINS = re.compile(r"\s*(?:(?:export|local|readonly|declare)\s+)?(?:-a\s+)?[A-Za-z_][A-Za-z0-9_]*\+?=\(", re.ASCII).match
_ARRAY_USED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\[@\]\}", re.ASCII).fullmatch
_SET_OTHERWISE = re.compile(r"(?<![A-Za-z0-9_$\-])([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]]*\])?(?:[-+*/%]?|:)=", re.ASCII)
"""A variable that something else than a plain assignment gives a value: `MEM=$(free -m)`, `a) MEM=1G`, `${MEM:=1G}`."""
_SETS_BY_NAME = re.compile(
    r"\s*(?:(?:do|then|else|if|while|until|!)\s+)*(?:read|for|select|unset|getopts|mapfile|readarray|printf|eval|source|\.)\s"
)
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OPENS, _BRANCHES, _CLOSES = {"if", "for", "while", "until", "case", "select", "{"}, {"elif", "else"}, {"fi", "done", "esac", "}", ")"}
_KEYWORD = re.compile(r"\s*(?:then|else|do|\{)(?:\s+|$)")
_CALL = re.compile(rf"(?:^|[\s(]|(?<!/dev)/)(?:{PROGRAM})(?=\s)")
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
    calls = [n for n, (statement, _) in enumerate(statements) if _CALL.search(f" {statement} ") and not _ASSIGNMENT(statement.strip())]
    if len(calls) > 1:
        calls = [n for n in calls if not _ARRAY(statements[n][0].strip())]
    if not calls:
        return " ".join(statement for statement, _ in statements) if len(statements) > 1 and "$" not in text else text
    if len(calls) > 1:
        raise BridgeError(f"the script calls QEMU {len(calls)} times: give the one that is meant", name)
    variables = _Variables(name)
    for statement, conditional in statements[: calls[0]]:
        variables.run(statement.strip(), conditional)
    return variables.put_into(statements[calls[0]][0])


class _Variables:
    """What a script's variables hold where QEMU is called; none that is given its value on one of several ways there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.known: dict[str, str] = {}
        self.arrays: dict[str, str | BridgeError] = {}
        self.blocks: list[set[str]] = [set()]
        """The variables that each open `if`, loop or function has set."""

    def run(self, statement: str, conditional: bool) -> None:
        first = statement.split(None, 1)[0]
        if first.rstrip(";") in _CLOSES and len(self.blocks) > 1:
            self._forget(self.blocks.pop())
        if first in _BRANCHES:
            self._forget(self.blocks[-1])
        if first in _OPENS or statement.endswith("{") or first == "(":
            self.blocks.append(set())
        while keyword := _KEYWORD.match(statement):
            statement = statement[keyword.end() :]
        if (match := _ARRAY(statement)) is not None:
            self._array(match[1], bool(match[2]), match[3], conditional)
        elif (match := _ASSIGNMENT(statement)) is not None and not conditional:
            value = match[2]
            plain = value[1:-1] if value[:1] in ("'", '"') else value
            self.known[match[1]] = plain if value[:1] == "'" else _put_in(plain, self.known, self.name)
            self.blocks[-1].add(match[1])
        else:
            self._forget({found[1] for found in _SET_OTHERWISE.finditer(statement)})
            if _SETS_BY_NAME.match(statement):
                self._forget(set(_NAMES.findall(statement)))

    def _array(self, key: str, more: bool, body: str, conditional: bool) -> None:
        before = self.arrays.get(key) if more else ""
        if conditional or before is None:
            return self._forget({key})
        self.blocks[-1].add(key)
        if isinstance(before, BridgeError):
            return None
        try:
            self.arrays[key] = f"{before} {self.put_into(body)}"
        except BridgeError as problem:  # of no weight unless QEMU is called with it
            self.arrays[key] = problem
        return None

    def _forget(self, names: set[str]) -> None:
        for key in names:
            self.known.pop(key, None)
            self.arrays.pop(key, None)
        self.blocks[-1] |= names

    def put_into(self, statement: str) -> str:
        return _without_variables(statement, self.known, self.arrays, self.name)


def _statements(text: str) -> Iterator[tuple[str, bool]]:
    """The commands of a script, and whether the one before decides if they are run (`&&`, `||`).

    A line that begins with a dash goes on with the one before: so command lines are often written; and an array goes on to its `)`."""
    current = ""
    conditional = False
    at = depth = 0
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None:  # a quote that does not end: shlex says so
            current += text[at:]
            break
        at = match.end()
        if match["end"] is not None:
            following = text[at:].lstrip(" \t\n")
            if match["end"] == "\n" and (depth > 0 or following.startswith("-")) and current.strip():
                current += " "
                continue
            if current.strip():
                yield current, conditional
                conditional = False
            conditional = conditional or match["end"] in ("&&", "||")
            current, depth = "", 0
        elif match["comment"] is None and match["joined"] is None:
            current += match[0]
            if match["plain"] is not None and (depth > 0 or _ARRAY_BEGINS(current)):
                depth += match[0].count("(") - match[0].count(")")
    if current.strip():
        yield current, conditional


def _put_in(text: str, known: dict[str, str], name: str) -> str:
    if "$" not in text:
        return text
    if sum(len(known.get(match[1] or match[2], "")) for match in _VARIABLE.finditer(text)) > MOST_PUT_IN:
        raise BridgeError(f"the variables of the script hold more than {MOST_PUT_IN >> 10} KiB: this is not a command line", name)
    return _VARIABLE.sub(lambda match: known.get(match[1] or match[2], match[0]), text)


def _without_variables(statement: str, known: dict[str, str], arrays: dict[str, str | BridgeError], name: str) -> str:
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
        if match["double"] is not None and (used := _ARRAY_USED(piece[1:-1])) is not None and used[1] in arrays:
            words = arrays[used[1]]
            if isinstance(words, BridgeError):
                raise words
            grown += len(words)
            if grown > MOST_PUT_IN:
                raise BridgeError(f"the arrays of the script hold more than {MOST_PUT_IN >> 10} KiB: this is not a command line", name)
            found += [_REDIRECTION.sub(" ", plain), words]
            plain = ""
            continue
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
