"""USB devices of the host and SPICE redirection."""

from __future__ import annotations

from .part import Device


class USB(Device, kw_only=True):
    index: int | None = None
    host: str | None = None
    """As said: `VVVV:PPPP`, `BUS-PORT`, `spice`."""
    mapping: str | None = None
    usb3: bool | None = None
    vendor: str | None = None
    product: str | None = None
    """Four hex digits."""
    hostbus: int | None = None
    hostport: str | None = None
    spice: bool | None = None
