"""Pointing device and keyboard."""

from __future__ import annotations

from .part import Device


class Tablet(Device, kw_only=True):
    present: bool | None = None
    keyboard: bool | None = None
    """aarch64: a USB keyboard comes with the tablet."""
