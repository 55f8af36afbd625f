"""-m, memory backends, -numa, modules and the balloon."""

from __future__ import annotations

import re

from ...core.report import BridgeError
from ...data.qemu import MEMORY_DEFAULT
from ...model.memory import DIMM, NUMANode
from .line import Line
from .machine import merged
from .said import Said, size, spelled, switch

MIB = 1 << 20
MOST_NODES = 64
BACKENDS = ("memory-backend-ram", "memory-backend-file", "memory-backend-memfd")
_PAGES = re.compile(r"/(?:run|dev)/hugepages(?:/(?:kvm/|libvirt/qemu/.*)?(?:([0-9]{1,9})kB)?.*)?", re.DOTALL).fullmatch
USUAL_PAGE = 2
"""MiB of a huge page of x86."""


def mib(line: Line, value: object, where: Said, unit: str = "m") -> int:
    """A size in MiB, rounded up. Raises BridgeError for what is none."""
    found = size(value, unit)
    if found is None or not 0 < found <= 1 << 52:
        raise BridgeError(f"'{str(value)[:40]}' is not an amount of memory", where)
    if found % MIB and not line.is_pve:
        line.report.add("normalised", where, f"{value} is not a whole number of MiB: it becomes {-(-found // MIB)} MiB")
    return -(-found // MIB)


def read(line: Line) -> None:
    memory = line.vm.memory
    said = merged(line, "m")
    memory.where = said or line.file
    memory.size = MEMORY_DEFAULT
    if said is not None:
        text = said.take("size")
        if text is not None:
            memory.size = mib(line, text, said)
        if (most := said.take("maxmem")) is not None:
            memory.maximum = mib(line, most, said)
        memory.slots = said.number("slots")
    machine = line.vm.machine.where
    backend = machine.take("memory-backend") if isinstance(machine, Said) else None
    if backend is not None:
        _read_main(line, backend)
    _read_nodes(line)
    _read_dimms(line)


def _read_main(line: Line, name: str) -> None:
    """The one backend of a machine without NUMA nodes."""
    said = line.objects.get(name)
    if said is None:
        raise BridgeError(f"-machine memory-backend={name[:40]}: there is no such object", line.vm.machine.where)
    found = _backend(line, said)
    if found is not None and not line.is_pve and found[0] != str(line.vm.memory.size):
        raise BridgeError(f"-m says {line.vm.memory.size} MiB, the backend '{name[:40]}' has {found[0]} MiB: QEMU refuses that", said)
    if found is not None and found[1] is not None:
        line.vm.memory.pages = [(found[1], None)]
    for name_ in ("host-nodes", "policy"):
        if (value := said.raw(name_)) is not None:
            line.report.add("host-lost", said, f"{name_}={spelled(value)}: which node of the host the memory comes from is not kept")


def _backend(line: Line, said: Said) -> tuple[str, int | None] | None:
    """(MiB, page size) of a memory backend; what it says of the host's policy is noted in the memory."""
    memory = line.vm.memory
    kind = said.take("qom-type")
    if kind not in BACKENDS:
        return None
    said.claim()
    said.take("id")
    page = None
    path = said.peek("mem-path")
    if kind == "memory-backend-file":
        match = _PAGES(path or "")
        if match and (match[1] or not line.is_pve):
            said.take("mem-path")
            page = max(int(match[1]) // 1024, 1) if match[1] else USUAL_PAGE
            if not match[1]:
                message = f"how large the pages in {path} are is not on the command line: {USUAL_PAGE} MiB are taken"
                line.report.add("ambiguous", said, message, "grep Hugepagesize /proc/meminfo")
            said.expect("prealloc", "yes", "on", "true")
            if line.is_pve:
                said.expect("share", "on")
        else:
            memory.source = "file"
    elif kind == "memory-backend-memfd":
        memory.source = "memfd"
        if switch(said.properties.get("hugetlb")):
            said.flag("hugetlb")
            page = mib(line, said.take("hugetlbsize") or "2M", said, "")
    if (page is None or not line.is_pve) and said.flag("share"):
        memory.shared = True
    _host_policy(line, said)
    text = said.take("size") or "0"
    if line.is_pve and said.properties == {} and text not in ("", "M") and memory.shared and not line.all("numa"):
        line.memory_said = True  # qemu-server prints the config's own text here
    amount = mib(line, text, said, "") if text not in ("", "M") else memory.size or 0
    return text.removesuffix("M") if "." in text and line.is_pve else str(amount), page


def _host_policy(line: Line, said: Said) -> None:
    """How the host holds the memory."""
    said.expect("x-use-canonical-path-for-ramblock-id", "off")
    if not line.is_pve:
        for name in ("prealloc", "prealloc-threads", "prealloc-context", "dump", "merge", "reserve", "discard-data", "mem-path"):
            if name in said.properties:
                line.report.add("host-lost", said, f"{name}={said.take(name)} of the guest's memory is the host's policy, and not kept")


def _whole(total: int, nodes: list[NUMANode]) -> None:
    """Equal shares that are not whole MiB: the first nodes have one more."""
    if not any("." in (node.memory or "") for node in nodes):
        return
    whole = [int(float(node.memory or 0)) for node in nodes]
    for n, node in enumerate(nodes):
        node.memory = str(whole[n] + (n < total - sum(whole)))


def _read_nodes(line: Line) -> None:
    memory = line.vm.memory
    nodes: list[NUMANode] = []
    pages: dict[int, list[int]] = {}
    for option in line.all("numa"):
        if option.peek("type") != "node":
            continue
        option.claim()
        option.take("type")
        number = option.number("nodeid")
        number = len(nodes) if number is None else number
        if number in [node.id for node in nodes] or number >= MOST_NODES:
            raise BridgeError(f"NUMA node {number} is there twice, or is none", option)
        cpus = ";".join(option.all("cpus")) or None
        option.take("cpus")
        node = NUMANode(id=number, cpus=cpus, where=option)
        name, amount = option.take("memdev"), option.take("mem")
        if name is not None:
            _read_backend(line, option, name, node, pages)
        elif amount is not None:
            node.memory = str(mib(line, amount, option))
        nodes.append(node)
    if not nodes:
        return
    if any(node.id >= len(nodes) for node in nodes) and not line.is_pve:
        raise BridgeError("the NUMA nodes are not numbered from 0 without gaps", nodes[0].where)
    memory.nodes = sorted(nodes, key=lambda node: node.id)
    if not line.is_pve and not any(node.cpus for node in nodes) and not any(o.peek("type") == "cpu" for o in line.all("numa")):
        _spread(line, memory.nodes)
    memory.numa = True
    whole = all(node.memory is None for node in nodes)
    for node in nodes:
        if node.memory is None:
            node.memory = str((memory.size or 0) // len(nodes)) if whole else "0"
    _whole(memory.size or 0, nodes)
    if pages:
        memory.pages = [(page, ",".join(map(str, ids)) if len(pages) > 1 or len(ids) < len(nodes) else None) for page, ids in pages.items()]


def _spread(line: Line, nodes: list[NUMANode]) -> None:
    """Where nobody says which CPUs are in which node, QEMU deals out the sockets (hw/i386/x86-common.c, x86_get_default_cpu_node_id)."""
    cpu = line.vm.cpu
    sockets, cores = cpu.sockets or 1, cpu.cores or 1
    for n, node in enumerate(nodes):
        ranges = [(socket * cores, (socket + 1) * cores - 1) for socket in range(n, sockets, len(nodes))]
        node.cpus = ";".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges) or None


def _read_backend(line: Line, option: Said, name: str, node: NUMANode, pages: dict[int, list[int]]) -> None:
    said = line.objects.get(name)
    found = _backend(line, said) if said is not None else None
    if said is None or found is None:
        raise BridgeError(f"NUMA node {node.id}: there is no memory backend '{name[:40]}'", option)
    node.memory, page = found
    if page is not None:
        pages.setdefault(page, []).append(node.id)
    hosts, policy = _host_nodes(said), said.peek("policy")
    if hosts and policy in ("bind", "preferred", "interleave"):
        node.hostnodes, node.policy = hosts, policy
        said.take("policy")


def _host_nodes(said: Said) -> str | None:
    """`0;2-3`; a list of numbers where it is JSON."""
    value = said.raw("host-nodes")
    if value is None:
        return None
    if isinstance(value, list):
        return ";".join(map(str, value))
    # a comma inside the value ends it for QEMU, so that each further one is an option of its own: qemu-server writes it so
    parts = [str(value)]
    for key in list(said.properties):
        if re.fullmatch(r"[0-9]+(?:-[0-9]+)?", key):
            said.raw(key)
            parts.append(key)
    return ";".join(parts)


def _read_dimms(line: Line) -> None:
    memory = line.vm.memory
    dimms: list[DIMM] = []
    taken: set[int] = set()
    for device in line.of("pc-dimm"):
        said = device.said
        name = said.peek("memdev")
        backend = line.objects.get(name or "")
        if backend is None or backend.peek("qom-type") not in BACKENDS:
            continue
        said.take("memdev")
        device.taken = True
        shared, source = memory.shared, memory.source
        found = _backend(line, backend)
        if line.is_pve:
            memory.shared, memory.source = shared, source
        node = said.number("node") or 0
        slot = said.number("slot")
        if slot is None:
            slot = next(n for n in range(len(taken) + 1) if n not in taken)
        taken.add(slot)
        assert found is not None
        dimms.append(DIMM(slot, int(found[0]), node, found[1]))
    if dimms:
        memory.dimms = dimms
        memory.size = (memory.size or 0) + sum(dimm.size for dimm in dimms)
        if any(dimm.hugepage_mib for dimm in dimms) and memory.pages is None:
            memory.pages = [(size_, None) for size_ in sorted({dimm.hugepage_mib or 0 for dimm in dimms}) if size_]


def read_balloon(line: Line) -> None:
    balloon = line.vm.balloon
    balloon.present = False
    balloon.where = line.file
    for device in line.of("virtio-balloon-pci"):
        if balloon.present:
            continue
        device.taken = True
        balloon.present = True
        balloon.where = device.said
        balloon.address = device.address
        balloon.key = device.id
        balloon.free_page_reporting = device.said.flag("free-page-reporting")
