"""Words in one line of text, as Perl's Text::ParseWords splits them: what `args` of a config is made of (config-grammar 6)."""

from __future__ import annotations

import re
import shlex

_PIECE = re.compile(
    r"""
    "(?P<double>[^\\"]*(?:\\.[^\\"]*)*)"
    | '(?P<single>[^\\']*(?:\\.[^\\']*)*)'
    | (?P<plain>(?:\\.|[^\\"'\ \t\n\r\f\v])+)
    | (?P<blank>[\ \t\n\r\f\v]+)
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def split(text: str) -> list[str]:
    """Words as Perl's shellwords makes them: no expansion; one unbalanced quote or a lone backslash at the end, and there are no words."""
    words: list[str] = []
    word: str | None = None
    at = len(text) - len(text.lstrip(" \t\n\r\f\v"))
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            return []
        at = piece.end()
        if piece["blank"] is not None:
            words.append(word or "")
            word = None
            continue
        if piece["single"] is not None:
            part = piece["single"]
        else:
            part = _ESCAPED.sub(r"\1", piece["plain"] if piece["double"] is None else piece["double"])
        word = (word or "") + part
    return words if word is None else [*words, word]


_SNAPSTATE = re.compile(r"snapstate:\s*(?:prepare|delete)\s*$").search
"""A line that ends so is read as something else."""
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII).fullmatch


def quote(words: list[str]) -> str:
    """The text that `split` makes these words of. Raises ValueError for words that no config line can hold (security-rules S10)."""
    texts = [word if _PLAIN(word) else '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words]
    if texts and texts[0].startswith('"') and texts[-1].endswith('"'):  # qemu-server's writer would strip this pair
        texts[0] = "".join(letter if _PLAIN(letter) else "\\" + letter for letter in words[0])
    text = " ".join(texts)
    if not text.isprintable() or _SNAPSTATE(text) or split(text) != words:
        raise ValueError("a config line cannot hold these words")
    return text


_SECRET = re.compile(r"""\b((?:data|passw(?:or)?d)(?:=|"\s*:\s*"))[^,\s"]+""", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Arguments for a report: what `-object secret` and the like hold is not shown (security-rules S12)."""
    return _SECRET.sub(r"\1***", text)


def argv_text(words: list[str]) -> str:
    """A command line for a POSIX shell, one option a line."""
    lines: list[str] = []
    for word in map(shlex.quote, words):
        if lines and not word.startswith("-"):
            lines[-1] += " " + word
        else:
            lines.append(word)
    return " \\\n  ".join(lines) + "\n"
