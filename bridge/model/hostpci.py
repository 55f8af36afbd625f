"""PCI devices of the host, mediated devices."""

from __future__ import annotations

from .part import Device


class HostPCI(Device, kw_only=True):
    index: int | None = None
    host: str | None = None
    """As said: `01:00`, `0000:01:00.0;0000:01:00.1`."""
    mapping: str | None = None
    ids: list[str] | None = None
    """The functions that are passed, full form `0000:01:00.0`, in guest function order."""
    multifunction: bool | None = None
    mdev: str | None = None
    mdev_uuid: str | None = None
    pcie: bool | None = None
    rombar: bool | None = None
    romfile: str | None = None
    x_vga: bool | None = None
    legacy_igd: bool | None = None
    driver: str | None = None
    vendor_id: str | None = None
    device_id: str | None = None
    sub_vendor_id: str | None = None
    sub_device_id: str | None = None
    enable_migration: bool | None = None
