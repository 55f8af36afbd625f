"""What the metadata may do, for every key that a config can have: the XML as it stands wins; the metadata fills what XML cannot say; what
was edited is told."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from functools import cache
from typing import NamedTuple

import pytest

import bridge
from bridge.data.remembered import RETURNS, WITHHELD
from tests.option_samples import HOST, TARGET, VMID, samples
from tests.trust.documents import Residue, bare, main_lines, with_residue


class Said(NamedTuple):
    """One key of a config, the document that came of the config, and what this says of the key by itself."""

    key: str
    text: str
    xml: str
    seen: str | None


@cache
def documents() -> tuple[tuple[dict[str, str], str, dict[str, str]], ...]:
    """(lines of the config, XML, lines of a config that the XML alone gives), for every sample that converts there and back."""
    found = []
    for config in sorted({sample.config for sample in samples()}):
        try:
            xml = bare(bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST, **TARGET).text)
            found.append((main_lines(bridge.rewrite_config(config, vmid=VMID)), xml, main_lines(back(xml).text)))
        except bridge.BridgeError:
            continue
    assert len(found) > 300
    return tuple(found)


def back(xml: str, trust: bool = False) -> bridge.Result:
    return bridge.convert(xml, "conf", "xml", vmid=VMID, host=HOST, args=False, trust_metadata=trust, **TARGET)


@cache
def sayings() -> dict[str, list[Said]]:
    """By key, each text once."""
    found: dict[str, dict[str, Said]] = defaultdict(dict)
    for lines, xml, alone in documents():
        for key, text in lines.items():
            if text != alone.get(key):
                found[key].setdefault(text, Said(key, text, xml, alone.get(key)))
    return {key: list(texts.values()) for key, texts in sorted(found.items())}


def option_of(key: str) -> str:
    return re.sub(r"\d+$", "N", key) if key != "smbios1" else key


KEYS = sorted(sayings())
REMEMBERED = [key for key in KEYS if option_of(key) not in WITHHELD and key != "description"]


def edited(key: str) -> list[tuple[Said, str, str | None]]:
    """(what is remembered, a document that says something else of the key than when it was written, what it says)."""
    found = [(said._replace(seen="something else"), said.xml, said.seen) for said in sayings()[key][:3]]
    for said, (_, xml, alone) in itertools.product(sayings()[key][:6], documents()):
        if alone.get(key) not in (said.seen, said.text):
            found.append((said, xml, alone.get(key)))
    return found[:: max(len(found) // 8, 1)]


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("key", REMEMBERED)
def test_the_xml_as_it_stands_wins(key: str, trust: bool) -> None:
    """What was remembered for another text of the key does not come back, but for what XML has no place for; and it is told."""
    for said, xml, now in edited(key):
        result = back(with_residue(xml, Residue({key: (said.text, said.seen)})), trust)
        text = main_lines(result.text).get(key)
        more = set(text.split(",")) - set(now.split(",")) if text and now else {text} - {now}
        assert {f"{option_of(key)}.{(part or '').split('=')[0]}" for part in more} <= RETURNS, (text, now, said.text)
        kind = "withheld" if "mdev=" in said.text and not trust else "stale-residue"
        assert kind in {finding.kind for finding in result.findings}


@pytest.mark.parametrize("key", REMEMBERED)
def test_the_metadata_fills_what_the_xml_cannot_say(key: str) -> None:
    """The document as it was written: the key has the text that was remembered, and nothing is called stale."""
    for said in sayings()[key]:
        result = back(with_residue(said.xml, Residue({key: (said.text, said.seen)})), trust=True)
        assert main_lines(result.text).get(key) == said.text
        assert "stale-residue" not in {finding.kind for finding in result.findings}


@pytest.mark.parametrize("key", [key for key in KEYS if option_of(key) in WITHHELD and key not in ("cipassword", "sshkeys")])
def test_what_is_withheld_comes_back_with_trust_only(key: str) -> None:
    """Each entry of the list of what never returns by itself."""
    for said in sayings()[key]:
        document = with_residue(said.xml, Residue({key: (said.text, said.seen)}))
        without, trusted = back(document), back(document, trust=True)
        assert main_lines(without.text).get(key) == said.seen
        assert "withheld" in {finding.kind for finding in without.findings}
        assert main_lines(trusted.text).get(key) == said.text or key in ("args", "parent")


def test_every_entry_of_the_lists_is_asked_for() -> None:
    assert sorted({entry.split(".")[0] for entry in RETURNS | WITHHELD} - {option_of(key) for key in KEYS}) == NO_LINE


NO_LINE = ["description"]
"""Entries that do not stand in a config's main section."""
