"""`virt-qm check`: what a conversion would find, and what the schemas say."""

from __future__ import annotations

from typing import Any

from .convert import convert, guess
from .libvirt import validate
from .report import Finding, Report


def problems(text: bytes, keywords: dict[str, Any]) -> list[Finding]:
    """Findings about a config or an XML. Raises BridgeError on what cannot be converted at all."""
    source = keywords.pop("source") or guess(text)
    file = keywords["file"]
    report = Report()
    converted = convert(text, "conf" if source == "xml" else "xml", source, **keywords)
    report.extend(iter(converted.findings))
    xml = text.decode("utf-8", "replace") if source == "xml" else converted.text
    own = file if source == "xml" else f"the XML for {file}"
    for name, found in (("libvirt's schema", validate.rng_problems(xml)), ("the bridge's schema", validate.xsd_problems(xml))):
        for problem in found or ():
            where = f"{own}:{problem.line}" if problem.line else own
            report.add("invalid", where, f"{name}: {problem.message}", "virsh define --validate refuses it" if name[0] == "l" else "")
    return list(report)
