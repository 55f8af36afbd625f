"""name, title, description, uuid, genid, SMBIOS (mapping-machine 12, 15)."""

from __future__ import annotations

import re
from uuid import NAMESPACE_OID, uuid5

from msgspec.structs import replace as change

from ..core.coverage import Rows
from ..core.report import BridgeError, fields
from ..core.rows import Row
from ..data.ostype import from_osinfo
from ..model.meta import SMBIOS, Meta
from ..model.vm import VM
from .args import board
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("name", "name", code=True),
    Row("description", "description", code=True),
    Row("vmgenid", "genid", code=True),
    Row("onboot", "", code=True, finding="not-applied"),
    Row("template", "", code=True, finding="not-applied"),
    Row("keys", "", code=True, finding="metadata-only"),
)

FIELDS = ("manufacturer", "product", "version", "serial", "sku", "family")
"""Type 1 fields, the same words in a config, on QEMU's command line and in <sysinfo>."""
SMBIOS_ROWS = (Row("uuid", "uuid", code=True), *(Row(field, f"qemu:commandline {field}=", code=True) for field in FIELDS))
TABLE = (Rows(Meta, "", ROWS, ("vmid", "ostype", "uuid", "creation_qemu")), Rows(SMBIOS, "", SMBIOS_ROWS, ("base64",)))
NO_UUID = "00000000-0000-0000-0000-000000000000"
ZERO = ("-uuid", NO_UUID)
"""The system UUID of a VM whose config says none; a domain of libvirt always has one."""
LIBOSINFO = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}libosinfo"
LIBOSINFO_OS = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}os"
MAX_DESCRIPTION = 8192
MAX_SMBIOS = 512
"""Characters that qemu-server's API takes."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII).fullmatch
_UUID_OF_LIBVIRT = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}", re.ASCII).fullmatch
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII).fullmatch
_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold."""

ONLY_METADATA = {
    "startup": "libvirt starts domains in no order",
    "protection": "libvirt does not keep a domain from being undefined",
    "lock": "the VM is locked: an action on it is under way",
    "hookscript": "libvirt has hooks of its own, in /etc/libvirt/hooks/qemu",
}
"""Keys that somebody would miss."""


def write(vm: VM, domain: Domain) -> None:
    meta, root = vm.meta, domain.root
    root.add("name", meta.name or f"vm{meta.vmid}")
    _write_uuid(meta, domain)
    if meta.vmgenid and meta.vmgenid != "0":
        _write_genid(meta, domain)
    if meta.description:
        root.add("description", _readable(meta.description, "description", domain))
    _write_smbios(meta, domain)
    if meta.onboot:
        hint = f"virsh autostart {meta.name or f'vm{meta.vmid}'}"
        domain.report.add("not-applied", None, "onboot is not part of the XML", hint, fields(meta, "onboot"))
    if meta.template:
        domain.report.add("not-applied", None, "libvirt knows no templates: the domain could be started", "define it, and never start it")
    if meta.keys:
        _report_keys(meta.keys, domain)


def _report_keys(keys: dict[str, str], domain: Domain) -> None:
    for key, why in ONLY_METADATA.items():
        if key in keys:
            domain.report.add("metadata-only", None, f"{key}: {why}")
    rest = sorted(keys.keys() - ONLY_METADATA.keys() - {"ctime"})
    if rest:
        domain.report.add("metadata-only", None, f"{', '.join(rest)}: of use to Proxmox VE only")


def _readable(text: str, key: str, domain: Domain) -> str:
    """Text without what XML cannot hold."""
    clean = _UNREADABLE.sub("\ufffd", text)
    if clean != text:
        domain.report.add("normalised", None, f"{key} holds characters that XML cannot: they became U+FFFD")
    return clean


def _write_uuid(meta: Meta, domain: Domain) -> None:
    """The domain's UUID is the guest's; none said means that the guest sees zeros."""
    smbios = meta.smbios1
    said = smbios.uuid if smbios is not None else None
    if said and _UUID(said):
        domain.root.add("uuid", said.lower())
    elif not domain.described:
        domain.arguments += ZERO
    else:
        domain.report.add("normalised", meta.where, "the machine has no UUID: libvirt gives it one, which the guest sees")


def _write_genid(meta: Meta, domain: Domain) -> None:
    genid = meta.vmgenid or ""
    if not _UUID(genid):
        raise BridgeError(f"vmgenid '{genid[:40]}' is not a UUID")
    domain.root.add("genid", genid)


