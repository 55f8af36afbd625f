"""The public API as a program meets it: what a type checker knows of it, and what `help` says."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bridge
import bridge.convert
from bridge.core import literals
from bridge.core.report import KINDS
from bridge.fleet.summary import STATUSES
from bridge.guest.compare import IMPORTANCE
from tests.corpus import ROOT

FUNCTIONS = [name for name in bridge.__all__ if inspect.isfunction(getattr(bridge, name))]
LABELS = ("Gives:", "Units:", "Raises:", "Source:")
ONE_OF_A_FEW = {
    "to": (literals.Format, literals.Stack),
    "source": (literals.Format,),
    "by": (literals.Reading,),
    "fail_on": (literals.Severity,),
}
"""Parameters whose value is one of a few words, and the types that say which."""


def hints(function: Callable[..., Any]) -> dict[str, Any]:
    """What the parameters are, without the types that only a type checker needs."""
    names = {**vars(literals), **vars(typing), "HostFacts": bridge.HostFacts, "Path": Path}
    known: Iterator[tuple[str, Any]] = iter(inspect.get_annotations(function).items())
    return {name: eval(text, function.__globals__ | names) for name, text in known if name in ONE_OF_A_FEW}


def test_the_public_functions_are_these() -> None:
    assert set(FUNCTIONS) == {
        *("check", "convert", "convert_fleet", "define", "diff", "import_domains", "plan", "probe", "rewrite_config", "show")
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_says_what_comes_out_in_which_units_and_what_is_raised(name: str) -> None:
    text = inspect.getdoc(getattr(bridge, name)) or ""
    found = [line.split(" ")[0] for line in text.split("\n") if line.startswith(LABELS)]
    assert found == list(LABELS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_word_that_is_one_of_a_few_has_a_type_that_says_which(name: str) -> None:
    for parameter, hint in hints(getattr(bridge, name)).items():
        plain = [each for each in typing.get_args(hint) if each is not type(None)] if type(None) in typing.get_args(hint) else [hint]
        assert plain[0] in ONE_OF_A_FEW[parameter], parameter


def test_types_and_tables_say_the_same() -> None:
    from bridge.convert import FORMATS
    from bridge.guest.side import PROVES

    assert typing.get_args(bridge.Format) == FORMATS
    assert typing.get_args(bridge.Severity) == bridge.SEVERITIES
    assert typing.get_args(bridge.Status) == STATUSES
    assert typing.get_args(bridge.Importance) == IMPORTANCE
    assert set(typing.get_args(bridge.Reading)) < PROVES.keys()
    assert {kind.severity for kind in KINDS.values()} == set(bridge.SEVERITIES)


def test_keywords_of_the_others_are_those_of_convert() -> None:
    apart = {"text", "to", "source", "host", "file", "create", "return"}
    own = {name: eval(text) for name, text in inspect.get_annotations(bridge.convert).items() if name not in apart}
    assert typing.get_type_hints(literals.Keywords) == own


CONSUMER = """
import sys
from collections.abc import Sequence

import bridge
import virt_qm

WORST: bridge.Severity = "guest"
SUFFIX: dict[bridge.Format, str] = {"conf": ".conf", "xml": ".xml", "argv": ".cmd"}


def worst_first(findings: Sequence[bridge.Finding]) -> list[bridge.Finding]:
    return sorted(findings, key=lambda finding: bridge.SEVERITIES.index(finding.severity))


def lost(text: str, to: bridge.Format) -> list[str]:
    out = bridge.convert(text, to, vmid=100, libvirt="10.0")
    words: list[str] | None = out.argv
    return [finding.message for finding in worst_first(out.findings) if finding.severity == WORST or words is None]


def fleet(files: Sequence[str]) -> dict[bridge.Status, int]:
    count: dict[bridge.Status, int] = {}
    for outcome in bridge.convert_fleet(files, to="xml", directory="out", fail_on="data", machine="q35"):
        count[outcome.status] = count.get(outcome.status, 0) + 1
    return count


def same(a: str, b: str) -> bool:
    found = bridge.diff(a, b, by="model", backends=True, args=False)
    return found.same or all(each.importance == "host" for each in found.differences)


def all_of_it(text: str) -> None:
    facts: bridge.HostFacts = bridge.probe()
    for finding in bridge.check(text, "conf", host=facts):
        print(finding.kind, finding.where, finding.hint)
    print(bridge.show(text).advice, virt_qm.rewrite_config(text))
    for candidate in bridge.define("", {"100.conf": text}, dry_run=True):
        print(candidate.name, candidate.xml)
    for config in bridge.import_domains("", first_vmid=200, keep_layout=True):
        print(config.vmid, config.text)
    print(bridge.plan({"100.conf": text}, to="libvirt").to)
    try:
        print(lost(text, "conf"), fleet([text]), same(text, text), SUFFIX["xml"])
    except bridge.BridgeError as error:
        sys.exit(f"{error.where}: {error.message}")
"""
WRONG = {
    'bridge.convert("", "xlm")': "xlm",
    'bridge.convert("", "xml", "config")': "config",
    'bridge.check("", "libvirt")': "libvirt",
    'bridge.diff("", "", by="qemu")': "qemu",
    'bridge.plan({}, to="proxmox")': "proxmox",
    'bridge.convert_fleet([], to="xml", directory="", fail_on="worst")': "worst",
    'bridge.check("", libvrt="10.0")': "libvrt",
    'bridge.SEVERITIES.index("x") == bridge.convert("", "xml").findings[0].severity == 1': "overlap",
}
"""Faults in a program, and what mypy names of them."""


@pytest.mark.slow
def test_a_program_is_checked_strictly_against_the_api(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(CONSUMER)
    (tmp_path / "wrong.py").write_text("import bridge\n" + "".join(f"{line}\n" for line in WRONG))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache"), "good.py", "wrong.py"]
    done = subprocess.run(command, cwd=tmp_path, env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin"}, capture_output=True, text=True)
    ours = [line for line in done.stdout.split("\n") if line.startswith(("good.py", "wrong.py")) and " error: " in line]
    assert [line for line in ours if line.startswith("good.py")] == [], done.stdout + done.stderr
    for number, (line, named) in enumerate(WRONG.items(), 2):
        assert any(each.startswith(f"wrong.py:{number}:") and named in each for each in ours), f"{line}: {done.stdout}{done.stderr}"
