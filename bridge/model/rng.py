"""Entropy for the guest."""

from __future__ import annotations

from .part import Device


class RNG(Device, kw_only=True):
    source: str | None = None
    max_bytes: int | None = None
    """Bytes per period; 0: no limit."""
    period: int | None = None
    """Milliseconds."""
