"""Hostile inputs, one file each, named by the rule that they try (`S05-path-comma.xml`), beside what must happen to them.

A line of `NAME.expect`:
    reject: TEXT            it is a BridgeError whose message holds TEXT; without such a line the input is converted
    where: PLACE            the place that the error names
    finding: KINDS: TEXT    there is a finding of one of these kinds (`a|b`) with TEXT in it
    hint: TEXT              some finding's hint holds TEXT
    line: TEXT              a line of the document
    text: TEXT              the document holds TEXT
    never: TEXT             the document, with a line end before it, does not hold TEXT (`\\n` is a line end)
    silent: TEXT            no message holds TEXT
    nowhere: TEXT           neither the document nor any message holds TEXT
    shown                   all messages consist of visible characters on one line
    with: KEYWORD=VALUE     a keyword of `bridge.convert`
    to: FORMAT              instead of `conf` for XML and `xml` for a config
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import bridge
from bridge.qemuserver import text as config_text

CASES = Path(__file__).parent / "cases"
INPUTS = sorted(path for path in CASES.iterdir() if path.suffix in (".xml", ".conf"))
RULES = {*(f"S{n:02}" for n in range(1, 17)), *(f"C{n}" for n in range(1, 10))}
FORBIDDEN = ("digest", "snapstate", "snaptime")
SECONDS = 5.0


class Outcome(NamedTuple):
    """What came of an input. `document` is empty where it was refused."""

    document: str
    findings: list[bridge.Finding]
    error: bridge.BridgeError | None

    def messages(self) -> list[str]:
        said = [text for finding in self.findings for text in (finding.message, finding.where, finding.hint)]
        return said if self.error is None else [*said, str(self.error)]


def expectations(path: Path) -> list[tuple[str, str]]:
    lines = path.with_name(path.name + ".expect").read_text(encoding="utf-8").split("\n")
    pairs = [line.partition(":")[::2] for line in lines if line]
    return [(word, text.removeprefix(" ").replace("\\n", "\n") if word == "never" else text.removeprefix(" ")) for word, text in pairs]


def convert(path: Path, expected: list[tuple[str, str]]) -> Outcome:
    source: Any = path.suffix[1:]
    to: Any = next((text for word, text in expected if word == "to"), "conf" if source == "xml" else "xml")
    keywords: dict[str, Any] = {}
    for word, text in expected:
        if word == "with":
            name, _, value = text.partition("=")
            keywords[name] = ast.literal_eval(value)
    try:
        result = bridge.convert(path.read_bytes(), to, source, vmid=100, **keywords)
    except bridge.BridgeError as error:
        return Outcome("", [], error)
    return Outcome(result.text, result.findings, None)


def has_finding(outcome: Outcome, text: str) -> bool:
    kinds, _, part = text.partition(": ")
    return any(finding.kind in kinds.split("|") and part in finding.message for finding in outcome.findings)


CHECKS: dict[str, Callable[[Outcome, str], bool]] = {
    "reject": lambda outcome, text: outcome.error is not None and text in outcome.error.message,
    "where": lambda outcome, text: outcome.error is not None and outcome.error.where == text,
    "finding": has_finding,
    "hint": lambda outcome, text: any(text in finding.hint for finding in outcome.findings),
    "line": lambda outcome, text: text in outcome.document.split("\n"),
    "text": lambda outcome, text: text in outcome.document,
    "never": lambda outcome, text: text not in "\n" + outcome.document,
    "silent": lambda outcome, text: not any(text in message for message in outcome.messages()),
    "nowhere": lambda outcome, text: not any(text in message for message in (outcome.document, *outcome.messages())),
    "shown": lambda outcome, _: all(message.isprintable() for message in outcome.messages()),
    "with": lambda *_: True,
    "to": lambda *_: True,
}


def test_no_file_is_stray_and_none_is_missing() -> None:
    names = {path.name for path in CASES.iterdir()}
    assert names == {path.name for path in INPUTS} | {f"{path.name}.expect" for path in INPUTS}


def test_every_rule_has_cases_that_are_refused_or_tamed() -> None:
    by_rule = {rule: [path for path in INPUTS if path.name.startswith(f"{rule}-")] for rule in RULES}
    assert [rule for rule, paths in by_rule.items() if len(paths) < 3] == []
    assert sum(map(len, by_rule.values())) == len(INPUTS), "a case is named by no rule"


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_case(path: Path) -> None:
    expected = expectations(path)
    started = time.process_time()
    outcome = convert(path, expected)
    assert time.process_time() - started < SECONDS
    assert expected
    assert [f"{word}: {text}" for word, text in expected if not CHECKS[word](outcome, text)] == [], (
        f"{outcome.error}\n{outcome.document[:2000]}\n{outcome.findings}"
    )
    if not any(word == "reject" for word, _ in expected):
        assert outcome.error is None


@pytest.mark.parametrize("path", [path for path in INPUTS if path.suffix == ".xml"], ids=lambda path: path.name)
def test_what_is_written_is_a_config(path: Path) -> None:
    """Every config that leaves reads strictly, as the text that it is, and says nothing that only qemu-server may say."""
    document = convert(path, expectations(path)).document
    found = config_text.parse(document, strict=True)
    assert config_text.write(found) == document
    assert not found.main.entries.keys() & set(FORBIDDEN)


@pytest.mark.parametrize("to", ["argv", "conf", "xml"])
@pytest.mark.parametrize(("args", "metadata"), [(None, True), (True, True), (False, False)])
def test_no_way_ends_in_anything_but_a_document_or_a_refusal(to: bridge.Format, args: bool | None, metadata: bool) -> None:
    """Each input on every way, with all that may be asked for: whatever else is raised fails the test."""
    for path in INPUTS:
        started = time.process_time()
        source: Any = path.suffix[1:]
        try:
            said = bridge.convert(path.read_bytes(), to, source, vmid=100, args=args, metadata=metadata).text
        except bridge.BridgeError as error:
            said = str(error)
            assert said.isprintable(), path.name
        assert isinstance(said, str)
        assert time.process_time() - started < SECONDS, path.name


def test_hostile_inputs_end_as_the_manifest_says(shared: Path) -> None:
    """The shared ones; `escape` and `report` may be told from each other by findings only, which are many."""
    wrong = []
    for line in (shared / "corpus/hostile/MANIFEST.tsv").read_text(encoding="utf-8").split("\n")[1:]:
        if not line:
            continue
        name, action, *_ = line.split("\t")
        started = time.process_time()
        outcome = convert(shared / "corpus/hostile" / name, [])
        refused = outcome.error is not None
        if (action == "reject" and not refused) or (action == "escape" and refused) or time.process_time() - started > SECONDS:
            wrong.append(f"{name}: {action}: {outcome.error}")
        if name.endswith(".xml") and re.search(r"^(?:hookscript|lock|vmstate|args):|^\[", outcome.document, re.MULTILINE):
            wrong.append(f"{name}: {outcome.document}")
    assert wrong == []
