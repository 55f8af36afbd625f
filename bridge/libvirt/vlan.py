"""<vlan> of a network card: `tag` and `trunks` (mapping-devices 13)."""

from __future__ import annotations

from typing import Any

from ..core.report import BridgeError
from ..core.rows import whole_number
from ..model.net import Net
from .tree.domain import Domain
from .tree.node import Node

LAST_TAG = 4094
DEFAULT_TAG = 1
"""The untagged VLAN of a trunk that names none."""


def write_vlan(net: Net, node: Node, domain: Domain) -> None:
    if not (net.bridge or net.network) or (net.tag is None and not net.trunks):
        return
    if not net.openvswitch and not domain.target.has("vlan_bridge"):
        domain.report.add(
            "host-lost", net.where, f"{net.key}: this libvirt has no VLANs on Linux bridges", "use a bridge that stands on the VLAN"
        )
        return
    tags = _expanded(net, domain)
    vlan = node.add("vlan")
    if not tags:
        vlan.add("tag", id=str(net.tag or DEFAULT_TAG))
        return
    native = net.tag or DEFAULT_TAG
    vlan.set("trunk", "yes")
    vlan.add("tag", id=str(native), nativeMode="untagged")
    for tag in tags:
        if tag != native:
            vlan.add("tag", id=str(tag))


def _expanded(net: Net, domain: Domain) -> list[int]:
    """`5;7-9` -> [5, 7, 8, 9]; what is not a VLAN id is left out with a finding."""
    found: dict[int, None] = {}
    for part in (net.trunks or "").split(";"):
        low, _, high = part.partition("-")
        if not low:
            continue
        first, last = int(low[:6]), int((high or low)[:6])
        if not 1 <= first <= last <= LAST_TAG:
            domain.report.add("lint", net.where, f"{net.key}: trunks={part} is not within 1 to {LAST_TAG}")
            continue
        found.update(dict.fromkeys(range(first, last + 1)))
    return list(found)


def read_vlan(domain: Domain, node: Node) -> dict[str, Any]:
    vlan = node.only("vlan")
    if vlan is None:
        return {}
    trunk = vlan.attrib.get("trunk")
    if trunk in ("yes", "no"):
        vlan.take("trunk")
    native = None
    tags = []
    for tag in vlan.all("tag"):
        number = _tag(tag)
        if (mode := tag.take("nativeMode")) is not None:
            native = number
            if mode != "untagged":
                domain.report.add("host-lost", tag, f"the native VLAN {number} is {mode} there, untagged in a config")
        else:
            tags.append(number)
    if trunk != "yes" and native is None and len(tags) == 1:
        return {"tag": tags[0]}
    if native is None and tags:
        domain.report.add("host-lost", vlan, f"a config's trunk carries VLAN {DEFAULT_TAG} untagged as well")
    if not tags:
        return {"tag": native}
    return {"tag": None if native in (None, DEFAULT_TAG) else native, "trunks": _collapsed(tags)}


def _tag(tag: Node) -> int:
    text = tag.need("id")
    try:
        number = whole_number(text)
    except ValueError:
        number = 0
    if not 1 <= number <= LAST_TAG:
        raise BridgeError(f"'{text[:40]}' is not a VLAN id: 1 to {LAST_TAG}", tag)
    return number


def _collapsed(tags: list[int]) -> str:
    """[5, 7, 8, 9] -> `5;7-9`."""
    runs: list[list[int]] = []
    for tag in sorted(set(tags)):
        if runs and tag == runs[-1][1] + 1:
            runs[-1][1] = tag
        else:
            runs.append([tag, tag])
    return ";".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
