"""Convert VMs for what one libvirt host can do, and check all that can be checked before anything is defined there."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from lxml import etree
from msgspec.structs import replace

from ..convert import convert
from ..core.report import BridgeError, Finding, Report
from ..host.facts import HostFacts
from ..libvirt.host.capabilities import firmware_map, machines, missing, nearest
from ..libvirt.host.connect import Connection, Definition, ListedDomain
from ..model.vm import VM

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:virt-qm:vmid")
"""A VM whose config names no UUID gets the same one every time, so that it can be redefined. The guest never sees it."""


class Candidate(NamedTuple):
    """A VM to define. `text` is the input, `xml` what libvirt shall get, `vm` the model between them."""

    file: str
    text: bytes
    xml: str
    name: str
    uuid: str
    vm: VM
    findings: list[Finding]

    @property
    def autostart(self) -> bool:
        return bool(self.vm.meta.onboot)

    def definition(self, replace: bool) -> Definition:
        return Definition(self.name, self.uuid, self.xml, self.autostart, replace)

    def where(self, message: str) -> str:
        """The file, with the line that a message of libvirt is about if one alone can be meant."""
        return place(self.file, self.text, self.xml, message)


class Host:
    """What a libvirt host can do; it is asked for a machine type once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.about = connection.about()
        self._capabilities: dict[tuple[str, str, str], str] = {}

    def capabilities(self, arch: str, machine: str, kind: str) -> str:
        """Domain capabilities as XML. Raises BridgeError, with what to do, for a machine or type that the host does not have."""
        key = (arch, machine, kind)
        if key not in self._capabilities:
            try:
                self._capabilities[key] = self.connection.domain_capabilities(*key)
            except BridgeError as error:
                raise self._explained(error, *key) from None
        return self._capabilities[key]

    def _explained(self, error: BridgeError, arch: str, machine: str, kind: str) -> BridgeError:
        offered = machines(self.connection.capabilities(), arch)
        if not offered:
            return BridgeError(f"this host runs no guests of architecture {arch}")
        if machine not in offered:
            near = nearest(machine, offered)
            return BridgeError(
                f"this host has no machine '{machine}'" + (f"; '{near}' is the nearest: set `machine: {near}`" if near else "")
            )
        if kind == "kvm":
            return BridgeError(f"this host has no KVM ({error.message}): set `kvm: 0` to emulate the CPU")
        return error


def prepare(host: Host, file: str, text: bytes, keywords: dict[str, Any]) -> Candidate:
    """Convert one VM for this host. `keywords` are those of `bridge.convert`. Raises BridgeError for what the host cannot run."""
    facts = keywords.get("host") or HostFacts()
    keywords = {
        **keywords,
        "libvirt": keywords.get("libvirt") or host.about.libvirt,
        "qemu": keywords.get("qemu") or host.about.qemu,
    }
    xml = convert(text, "xml", **keywords).text
    capabilities = _capabilities(host, file, text, xml)
    domain: Any = etree.fromstring(xml)
    elsewhere = {path: there for path, there in firmware_map(domain, capabilities).items() if path not in facts.firmware_map}
    if elsewhere:
        keywords["host"] = replace(facts, firmware_map={**facts.firmware_map, **elsewhere})
    for lack in missing(domain, capabilities):
        raise BridgeError(lack.message, place(file, text, xml, f"'{lack.token}'"))
    candidate = offline(file, text, keywords)
    return candidate._replace(findings=[*candidate.findings, *_pins(domain, host.about.cpus)])


def offline(file: str, text: bytes, keywords: dict[str, Any]) -> Candidate:
    """Convert one VM for a libvirt host that is not asked."""
    result = convert(text, "xml", **keywords)
    domain: Any = etree.fromstring(result.text)
    name, number = str(domain.findtext("name")), _identified(domain, result.vm.meta.vmid)
    applied = [finding for finding in result.findings if (finding.kind, finding.field) != ("not-applied", "onboot")]  # autostart is
    return Candidate(file, text, _text(domain), name, number, result.vm, applied)


def _capabilities(host: Host, file: str, text: bytes, xml: str) -> str:
    domain: Any = etree.fromstring(xml)
    machine = domain.find("os/type")
    try:
        return host.capabilities(machine.get("arch"), machine.get("machine"), domain.get("type"))
    except BridgeError as error:
        raise BridgeError(error.message, place(file, text, xml, error.message)) from None


def _text(domain: Any) -> str:
    text: str = etree.tostring(domain, encoding="unicode", pretty_print=True)
    return text


