"""Memory as qemu-server lays it out: NUMA nodes, DIMMs, huge pages, the balloon (qemu-server 9.2.6, Memory.pm; mapping-machine 8)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from ...host.facts import HostFacts
from ...model.memory import DIMM, Memory, NUMANode
from ...model.vm import VM
from ...report import BridgeError, Report
from ..fill import fill
from .cpu import hotplug_features, setting

DEFAULT_MIB = 512
STATIC_MIB = 1024
"""What is no DIMM when memory can be plugged."""
SLOTS = 255
LIMIT_MIB = 4 << 20


def maximum(vm: VM, host: HostFacts) -> int:
    """MiB that could be plugged: the guest's physical address bits, made even, less 21 (QEMU needs room), at most 4 TiB."""
    said = None if "phys_bits" in vm.cpu.filled else vm.cpu.phys_bits
    bits: int | None = host.phys_address_bits if said == "host" else int(said) if said else None
    if bits is None:
        bits = host.phys_address_bits or 36
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


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Fills size, nodes and DIMMs, and whether there is a balloon; refuses what qemu-server refuses."""
    del report
    here = setting(vm, host)
    memory = fill(vm.memory, size=DEFAULT_MIB, hotplug="memory" in hotplug_features(vm.machine.hotplug), shared=bool(vm.virtiofs))
    assert memory.size is not None
    sockets, cores = vm.cpu.sockets or 1, vm.cpu.cores or 1
    memory = _pluggable(vm, memory, sockets, host) if memory.hotplug else fill(memory, static=memory.size)
    if memory.hugepages and not memory.numa:
        raise BridgeError("numa needs to be enabled to use hugepages", memory.where)
    if memory.hotplug and memory.shared:
        raise BridgeError("Memory hotplug does not work in combination with virtio-fs.", memory.where)
    if memory.numa:
        assert memory.static is not None
        nodes = _said_nodes(memory, memory.static, host) or _equal_nodes(memory, memory.static, sockets, cores, host)
        memory = fill(memory, nodes=nodes)
    if memory.hotplug:
        memory = fill(memory, dimms=_dimms(memory, sockets, host))
    present = vm.balloon.target != 0
    reporting = True if present and here.machine_has("free_page_reporting") else None
    return replace(vm, memory=memory, balloon=fill(vm.balloon, present=present, free_page_reporting=reporting))


def _pluggable(vm: VM, memory: Memory, sockets: int, host: HostFacts) -> Memory:
    assert memory.size is not None
    if not memory.numa:
        raise BridgeError("NUMA needs to be enabled for memory hotplug", memory.where)
    most = maximum(vm, host)
    if memory.size > most:
        raise BridgeError(f"Total memory is bigger than {most}MB", memory.where)
    if memory.numa_said:
        raise BridgeError("cannot enable memory hotplugging with custom NUMA topology", memory.numa_said[0].where)
    static = static_mib(memory, sockets)
    if memory.size < static:
        raise BridgeError(f"minimum memory must be {static}MB", memory.where)
    return fill(memory, static=static, maximum=most, slots=SLOTS)


def _dimms(memory: Memory, sockets: int, host: HostFacts) -> list[DIMM]:
    assert memory.static is not None
    assert memory.size is not None
    plugged = list(dimms(memory, memory.static, memory.size, sockets, host))
    reached = memory.static + sum(dimm.size for dimm in plugged)
    if reached > memory.size:
        raise BridgeError(f"memory size ({memory.size}) must be aligned to {plugged[-1].size} for hotplugging", memory.where)
    return plugged


_RANGES = re.compile(r"[0-9]{1,5}(?:-[0-9]{1,5})?(?:;[0-9]{1,5}(?:-[0-9]{1,5})?)*", re.ASCII)


def ranges(text: str, where: object) -> list[tuple[int, int]]:
    """`0-3;6` -> [(0, 3), (6, 6)]."""
    if not _RANGES.fullmatch(text):
        raise BridgeError(f"invalid range: {text[:60]}", where)
    found = []
    for part in text.split(";"):
        first, _, last = part.partition("-")
        if last and int(last) < int(first):
            raise BridgeError(f"invalid range: {part} ({last} < {first})", where)
        found.append((int(first), int(last or first)))
    return found


def _said_nodes(memory: Memory, static: int, host: HostFacts) -> list[NUMANode]:
    nodes = []
    total = 0.0
    for said in memory.numa_said or ():
        if said.memory is None or said.memory == "0":
            raise BridgeError(f"missing NUMA node{said.id} memory value", said.where)
        total += float(said.memory)
        page = page_mib(memory, said.memory, host, said.where)
        if said.cpus is None:
            raise BridgeError(f"missing NUMA node{said.id} cpus", said.where)
        ranges(said.cpus, said.where)
        if said.hostnodes is not None:
            _check_hostnodes(said, host)
        elif memory.hugepages:
            raise BridgeError("numa hostnodes need to be defined to use hugepages", said.where)
        policy = said.policy if said.hostnodes is not None else None
        nodes.append(replace(said, hugepage_mib=page, policy=policy))
    if nodes and total and total != static:
        raise BridgeError("total memory for NUMA nodes must be equal to vm static memory", memory.where)
    return nodes


def _check_hostnodes(node: NUMANode, host: HostFacts) -> None:
    assert node.hostnodes is not None
    for first, last in ranges(node.hostnodes, node.where):
        if host.numa_nodes is not None and last >= host.numa_nodes:
            raise BridgeError(f"host NUMA node{max(host.numa_nodes, first)} doesn't exist", node.where)
    if node.policy is None:
        raise BridgeError(f"you need to define a policy for hostnode {node.hostnodes.replace(';', ',')}", node.where)


def _equal_nodes(memory: Memory, static: int, sockets: int, cores: int, host: HostFacts) -> list[NUMANode]:
    """A node per socket with an equal share; the number is spelled as Perl prints it."""
    share = f"{static / sockets:.15g}"
    nodes = []
    for n in range(sockets):
        if memory.hugepages and host.numa_nodes is not None and n >= host.numa_nodes:
            raise BridgeError(f"host NUMA node{n} doesn't exist", memory.where)
        first = cores * n
        cpus = str(first) if cores == 1 else f"{first}-{first + cores - 1}"
        nodes.append(NUMANode(id=n, cpus=cpus, memory=share, hugepage_mib=page_mib(memory, share, host)))
    return nodes


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
    page = int(memory.hugepages)
    if page not in sizes:
        raise BridgeError(f"your system doesn't support hugepages of {page} MB", where)
    if mib % page:
        raise BridgeError(f"Memory size {size} is not a multiple of the requested hugepages size {page}", where)
    return page
