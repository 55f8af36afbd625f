"""README is true: its console blocks print what they show, its Python runs, its commands exist.

`REWRITE=1 pytest tests/test_readme.py` puts the present output into README: read it before it is committed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n\$ (.*)\n((?:.*\n)*?)```")


def shown() -> list[tuple[str, str]]:
    return BLOCK.findall(README.read_text())


def printed(command: str) -> str:
    """stdout and stderr of a shell line, with virt-qm as this checkout's."""
    line = re.sub(r"\bvirt-qm\b", f"{sys.executable} -m bridge", command)
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"}, check=False)
    return done.stdout + done.stderr


def test_there_are_blocks_to_check() -> None:
    assert len(shown()) >= 5


@pytest.mark.parametrize("command", [command for command, _ in shown()])
def test_a_block_prints_what_it_shows(command: str) -> None:
    now = printed(command)
    if os.environ.get("REWRITE"):
        text = README.read_text()
        README.write_text(BLOCK.sub(lambda m: f"```console\n$ {m[1]}\n{now}```" if m[1] == command else m[0], text))
    assert now == dict(shown())[command]


def test_the_python_example_runs() -> None:
    code = re.findall(r"```python\n(import bridge.*?)```", README.read_text(), re.DOTALL)[0]
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<iothreads>4</iothreads>" in done.stdout


def test_every_command_of_the_table_exists() -> None:
    listed = set(re.findall(r"`virt-qm ([a-z][a-z-]*)", README.read_text()))
    known = set(re.findall(r"^  ([a-z][a-z-]*) ", printed("virt-qm --help"), re.MULTILINE))
    assert listed <= known, listed - known


def test_rows_shown_stand_in_the_code() -> None:
    """The example of how to add an option."""
    example = re.findall(r"```python\n(# bridge/model.*?)```", README.read_text(), re.DOTALL)[0]
    module = ""
    for line in example.splitlines():
        if line.startswith("# "):
            module = line.split()[1]
        else:
            assert line in (ROOT / module).read_text(), (module, line)
