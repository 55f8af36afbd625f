"""Directories and memory shared with the host."""

from __future__ import annotations

from .part import Device


class VirtioFS(Device, kw_only=True):
    index: int | None = None
    dirid: str | None = None
    path: str | None = None
    """The directory on the host, from the mapping."""
    cache: str | None = None
    direct_io: bool | None = None
    expose_acl: bool | None = None
    expose_xattr: bool | None = None


class IVSHMEM(Device, kw_only=True):
    size: int | None = None
    """MiB."""
    name: str | None = None
    """Without the prefix `pve-shm-`."""
