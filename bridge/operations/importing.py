"""Domains of a libvirt host to qemu-server configs, as `virsh dumpxml` and `to-conf` would, with VMIDs and `onboot`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from ..convert import convert
from ..core.files import read, vmid_of
from ..core.report import BridgeError, Finding, Report
from ..data.gates import Target
from ..libvirt.host.connect import Connection, Domain
from ..libvirt.metadata.residue import take
from ..libvirt.tree.parse import parse as parse_xml
from ..qemuserver.setting import Entry
from ..qemuserver.text import parse, write

MAX_VMID = 999_999_999
_UUID = re.compile(r"^smbios1:(?:.*,)?\s*uuid=([0-9A-Fa-f-]{36})\s*(?:,|$)", re.MULTILINE)


class Dumped(NamedTuple):
    """A domain and its XML; `vmid` is the one of its metadata, if it has any."""

    domain: Domain
    xml: str
    vmid: int | None


class Config(NamedTuple):
    """A domain as a config."""

    domain: Domain
    vmid: int
    text: str
    findings: list[Finding]


def wanted(connection: Connection, names: Sequence[str], live: bool) -> list[Domain]:
    """The domains of these names or UUIDs; of all that can be had without any. Raises BridgeError for one that is not there."""
    there = connection.domains()
    if not names:
        return [domain for domain in there if (domain.active if live else domain.persistent)]
    found = []
    for name in dict.fromkeys(names):
        domain = next((domain for domain in there if name in (domain.name, domain.uuid)), None)
        if domain is None:
            raise BridgeError(f"there is no domain '{name}': virsh list --all shows those that are")
        if live and not domain.active:
            raise BridgeError(f"domain '{name}' is not running: leave out --live")
        if not live and not domain.persistent:
            raise BridgeError(f"domain '{name}' has no persistent definition: pass --live to take it as it runs")
        found.append(domain)
    return found


def dumped(connection: Connection, domain: Domain, live: bool) -> Dumped:
    """Its XML. Raises BridgeError if that is not XML that we read."""
    xml = connection.xml(domain.uuid, live)
    try:
        rest = take(parse_xml(xml, Report(), Target()).root)
    except BridgeError as error:
        raise BridgeError(error.message, domain.name) from None
    return Dumped(domain, xml, rest.vmid if rest is not None else None)


def ids_of(directory: Path | None) -> dict[str, int]:
    """UUID -> VMID of the configs in a directory, VMID.conf: what an earlier import made of the domain of that UUID."""
    found: dict[str, int] = {}
    for file in sorted(directory.glob("*.conf")) if directory is not None else []:
        number = vmid_of(file.name)
        try:
            text = read(str(file)).decode("utf-8", "replace") if number is not None else ""
        except (OSError, BridgeError):
            continue  # nothing that an import wrote
        said = _UUID.search(text)
        if said and number is not None:
            found.setdefault(said[1].lower(), number)
    return found


def numbered(
    domains: Sequence[Dumped], first: int | None, taken: frozenset[int], kept: Mapping[str, int] | None = None
) -> Iterator[tuple[Dumped, int | BridgeError]]:
    """Every domain with its VMID: that of its metadata, else the one that it was given before (`kept`: UUID -> VMID), else a free one from
    `first` on, else why it has none."""
    kept = kept or {}
    domains = [each if each.vmid is not None else each._replace(vmid=kept.get(each.domain.uuid)) for each in domains]
    claimed: set[int] = set()
    own = {dumped.vmid for dumped in domains}
    free = (vmid for vmid in count(first or 0) if vmid not in own and vmid not in taken)
    for dumped in domains:
        vmid = dumped.vmid
        if vmid is not None and vmid not in claimed:
            claimed.add(vmid)
            yield dumped, vmid
        elif first is None:
            why = "its metadata names no VMID" if vmid is None else f"another domain is VM {vmid} too"
            yield dumped, BridgeError(f"{why}: pass --vmid-from N", dumped.domain.name)
        else:
            number = next(free)
            yield dumped, number if number <= MAX_VMID else BridgeError(f"no VMID from {first} on is free", dumped.domain.name)


def config(dumped: Dumped, vmid: int, keywords: dict[str, Any]) -> Config:
    """The config; `onboot` is what the host's autostart says. Raises BridgeError."""
    words = {**keywords, "vmid": vmid, "source": "xml", "file": dumped.domain.name}
    result = convert(dumped.xml, "conf", **words)
    return Config(dumped.domain, vmid, with_onboot(result.text, dumped.domain.autostart, vmid), result.findings)


def with_onboot(text: str, autostart: bool, vmid: int) -> str:
    """The config with `onboot` on or off; how it says so stays if it says the same."""
    found = parse(text, vmid=vmid)
    said = found.main.entries.get("onboot")
    if (said is not None and said.value not in ("", "0")) == autostart:
        return text
    if autostart:
        found.main.entries["onboot"] = Entry("1", 0)
    else:
        del found.main.entries["onboot"]
    return write(found)
