"""Network cards."""

from __future__ import annotations

from .part import Device

UNUSABLE = "bridge "
"""Beginning of `network` where what the XML calls a bridge can be none."""
NETWORK = "network "
"""Beginning of `network` where it is a network of libvirt's."""


class Net(Device, kw_only=True):
    index: int | None = None
    model: str | None = None
    macaddr: str | None = None
    bridge: str | None = None
    tag: int | None = None
    trunks: str | None = None
    """`5;7-9`."""
    rate: str | None = None
    """MB/s as number text."""
    queues: int | None = None
    mtu: int | None = None
    """As said; 1 means the bridge's."""
    running_mtu: int | None = None
    """What the card of a saved state was told (`running-nets-host-mtu`); 0: nothing."""
    host_mtu: int | None = None
    """What the guest's card is told; None: nothing is sent."""
    host_tunnel: bool | None = None
    link_down: bool | None = None
    firewall: bool | None = None
    packed: bool | None = None
    rx_queue_size: int | None = None
    tx_queue_size: int | None = None
    vhost: bool | None = None
    ifname: str | None = None
    romfile: str | None = None
    hostname: str | None = None
    openvswitch: bool | None = None
    network: str | None = None
    """Only from XML: what the card hangs on when it is not a bridge, `network default`, `direct eth0`. `unresolve` finds the bridge."""