def _identified(domain: Any, vmid: int | None) -> str:
    """The domain's UUID; one is added if it has none."""
    said: str | None = domain.findtext("uuid")
    if said:
        return said
    element = etree.Element("uuid")
    element.text = str(uuid.uuid5(NAMESPACE, f"{vmid} {domain.findtext('name')}"))
    name = domain.find("name")
    element.tail = name.tail
    name.addnext(element)
    return element.text


def _pins(domain: Any, cpus: int) -> list[Finding]:
    """Pins on CPUs that the host lacks, with which a domain is defined and does not start (mapping-devices 10.2)."""
    report = Report()
    for element in domain.iterfind("cputune/*[@cpuset]"):
        last = max((int(number) for number in re.findall(r"[0-9]+", element.get("cpuset"))), default=0)
        if last >= cpus:
            what = f"{element.tag} {element.get('iothread') or element.get('vcpu') or ''}".strip()
            message = f"{what} is on CPU {element.get('cpuset')}, this host has 0-{cpus - 1}: the domain will not start"
            report.add("lint", None, message, "change the affinity")
    return list(report)


CURE = "pass --replace to redefine it"


def clashes(
    candidates: Sequence[Candidate], there: Sequence[ListedDomain], may_replace: bool, cure: str = CURE
) -> list[tuple[Candidate, BridgeError]]:
    """Those that cannot be defined beside one another and beside the domains that are there, and why. `cure`: for one that is there."""
    by_name, by_uuid = {domain.name: domain for domain in there}, {domain.uuid: domain for domain in there}
    names = Counter(candidate.name for candidate in candidates)
    uuids = Counter(candidate.uuid for candidate in candidates)
    refused = []
    for candidate in candidates:
        same, namesake = by_uuid.get(candidate.uuid), by_name.get(candidate.name)
        if names[candidate.name] > 1 or uuids[candidate.uuid] > 1:
            what = f"name '{candidate.name}'" if names[candidate.name] > 1 else f"UUID {candidate.uuid}"
            message = f"another of these files has the {what}: change one"
        elif same is not None and same.name != candidate.name:
            message = f"domain '{same.name}' has UUID {candidate.uuid}: undefine it, or change uuid= in smbios1"
        elif namesake is not None and same is None:
            message = f"a domain '{candidate.name}' with another UUID ({namesake.uuid}) is there: undefine it, or change the name"
        elif same is not None and not may_replace:
            message = f"domain '{candidate.name}' is defined already: {cure}"
        else:
            continue
        refused.append((candidate, BridgeError(message, candidate.where(f"'{candidate.name}'"))))
    return refused


def changes(connection: Connection, candidate: Candidate) -> list[str]:
    """Lines of a unified diff, from the definition that a domain of the same UUID has now to the candidate's; none if there is none."""
    from difflib import unified_diff

    if all(domain.uuid != candidate.uuid for domain in connection.domains()):
        return []
    now, then = (_text(_tidy(xml)).split("\n") for xml in (connection.xml(candidate.uuid), candidate.xml))
    return list(unified_diff(now, then, f"{candidate.name}, as defined", candidate.file, lineterm=""))


def _tidy(xml: str) -> Any:
    """Without blanks between elements and in an order of attributes that both sides have."""
    root = etree.fromstring(xml, etree.XMLParser(remove_blank_text=True, remove_comments=True, resolve_entities=False))
    for element in root.iter(etree.Element):
        said = sorted(element.attrib.items())
        element.attrib.clear()
        element.attrib.update(said)
    return root


# --- the line that a message is about

_QUOTED = re.compile(r"'([^'\n]{2,200})'|\b([0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]|(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})\b")


def place(file: str, text: bytes, xml: str, message: str) -> str:
    """`file:line` if what the message quotes, or the device of the XML that has it, stands in one line of the input; else the file."""
    lines = text.decode("utf-8", "replace").split("\n")
    for match in _QUOTED.finditer(message):
        token = match[1] or match[2]
        keys = _devices(xml, token)
        for found in (
            [n for n, line in enumerate(lines, 1) if line.split(":")[0] in keys],
            [n for n, line in enumerate(lines, 1) if token.lower() in line.lower()],
        ):
            if len(found) == 1:
                return f"{file}:{found[0]}"
    return file


def _devices(xml: str, token: str) -> set[str]:
    """Config keys of the devices that have this value: their aliases tell."""
    keys = set()
    for device in etree.fromstring(xml).iterfind("devices/*"):
        alias = device.find("alias")
        values = (value for each in device.iter() for value in (each.text or "", *each.attrib.values()))
        if alias is not None and any(value.lower() == token.lower() for value in values):
            keys.add(alias.get("name", "").removeprefix("ua-"))
    return keys
