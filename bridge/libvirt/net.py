"""<interface>: network cards (mapping-devices 13, xml-paths network)."""

from __future__ import annotations

import re
from typing import Any

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import INT, ON_OFF, Codec, MalformedError, Row, choice, whole_number
from ..data.options import option
from ..model.net import NETWORK, UNUSABLE, Net
from ..model.vm import VM
from .args.properties import NET, NET_GUEST, NET_HOST, lose_children, lose_properties, plain_virtio
from .device import BOOT, PLACE_ROWS, alias, host_state, lose, lose_attributes, read_device, write_device
from .tree.domain import Domain
from .tree.node import Node, read_rows, write_rows
from .vlan import read_vlan, write_vlan

ROM_DIRECTORY = "/usr/share/kvm/"
_ROM_NAME = re.compile(r"pxe-[a-z0-9_]+\.rom")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
BRIDGE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
MIB = 1 << 20
AVERAGE_UNIT = 1000
"""Bytes of libvirt's `average`; qemu-server's `rate` counts MiB."""
BURST = "1024"


def _mac(text: str) -> str:
    """A unicast address, in qemu-server's capitals."""
    if not _MAC.fullmatch(text) or int(text[:2], 16) & 1:
        raise MalformedError(f"'{text[:40]}' is not a unicast MAC address")
    return text.upper()


ROWS = (
    Row("macaddr", "mac@address", Codec(_mac, str)),
    Row("vhost", "driver@name", choice({"vhost": True, "qemu": False})),
    Row("packed", "driver@packed", ON_OFF),
    Row("rx_queue_size", "driver@rx_queue_size", INT),
    Row("tx_queue_size", "driver@tx_queue_size", INT),
    Row("link_down", "link@state", choice({"down": True, "up": False})),
    Row("host_mtu", "mtu@size", INT),
    BOOT,
    Row("queues", "driver@queues", INT, code=True),
    Row("ifname", "target@dev", code=True),
    Row("model", "model@type", code=True),
    Row("bridge", "source@bridge", code=True),
    Row("network", "@type", code=True),
    Row("openvswitch", "virtualport@type", code=True),
    Row("tag", "vlan/tag@id", code=True),
    Row("trunks", "vlan@trunk", code=True),
    Row("rate", "bandwidth/inbound@average", code=True),
    Row("romfile", "rom@file", code=True),
    Row("host_tunnel", "qemu:override host_tunnel", code=True),
    Row("firewall", "", code=True, finding="host-lost"),
    Row("hostname", "", code=True, finding="host-lost"),
    Row("mtu", "mtu@size", code=True),
    *PLACE_ROWS,
)
TABLE = (Rows(Net, "devices/interface", ROWS, ("running_mtu",)),)


def write(vm: VM, domain: Domain) -> None:
    for net in vm.nets:
        _write(net, domain)


def _write(net: Net, domain: Domain) -> None:
    network = net.network.removeprefix(NETWORK) if net.network is not None and net.network.startswith(NETWORK) else None
    tap = net.network is not None and network is None
    node = domain.devices.add("interface", type="bridge" if net.bridge else "network" if network else "ethernet" if tap else "user")
    if network:
        node.add("source", network=network)
    if net.bridge:
        node.add("source", bridge=net.bridge)
        if net.openvswitch:
            node.add("virtualport", type="openvswitch")
    if net.ifname and tap:
        node.add("target", dev=net.ifname, managed="no")
    elif net.ifname:
        node.add("target", dev=net.ifname)
    node.add("model", type=net.model or "virtio")
    write_rows(node, net, ROWS)
    if net.queues and net.model == "virtio":
        node.ensure("driver").set("queues", str(net.queues))
    write_vlan(net, node, domain)
    _write_rate(net, node)
    _write_rom(net, node, domain)
    write_device(domain, node, net)
    if net.model == "virtio" and net.host_tunnel is False and domain.target.has("host_tunnel"):
        domain.set_override(alias(net.key or ""), "host_tunnel", "bool", "false")
    _report_losses(net, domain)


def _write_rom(net: Net, node: Node, domain: Domain) -> None:
    """QEMU finds its own files by their names, which differ in their directory from one distribution to the next; libvirt wants a path."""
    if net.romfile and domain.target.has("override") and not domain.target.node:
        domain.set_override(alias(net.key or ""), "romfile", "string", net.romfile)
    elif net.romfile:
        node.add("rom", file=ROM_DIRECTORY + net.romfile)


