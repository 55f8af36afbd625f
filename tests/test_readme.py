"""README shows what happens: each console block is run, from top to bottom, in one directory that has the samples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.corpus import ROOT

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text(encoding="utf-8")
ANY = "..."
"""A line that stands for any number of lines."""


class Step(NamedTuple):
    """A command with what README says that it prints: stdout, then stderr."""

    line: int
    command: str
    output: str


def steps(text: str) -> Iterator[Step]:
    """The commands of ```console blocks: lines after `$ `, going on after a backslash."""
    for block in re.finditer(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        first = text.count("\n", 0, block.start(1)) + 1
        step: Step | None = None
        for number, line in enumerate(block[1].split("\n")[:-1], first):
            if line.startswith("$ "):
                if step:
                    yield step
                step = Step(number, line[2:], "")
            else:
                assert step, f"README.md:{number}: a console block starts with `$ `"
                goes_on = step.command.endswith("\\") and not step.output
                step = step._replace(command=f"{step.command}\n{line}") if goes_on else step._replace(output=f"{step.output}{line}\n")
        if step:
            yield step


def fits(wanted: str, said: str) -> bool:
    """Blanks at the ends of lines do not count."""
    lines = [r"(?:.*\n)*?" if line == ANY else re.escape(line.rstrip()) + "\n" for line in wanted.split("\n")[:-1]]
    return re.fullmatch("".join(lines), re.sub(r"[ \t]+$", "", said, flags=re.MULTILINE)) is not None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader sits: after `pip install`, in a checkout."""
    found = tmp_path_factory.mktemp("readme")
    for name in ("samples", "schemas", "tests"):
        (found / name).symlink_to(ROOT / name)
    (found / "bin").mkdir()
    program = found / "bin/virt-qm"
    program.write_text(f'#!/bin/sh\nexec env PYTHONPATH={ROOT} {sys.executable} -m bridge "$@"\n')
    program.chmod(0o755)
    return found


@pytest.mark.parametrize("step", list(steps(README)), ids=lambda step: f"line {step.line}")
def test_what_readme_shows(step: Step, place: Path) -> None:
    environment = os.environ | {
        "PATH": f"{place}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "120",
        "PYTHONPATH": str(ROOT),
    }
    command = ["bash", "-c", step.command]
    done = subprocess.run(command, cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert fits(step.output, said), f"README.md:{step.line}: {step.command}\nprints now:\n{said}"


def test_there_is_something_to_check() -> None:
    assert len(list(steps(README))) >= 5


def test_commands_that_readme_names_are_there() -> None:
    from bridge.cli import COMMANDS

    named = set(re.findall(r"\bvirt-qm ([a-z][a-z-]+)\b", README))
    assert named <= {*COMMANDS, "virt-qm"} | {"does"}
    assert set(COMMANDS) <= named


def test_links_of_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert "://" in target or (ROOT / target).exists(), target


BLOCK = """\
```console
$ one \\
  more
a
...
z
$ two
```
```sh
$ not this
```
"""


def test_steps_of_a_block() -> None:
    assert list(steps(BLOCK)) == [Step(2, "one \\\n  more", "a\n...\nz\n"), Step(7, "two", "")]


@pytest.mark.parametrize(
    ("said", "good"),
    [("a\nz\n", True), ("a  \nb\nc\nz\n", True), ("a\n", False), ("az\n", False), ("a\nz\nmore\n", False), ("b\na\nz\n", False)],
)
def test_output_that_fits(said: str, good: bool) -> None:
    assert fits("a\n...\nz\n", said) is good
