"""Kinds of findings: each is explained, and what is printed about a finding leads there."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from bridge.cli import main, render
from bridge.core.explain import ADVICE, MEANING, explained
from bridge.core.report import KINDS, SEVERITIES, BridgeError, Finding, worst


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


FINDINGS = [
    Finding("pins", "note", "", "x" * 300),
    Finding("moved", "guest", "7.conf:3", "net0 stands elsewhere", "look at its name"),
    Finding("guest-lost", "guest", "7.conf:1", "no [bold]such[/bold] card"),
]


def said(capsys: pytest.CaptureFixture[str], findings: list[Finding], everything: bool = False) -> list[str]:
    render.print_findings(findings, "7.conf", everything)
    return capsys.readouterr().err.split("\n")[:-1]


def test_a_finding_is_one_line_with_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, FINDINGS) == [
        "7.conf: 2 guest, 1 note",
        "  guest  7.conf:3: net0 stands elsewhere -> look at its name [moved]",
        "  guest  7.conf:1: no [bold]such[/bold] card [guest-lost]",
        f"  note   {'x' * 300} [pins]",
    ]


def test_all_of_them_stand_under_headings(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, FINDINGS, everything=True) == [
        "7.conf: 2 guest, 1 note",
        "The guest will see (guest):",
        "  7.conf:3: net0 stands elsewhere -> look at its name [moved]",
        "  7.conf:1: no [bold]such[/bold] card [guest-lost]",
        "Good to know (note):",
        f"  {'x' * 300} [pins]",
    ]


def test_what_nobody_reads_one_by_one_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    moved = [Finding("moved", "guest", f"7.conf:{n}", f"net{n} stands elsewhere") for n in range(12)]
    first, line = said(capsys, [*moved[:1], *moved[1:]])
    assert first == "7.conf: 12 guest (-v lists all)"
    assert line.startswith("  guest  12 devices, ports and controllers stand elsewhere")


@pytest.mark.parametrize("number", [9, 10, 40, 400])
def test_a_vm_has_ten_lines_at_most(capsys: pytest.CaptureFixture[str], number: int) -> None:
    kinds = list(KINDS)
    findings = [Finding(kind, KINDS[kind].severity, "", f"{n}") for n in range(number) for kind in [kinds[n % len(kinds)]]]
    lines = said(capsys, findings)
    assert len(lines) <= 10
    order = [SEVERITIES.index(line.split()[0]) for line in lines[1:] if line.split()[0] in SEVERITIES]
    assert order == sorted(order)


def test_the_worst_are_told_one_by_one_as_long_as_there_is_room(capsys: pytest.CaptureFixture[str]) -> None:
    """Five devices lost are five lines, thirty drives to copy are one."""
    lost = [Finding("guest-lost", "guest", "", f"device {n} is lost") for n in range(5)]
    copied = [Finding("import-needed", "data", "", f"drive {n} is to be copied", "qm") for n in range(30)]
    lines = said(capsys, copied + lost)
    assert lines[1:6] == [f"  guest  device {n} is lost [guest-lost]" for n in range(5)]
    assert lines[6:] == ["  data   drive 0 is to be copied (29 more like it) -> qm [import-needed]"]


def test_several_vms_say_the_same_once(capsys: pytest.CaptureFixture[str]) -> None:
    render.print_several([(name, [Finding("host-lost", "host", "", "no firewall")]) for name in ("web", "mail", "db")])
    assert capsys.readouterr().err.split("\n")[:-1] == [
        "3 VMs: 3 host (-v lists all, VM by VM)",
        "Host policy or speed (host):",
        "  web and 2 more: no firewall [host-lost]",
    ]


def test_no_findings_are_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, []) == []
    render.print_several([("web", []), ("mail", [])])
    assert capsys.readouterr().err == ""


SEVERE = {
    "guest": "bad-line guest-changed guest-lost invalid invisible machine-missing moved refused unknown",
    "data": "firmware-state import-needed memory-at-risk network-unknown resource-unknown storage-unknown tpm-state",
    "host": "args-off fallback host-lost iothread-lost lint not-applied pending-changes withheld",
    "note": (
        "added advice ambiguous assumed boot-picture by-args host-state metadata-only no-live-move normalised pins secret-left-out"
        " stale-residue warning"
    ),
}
"""What the guest sees; what must be copied or named before it starts; what the host does otherwise; what is no loss. Who relies on
`--fail-on` finds a kind where it was."""


@pytest.mark.parametrize("severity", SEVERE)
def test_how_bad_each_kind_is(severity: str) -> None:
    assert sorted(kind for kind, each in KINDS.items() if each.severity == severity) == SEVERE[severity].split()


def test_the_worst_comes_first() -> None:
    assert list(SEVERITIES) == ["guest", "data", "host", "note"]
    for at, severity in enumerate(SEVERITIES):
        found = [Finding(SEVERE[each].split()[0], each, "", "") for each in reversed(SEVERITIES[at:])]
        assert worst(found) == severity
    assert worst([]) is None
