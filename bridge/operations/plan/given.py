"""What a plan starts from: the inputs, each as a config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ...convert import DEFAULT_VMID, convert, detect
from ...core.report import BridgeError, Finding, Report
from ...data.options import DRIVES
from ...host.storage import locate
from ...libvirt.host.connect import Connection
from ...qemuserver.held import unwrap
from ...qemuserver.read import read as read_config
from ...qemuserver.setting import Setting, checked, checker_of
from ...qemuserver.text import ConfigText, parse
from ..importing import dumped, wanted, with_onboot


class Input(NamedTuple):
    """`keywords` are those of `bridge.convert`. `autostart`: of a domain that a libvirt host has; None: nobody says."""

    file: str
    text: bytes
    keywords: dict[str, Any]
    autostart: bool | None = None


class Given(NamedTuple):
    """An input as a config; `findings` is what was lost on the way. `is_config`: it was one."""

    config: ConfigText
    vmid: int
    findings: list[Finding]
    is_config: bool


class Refused(NamedTuple):
    """An input that cannot be planned, and why."""

    file: str
    message: str


def read(given: Input, checked_file: bool = False) -> Given:
    """`checked_file`: a config is refused as one that goes to libvirt is (`qemuserver.read`). Raises BridgeError."""
    file, text, keywords, autostart = given
    if (keywords.get("source") or detect(text)) == "conf":
        report = Report()
        held = unwrap(text, file, keywords["host"], report)
        vmid = keywords["vmid"] or held.vmid or DEFAULT_VMID
        config = held.parse(vmid, file)
        return Given(config, vmid, [*report, *_lines_lost(config, vmid, file, checked_file)], is_config=True)
    result = convert(text, "conf", **keywords)
    vmid = result.vm.meta.vmid or DEFAULT_VMID
    written = result.text if autostart is None else with_onboot(result.text, autostart, vmid)
    config = parse(written, vmid=vmid, name=file)
    _as_the_xml_says(config, given, vmid)
    return Given(config, vmid, result.findings, is_config=False)


def _lines_lost(config: ConfigText, vmid: int, file: str, checked_file: bool) -> list[Finding]:
    """What of the file itself a conversion tells, and refuses: a plan writes the config anew, without lines that say nothing. What a plan
    leaves behind it says by itself. Raises BridgeError."""
    report = Report()
    read_config(config, vmid, file, report, checked=checked_file)
    return [finding for finding in report if finding.kind != "metadata-only"]


def _as_the_xml_says(config: ConfigText, given: Input, vmid: int) -> None:
    """Volumes that the metadata names, and whose storage nobody knows here, are where the XML itself says: there the images are."""
    host, entries = given.keywords["host"], config.main.entries
    unknown = [key for key in DRIVES if key in entries and (file := _file(entries[key])) and locate(host, file).kind == "volume"]
    if not unknown:
        return
    plain = convert(given.text, "conf", **{**given.keywords, "metadata": False, "vmid": vmid}).text
    said = parse(plain, vmid=vmid, name=given.file).main.entries
    for key in unknown:
        there = _file(said[key]) if key in said else None
        if there is not None and locate(host, there).kind != "volume":
            kept = [part for part in entries[key].value.split(",")[1:] if not part.startswith(("format=", "size="))]
            form = [part for part in said[key].value.split(",") if part.startswith("format=")]
            text = ",".join((there, *kept, *form))
            entries[key] = checked(checker_of(key), key, text, entries[key].line)


def _file(entry: Setting) -> str | None:
    return str(entry.parts["file"]) if entry.parts and "file" in entry.parts else None


def domains(connection: Connection, names: Sequence[str], keywords: dict[str, Any]) -> Iterator[Input | Refused]:
    """Domains of a libvirt host, as they are defined there. Their ids come with `number`. Raises BridgeError for a name that it has not."""
    for domain in wanted(connection, names, live=False):
        try:
            found = dumped(connection, domain, live=False)
        except BridgeError as error:
            yield Refused(domain.name, error.message)
            continue
        words = {**keywords, "source": "xml", "vmid": keywords["vmid"] or found.vmid, "file": domain.name}
        yield Input(domain.name, found.xml.encode("utf-8", "surrogateescape"), words, domain.autostart)


def number(inputs: Sequence[Input], first: int | None, taken: frozenset[int]) -> list[Input]:
    """Every input with an id of its own: what its file or its metadata says, else a free one from `first` on."""
    if first is None:
        return list(inputs)
    said: set[int] = set()
    own = {each.keywords["vmid"] for each in inputs}
    free = (vmid for vmid in range(first, LAST) if vmid not in own and vmid not in taken)
    found = []
    for each in inputs:
        vmid = each.keywords["vmid"]
        if vmid is None or vmid in said:
            vmid = next(free, None)
            if vmid is None:
                raise BridgeError(f"no VMID from {first} on is free", each.file)
        said.add(vmid)
        found.append(each._replace(keywords={**each.keywords, "vmid": vmid}))
    return found


LAST = 1_000_000_000
