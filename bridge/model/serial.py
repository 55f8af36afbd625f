"""Serial and parallel ports."""

from __future__ import annotations

from .part import Device


class Serial(Device, kw_only=True):
    index: int | None = None
    port: int | None = None
    """COM number - 1 that the guest sees: the rank among the present ports."""
    path: str | None = None
    """A host device; None: a socket."""
    socket: str | None = None


class Parallel(Device, kw_only=True):
    index: int | None = None
    port: int | None = None
    path: str | None = None
