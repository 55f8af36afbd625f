"""Domains of a libvirt host to qemu-server configs, as `virsh dumpxml` and `to-conf` would, with VMIDs and `onboot`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..convert import convert
from ..core.report import BridgeError, Finding, Report
from ..data.gates import Target
from ..fleet.numbers import Known
from ..fleet.numbers import ids_of as identities_of
from ..fleet.numbers import numbered as numbers
from ..libvirt.host.connect import Connection, ListedDomain
from ..libvirt.metadata.residue import take
from ..libvirt.tree.parse import parse as parse_xml
from ..qemuserver.setting import Setting
from ..qemuserver.text import parse, write


class Dumped(NamedTuple):
    """A domain and its XML; `vmid` is the one of its metadata, if it has any."""

    domain: ListedDomain
    xml: str
    vmid: int | None


class Config(NamedTuple):
    """A domain as a config."""

    domain: ListedDomain
    vmid: int
    text: str
    findings: list[Finding]


def wanted(connection: Connection, names: Sequence[str], live: bool) -> list[ListedDomain]:
    """The domains of these names or UUIDs; of all that can be had without any. Raises BridgeError for one that is not there."""
    there = connection.domains()
    if not names:
        return [domain for domain in there if (domain.active if live else domain.persistent)]
    found = []
    for name in names:
        domain = next((domain for domain in there if name in (domain.name, domain.uuid)), None)
        if domain is None:
            raise BridgeError(f"there is no domain '{name}': virsh list --all shows those that are")
        if live and not domain.active:
            raise BridgeError(f"domain '{name}' is not running: leave out --live")
        if not live and not domain.persistent:
            raise BridgeError(f"domain '{name}' has no persistent definition: pass --live to take it as it runs")
        if domain not in found:  # it may be named twice, by its name and its UUID
            found.append(domain)
    return found


def dumped(connection: Connection, domain: ListedDomain, live: bool) -> Dumped:
    """Its XML. Raises BridgeError if that is not XML that we read."""
    xml = connection.xml(domain.uuid, live)
    try:
        rest = take(parse_xml(xml, Report(), Target()).root)
    except BridgeError as error:
        raise BridgeError(error.message, domain.name) from None
    return Dumped(domain, xml, rest.vmid if rest is not None else None)


def ids_of(directory: Path | None) -> dict[str, int]:
    """UUID -> VMID of the configs in a directory, VMID.conf: what an earlier import made of the domain of that UUID."""
    return {identity: vmid for identity, vmid in identities_of(directory).items() if " " not in identity}


def numbered(
    domains: Sequence[Dumped], first: int | None, taken: frozenset[int], kept: Mapping[str, int] | None = None
) -> Iterator[tuple[Dumped, int | BridgeError]]:
    """Every domain with its VMID, as `fleet.numbers.numbered` gives it: that of its metadata, that of before, or a free one."""
    wishes = [Known(each.domain.name, each.vmid, each.domain.uuid.lower()) for each in domains]
    yield from zip(domains, numbers(wishes, first, taken, kept or {}), strict=True)


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
        found.main.entries["onboot"] = Setting("1", 0)
    else:
        del found.main.entries["onboot"]
    return write(found)
