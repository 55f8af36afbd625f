"""What qemu-server adds to a network card by itself (qemu-server 9.2.6, print_netdevice_full and print_netdev_full; mapping-devices 13)."""

from __future__ import annotations

import shlex
from typing import Any

from ...core.report import BridgeError, Report, fields
from ...data.gates import server_has
from ...host.facts import HostFacts
from ...model.net import NETWORK, UNUSABLE, Net
from ...model.vm import VM
from ..fill import change, fill, forget
from .machine import has

MAC_PREFIX = "BC:24:11"
"""Proxmox Server Solutions' own; qemu-server takes it for random addresses (datacenter.cfg may say another)."""
MAX_IFNAME = 15
MIN_MTU = 576
STANDARD_MTU = 1500
RX_QUEUE_SIZE, TX_QUEUE_SIZE = 1024, 256
ROMS = {
    "virtio": "pxe-virtio.rom",
    "e1000": "pxe-e1000.rom",
    "e1000e": "pxe-e1000e.rom",
    "pcnet": "pxe-pcnet.rom",
    "rtl8139": "pxe-rtl8139.rom",
}
"""Boot ROMs without UEFI, for machines from before they had it."""
DEFAULT_BRIDGE = "vmbr0"
"""The standard bridge of a Proxmox VE host: for a network of which nothing is known."""

DECIDED = ("ifname", "vhost", "packed", "rx_queue_size", "tx_queue_size", "romfile")
"""Fields that no config can say: qemu-server has one value for each."""


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: a field that the config says is kept; what it cannot say gets the one value that qemu-server would use."""
    if not vm.nets:
        return vm
    return change(vm, nets=[_resolve(net, vm, host, report) for net in vm.nets])


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: resolve gives every field back; what it would give differently is a finding."""
    if not vm.nets:
        return vm
    return change(vm, nets=[_unresolve(net, vm, host, report) for net in vm.nets])


def _decided(net: Net, vm: VM, host: HostFacts) -> dict[str, Any]:
    """The fields of DECIDED."""
    virtio = net.model == "virtio"
    modern = virtio and has(vm.machine, "net_queue_sizes")
    native = (vm.machine.arch or host.arch) == host.arch
    return {
        "ifname": f"tap{vm.meta.vmid}i{net.index}" if net.bridge else None,
        "vhost": True if net.bridge and virtio and native and host.vhost_net else None,
        "packed": True if modern and (net.queues or 0) > 1 else None,
        "rx_queue_size": RX_QUEUE_SIZE if modern else None,
        "tx_queue_size": TX_QUEUE_SIZE if modern else None,
        "romfile": ROMS.get(net.model or "") if vm.machine.pxe or not has(vm.machine, "efi_pxe_roms") else None,
    }


def _assume_mtu(net: Net, host: HostFacts, report: Report) -> None:
    """Nobody told the MTU of any bridge: what qemu-server would ask the node."""
    if net.model == "virtio" and net.bridge and not host.bridge_mtu and host.bridges is None and net.running_mtu is None:
        message = f"the MTU of bridge {net.bridge} is not known, {STANDARD_MTU} is taken"
        report.add("assumed", None, message, f"--host-fact bridge_mtu.{net.bridge}=MTU")


def _told_mtu(net: Net, vm: VM, host: HostFacts) -> int | None:
    """What the guest's card is told when the config says no `mtu`; None: nothing."""
    if net.model != "virtio" or not net.bridge:
        return None
    return _printed(host.mtu(net.bridge), False, vm, host)


def _printed(mtu: int, said: bool, vm: VM, host: HostFacts) -> int | None:
    """What that release of qemu-server prints of an MTU that the config says, or that is the bridge's; None: nothing."""
    if not server_has(host.qemu_server, "bridge_mtu"):
        return mtu if said else None
    always = has(vm.machine, "host_mtu") and server_has(host.qemu_server, "host_mtu")
    return mtu if always or mtu != STANDARD_MTU else None