def _write_smbios(meta: Meta, domain: Domain) -> None:
    """On the command line, not as <sysinfo>: a domain that keeps <os> with <smbios mode='sysinfo'/> but loses <sysinfo>, as tools that cut
    domains down leave it, no longer starts. QEMU adds these fields to the UUID that libvirt gives it; unset fields keep QEMU's defaults."""
    smbios = meta.smbios1
    if smbios is None:
        return
    said = {name: text for name in FIELDS if (text := getattr(smbios, name)) and text != "0"}
    if not said:
        return
    readable = {name: _readable(text, f"smbios1 {name}", domain) for name, text in said.items()}
    if domain.target.clean:
        system = domain.root.add("sysinfo", type="smbios").add("system")
        for name, text in readable.items():
            system.add("entry", text, name=name)
        domain.root.ensure("os").add("smbios", mode="sysinfo")
        return
    fields = {name: text.replace(",", ",,") for name, text in readable.items()}
    domain.arguments += ("-smbios", "type=1" + "".join(f",{name}={text}" for name, text in fields.items()))


# Reading


def read(domain: Domain, vm: VM) -> None:
    root = domain.root
    meta = vm.meta
    _read_name(domain, meta)
    _read_description(domain, meta)
    smbios = _read_sysinfo(domain) | _read_arguments(domain)
    _read_uuid(domain, meta, smbios)
    genid = root.only("genid")
    if genid is not None:
        meta.vmgenid = _genid(domain, genid, meta)
    _read_osinfo(domain, meta)


def _read_name(domain: Domain, meta: Meta) -> None:
    """qemu-server wants a DNS name; the title may hold what was said before."""
    root = domain.root
    node, title = root.only("name"), root.only("title")
    name = node.text if node is not None else ""
    for other in (node, title):
        if other is not None:
            other.claim_text()
            if _CONTROL(other.text.strip(" \t\r\n")):
                raise BridgeError(f"<{other.tag}> holds a control character: remove it", other)
    name = name.strip(" \t\r\n")
    if not name:
        raise BridgeError("the domain has no <name>: add one", node or root)
    meta.name = name if len(name) <= 253 and _DNS(name) else _slug(name)
    if meta.name != name:
        shown = meta.name or "no name"
        domain.report.add(
            "normalised", node, f"'{name}' is not a DNS name, so the VM is called {shown}", "the old name stands in the description"
        )
        meta.description = f"libvirt name: {name}"
    if title is not None:
        meta.title = title.text.strip(" \t\r\n")
        meta.description = "\n".join(filter(None, (meta.description, meta.title)))
        domain.report.add("normalised", title, f"the title '{meta.title}' went into the description")


def _slug(name: str) -> str | None:
    """The nearest DNS name."""
    labels = (re.sub(r"[^A-Za-z0-9-]+", "-", label, flags=re.ASCII)[:63].strip("-") for label in name.split("."))
    return ".".join(label for label in labels if label)[:253].strip(".-") or None


def _read_description(domain: Domain, meta: Meta) -> None:
    node = domain.root.only("description")
    if node is None:
        return
    node.claim_text()
    text = node.text.strip("\n").rstrip()  # no config has blanks at the end of its description
    if len(text) > MAX_DESCRIPTION:
        raise BridgeError(f"the description has more than {MAX_DESCRIPTION} characters: shorten it", node)
    meta.description = "\n".join(filter(None, (meta.description, text)))


def _read_uuid(domain: Domain, meta: Meta, smbios: dict[str, str]) -> None:
    node, hardware = domain.root.only("uuid"), domain.root.only("hwuuid")
    if hardware is not None and node is not None:  # libvirt 11.8: this is the one that the guest sees
        if (own := node.value()).lower() != hardware.text.strip(" \t\r\n").lower():
            domain.report.add("host-state", node, f"{own} is the domain's name for libvirt alone: the guest sees the <hwuuid>")
        node = hardware
    inner = smbios.pop("uuid", None)
    text = node.value() if node is not None else inner
    if text is not None and not _UUID_OF_LIBVIRT(text):
        raise BridgeError(f"'{text[:60]}' is not a UUID", node or domain.root)
    if text is not None and inner is not None and inner.lower().replace("-", "") != text.lower().replace("-", ""):
        raise BridgeError(f"UUID mismatch between <uuid> {text} and <sysinfo> {inner[:60]}", node or domain.root)
    if domain.take_arguments(*ZERO):
        text = None
    elif node is None and inner is None:
        domain.report.add(
            "guest-changed", domain.root, "libvirt makes up a UUID for a domain that says none", "put the real one into smbios1: uuid="
        )
    if text is not None and domain.residue is None:  # a config's own spelling is kept
        text = text.lower()
    uuid = _dashed(text) if text is not None else None
    meta.uuid = uuid
    if uuid is not None or smbios:
        fields = {name: smbios.get(name) for name in FIELDS}
        meta.smbios1 = change(SMBIOS(uuid=uuid, where=node or domain.root), **fields)


