"""The guest agent's channel."""

from __future__ import annotations

from .part import Device


class Agent(Device, kw_only=True):
    enabled: bool | None = None
    type: str | None = None
    """virtio or isa."""
    freeze_fs: bool | None = None
    fstrim_cloned_disks: bool | None = None
    socket: str | None = None
    port: int | None = None
    """isa: the COM rank."""