def _host_mtu(net: Net, vm: VM, host: HostFacts, report: Report) -> int | None:
    """`mtu` checked against the bridge. Raises BridgeError as qemu-server does. What the card of a saved state was told, wins."""
    running = net.running_mtu
    if running == 0:
        _report_without_mtu(net, vm, report)
        return None
    mtu = running or net.mtu
    if net.model != "virtio" or not net.bridge:
        if mtu is not None:
            why = "not using VirtIO" if net.bridge else "no bridge configured"
            report.add("warning", net.where, f"netdev {net.key}: ignoring MTU '{mtu}', {why}")
        return None
    bridge_mtu = host.mtu(net.bridge)
    if mtu is None or mtu == 1:
        return bridge_mtu if running else _printed(bridge_mtu, mtu is not None, vm, host)
    if mtu < MIN_MTU:
        raise BridgeError(f"netdev {net.key}: MTU '{mtu}' is smaller than the IP minimum MTU '{MIN_MTU}'", net.where)
    if mtu > bridge_mtu:
        raise BridgeError(
            f"netdev {net.key}: MTU '{mtu}' is bigger than the bridge MTU '{bridge_mtu}' - adjust the MTU for the network device in the "
            "VM configuration, while ensuring that the bridge is configured as desired.",
            net.where,
        )
    return mtu if running else _printed(mtu, True, vm, host)


def _report_without_mtu(net: Net, vm: VM, report: Report) -> None:
    """The card of the saved state was told no MTU: another I/O region than with one."""
    if net.mtu is not None and (has(vm.machine, "host_mtu") or net.mtu != STANDARD_MTU):
        why = "not used on the source side according to migration parameters"
        report.add("warning", net.where, f"netdev {net.key}: ignoring MTU '{net.mtu}', {why}")


def _resolve(net: Net, vm: VM, host: HostFacts, report: Report) -> Net:
    if net.macaddr is None:
        net = fill(net, macaddr=_invented_mac(net, vm))
        report.add(
            "ambiguous",
            net.where,
            f"{net.key} has no MAC address: qemu-server takes a random one at every start, here it is {net.macaddr}",
            "write the address into the config",
        )
    decided = _decided(net, vm, host)
    if decided["ifname"] and len(decided["ifname"]) > MAX_IFNAME:
        raise BridgeError(f"interface name '{decided['ifname']}' is too long (max 15 character)", net.where)
    if net.model == "virtio" and has(vm.machine, "host_tunnel_off"):
        decided["host_tunnel"] = False
    if not net.bridge:
        decided["hostname"] = vm.meta.name or f"vm{vm.meta.vmid}"
    _assume_mtu(net, host, report)
    net = fill(net, host_mtu=_host_mtu(net, vm, host, report), **decided)
    elsewhere = host.bridge_map.get(net.bridge or "")
    net = change(net, bridge=elsewhere) if elsewhere else net
    mapped = net.bridge in host.network_map
    if net.bridge and host.bridges is not None and net.bridge not in host.bridges and not mapped:
        report.add(
            "network-unknown",
            net.where,
            f"{net.key}: bridge '{net.bridge}' does not exist on the host",
            f"make it, or name another: --bridge {net.bridge}=BRIDGE",
        )
    return net


def _invented_mac(net: Net, vm: VM) -> str:
    """Always the same address for the same card of the same VM."""
    from hashlib import sha256  # OpenSSL takes long to load, and most cards have an address

    digest = sha256(f"virt-qm {vm.meta.vmid} net{net.index}".encode()).digest()
    return ":".join((MAC_PREFIX, *(f"{byte:02X}" for byte in digest[:3])))


def _unresolve(net: Net, vm: VM, host: HostFacts, report: Report) -> Net:
    net = _find_bridge(net, host, report)
    if net.macaddr is None:
        net = change(net, macaddr=_invented_mac(net, vm))
        message = f"{net.key} has no MAC address: libvirt makes one up, and so do we: {net.macaddr}"
        report.add("ambiguous", net.where, message, "write down the one that the guest knows")
    decided = _decided(net, vm, host)
    for name, value in decided.items():
        _compare(net, name, value, report)
    net = _unresolve_mtu(net, vm, host, report)
    drop = ["hostname", "host_mtu", "running_mtu", "network", "openvswitch", *DECIDED]
    if net.model != "virtio" or not has(vm.machine, "host_tunnel") or net.host_tunnel == (not has(vm.machine, "host_tunnel_off")):
        drop.append("host_tunnel")
    return forget(net, *drop)


