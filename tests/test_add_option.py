"""How to add an option, done for real: README's and CONTRIBUTING's steps are applied to a copy of the tree, and the option goes both ways.

The option is made up: `rss=1` of a network card, which QEMU and libvirt know, and qemu-server does not. With any one of the steps left
out, the option does not go one of its ways, or a test of the copy fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.corpus import ROOT

pytestmark = pytest.mark.slow


class Step(NamedTuple):
    """A line goes after another one, in the one file of this part of the tree that has it."""

    part: str
    after: str
    line: str


STEPS = {
    "the field of the model": Step("bridge/model", "    packed: bool | None = None\n", "    rss: bool | None = None\n"),
    "the config's row": Step("bridge", '    Row("firewall", "firewall"),\n', '    Row("rss", "rss"),\n'),
    "XML's row": Step("bridge", '    Row("packed", "driver@packed", ON_OFF),\n', '    Row("rss", "driver@rss", ON_OFF),\n'),
    "the command line's row": Step("bridge", '    Row("packed", "packed", ON_OFF),\n', '    Row("rss", "rss", ON_OFF),\n'),
    "the line's reader": Step("bridge", '    net.packed = said.flag("packed")\n', '    net.rss = said.flag("rss")\n'),
    "the option's line": Step("bridge/data", '            "link_down": flag(),\n', '            "rss": flag(),\n'),
    "how bad it is to lose it": Step(
        "bridge/data",
        '    "Net": {\n',
        '        **_all("guest-changed", "rss"),\n',
    ),
    "the sample": Step("tests", '"tag": "7",\n', '"rss": "1",\n'),
}
ROUND = """
import bridge
config = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,rss=1\\n"
xml = bridge.convert(config, "xml", "conf", vmid=100, metadata=False).text
assert 'rss="on"' in xml, "rss is not in the XML"
back = bridge.convert(xml, "conf", "xml", vmid=100)
assert ",rss=1" in back.text and "rss" not in str(back.findings), "rss does not come back of XML"
words = bridge.convert(config, "argv", "conf", vmid=100).text
assert "rss=on" in words, "rss is not on the command line"
again = bridge.convert(words, "conf", "argv", vmid=100).text
assert ",rss=1" in again, "rss does not come back of the command line"
assert bridge.convert(config.replace(",rss=1", ",rss=x"), "argv", "conf", vmid=100).findings[0].kind == "bad-line"
"""
SHEET = "tests/sheets/test_options.py"
TESTS = (
    *(SHEET, "tests/test_coverage.py", "tests/test_difference.py", "tests/test_option_table.py", "tests/test_options.py"),
    "tests/trust/test_tables.py",
)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as it is."""
    place = tmp_path_factory.mktemp("tree")
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in files:
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    return place


def take(step: Step, tree: Path) -> Path:
    """Returns the file that changes."""
    files = (path for path in sorted((tree / step.part).rglob("*.py")) if path.name != Path(__file__).name)
    found = [path for path in files if step.after in path.read_text()]
    assert len(found) == 1, (step, found)
    text = found[0].read_text()
    assert text.count(step.after) == 1
    found[0].write_text(text.replace(step.after, step.after + step.line))
    return found[0]


def python(tree: Path, *words: str, rewrite: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", **({"REWRITE": "1"} if rewrite else {})}
    return subprocess.run([sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True, check=False)


def pytest_of(tree: Path, *words: str, rewrite: bool = False) -> subprocess.CompletedProcess[str]:
    return python(tree, "-m", "pytest", "-q", "--quick", "-x", "-p", "no:cacheprovider", "-p", "no:benchmark", *words, rewrite=rewrite)


def broken(tree: Path) -> str:
    """What a way of the option, or else a test of the tree, says against it."""
    round_ = python(tree, "-c", ROUND)
    if round_.returncode:
        return round_.stderr
    done = pytest_of(tree, *TESTS, "-k", "Net or netN or table or entry or rows or list")
    return done.stdout if done.returncode else ""


def test_an_option_is_a_line_in_each_of_eight_files(copied: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(copied, tree)
    changed = {take(step, tree) for step in STEPS.values()}
    assert len(changed) == len(STEPS) == 8
    done = pytest_of(tree, SHEET, "-k", "netN", rewrite=True)
    assert done.returncode == 0, done.stdout[-4000:]
    assert broken(tree) == ""


@pytest.mark.parametrize("forgotten", sorted(STEPS))
def test_what_is_forgotten_is_told(forgotten: str, copied: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(copied, tree)
    for name, step in STEPS.items():
        if name != forgotten:
            take(step, tree)
    assert "rss" in broken(tree)
