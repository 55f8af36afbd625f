"""-netdev and its card."""

from __future__ import annotations

import re
from functools import partial

from ...core.report import BridgeError
from ...model.net import Net
from ..net import SCRIPTS
from .line import Dev, Line
from .said import Said, number, spelled, switch

MODELS = {
    "e1000": "e1000", "e1000-82544gc": "e1000-82544gc", "e1000-82545em": "e1000-82545em", "e1000e": "e1000e", "i82551": "i82551",
    "i82557b": "i82557b", "i82559er": "i82559er", "ne2k_isa": "ne2k_isa", "ne2k_pci": "ne2k_pci", "pcnet": "pcnet", "rtl8139": "rtl8139",
    "virtio-net-pci": "virtio", "virtio-net-pci-transitional": "virtio", "virtio-net-pci-non-transitional": "virtio", "vmxnet3": "vmxnet3",
    "e1000-82540em": "e1000-82540em",
}  # fmt: skip
"""QEMU's device -> the model of a config."""
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}").fullmatch
ROM_DIRECTORY = "/usr/share/kvm/"


FIRST_MAC = 0x525400123456
"""What QEMU gives the first card that says no address (net/net.c, qemu_macaddr_default_if_unset)."""
LAST_MAC = FIRST_MAC | 0xFF


def read(line: Line) -> None:
    line.vm.nets = []
    if not line.is_pve:
        _count_macs(line)
    for device in line.of(*MODELS):
        name = device.said.peek("netdev")
        backend = line.netdevs.get(name) if name is not None else None
        if name is not None and backend is None:
            raise BridgeError(f"{device.driver}: there is no netdev '{name[:40]}'", device.said)
        multi = bool(switch(device.said.properties.get("mq")))
        net = _read(line, device)
        _read_queues(line, net, backend, multi)
        device.taken = True
        device.said.take("netdev")
        if backend is not None:
            _read_backend(line, net, backend, device.said)
        else:
            line.report.add("ambiguous", device.said, f"the card {device.driver} hangs on nothing: user mode networking stands in")
        line.vm.nets.append(net)


def _read(line: Line, device: Dev) -> Net:
    said = device.said
    net = Net(key=device.id, model=_model(device), address=device.address, where=said)
    mac = said.take("mac")
    if mac is not None:
        if not _MAC(mac) or int(mac[:2], 16) & 1:
            raise BridgeError(f"'{mac[:40]}' is not a unicast MAC address", said)
        net.macaddr = mac if line.is_pve else mac.upper()
    if line.is_pve and net.model == "ne2k_isa":  # QEMU refuses the place that qemu-server gives it
        said.take("bus")
        said.take("addr")
    net.packed = said.flag("packed")
    for field in ("rx_queue_size", "tx_queue_size", "bootindex", "host_mtu"):
        setattr(net, field, said.number(field))
    net.host_tunnel = said.flag("host_tunnel")
    rom = said.peek("romfile")
    if rom is not None and rom and "/" not in rom.removeprefix(ROM_DIRECTORY):
        said.take("romfile")
        net.romfile = rom.removeprefix(ROM_DIRECTORY)
    if said.flag("mq") and (vectors := number(said.peek("vectors"))) is not None and vectors > 3:
        net.queues = (vectors - 2) // 2
    return net


def _read_queues(line: Line, net: Net, backend: Said | None, multi: bool) -> None:
    """The guest sees several queues only with mq=on, and as many vectors as qemu-server and libvirt give them, or others."""
    queues = backend.number("queues") if backend is not None else None
    card = net.where
    assert isinstance(card, Said)
    if queues is not None and net.model == "virtio":
        if multi or queues == 1:
            net.queues = queues
        else:
            net.queues = None
            line.report.add("host-lost", backend, f"queues={queues}: the card has no mq=on, so that the guest uses one")
    elif queues is not None and queues > 1 and backend is not None:
        backend.properties["queues"] = queues
    if net.queues is not None and number(card.peek("vectors")) == 2 * net.queues + 2:
        card.take("vectors")