def _write_rate(net: Net, node: Node) -> None:
    """One figure for both ways; 0 is no limit."""
    if net.rate and float(net.rate) > 0:
        average = str(max(1, _average(net.rate)))
        bandwidth = node.add("bandwidth")
        for way in ("inbound", "outbound"):
            bandwidth.add(way, average=average, burst=BURST)


def _report_losses(net: Net, domain: Domain) -> None:
    add = domain.report.add
    if net.firewall:
        add("host-lost", net.where, f"{net.key}: Proxmox VE's firewall does not follow the VM", "write a <filterref> for it")
    if not net.bridge and not net.network and (net.tag or net.trunks):
        add("host-lost", net.where, f"{net.key}: user mode networking has no VLANs")
    if net.hostname:
        add("host-lost", net.where, f"{net.key}: user mode networking no longer tells the guest the name '{net.hostname}' by DHCP")
    if net.model == "ne2k_isa":
        add("lint", net.where, f"{net.key}: QEMU has no place for an ne2k_isa on PCI and does not start, under qemu-server neither")


def _average(rate: str) -> int:
    return round(float(rate) * MIB / AVERAGE_UNIT)


def rate_text(average: int) -> str:
    """The shortest number of MiB/s that gives this average again."""
    exact = average * AVERAGE_UNIT / MIB
    for digits in range(7):
        text = f"{exact:.{digits}f}"
        if _average(text) == average:
            return text
    return f"{exact:.9f}"


_NET = option("net0")
MODELS = frozenset(_NET.fields["model"].enum if _NET and _NET.fields else ())
"""qemu-server's card models."""
_HOST_SIDE = ("script", "downscript", "filterref", "virtualport", "port", "coalesce", "guest", "tune", "backend", "portForward", "teaming")
"""Policy of the host and of its network."""
_GUEST_SIDE = ("ip", "route")


def read(domain: Domain, vm: VM) -> None:
    addresses: set[str] = set()
    for node in domain.devices.children:
        type_ = node.attrib.get("type", "")
        if node.tag != "interface" or node.claimed or type_ == "hostdev":  # that one is a PCI device: hostpci reads it
            continue
        node.claim()
        net = _read(domain, node, type_)
        vm.nets.append(net)
        if net.macaddr and net.macaddr in addresses:
            domain.report.add("lint", node, f"another card has the MAC address {net.macaddr} as well")
        addresses.add(net.macaddr or "")


def _read(domain: Domain, node: Node, type_: str) -> Net:
    said = read_rows(node, ROWS)
    said |= read_device(domain, node, r"net[0-9]+")
    said |= _source(domain, node, type_)
    said |= read_vlan(domain, node)
    said["model"] = _model(domain, node)
    said["queues"] = _queues(node)
    said["ifname"] = _ifname(domain, node)
    said["rate"] = _rate(domain, node)
    name = f"ua-{said['key']}" if said["key"] else None
    said["romfile"] = _rom(node) or _own_rom(domain, name)
    if (rom := node.peek("rom")) is not None and rom.attrib.get("enabled") == "no":
        rom.claim_text("enabled")
        domain.report.set_properties("guest-changed", rom, "the card has no boot ROM there", node, {"romfile": ""})
    tunnel = domain.override(name, "host_tunnel")
    if said["model"] == "virtio" and domain.target.has("host_tunnel"):
        said["host_tunnel"] = tunnel is None or tunnel[1] not in ("false", "off")
    host_state(domain, node)
    _offloads(domain, node)
    lose(domain, node, "host-lost", *_HOST_SIDE)
    lose(domain, node, "guest-changed", *_GUEST_SIDE)
    lose_attributes(domain, node, "host-lost", "managed", "trustGuestRxFilters")
    return Net(**said)


def _offloads(domain: Domain, node: Node) -> None:
    """What <driver> says of the card itself, and of what host and guest leave to each other."""
    driver = node.peek("driver")
    if driver is None:
        return
    lose_properties(domain, driver, node, NET, "card")
    if (mode := driver.attrib.get("txmode")) in ("iothread", "timer"):
        driver.take("txmode")
        tx = {"iothread": "bh", "timer": "timer"}[mode]
        domain.report.set_properties("guest-lost", driver, f"txmode='{mode}' has no place in a config", node, {"tx": tx})
    for tag, table in (("host", NET_HOST), ("guest", NET_GUEST)):
        lose_children(domain, node, tag, table, "card", driver)
    if not driver.attrib:
        driver.claim()


