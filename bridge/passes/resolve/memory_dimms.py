"""Modules of memory that can be plugged, and the huge pages behind all memory (qemu-server 9.2.6, Memory.pm; mapping-machine 8)."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.report import BridgeError
from ...host.facts import HostFacts
from ...model.memory import DIMM, Memory
from ...model.vm import VM

ASSUMED_BITS = 40
"""Physical address bits of the host's CPUs where nobody says them: what qemu-server takes of any more, but for the types host and max."""
PAGES = ("2", "1024")
"""What `hugepages` may say beside `any`."""
STATIC_MIB = 1024
"""What is not a DIMM when memory can be plugged."""
LIMIT_MIB = 4 << 20


def maximum(vm: VM, host: HostFacts) -> int:
    """MiB that could be plugged: the guest's physical address bits, made even, less 21 (QEMU needs room), at most 4 TiB."""
    said = None if "phys_bits" in vm.cpu.filled else vm.cpu.phys_bits
    bits: int | None = host.phys_address_bits if said == "host" else int(said) if said else None
    if bits is None:
        bits = host.phys_address_bits or ASSUMED_BITS
        if vm.cpu.cputype not in ("host", "max") or "cputype" in vm.cpu.filled:
            bits = min(bits, 40)
    bits &= ~1
    return min(1 << (bits - 21), LIMIT_MIB) if bits >= 21 else 0


def static_mib(memory: Memory, sockets: int) -> int:
    return STATIC_MIB * sockets if memory.hugepages == "1024" else STATIC_MIB


def dimms(memory: Memory, static: int, total: int, nodes: int, host: HostFacts) -> Iterator[DIMM]:
    """The modules that qemu-server plugs until `total` is reached or passed: 32 of a size, then 32 of twice that size."""
    size = 1024 if memory.hugepages == "1024" else 512
    reached, slot = static, 0
    for _ in range(8):
        for n in range(32):
            if reached >= total:
                return
            yield DIMM(slot, size, n % nodes, page_mib(memory, str(size), host))
            slot += 1
            reached += size
        size *= 2


def page_mib(memory: Memory, size: str, host: HostFacts, where: object = None) -> int | None:
    """The size of the huge pages that back `size` MiB; None without huge pages."""
    if not memory.hugepages:
        return None
    where = where or memory.where
    sizes = host.hugepage_sizes_mib
    mib = int(float(size))
    if mib <= 0 or mib & 1:
        raise BridgeError(f"memory size '{size}' is not a positive even integer; cannot use for hugepages", where)
    if 2 not in sizes and 1024 not in sizes:
        raise BridgeError("your system doesn't support hugepages", where)
    if memory.hugepages == "any":
        if 1024 in sizes and mib & 1023 == 0:
            return 1024
        if 2 in sizes:
            return 2
        raise BridgeError(f"host only supports 1024 GB hugepages, but requested size '{size}' is not a multiple of 1024 MB", where)
    page = int(memory.hugepages) if memory.hugepages in PAGES else 0
    if page not in sizes:
        raise BridgeError(f"your system doesn't support hugepages of {memory.hugepages} MB", where)
    if mib % page:
        raise BridgeError(f"Memory size {size} is not a multiple of the requested hugepages size {page}", where)
    return page
