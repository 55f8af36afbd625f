"""The words of the public API that are one of a few, so that a type checker knows them as well as `bridge` does."""

from __future__ import annotations

from typing import Literal, TypedDict

Format = Literal["conf", "xml", "argv"]
"""A qemu-server config, or what holds one; libvirt's domain XML; a QEMU command line."""
Severity = Literal["guest", "data", "host", "note"]
"""Of a finding; `SEVERITIES` says what each means, from worst to least."""
Status = Literal["converted", "up-to-date", "held-back", "refused"]
"""How one input of a fleet went: `bridge.Outcome`."""
Importance = Literal["device", "place", "identity", "property", "host"]
"""Of a difference between two VMs, from most to least: `bridge.diff`."""
Reading = Literal["model", "libvirt"]
"""How XML becomes a machine that can be compared: as qemu-server would run it after its import, or as libvirt here runs it."""
Stack = Literal["libvirt", "qemu-server"]
"""Where a plan moves VMs to."""


class Wishes(TypedDict, total=False):
    """Keywords of `bridge.convert` that may be said of many VMs at once; it says what each means."""

    libvirt: str | None
    qemu: str | None
    metadata: bool
    trust_metadata: bool
    args: bool | None
    snapshot: str | None
    machine: str | None
    keep_layout: bool
    node_paths: bool
    clean: bool
    started_in: str | None


class Keywords(Wishes, total=False):
    """Those, and what one VM alone can have."""

    vmid: int | None
    name: str | None


class FleetKeywords(Wishes, total=False):
    """Those, and `pretty`: command lines have the pins that they cannot carry as comments."""

    source: Format | None
    pretty: bool
