"""The watchdog."""

from __future__ import annotations

from .part import Device


class Watchdog(Device, kw_only=True):
    model: str | None = None
    """i6300esb or ib700."""
    action: str | None = None
