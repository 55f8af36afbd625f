"""Network cards (qemu-server 9.2.6, print_netdev_full and print_netdevice_full)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import ON_OFF, Row
from ..data.gates import server_has
from ..host.facts import HostFacts
from ..model.net import Net
from ..model.vm import VM
from ..passes.resolve.machine import has
from .emit import Command, escaped, pci, properties

SCRIPTS = "/usr/libexec/qemu-server"
OLD_SCRIPTS = "/var/lib/qemu-server"

ROWS = (
    Row("packed", "packed", ON_OFF),
    Row("rx_queue_size", "rx_queue_size"),
    Row("tx_queue_size", "tx_queue_size"),
    Row("bootindex", "bootindex"),
    Row("host_mtu", "host_mtu"),
    Row("running_mtu", "host_mtu", code=True),
    Row("romfile", "romfile"),
    Row("model", "driver", code=True),
    Row("macaddr", "mac", code=True),
    Row("queues", "vectors", code=True),
    Row("host_tunnel", "host_tunnel", code=True),
    Row("bridge", "-netdev type", code=True),
    Row("ifname", "-netdev ifname", code=True),
    Row("vhost", "-netdev vhost", code=True),
    Row("hostname", "-netdev hostname", code=True),
)
TABLE = (Rows(Net, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:
    scripts = SCRIPTS if server_has(host.qemu_server, "scripts_in_libexec") else OLD_SCRIPTS
    for net in vm.nets:
        command.devices += ("-netdev", _netdev(net, scripts))
        command.device(_device(vm, net))


def _netdev(net: Net, scripts: str) -> str:
    if net.bridge:
        text = f"type=tap,id={net.key},ifname={net.ifname},script={scripts}/pve-bridge,downscript={scripts}/pve-bridgedown"
        if net.vhost:
            text += ",vhost=on"
    else:
        text = f"type=user,id={net.key},hostname={escaped(net.hostname or '')}"
    return text + f",queues={net.queues}" if net.queues and net.model == "virtio" else text


def _device(vm: VM, net: Net) -> str:
    virtio = net.model == "virtio"
    text = f"{'virtio-net-pci' if virtio else net.model},mac={net.macaddr},netdev={net.key}{pci(net.address)},id={net.key}"
    if virtio and net.queues and net.queues > 1:  # two vectors a queue, one for the configuration and one for the control queue
        text += f",vectors={2 * net.queues + 2},mq=on"
    text += properties(net, ROWS)
    if virtio and net.host_tunnel is False and has(vm.machine, "host_tunnel"):
        text += ",host_tunnel=off"
    return text
