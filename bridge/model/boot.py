"""Boot order and what the firmware shows."""

from __future__ import annotations

from .part import Part


class Boot(Part, kw_only=True):
    order: list[str] | None = None
    """Keys in order, from `boot: order=`; [] when said empty."""
    legacy: str | None = None
    """Letters of the old form (`cdn`)."""
    bootdisk: str | None = None
    menu: bool | None = None
    reboot_timeout: int | None = None
    splash: str | None = None
    kernel: str | None = None
    initrd: str | None = None
    cmdline: str | None = None
    classes: list[str] | None = None
    """libvirt's `<boot dev=>` list: fd, hd, cdrom, network."""
