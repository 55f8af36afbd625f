"""Kinds of findings: each is explained, and what is printed about a finding leads there."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from bridge.cli import main, render
from bridge.core.explain import ADVICE, MEANING, explained
from bridge.core.report import KINDS, SEVERITIES, BridgeError, Finding


def run(*words: str) -> str:
    result = CliRunner().invoke(main, ["explain", *words])
    assert result.exit_code == 0
    return result.output


def test_every_kind_and_severity_is_explained() -> None:
    assert list(ADVICE) == list(KINDS)
    assert tuple(MEANING) == SEVERITIES


@pytest.mark.parametrize("kind", KINDS)
def test_the_meaning_the_severity_and_what_to_do(kind: str) -> None:
    text = run(kind)
    assert text.startswith(f"{kind} ({KINDS[kind].severity})\n\n")
    assert "\nWhat to do: " in text
    assert max(map(len, text.split("\n"))) <= 80


def test_without_a_kind_all_are_listed() -> None:
    assert [line.split()[1] for line in run().splitlines()] == list(KINDS)


@pytest.mark.parametrize(("typo", "hint"), [("storage-unkown", "did you mean storage-unknown"), ("xyzzy", "`virt-qm explain` lists them")])
def test_a_kind_that_is_none(typo: str, hint: str) -> None:
    with pytest.raises(BridgeError, match=hint):
        explained(typo)
    result = CliRunner().invoke(main, ["explain", typo])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: no kind of finding is called")


def test_a_finding_is_one_line_with_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    render.print_findings([
        Finding("moved", "guest", "7.conf:3", "net0 stands elsewhere", "look at its name"),
        Finding("pins", "note", "", "x" * 300),
        Finding("guest-lost", "guest", "7.conf:1", "no [bold]such[/bold] card"),
    ])
    assert capsys.readouterr().err.split("\n") == [
        "The guest will see (guest):",
        "  7.conf:3: net0 stands elsewhere -> look at its name [moved]",
        "  7.conf:1: no [bold]such[/bold] card [guest-lost]",
        "Good to know (note):",
        f"  {'x' * 300} [pins]",
        "",
    ]


def test_no_findings_are_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    render.print_findings([])
    assert capsys.readouterr().err == ""
