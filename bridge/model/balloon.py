"""The balloon."""

from __future__ import annotations

from .part import Device


class Balloon(Device, kw_only=True):
    """The virtio balloon. `target` in MiB; `present` False: no device."""

    present: bool | None = None
    target: int | None = None
    free_page_reporting: bool | None = None
    stats_period: int | None = None
