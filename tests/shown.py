"""What documents show happens: their console blocks are run from top to bottom, and so are their blocks of Python and shell.

`python -m tests.shown FILE...` writes what the commands print now into the console blocks that say something else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.corpus import ROOT

NEEDS_LIBVIRT = {"walks.md"}
"""Run by tests/libvirtd."""
DOCUMENTS = [ROOT / "README.md", *(file for file in sorted((ROOT / "docs").glob("*.md")) if file.name not in NEEDS_LIBVIRT)]
ANY = "..."
"""A line that stands for any number of lines."""


class Step(NamedTuple):
    """A command with what the document says that it prints: stdout, then stderr."""

    line: int
    command: str
    output: str


def blocks(text: str, language: str) -> Iterator[tuple[int, str]]:
    """(number of the first line, text) of fenced blocks in a language."""
    for block in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, block.start(1)) + 1, block[1]


def steps(text: str) -> Iterator[Step]:
    """The commands of ```console blocks: lines after `$ `, going on after a backslash; and ```python blocks, as commands."""
    found = [step for first, block in blocks(text, "console") for step in _commands(first, block)]
    found += [Step(first, f"python3 - <<'END'\n{block}END", f"{ANY}\n") for first, block in blocks(text, "python") if _runs(block)]
    yield from sorted(found)


def _runs(block: str) -> bool:
    """Whether it is a program: a part of a module, which shows a row or a field, begins with the name of its file."""
    return not re.match(r"# \w+/", block)


def _commands(first: int, block: str) -> Iterator[Step]:
    step: Step | None = None
    for number, line in enumerate(block.split("\n")[:-1], first):
        if line.startswith("$ "):
            if step:
                yield step
            step = Step(number, line[2:], "")
        else:
            assert step, f"line {number}: a console block starts with `$ `"
            goes_on = step.command.endswith("\\") and not step.output
            step = step._replace(command=f"{step.command}\n{line}") if goes_on else step._replace(output=f"{step.output}{line}\n")
    if step:
        yield step


def fits(wanted: str, said: str) -> bool:
    """Blanks at the ends of lines do not count."""
    lines = [r"(?:.*\n)*?" if line == ANY else re.escape(line.rstrip()) + "\n" for line in wanted.split("\n")[:-1]]
    return re.fullmatch("".join(lines), _stripped(said)) is not None


def _stripped(said: str) -> str:
    return re.sub(r"[ \t]+$", "", said, flags=re.MULTILINE)


def furnish(place: Path) -> Path:
    """Where the reader sits: after `pip install`, in a checkout."""
    for name in ("samples", "schemas", "tests", "docs"):
        (place / name).symlink_to(ROOT / name)
    (place / "bin").mkdir()
    program = place / "bin/virt-qm"
    program.write_text(f'#!/bin/sh\nexec env PYTHONPATH={ROOT} {sys.executable} -m bridge "$@"\n')
    program.chmod(0o755)
    return place


def run(step: Step, place: Path, within: Sequence[str] = ()) -> tuple[int, str]:
    """(exit code, what it prints). `within`: a command that runs another one in `place`, a root of its own."""
    environment = os.environ | {"LC_ALL": "C.UTF-8", "COLUMNS": "120"}
    if not within:
        environment |= {"PATH": f"{place}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    command = [*within, "bash", "-c", step.command]
    done = subprocess.run(command, cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def tables() -> dict[str, str]:
    """Name -> Markdown of a table that a document has between `<!-- NAME -->` and `<!-- end -->`."""
    from bridge.cli import option_table
    from bridge.core.report import KINDS
    from bridge.data.facts import FACTS

    def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
        lines = [head, ("---",) * len(head), *rows]
        return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)

    return {
        "options": option_table.markdown(option_table.folded(option_table.short())),
        "host facts": table(("key", "meaning"), ((f"`{key}`", meaning) for key, meaning in FACTS.items())),
        "kinds": table(("kind", "severity", "meaning"), ((f"`{kind}`", each.severity, each.meaning) for kind, each in KINDS.items())),
    }


def tabled(text: str) -> Iterator[tuple[str, str]]:
    """(name, text) of the tables that a document has."""
    for match in re.finditer(r"<!-- ([a-z ]+) -->\n(.*?)<!-- end -->", text, re.DOTALL):
        yield match[1], match[2]


def refresh(document: Path) -> None:
    """Write what tables hold and commands print now."""
    text = document.read_text(encoding="utf-8")
    for name, old in list(tabled(text)):
        text = text.replace(f"<!-- {name} -->\n{old}", f"<!-- {name} -->\n{tables()[name]}")
    with tempfile.TemporaryDirectory() as directory:
        place = furnish(Path(directory))
        for step in steps(text):
            _, said = run(step, place)
            if not fits(step.output, said):
                shown = f"$ {step.command}\n"
                assert ANY not in step.output.split("\n"), f"{document}:{step.line}: not as said, and by hand"
                assert shown + step.output in text
                text = text.replace(shown + step.output, shown + _stripped(said), 1)
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name))
