"""Raw QEMU arguments, and what a command line has beside the kinds."""

from __future__ import annotations

from typing import Any

import msgspec

from .disk import Disk
from .part import Device, Part


class Raw(Part, kw_only=True):
    args: str | None = None
    """`args:` as said."""
    words: list[str] | None = None
    """The same, split into words."""
    vmstate: str | None = None
    """Path of the saved state to load."""


class Backend(Device, kw_only=True):
    """A host's end of a device: `-chardev`, `-netdev`, `-blockdev`, …; `key` is its id."""

    option: str
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    words: list[str] = msgspec.field(default_factory=list)
    """Those of the options that it stands on before its own."""
    all: list[Any] = msgspec.field(default_factory=list)
    """These options."""
    below: dict[str, Backend] = msgspec.field(default_factory=dict)


class Other(Device, kw_only=True):
    """A device that a command line has and the model has no kind for; or an option, with `driver` None.

    `key` is its id. `properties` are those of the device without its place, by QEMU's names; `words` are its words of the command line,
    which need those of its backends before them. `problem`: why these words must not go anywhere; None if they may."""

    driver: str | None = None
    option: str = "device"
    value: str = ""
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    backends: dict[str, Backend] = msgspec.field(default_factory=dict)
    """By the property that names it: `chardev`, `drive`, `netdev`, …"""
    words: list[str] = msgspec.field(default_factory=list)
    disk: Disk | None = None
    """Of a drive on a bus that no config has."""
    problem: str | None = None