def _dashed(uuid: str) -> str:
    digits = uuid.replace("-", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _genid(domain: Domain, node: Node, meta: Meta) -> str:
    text = node.value()
    if not text:
        made = str(uuid5(NAMESPACE_OID, f"genid {meta.uuid or meta.name}"))
        message = f"libvirt makes up the generation id: the config gets {made}"
        domain.report.add("ambiguous", node, message, "set vmgenid if the guest knows another")
        return made
    if not _UUID(text):
        raise BridgeError(f"<genid> '{text[:60]}' is not a UUID", node)
    return text


def _read_sysinfo(domain: Domain) -> dict[str, str]:
    """Type 1 fields out of <sysinfo>, if the guest gets to see them; all else is named."""
    root = domain.root
    os = root.peek("os")
    mode = os.peek("smbios") if os is not None else None
    shown = mode is not None and mode.attrib.get("mode") == "sysinfo"
    if mode is not None and mode.attrib.get("mode") in ("sysinfo", "emulate"):
        mode.claim_text("mode")
    elif mode is not None:
        domain.report.add(
            "guest-lost", mode, f"{mode.whole()}: the guest no longer sees the host's SMBIOS", "smbios1 holds the main fields"
        )
    found: dict[str, str] = {}
    for node in root.all("sysinfo"):
        kind = node.take("type")
        if kind == "smbios" and shown:
            _read_smbios(domain, node, found)
        elif kind == "smbios":
            domain.report.add("normalised", node, f"{node.whole()} was not shown to the guest (no <smbios mode='sysinfo'/>)")
        for child in node.children:
            if not child.claimed:
                build = board.fw_cfg if kind == "fwcfg" else board.smbios
                board.mend(domain, child, f"{kind} {child.outline()} has no counterpart in a config", build)
    return found


_FIELD = re.compile(rf",({'|'.join(FIELDS)})=((?:[^,]|,,)*)").fullmatch
_FIELDS = re.compile(r"(?:,[a-z]+=(?:[^,]|,,)*)+").fullmatch
_PARTS = re.compile(r",[a-z]+=(?:[^,]|,,)*")


def _read_arguments(domain: Domain) -> dict[str, str]:
    """Type 1 fields of `-smbios type=1,...` words; words that say anything else stay for the raw arguments."""
    found: dict[str, str] = {}
    if "-smbios" not in domain.arguments:
        return found
    kept: list[str] = []
    for word in domain.arguments:
        said = _type_1(word) if kept and kept[-1] == "-smbios" else None
        if said is None:
            kept.append(word)
        else:
            found |= said
            kept.pop()
    domain.arguments = kept
    return found


def _type_1(word: str) -> dict[str, str] | None:
    """The fields of a type 1 word; None if it says anything else."""
    if not word.startswith("type=1") or not _FIELDS(rest := word[6:]):
        return None
    fields = [_FIELD(part) for part in _PARTS.findall(rest)]
    said = {field[1]: field[2].replace(",,", ",") for field in fields if field}
    return said if len(said) == len(fields) and "0" not in said.values() and "" not in said.values() else None


def _read_smbios(domain: Domain, node: Node, found: dict[str, str]) -> None:
    system = node.only("system")
    if system is None:
        return
    for entry in system.all("entry"):
        name, text = entry.attrib.get("name"), entry.text
        if name not in (*FIELDS, "uuid") or name in found:
            entry.unclaim()
            continue
        entry.claim_text("name")
        if name == "uuid":
            text = text.strip(" \t\r\n")
        elif text == "0":
            domain.report.add("guest-lost", entry, f"smbios1 cannot hold the value 0 of {name}")
            continue
        if text:
            found[name] = text
    if sum(map(len, found.values())) > MAX_SMBIOS:
        domain.report.add("lint", node, f"smbios1 is longer than the {MAX_SMBIOS} characters that qemu-server's API takes")
    for child in system.children:
        if not child.claimed:
            domain.report.add("guest-lost", child, f"system {child.whole()} has no counterpart in smbios1", "args: -smbios type=1,...")


def _read_osinfo(domain: Domain, meta: Meta) -> None:
    """<metadata>: libosinfo's id names the guest's system; the rest is somebody's own."""
    metadata = domain.root.peek("metadata")
    if metadata is None:
        return
    metadata.claim()
    for node in metadata.children:
        if node.claimed:
            continue
        system = node.peek(LIBOSINFO_OS) if node.tag == LIBOSINFO else None
        osinfo = system.attrib.get("id") if system is not None else None
        if osinfo:
            meta.ostype = from_osinfo(osinfo)
            domain.report.add("ambiguous", node, f"ostype {meta.ostype} stands for {osinfo}", "set ostype if it is another system")
            node.take_all()
        elif not node.tag.startswith("virt-qm:"):
            domain.report.add("host-state", node, f"metadata of another program is left behind: {node.whole()}")
