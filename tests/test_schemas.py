"""schemas/domain.xsd: exactly what the bridge writes, and never laxer than libvirt's own schema."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from lxml import etree

import bridge
from bridge.libvirt.host.validate import LIBVIRT_RNG, schema_file
from tests.corpus import Row
from tests.option_samples import HOST, MORE, VMID, samples

pytestmark = pytest.mark.slow

CASE = 8006
"""The id of the VMs in tests/cases and in the corpora."""
CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.conf"))
MUTATIONS = 25


@pytest.fixture(scope="module")
def xsd() -> Any:
    return xmlschema.XMLSchema11(str(schema_file("domain.xsd")))


@pytest.fixture(scope="module")
def rng() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(str(LIBVIRT_RNG)))


@pytest.fixture(scope="module")
def host() -> bridge.HostFacts:
    return bridge.HostFacts.load(CASES / "host")


def written(name: str, host: bridge.HostFacts) -> str:
    return bridge.convert((CASES / f"{name}.conf").read_text(), "xml", "conf", vmid=8006, host=host).text


def problems(xsd: Any, root: etree._Element) -> list[str]:
    return [f"{error.path}: {error.reason}" for error in xsd.iter_errors(root)]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_bridge_writes_is_valid_by_both_schemas(name: str, host: bridge.HostFacts, xsd: Any, rng: etree.RelaxNG) -> None:
    root = etree.fromstring(written(name, host).encode())
    assert problems(xsd, root) == []
    assert rng.validate(root), rng.error_log.last_error


@pytest.mark.parametrize("config", [*(sample.config for sample in samples()), *MORE])
def test_every_option_is_valid_by_both_schemas(config: str, xsd: Any, rng: etree.RelaxNG) -> None:
    root = etree.fromstring(bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST).text.encode())
    assert problems(xsd, root) == []
    assert rng.validate(root), rng.error_log.last_error


@pytest.mark.corpus("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl", "config-files.jsonl", sample=80)
def test_the_corpora_are_valid_by_both_schemas(row: Row, shared: Path, xsd: Any, rng: etree.RelaxNG) -> None:
    host = bridge.HostFacts.load(shared / "corpus/host", **row.get("host", {}))
    config, vmid = (row["conf"], row["vmid"]) if "conf" in row else (row["input"], CASE)
    try:
        text = bridge.convert(config, "xml", "conf", vmid=vmid, host=host).text
    except bridge.BridgeError:
        assert "argv" not in row  # what qemu-server refuses, or what no XML may hold
        return
    root = etree.fromstring(text.encode())
    assert problems(xsd, root) == []
    assert rng.validate(root), rng.error_log.last_error


def test_a_volume_of_a_storage_that_nobody_knows_has_no_slash(xsd: Any, rng: etree.RelaxNG) -> None:
    config = "scsi0: nowhere:100/vm-100-disk-0.qcow2\nscsi1: nowhere:iso/100%.iso,media=cdrom\n"
    text = bridge.convert(config, "xml", "conf", vmid=VMID).text
    assert 'pool="nowhere" volume="100%2Fvm-100-disk-0.qcow2"' in text
    root = etree.fromstring(text.encode())
    assert problems(xsd, root) == []
    assert rng.validate(root)
    assert bridge.convert(text, "conf", "xml", vmid=VMID).text == bridge.rewrite_config(config, vmid=VMID)


def test_foreign_xml_that_is_valid_here_is_valid_there(shared: Path, xsd: Any, rng: etree.RelaxNG) -> None:
    valid = 0
    for path in sorted((shared / "corpus/libvirt-xml").glob("*.xml")):
        try:
            root = etree.parse(str(path)).getroot()
        except etree.XMLSyntaxError:
            continue
        if xsd.is_valid(root):
            valid += 1
            assert rng.validate(root), (path.name, rng.error_log.last_error)
    assert valid > 50, "the schema takes hardly any foreign domain: the law above says nothing"


def mutants(xml: str, seed: int) -> Iterator[tuple[str, etree._Element]]:
    """The document with one thing changed, removed, doubled or put elsewhere."""
    chance = random.Random(seed)
    for _ in range(MUTATIONS):
        root = etree.fromstring(xml.encode())
        elements = [e for e in root.iter() if e is not root and "}" not in e.tag]
        element, other = chance.choice(elements), chance.choice(elements)
        name = chance.choice([*element.attrib, ""])
        what = chance.choice(["change", "remove attribute", "remove", "double", "move"])
        if what == "change" and name:
            element.set(name, chance.choice(["", "0", "-1", "99999", "yes", "on", f"{element.get(name)}x"]))
        elif what == "remove attribute" and name:
            del element.attrib[name]
        elif what == "remove":
            element.getparent().remove(element)  # type: ignore[union-attr]
        elif what == "double":
            element.addnext(copy.deepcopy(element))
        else:
            other.append(copy.deepcopy(element))
        yield f"{what} {element.tag} {name} {other.tag}", etree.fromstring(etree.tostring(root))


@pytest.mark.parametrize("name", NAMES)
def test_no_mutant_passes_here_that_libvirt_refuses(name: str, host: bridge.HostFacts, xsd: Any, rng: etree.RelaxNG) -> None:
    refused = 0
    for what, root in mutants(written(name, host), seed=NAMES.index(name)):
        if xsd.is_valid(root):
            assert rng.validate(root), (what, rng.error_log.last_error)
        else:
            refused += 1
    assert refused > MUTATIONS // 4, "the schema refuses hardly any mutant"


VALUES = (
    *("", "0", "-1", "1", "99999", "4294967296", "9" * 20, "yes", "x y", "../a", "a,b", "0x1f", "0xfff", "a" * 70),
    *("\u00e9", " 5", "5 ", "\n", "none", "%", "a:b", "1.5", "1-2", "^1"),
)  # fmt: skip
"""What an attribute or a text may become: too large, too long, of another kind."""
TYPED = frozenset(("controller", "disk", "interface", "address", "graphics", "channel", "serial", "hostdev", "nvram", "source"))
"""Elements whose attributes depend on their type."""


def place_of(element: etree._Element) -> str:
    """The names of an element and those that it stands in, with the types that count."""
    names = []
    here: etree._Element | None = element
    while here is not None and here.getparent() is not None:
        names.append(here.tag + (f"[{here.get('type')}]" if here.tag in TYPED else ""))
        here = here.getparent()
    return "/".join(reversed(names))


def places(texts: list[str]) -> dict[tuple[str, str], str]:
    """(place, attribute, or `` for the text) -> the shortest document that says something there."""
    found: dict[tuple[str, str], str] = {}
    for text in sorted(texts, key=len):
        for element in etree.fromstring(text.encode()).iter(etree.Element):
            if "}" not in element.tag:
                for name in (*element.attrib, *([""] if (element.text or "").strip() else [])):
                    found.setdefault((place_of(element), str(name)), text)
    return found


def put(text: str, place: str, name: str, value: str | None) -> etree._Element:
    """The document with this value at the place; None takes the attribute away."""
    root = etree.fromstring(text.encode())
    element = next(e for e in root.iter(etree.Element) if "}" not in e.tag and place_of(e) == place and (not name or name in e.attrib))
    if value is None:
        del element.attrib[name]
    elif name:
        element.set(name, value)
    else:
        element.text = value
    return etree.fromstring(etree.tostring(root))


def test_no_value_passes_here_that_libvirt_refuses(host: bridge.HostFacts, xsd: Any, rng: etree.RelaxNG, full: bool) -> None:
    """At every place of every document, with every value; a sample of them without --full."""
    texts = [written(name, host) for name in NAMES]
    texts += [bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST).text for config in (*(s.config for s in samples()), *MORE)]
    every = [(place, name, text, value) for (place, name), text in places(texts).items() for value in (*VALUES, *([None] if name else []))]
    assert len(every) > 8000
    refused = 0
    for place, name, text, value in every if full else random.Random(4).sample(every, 2500):
        root = put(text, place, name, value)
        if not rng.validate(root):
            refused += 1
            assert not xsd.is_valid(root), (place, name, value)
    assert refused > 1000