def _count_macs(line: Line) -> None:
    """Cards without an address get the first that none before them has: the guest knows its card by it."""
    taken: set[int] = set()
    for device in line.devices:
        if device.driver not in MODELS and device.driver != "usb-net":
            continue
        said = device.said.peek("mac") or ""
        if _MAC(said):
            taken.add(int(said.replace(":", ""), 16))
            continue
        free = next((mac for mac in range(FIRST_MAC, LAST_MAC) if mac not in taken), None)
        if said or free is None:
            continue
        taken.add(free)
        if device.driver in MODELS:
            mac = free.to_bytes(6, "big").hex(":")
            device.said.properties["mac"] = mac
            line.report.add("normalised", device.said, f"{mac} is the address that QEMU gives this card by itself")


def _model(device: Dev) -> str:
    return MODELS.get(device.name) or MODELS[device.driver]


def _read_backend(line: Line, net: Net, backend: Said, card: Said) -> None:
    backend.claim()
    backend.take("id")
    kind = backend.take("type")
    if kind in ("tap", "bridge"):
        _read_tap(line, net, backend, kind, card)
    elif kind == "user" and line.is_pve:
        net.hostname = backend.take("hostname")
    else:
        net.network = None if kind == "user" else _named(kind, backend)
        _lose_backend(line, backend, kind or "")


def _named(kind: str | None, backend: Said) -> str:
    """What the network is called where somebody has to say its bridge."""
    names = (backend.peek(name) for name in ("vhostdev", "mcast", "listen", "connect", "udp", "group", "path", "sock"))
    return f"{kind} {next((name for name in names if name), '')}".strip()


def _lose_backend(line: Line, backend: Said, kind: str) -> None:
    """For a config; a domain has elements for some of it."""
    what = "user mode networking here has no such setting" if kind == "user" else "a config's card stands on a bridge"
    ends = [backend]
    if (socket := line.chardevs.get(backend.peek("chardev") or "")) is not None:
        ends.append(socket)
    for end in ends:
        end.claim()
        for name, value in list(end.rest()):
            if name not in ("backend", "id", "chardev"):
                message = f"-{end.name} {kind}: {name}={spelled(value)}: {what}"
                line.late.append(partial(line.report.add, "host-lost", end, message, "set it up on the host by hand"))
        end.properties.clear()


def _read_tap(line: Line, net: Net, backend: Said, kind: str, card: Said) -> None:
    net.vhost = backend.flag("vhost")
    bridge = backend.take("br")
    ifname = backend.take("ifname")
    script, down = backend.peek("script"), backend.peek("downscript")
    if line.is_pve and script == f"{SCRIPTS}/pve-bridge" and down == f"{SCRIPTS}/pve-bridgedown":
        backend.take("script")
        backend.take("downscript")
        net.network, net.ifname = f"the tap {ifname}", ifname
        _guess_bridge(line, net)
        return
    for name in ("script", "downscript"):
        text = backend.take(name)
        if text not in (None, "no", ""):
            line.report.add("host-lost", backend, f"{name}={text}: no program of a command line is run; the bridge's own ways count")
    if (helper := backend.take("helper")) is not None:
        line.report.add("host-lost", backend, f"helper={helper}: no program of a command line is run; the bridge's own ways count")
    for name in ("fd", "fds", "vhostfd", "vhostfds"):
        if (text := backend.take(name)) is not None:
            line.report.add("host-state", backend, f"{name}={text}: descriptors that the process got when it was started")
    if bridge is not None or kind == "bridge":
        net.bridge = bridge or "br0"
    else:
        net.network, net.ifname = f"tap {ifname or ''}".strip(), ifname
    del card


def _guess_bridge(line: Line, net: Net) -> None:
    """No command line names the bridge: one whose MTU the card is told."""
    if net.host_mtu is None or net.host_mtu == line.host.mtu("vmbr0"):
        return
    fitting = [name for name, mtu in line.host.bridge_mtu.items() if mtu == net.host_mtu]
    if fitting:
        net.network, net.bridge = None, fitting[0]
        message = f"{net.ifname}: its bridge is not on the command line; {fitting[0]} has the MTU {net.host_mtu} that the card is told"
        line.report.add("network-unknown", net.where, message, "name the bridge of the card in the config")
