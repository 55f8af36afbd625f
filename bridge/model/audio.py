"""Sound."""

from __future__ import annotations

from .part import Device


class Audio(Device, kw_only=True):
    device: str | None = None
    """ich9-intel-hda, intel-hda, AC97."""
    driver: str | None = None
    """spice or none."""
