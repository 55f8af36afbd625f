"""Buses and host adapters that devices sit on."""

from __future__ import annotations

from .iothread import ServedBy
from .part import Device


class Controller(Device, kw_only=True):
    """`key` is qemu-server's id: `pci.1`, `pcidmi`, `ich9-pcie-port-5`, `uhci`, `xhci`, `scsihw0`, `virtioscsi3`, `ahci0`, `qga0`."""

    type: str
    """`pci`, `usb`, `scsi`, `sata`, `ide`, `virtio-serial`, `ccid`."""
    index: int | None = None
    """libvirt's index, by rank; the guest never sees it."""
    model: str | None = None
    """pci: pci-root, pcie-root, pci-bridge, dmi-to-pci-bridge, pcie-root-port; usb: piix3-uhci, ich9-ehci1, ich9-uhci1, qemu-xhci,
    nec-xhci; scsi: lsilogic, lsi53c810, virtio-scsi, lsisas1078, vmpvscsi."""
    hardware: str | None = None
    """The exact QEMU device of a bridge or port where several fit: `ioh3420`, `pcie-root-port`, `i82801b11-bridge`."""
    chassis_nr: int | None = None
    chassis: int | None = None
    port: int | None = None
    ports: int | None = None
    """USB ports of an xhci; ports of a virtio-serial."""
    startport: int | None = None
    """First port of a UHCI companion."""
    master: str | None = None
    """The EHCI of a UHCI companion."""
    builtin: bool | None = None
    """Part of the chipset: never on a command line."""
    iothread: bool | None = None
    served_by: list[ServedBy] | None = None
    queues: int | None = None
    max_sectors: int | None = None
    cmd_per_lun: int | None = None
    ioeventfd: bool | None = None
    event_idx: bool | None = None
    alias: str | None = None
