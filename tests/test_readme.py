"""README and docs/ show what happens: each console block is run, from top to bottom, in one directory that has the samples."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest

from bridge.cli import COMMANDS, main
from tests.corpus import ROOT
from tests.shown import DOCUMENTS, Step, blocks, fits, furnish, run, steps, tabled, tables

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text(encoding="utf-8")
LONGEST = 150
"""Lines of README: what somebody reads in the first hour. The rest is for docs/."""
EVERY_STEP = [
    pytest.param(document, step, id=f"{document.name}:{step.line}") for document in DOCUMENTS for step in steps(document.read_text())
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    return {document: furnish(tmp_path_factory.mktemp(document.stem)) for document in DOCUMENTS}


@pytest.mark.parametrize(("document", "step"), EVERY_STEP)
def test_what_documents_show(document: Path, step: Step, places: dict[Path, Path]) -> None:
    code, said = run(step, places[document])
    assert fits(step.output, said), f"{document.name}:{step.line}: {step.command}\nprints now:\n{said}"
    if step.command.startswith("python3 "):
        assert code == 0, said


def test_there_is_something_to_check() -> None:
    assert len(list(steps(README))) >= 5


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_shell_in_documents_is_shell_and_names_options_that_are_there(document: Path) -> None:
    """Blocks that need a host, or the network, are not run: their words are held against the commands."""
    for line, block in blocks(document.read_text(encoding="utf-8"), "sh"):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)
        for name, words in re.findall(r"\bvirt-qm ([a-z][a-z-]*)((?:[^|\n\\]|\\\n)*)", block):
            command = main.get_command(click.Context(main), name)
            assert command is not None, f"{document.name}:{line}: {name}"
            known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
            said = {word.partition("=")[0] for word in words.split() if re.match(r"--?[a-z]", word)}
            assert said <= known, f"{document.name}:{line}: {name}: {said - known}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_tables_are_those_of_the_program(document: Path) -> None:
    made = tables()
    for name, text in tabled(document.read_text(encoding="utf-8")):
        assert text == made[name], f"{document.name}: {name}: python -m tests.shown {document.relative_to(ROOT)}"


def test_every_table_stands_in_a_document() -> None:
    assert {name for document in DOCUMENTS for name, _ in tabled(document.read_text(encoding="utf-8"))} == set(tables())


def test_readme_is_for_the_first_hour() -> None:
    assert README.count("\n") <= LONGEST


def test_readme_leads_to_every_document() -> None:
    """Straight, or by the list of them."""
    named = set(re.findall(r"\]\(docs/([^)#]+\.md)", README))
    assert named == {file.name for file in (ROOT / "docs").glob("*.md")}


def test_commands_that_documents_name_are_there() -> None:
    every = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    named = set(re.findall(r"`(?:[^`]*\| )?virt-qm ([a-z][a-z-]+)\b", every))
    named |= set(re.findall(r"^\$ virt-qm ([a-z-]+)", every, re.MULTILINE))
    assert named <= {*COMMANDS}
    assert set(COMMANDS) <= named


@pytest.mark.parametrize("document", [*DOCUMENTS, *ROOT.glob("[C-S]*.md")], ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#\s]*)(#[^)]*)?\)", document.read_text(encoding="utf-8")):
        there = document.parent / target if target else document
        assert "://" in target or there.exists(), target
        if heading and there.suffix == ".md":
            assert heading[1:] in headings(there), heading


def headings(document: Path) -> set[str]:
    """Anchors, as they are made of headings."""
    found = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in found}


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
```python
# bridge/a.py  nor this
```
```python
this()
```
"""


def test_steps_of_a_block() -> None:
    assert list(steps(BLOCK)) == [
        Step(2, "one \\\n  more", "a\n...\nz\n"),
        Step(7, "two", ""),
        Step(16, "python3 - <<'END'\nthis()\nEND", "...\n"),
    ]


@pytest.mark.parametrize(
    ("said", "good"),
    [("a\nz\n", True), ("a  \nb\nc\nz\n", True), ("a\n", False), ("az\n", False), ("a\nz\nmore\n", False), ("b\na\nz\n", False)],
)
def test_output_that_fits(said: str, good: bool) -> None:
    assert fits("a\n...\nz\n", said) is good