def _find_bridge(net: Net, host: HostFacts, report: Report) -> Net:
    """A libvirt network, or another thing that cards hang on there, to the bridge that the host facts name for it."""
    name = net.network or net.bridge
    if name is None:
        return net
    maps = host.bridge_map
    known = maps.get(name) or maps.get(name.removeprefix(UNUSABLE)) or maps.get(name.rpartition(" ")[2]) or _of_network(net, host, report)
    if known:
        return change(net, bridge=known)
    if net.network is None:
        return net
    if net.network.startswith(UNUSABLE):
        called = net.network.removeprefix(UNUSABLE)[:40]
        message = f"'{called}' is not a name of a bridge: {net.key} hangs on none, and QEMU translates the guest's addresses"
        report.add("network-unknown", net.where, message, f"name the bridge: --bridge {shlex.quote(called)}=BRIDGE")
        return net
    report.add(
        "network-unknown",
        net.where,
        f"no bridge is known for {net.network}: {net.key} is put on {DEFAULT_BRIDGE}",
        f"name the bridge: --bridge {net.network.rpartition(' ')[2]}=BRIDGE",
    )
    return change(net, bridge=DEFAULT_BRIDGE)


def _of_network(net: Net, host: HostFacts, report: Report) -> str | None:
    """The bridge that a libvirt network stands for; of several the first, which is said."""
    bridges = [here for here, there in host.network_map.items() if net.network == f"{NETWORK}{there}"]
    if len(bridges) > 1:
        there, others = host.network_map[bridges[0]], ", ".join(bridges[1:])
        message = f"network {there} stands for {', '.join(bridges)}: {net.key} is put on {bridges[0]}"
        report.add("ambiguous", net.where, message, f"if it is another, {others}, say so: --bridge {there}={bridges[1]}")
    return bridges[0] if bridges else None


_SPOKEN = {
    "ifname": ("host-lost", "the host's interface was called {0}, under qemu-server {1}"),
    "vhost": ("host-lost", "vhost was {0} and becomes {1}: qemu-server uses the kernel's vhost whenever it can"),
    "packed": ("guest-changed", "packed virtqueues were {0}, under qemu-server they are {1}"),
    "rx_queue_size": ("guest-changed", "rx_queue_size was {0}, under qemu-server it is {1}"),
    "tx_queue_size": ("guest-changed", "tx_queue_size was {0}, under qemu-server it is {1}"),
    "romfile": ("guest-changed", "the boot ROM was {0}, under qemu-server it is {1}"),
}
_UNSAID = {"packed": False, "rx_queue_size": 256, "tx_queue_size": 256}
"""What QEMU does when nothing is said."""
_RINGS = ("rx_queue_size", "tx_queue_size")


def _compare(net: Net, name: str, value: Any, report: Report) -> None:
    """Say where the card will differ from what it was."""
    said = getattr(net, name)
    if said is None and name not in _UNSAID:
        return
    if net.model != "virtio" and name in _UNSAID and said is None:
        return
    default = _UNSAID.get(name)
    there, here = (default if said is None else said), (default if value is None else value)
    if there != here:
        kind, text = _SPOKEN[name]
        if said is None and name in _RINGS and value is not None:
            kind = "added"  # longer rings than QEMU's own
        report.add(kind, net.where, f"{net.key}: " + text.format(_word(there), _word(here)), about=fields(net, name))


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "unset" if value is None else str(value)


def _unresolve_mtu(net: Net, vm: VM, host: HostFacts, report: Report) -> Net:
    """`host_mtu` as the guest saw it -> `mtu`, unless qemu-server would say the same unasked."""
    if net.model != "virtio" or not net.bridge:
        if net.host_mtu is not None:
            message = f"{net.key}: mtu {net.host_mtu} is for virtio cards on a bridge only"
            report.add("host-lost", net.where, message, about=fields(net, "host_mtu", "mtu"))
        return net
    if net.host_mtu is not None:
        _assume_mtu(net, host, report)
    told = _told_mtu(net, vm, host)
    if net.host_mtu == told:
        return change(net, mtu=None)
    if net.host_mtu is None:
        report.add(
            "added",
            net.where,
            f"{net.key}: the guest was told no MTU, qemu-server tells it {told}; the card's I/O region grows",
        )
        return change(net, mtu=None)
    bridge_mtu = host.mtu(net.bridge)
    if not MIN_MTU <= net.host_mtu <= bridge_mtu:
        report.add(
            "lint",
            net.where,
            f"{net.key}: qemu-server refuses mtu {net.host_mtu} on {net.bridge}, whose own is {bridge_mtu}",
            f"raise the bridge's MTU: --host-fact bridge_mtu.{net.bridge}={net.host_mtu}",
        )
    elif net.host_mtu == STANDARD_MTU and not has(vm.machine, "host_mtu"):
        report.add("guest-changed", net.where, f"{net.key}: the guest was told MTU {STANDARD_MTU}, qemu-server tells it none")
    return change(net, mtu=net.host_mtu)