def _source(domain: Domain, node: Node, type_: str) -> dict[str, Any]:
    """What the card hangs on."""
    node.take("type")
    source = node.only("source")
    found: dict[str, Any] = {"bridge": None, "network": None}
    port = node.peek("virtualport")
    if port is not None and port.attrib.get("type") == "openvswitch" and not port.claimed:
        found["openvswitch"] = True
        port.claim("type")
        lose(domain, port, "host-lost", "parameters")
    name = source.take({"bridge": "bridge", "network": "network", "direct": "dev"}.get(type_, "")) if source is not None else None
    if type_ == "bridge" and name is not None:
        if BRIDGE.fullmatch(name):
            found["bridge"] = name
        else:
            found["network"] = _unusable(node, name)
    elif type_ == "user":
        if source is not None:
            source.unclaim()
            lose(domain, node, "host-lost", "source")
        return found
    else:
        found["network"] = f"{type_} {name}" if name else type_ or "no network"
    if source is not None:
        for attribute in ("portid", "bridge"):
            if (value := source.take(attribute)) is not None:
                domain.report.add("host-state", source, f"{attribute}='{value}' belongs to the host where it ran")
        left = [text for _, text in source.unclaimed()]
        if left:
            domain.report.add("host-lost", source, f"{type_} {' '.join(left)} has no counterpart in a config")
            source.take_all()
    return found


def _unusable(node: Node, name: str) -> str:
    """oVirt's `;vdsmdummy;`, and whatever else no bridge can be called: the card hangs on none, or on the one that the user names for it.
    Raises BridgeError for a name that is none of a person's doing (security-rules S1, S6)."""
    if not name.isascii() or not name.isprintable() or "," in name or "=" in name:
        raise BridgeError(f"'{name[:40]}' is not a name of a bridge", node)
    return UNUSABLE + name


def _model(domain: Domain, node: Node) -> str:
    model = node.only("model")
    if model is not None:
        plain_virtio(domain, model, "type", node, "card")
    name = (model.take("type") if model is not None else None) or ""
    if name in MODELS:
        return name
    near = "virtio" if name.startswith("virtio") else "e1000"
    domain.report.add("guest-changed", node, f"qemu-server has no network card '{name}': {near} takes its place")
    return near


def _queues(node: Node) -> int | None:
    driver = node.peek("driver")
    text = driver.attrib.get("queues") if driver is not None else None
    if driver is None or text is None:
        return None
    try:
        queues = whole_number(text)
    except ValueError:
        return None
    if not 0 < queues <= 64:
        return None
    driver.claim("queues")
    return queues


def _ifname(domain: Domain, node: Node) -> str | None:
    """The host's interface; libvirt's own names (`vnet3`) are host state."""
    target = node.peek("target")
    name = target.attrib.get("dev") if target is not None else None
    if target is None or name is None:
        return None
    target.claim("dev")
    lose_attributes(domain, target, "host-lost", "managed")
    if re.fullmatch(r"(?:vnet|macvtap)[0-9]+", name):
        domain.report.add("host-state", target, f"dev='{name}' is the name that the running domain's interface has")
        return None
    return name


def _rate(domain: Domain, node: Node) -> str | None:
    bandwidth = node.only("bandwidth")
    if bandwidth is None:
        return None
    averages = {}
    for way in ("inbound", "outbound"):
        limit = bandwidth.peek(way)
        text = limit.attrib.get("average") if limit is not None else None
        if limit is None or text is None:
            continue
        try:
            averages[way] = whole_number(text)
        except ValueError:
            continue
        limit.claim("average")
        limit.expect("burst", BURST)
    for limit in bandwidth.children:
        if limit.claimed:
            lose_attributes(domain, limit, "host-lost", "peak", "burst", "floor")
    lose(domain, bandwidth, "host-lost", "inbound", "outbound")
    if not averages:
        return None
    average = min(averages.values())
    if len(set(averages.values())) > 1 or len(averages) < 2:
        there = ", ".join(f"{way} {value}" for way, value in averages.items())
        domain.report.add("host-lost", bandwidth, f"one rate limits both ways in a config: {there} (kB/s) becomes {average} both ways")
    return rate_text(average)


def _own_rom(domain: Domain, name: str | None) -> str | None:
    """The same by its name alone, which QEMU finds."""
    said = (domain.overrides.get(name or "") or {}).get("romfile")
    if said is None or said[0] != "string" or said[1] is None or not _ROM_NAME.fullmatch(said[1]):
        return None
    domain.override(name, "romfile")
    return said[1]


def _rom(node: Node) -> str | None:
    """Only the ROMs that old machines get; any other is reported."""
    rom = node.peek("rom")
    path = rom.attrib.get("file") if rom is not None else None
    if rom is None or path is None or not path.startswith(ROM_DIRECTORY + "pxe-"):
        return None
    rom.claim("file")
    return path.removeprefix(ROM_DIRECTORY)
