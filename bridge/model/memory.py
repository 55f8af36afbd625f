"""Memory, NUMA nodes, huge pages, DIMMs."""

from __future__ import annotations

import msgspec

from .part import Part


class NUMANode(Part, kw_only=True):
    """A guest NUMA node. `cpus` is `0-3` or `0;2` text; `memory` is number text in MiB (an equal share may be 333.333333333333)."""

    id: int
    cpus: str | None = None
    memory: str | None = None
    hostnodes: str | None = None
    policy: str | None = None
    hugepage_mib: int | None = None
    """The page size that is taken for this node."""


class DIMM(msgspec.Struct, frozen=True):
    """A hot-plugged memory module: slot number, size in MiB, guest NUMA node, page size if from huge pages."""

    slot: int
    size: int
    node: int
    hugepage_mib: int | None = None


class Memory(Part, kw_only=True):
    size: int | None = None
    """MiB the guest has at start."""
    spelled: str | None = None
    """The config's own text for `size` where it is not a plain number: `048`, `current=512`."""
    static: int | None = None
    """MiB that are not DIMMs (with memory hotplug)."""
    maximum: int | None = None
    """MiB that could be plugged (`maxmem`)."""
    slots: int | None = None
    dimms: list[DIMM] | None = None
    numa: bool | None = None
    nodes: list[NUMANode] | None = None
    """The nodes that the guest sees: said ones, or one per socket."""
    numa_said: list[NUMANode] | None = None
    """numa0..7 as said, also when `numa` is off."""
    hugepages: str | None = None
    """`any`, `2` or `1024` (MiB)."""
    keephugepages: bool | None = None
    hotplug: bool | None = None
    shared: bool | None = None
    """Memory that another process maps (virtiofs)."""
    source: str | None = None
    """What libvirt is told to take memory from: memfd, anonymous, file."""
    pages: list[tuple[int, str | None]] | None = None
    """Huge pages as XML names them: (MiB, guest nodes as `0-1,3` or None for all)."""
    shares: int | None = None
