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
from bridge.libvirt.validate import LIBVIRT_RNG, schema_file
from tests.corpus import Row

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


@pytest.mark.corpus("cfg2cmd.jsonl", "random.jsonl", "random-extra.jsonl", sample=60)
def test_the_corpora_are_valid_by_both_schemas(row: Row, shared: Path, xsd: Any, rng: etree.RelaxNG) -> None:
    if "argv" not in row:
        return  # qemu-server refuses it, and so does the bridge
    host = bridge.HostFacts.load(shared / "corpus/host", **row["host"])
    root = etree.fromstring(bridge.convert(row["conf"], "xml", "conf", vmid=row["vmid"], host=host).text.encode())
    assert problems(xsd, root) == []
    assert rng.validate(root), rng.error_log.last_error


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
            element.set(name, chance.choice(["", "0", "-1", "99999", "yes", "on", element.attrib[name] + "x"]))
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
