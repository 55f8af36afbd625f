"""The law of the residue (security-rules M1), for random metadata of random domains: what comes back is what the XML bears out."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bridge
from bridge.data.options import keys
from tests import option_samples
from tests.trust.documents import FOREIGN, VMID, Residue, bare, main_lines, violations, with_residue

CASES = Path(__file__).parents[1] / "cases"


def _own() -> list[str]:
    """Domains that the bridge wrote, of configs that need no facts of a host."""
    found = []
    for path in sorted(CASES.glob("*.conf")):
        try:
            found.append(bridge.convert(path.read_text(), "xml", "conf", vmid=VMID).text)
        except bridge.BridgeError:
            continue
    assert len(found) > 10
    return found


DOMAINS = [FOREIGN, *_own()]
SEEN: dict[str, dict[str, str]] = {}
LINES = sorted({
    (match[1], match[2])
    for sample in option_samples.samples()
    for match in re.finditer(r"^([a-z_-]+\d*): (.+)$", sample.config, re.MULTILINE)
})  # fmt: skip
"""Lines of configs, one for every sub-option at least."""


def _seen(xml: str) -> dict[str, str]:
    """What the XML alone says, as a forger can find out."""
    if xml not in SEEN:
        try:
            SEEN[xml] = main_lines(bridge.convert(bare(xml), "conf", "xml", vmid=VMID, args=False).text)
        except bridge.BridgeError:
            SEEN[xml] = {}
    return SEEN[xml]


odd = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="%"), max_size=8)
texts = st.one_of(st.sampled_from([text for _, text in LINES]), odd)


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, str]:
    if draw(st.integers(0, 3)):
        key, text = draw(st.sampled_from(LINES))
    else:
        key, text = draw(st.one_of(st.sampled_from(keys()), names)), draw(texts)
    return key, text


@st.composite
def residues(draw: st.DrawFn, xml: str) -> Residue:
    seen = _seen(xml)
    rows: dict[str, tuple[str | None, str | None]] = {}
    for key, text in draw(st.lists(lines(), max_size=5)):
        was = seen.get(key) if draw(st.integers(0, 4)) else draw(st.one_of(st.none(), texts))
        rows[key] = (text, was)
    for key in draw(st.lists(st.sampled_from(sorted(seen) or ["memory"]), max_size=2)):
        said = seen.get(key, "")
        rows[key] = draw(st.sampled_from([(None, said), (said + ",backup=0", said), (said.replace("1", "2"), said)]))
    sections = ""
    for name in draw(st.lists(st.sampled_from(["PENDING", "before", "special:fleecing", "special:cloudinit"]), max_size=2, unique=True)):
        body = "".join(f"{key}: {text}\n" for key, text in sorted(dict(draw(st.lists(lines(), max_size=4))).items()))
        sections += f"\n[{name}]\n{body}"
    return Residue(rows, sections, draw(st.one_of(st.none(), odd)))


@settings(max_examples=120, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data(), st.sampled_from(DOMAINS), st.sampled_from([None, False]))
def test_what_comes_back_is_what_the_xml_bears_out(data: st.DataObject, xml: str, args: bool | None) -> None:
    residue = data.draw(residues(xml))
    assert violations(xml, residue, args=args) == []


@settings(max_examples=50, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data(), st.sampled_from(DOMAINS))
def test_a_value_of_no_xml_is_as_it_was_or_left_out(data: st.DataObject, xml: str) -> None:
    """Nothing is split, cut short or joined on its way through the metadata."""
    key = data.draw(st.sampled_from(["tags", "startup", "vmstatestorage"]))
    text = data.draw(odd)
    result = bridge.convert(with_residue(xml, Residue({key: (text, None)})), "conf", "xml", vmid=VMID, args=False)
    assert main_lines(result.text).get(key) in (text.strip(" \t\r\n"), None)
    assert set(main_lines(result.text)) - {key} <= set(_seen(xml))

