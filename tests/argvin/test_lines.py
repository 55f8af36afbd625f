"""Command lines as people write them: the domain and the config that come of each, with all findings.

After a wanted change, `REWRITE=1 pytest tests/argvin/test_lines.py` writes new expectations: read them before they are committed.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

import bridge

LINES = Path(__file__).parent / "lines"
SAMPLES = Path(__file__).parents[2] / "samples"
INPUTS = {path.stem: path for path in (*LINES.glob("*.cmd"), *SAMPLES.glob("*.cmd"), *SAMPLES.glob("*.sh"))}
NAMES = sorted(INPUTS)


def converted(name: str, to: str, **words: bool) -> str:
    result = bridge.convert(INPUTS[name].read_bytes(), to, "argv", file=INPUTS[name].name, **words)  # type: ignore[arg-type]
    head, tail = ("<!-- ", " -->") if to == "xml" else ("# ", "")
    findings = (f"{f.kind} ({f.severity}) {f.where}: {f.message}" + (f" -> {f.hint}" if f.hint else "") for f in result.findings)
    return result.text + "".join(f"{head}{finding.replace('--', '- -')}{tail}\n" for finding in findings)


@pytest.mark.parametrize("to", ["xml", "conf"])
@pytest.mark.parametrize("name", NAMES)
def test_line_becomes(name: str, to: str) -> None:
    path = LINES / f"{name}.{to}"
    text = converted(name, to)
    if os.environ.get("REWRITE"):
        path.write_text(text)
    wanted = path.read_text()
    assert text == wanted, "\n" + "".join(difflib.unified_diff(wanted.splitlines(True), text.splitlines(True), path.name, "now"))


@pytest.mark.parametrize("name", NAMES)
def test_format_is_guessed(name: str) -> None:
    assert bridge.convert(INPUTS[name].read_bytes(), "xml").text


@pytest.mark.parametrize("name", NAMES)
def test_with_args_nothing_of_the_guest_is_lost(name: str) -> None:
    """What has no element stands in qemu:commandline, on request."""
    result = bridge.convert(INPUTS[name].read_bytes(), "xml", "argv", args=True)
    assert [f for f in result.findings if f.severity == "guest" and f.kind != "guest-changed"] == []
