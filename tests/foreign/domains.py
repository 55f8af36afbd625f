"""Domains that this project did not write: libvirt's own test data, with what is known of each (`INDEX.tsv`)."""

from __future__ import annotations

import posixpath
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lxml import etree

import bridge
from tests.corpus import SHARED

VMID = 100
QEMU = "11.0.2"
"""Of the node; the newest that this release of qemu-server knows."""
PLACEMENT = ("moved", "machine-missing")
"""A foreign layout of slots is never kept without --keep-layout, and the node may be too young for a machine type; told, and no part of
what a tier says."""


class Domain(NamedTuple):
    """`tier`: T1 has a plain counterpart, T2h loses policy of the host, T2a needs raw arguments, T3 loses what the guest sees, T4 is
    refused. `needs`: `map` where storages or bridges must be named."""

    name: str
    expected: str
    tier: str
    needs: str
    why: str
    path: Path

    @property
    def xml(self) -> str:
        return self.path.read_text()


@cache
def domains() -> list[Domain]:
    """Those that libvirt takes, in the order of the index; none where there are no corpora."""
    if SHARED is None:
        return []
    folder = SHARED / "corpus/libvirt-xml"
    found = []
    for line in (folder / "INDEX.tsv").read_text().splitlines()[1:]:
        name, expected, tier, needs, why = [*line.split("\t"), ""][:5]
        if expected == "ok":
            found.append(Domain(name, expected, tier, needs, why, folder / f"{name}.xml"))
    return found


def mapped(xml: str) -> bridge.HostFacts:
    """A host on which every image has a storage and every network a bridge."""
    root = etree.fromstring(xml.encode())
    storages: dict[str, str] = {}
    bridges: dict[str, str] = {}
    pools: list[str] = []
    for source in root.iter("source"):
        for name in ("file", "dev", "dir"):
            if (path := source.get(name, "")).startswith("/"):
                storages[posixpath.dirname(path)] = "local"
        if pool := source.get("pool"):
            pools.append(pool)
            storages[f"/{pool}"] = "local"
    for interface in root.iter("interface"):
        for source in interface.iter("source"):
            for name in ("network", "bridge", "dev"):
                if network := source.get(name):
                    bridges[network] = "vmbr0"
    return bridge.HostFacts(qemu_version=QEMU, storage_map=storages, pools={pool: f"/{pool}" for pool in pools}, bridge_map=bridges)


def converted(domain: Domain, **keywords: object) -> bridge.Result:
    return bridge.convert(domain.xml, source="xml", to="conf", vmid=VMID, host=mapped(domain.xml), **keywords)  # type: ignore[arg-type]
