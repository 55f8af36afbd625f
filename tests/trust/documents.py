"""Domains and residues of the tests, and the law of the residue as somebody outside would check it: by lxml, line by line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

import bridge

VMID = 100
DISK = "/var/lib/vz/images/100/vm-100-disk-0.raw"
FOREIGN = f"""<domain type="kvm"><name>guest1</name><uuid>5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10</uuid>
<memory unit="MiB">1024</memory><vcpu>2</vcpu><os><type arch="x86_64" machine="pc-q35-10.0">hvm</type></os>
<features><acpi/><apic/></features><devices>
<disk type="file" device="disk"><driver name="qemu" type="raw"/><source file="{DISK}"/><target dev="vda" bus="virtio"/></disk>
<interface type="bridge"><mac address="52:54:00:00:01:01"/><source bridge="vmbr0"/><model type="virtio"/></interface>
<memballoon model="none"/></devices></domain>"""
"""A domain that somebody else wrote."""

NAMESPACE = "urn:virt-qm:residue:1"
WITHHELD = re.compile(
    r"(args|hookscript|lock|cicustom|cipassword|citype|ciupgrade|ciuser|ipconfig\d+|nameserver|searchdomain|sshkeys|vmstate|unused\d+|template)\Z"
)
"""Keys that never come back (security-rules M1)."""

DEVICE = re.compile(r"(scsi|virtio|ide|sata|efidisk|tpmstate|usb|hostpci|serial|parallel|virtiofs|net)\d+\Z")
"""Keys that name something of the host."""

Atom = tuple[str, str, str]


class Residue(NamedTuple):
    """What the metadata says: key -> (text or None for <absent>, seen)."""

    keys: Mapping[str, tuple[str | None, str | None]] = MappingProxyType({})
    sections: str = ""
    description: str | None = None

    def element(self) -> str:
        rows = []
        for key, (text, seen) in self.keys.items():
            said = f" seen={quoteattr(_safe(seen))}" if seen is not None else ""
            name = quoteattr(_safe(key))
            rows.append(f"<v:absent name={name}{said}/>" if text is None else f"<v:key name={name}{said}>{escape(_safe(text))}</v:key>")
        if self.description is not None:
            rows.append(f"<v:description>{escape(_safe(self.description, lines=True))}</v:description>")
        if self.sections:
            rows.append(f"<v:sections>{escape(_safe(self.sections, lines=True))}</v:sections>")
        return f'<metadata><v:vm xmlns:v="{NAMESPACE}" vmid="{VMID}">{"".join(rows)}</v:vm></metadata>'


def _safe(text: str, lines: bool = False) -> str:
    """The escape of residues, made anew: bytes that XML cannot hold, and `%`, as %XX."""
    kept = "\n" if lines else ""
    odd = re.compile(f"[^{kept} -~\xa0-\ufffd\U00010000-\U0010ffff]|%")
    return odd.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape")), text)


def bare(xml: str) -> str:
    """The document without its metadata."""
    return re.sub(r"\s*<metadata>.*</metadata>", "", xml, flags=re.DOTALL)


def with_residue(xml: str, residue: Residue) -> str:
    """The document with this metadata and no other."""
    xml = bare(xml)
    end = xml.index("</name>") + len("</name>")
    return xml[:end] + residue.element() + xml[end:]


def atoms(xml: str) -> set[Atom]:
    """Every attribute and text of a document with its XPath, metadata aside."""
    tree = etree.fromstring(bare(xml).encode()).getroottree()
    found = set()
    for element in tree.iter(etree.Element):
        path = tree.getpath(element)
        found.add((path, "", (element.text or "").strip()))
        found |= {(path, str(name), str(value)) for name, value in element.attrib.items()}
    return found


def main_lines(config: str) -> dict[str, str]:
    """The main section as it stands in the file."""
    main = config.split("\n\n[", 1)[0]
    return dict(line.split(": ", 1) for line in main.splitlines() if line and line[0] not in "#[")


def section_lines(config: str) -> list[str]:
    """All lines of snapshots, pending changes and special sections."""
    parts = config.split("\n\n[", 1)
    return parts[1].splitlines() if len(parts) > 1 else []


def _is_hidden_device(config: str, key: str) -> bool:
    """Whether this is a device whose absence changes nothing of the XML; firmware and TPM may keep their state in the VM's own volumes."""
    own = rf"[a-z-]+:([a-z0-9/.-]*/)?vm-{VMID}-[a-z0-9.-]+(,.*)?"
    if not DEVICE.match(key) or (key in ("efidisk0", "tpmstate0") and re.fullmatch(own, main_lines(config)[key])):
        return False
    without = re.sub(rf"^{key}: .*\n", "", config, count=1, flags=re.MULTILINE)
    return atoms(bridge.convert(without, "xml", "conf", vmid=VMID).text) == atoms(bridge.convert(config, "xml", "conf", vmid=VMID).text)


def violations(xml: str, residue: Residue, *, trust: bool = False, args: bool | None = None) -> list[str]:
    """What is wrong with the config that this XML and this residue give. `trust`: the gate is taken out."""
    whole = with_residue(xml, residue)
    try:
        alone = bridge.convert(bare(xml), "conf", "xml", vmid=VMID, args=args).text
    except bridge.BridgeError:
        return []
    result = bridge.convert(whole, "conf", "xml", vmid=VMID, args=args, trust_metadata=trust)
    there, wrong = main_lines(result.text), []
    try:
        again = atoms(bridge.convert(result.text, "xml", "conf", vmid=VMID).text)
        before = atoms(bridge.convert(alone, "xml", "conf", vmid=VMID).text)
    except bridge.BridgeError as error:
        return [f"the config gives no XML: {error}"]
    new = (again ^ atoms(xml)) - (before ^ atoms(xml))
    wrong += [f"{atom} is neither in the XML nor in what it gives by itself" for atom in sorted(new)[:3]]
    wrong += [f"{key} came back" for key in there if WITHHELD.match(key) and not (key == "args" and args)]
    wrong += [f"{line} came back" for line in section_lines(result.text) if WITHHELD.match(line.partition(":")[0])]
    if re.search(r"(^|[,=])custom-", there.get("cpu", "")):  # the law is tried with no host's models
        wrong.append("a CPU model came back that nobody here knows")
    more = sorted(there.keys() - main_lines(alone).keys())
    wrong += [f"{key} came back, and no XML shows it" for key in more if _is_hidden_device(result.text, key)]
    told = [f"{f.message} {f.hint}" for f in result.findings if f.severity in ("guest", "data", "host") and f.kind == "withheld"]
    alone_lines = main_lines(alone)
    for key, (text, seen) in residue.keys.items():
        if text is not None and alone_lines.get(key) == seen and there.get(key) != text and not any(key in message for message in told):
            wrong.append(f"{key} is left out in silence")
    return wrong
