"""XML -> config -> XML -> config: what the first way told is all that is lost, and from then on nothing changes."""

from __future__ import annotations

import pytest

import bridge
from bridge.core.report import WHOLE, Report
from bridge.data import gates
from bridge.libvirt.read import read
from bridge.libvirt.tree.parse import parse
from bridge.model.vm import VM
from bridge.passes.assign_keys import assign_keys
from bridge.roundtrip.difference import differences
from tests.foreign.domains import VMID, Domain, converted, domains, mapped

T1 = [pytest.param(domain, id=domain.name) for domain in domains() if domain.tier == "T1"]
OTHERS = [pytest.param(domain, id=domain.name) for domain in domains() if domain.tier not in ("T1", "T4")]


def described(xml: str) -> VM:
    """The VM that an XML describes, with its keys."""
    domain = parse(xml, Report(), gates.Target(gates.TARGET_LIBVIRT, gates.TARGET_QEMU))
    return assign_keys(read(domain), Report())


def to_xml(config: str, domain: Domain, metadata: bool) -> str:
    return bridge.convert(config, "xml", "conf", vmid=VMID, host=mapped(domain.xml), metadata=metadata).text


def to_conf(xml: str, domain: Domain) -> str:
    return bridge.convert(xml, "conf", "xml", vmid=VMID, host=mapped(domain.xml), args=True).text


SAID_OTHERWISE = {
    ("disk", "scsiblock"),  # by the path of a whole device
    ("firmware", "pre_enrolled_keys"),  # by the name of the template
    ("machine", "smm"),  # by QEMU itself, which turns it on for firmware with Secure Boot
}
"""Fields that the second XML does not spell out."""


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("domain", T1)
def test_the_second_xml_is_the_first_but_for_what_was_told(domain: Domain) -> None:
    first = converted(domain)
    told = {(finding.part, name) for finding in first.findings for name in finding.field.split()}
    found = differences(described(domain.xml), described(to_xml(first.text, domain, metadata=False)))
    told |= SAID_OTHERWISE
    assert [each for each in found if not {(each.name, each.field), (each.name, WHOLE), (each.part.lower(), each.field)} & told] == []


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("domain", T1 + OTHERS)
def test_a_second_pass_changes_nothing(domain: Domain) -> None:
    try:
        config = converted(domain, args=True).text
        xml = to_xml(config, domain, metadata=True)
    except bridge.BridgeError:
        return  # the tally knows which may be refused
    back = bridge.convert(xml, "conf", "xml", vmid=VMID, host=mapped(domain.xml), args=True, trust_metadata=True).text
    assert back == config
    assert to_xml(back, domain, metadata=True) == xml


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("domain", T1 + OTHERS)
def test_nor_without_metadata(domain: Domain) -> None:
    """The first XML pins what the config left to the node, such as the version of the machine; then there is nothing left to do."""
    try:
        config = to_conf(to_xml(converted(domain, args=True).text, domain, metadata=False), domain)
        xml = to_xml(config, domain, metadata=False)
    except bridge.BridgeError:
        return
    assert to_conf(xml, domain) == config
    assert to_xml(to_conf(xml, domain), domain, metadata=False) == xml
