"""What a move is to do, decided before anything moves: it does not change afterwards, and goes to the process that does it as JSON."""

from __future__ import annotations

import msgspec

WAYS = ("protocol3", "restore", "saved")
"""How the state goes: live, by libvirt's migration protocol; live, through `virsh restore` of a FIFO; as a file, the guest stands still."""


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """A disk whose image is copied on the way: `device` is its id in qemu-server (`scsi0`), `target` its name in libvirt (`sda`)."""

    device: str
    target: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`into`: into libvirt, else out of it. Times in seconds, `max_downtime` in ms.

    `qmp`: the socket of the QEMU outside of libvirt. Into libvirt it is the source, and `xml` the domain to be. Out of libvirt it is the
    target, which `argv` starts (None: a node does), and `xml` the domain that runs. `names`: blocks of memory whose names change. `pins`:
    thread -> host CPUs, as `virt-qm pin` takes them, out of libvirt. `directory`: of this move's sockets.
    """

    into: bool
    way: str
    uri: str
    name: str
    uuid: str
    xml: str
    qmp: str
    directory: str
    argv: tuple[str, ...] | None = None
    names: dict[str, str] = {}
    pins: dict[str, tuple[int, ...]] = {}
    autostart: bool = False
    timeout: float = 3600.0
    max_downtime: int = 300
    bandwidth: int = 0
    disks: tuple[Disk, ...] = ()
