"""`virt-qm check`: what a conversion would find, and what the schemas say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..convert import convert
from ..core.report import Finding, Report
from ..libvirt.host import validate
from ..libvirt.tree.node import RESIDUE_NS
from ..paths.detect import detect
from ..show.subject import drawn


def problems(text: bytes, keywords: dict[str, Any]) -> list[Finding]:
    """Findings about a config, an XML or a command line. Raises BridgeError on what cannot be converted at all."""
    source = keywords.pop("source") or detect(text)
    file = keywords["file"]
    report = Report()
    converted = convert(text, "conf" if source == "xml" else "xml", source, **keywords)
    report.extend(iter(converted.findings))
    xml = text.decode("utf-8", "replace") if source == "xml" else converted.text
    name = file if source == "xml" else f"the XML for {file}"
    for schema, problem in _against_schemas(xml, own=source == "conf" or RESIDUE_NS in xml):
        where = f"{name}:{problem.line}" if problem.line else name
        report.add("invalid", where, f"{schema}: {problem.message}", HINTS[schema])
    for hint in drawn(text, source, {"conf" if source == "xml" else "xml": converted})[1]:
        report.add("advice", file, hint)
    return list(report)


LIBVIRT, OWN = "libvirt's schema", "the bridge's schema"
HINTS = {LIBVIRT: "virsh define --validate refuses it", OWN: "it is not XML that virt-qm writes"}


def _against_schemas(xml: str, own: bool) -> Iterator[tuple[str, validate.Problem]]:
    """(schema, problem). The bridge's own schema knows what the bridge writes of a config: of XML by somebody else it says nothing that a
    conversion does not say better, and the domain of a command line holds devices that no config has."""
    for problem in validate.rng_problems(xml) or ():
        yield LIBVIRT, problem
    for problem in validate.xsd_problems(xml) if own else ():
        yield OWN, problem
