"""What every part of the VM has."""

from __future__ import annotations

from typing import Any

import msgspec


class Part(msgspec.Struct, kw_only=True):
    """A piece of the VM. `filled` names the fields that no input said; `where` prints as the place the part was read from."""

    filled: frozenset[str] = frozenset()
    where: Any = None


class Device(Part, kw_only=True):
    """A piece of hardware. `key` is qemu-server's own name for it (`scsi0`, `net3`, `qga0`, ...); None while no key is chosen."""

    key: str | None = None
    address: Address | None = None
    bootindex: int | None = None


class PCIAddress(msgspec.Struct, frozen=True):
    """A place on a PCI bus. `bus` is the id of the controller that makes the bus: `pci.0`, `pcie.0`, `ich9-pcie-port-5`."""

    bus: str
    slot: int
    function: int = 0
    multifunction: bool | None = None
    domain: int = 0


class DriveAddress(msgspec.Struct, frozen=True):
    """A place on a disk bus. `controller` is the id of the controller: `ide`, `ahci0`, `scsihw0`, `virtioscsi3`.

    `bus`, `target` and `unit` count as in libvirt: IDE channel and unit, SATA port (unit), SCSI channel, id and lun."""

    controller: str
    bus: int = 0
    target: int = 0
    unit: int = 0


class USBAddress(msgspec.Struct, frozen=True):
    """A USB port. `bus` is the id of the controller (`uhci`, `ehci`, `ehci-2`, `xhci`); `port` is `3` or `4.1` behind a hub."""

    bus: str
    port: str


class SerialAddress(msgspec.Struct, frozen=True):
    """A port of a virtio-serial controller; `controller` is its id (`qga0`, `spice`)."""

    controller: str
    port: int


Address = PCIAddress | DriveAddress | USBAddress | SerialAddress
