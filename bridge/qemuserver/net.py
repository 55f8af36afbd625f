"""netN: network cards (qemu-server 9.2.6, Network.pm; mapping-devices 13)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.net import Net
from ..model.vm import VM
from .section import COUNTED, ConfigSection, Lines, read_rows, write_rows

MAX_NETS = 32
RUNNING = "running-nets-host-mtu"
"""Of a snapshot with state, and of a suspended VM: what its cards were told. It is written as text (`meta`)."""
MOST_DIGITS = 10
ROWS = (
    Row("model", "model"),
    Row("macaddr", "macaddr"),
    Row("bridge", "bridge"),
    Row("tag", "tag", COUNTED),
    Row("trunks", "trunks"),
    Row("rate", "rate"),
    Row("queues", "queues", COUNTED),
    Row("mtu", "mtu", COUNTED),
    Row("host_mtu", "mtu", code=True),
    Row("host_tunnel", "host-tunnel"),
    Row("link_down", "link_down"),
    Row("firewall", "firewall"),
)
TABLE = (
    Rows(
        Net,
        "netN",
        ROWS,
        ("running_mtu", "packed", "rx_queue_size", "tx_queue_size", "vhost", "ifname", "romfile", "hostname", "openvswitch", "network"),
    ),
)


def read(section: ConfigSection, vm: VM) -> None:
    nets = []
    running = dict(part.partition("=")[::2] for part in (section.text(RUNNING) or "").split(",") if "=" in part)
    for index, key in section.indexed("net", MAX_NETS):
        said = section.props(key)
        if said is not None:
            net = Net(key=key, index=index, where=section.line(key), **read_rows(said, ROWS))
            if (mtu := running.get(key, "")).isdecimal() and len(mtu) < MOST_DIGITS:
                net.running_mtu = int(mtu)
            nets.append(net)
    vm.nets = nets


def write(vm: VM, lines: Lines) -> None:
    for net in vm.nets:
        lines.props(net.key or f"net{net.index}", write_rows(net, ROWS))
