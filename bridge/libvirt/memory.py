"""<memory>, <memoryBacking> and memory modules (mapping-machine 8)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import Row
from ..model.memory import DIMM, Memory, NUMANode
from ..model.vm import VM
from . import numa
from .device import lose, lose_attributes, read_alias
from .numa import is_set, mib
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("size", "memory", code=True),
    Row("maximum", "maxMemory", code=True),
    Row("slots", "maxMemory@slots", code=True),
    Row("static", "cpu/numa/cell@memory", code=True),
    Row("dimms", "devices/memory", code=True),
    Row("numa", "cpu/numa", code=True),
    Row("hugepages", "memoryBacking/hugepages/page", code=True),
    Row("hotplug", "maxMemory", code=True),
    Row("shared", "memoryBacking/access@mode", code=True),
    Row("shares", "", code=True, finding="not-applied"),
)
TABLE = (Rows(Memory, "", ROWS, ("spelled",)), Rows(NUMANode, "", numa.ROWS))


def write(vm: VM, domain: Domain) -> None:
    memory, balloon = vm.memory, vm.balloon
    root = domain.root
    size = memory.size or 0
    if (memory.hotplug or domain.described) and memory.maximum:
        root.add("maxMemory", str(memory.maximum), slots=str(memory.slots or 16), unit="MiB")
    root.add("memory", str(size), unit="MiB")
    if balloon.target and balloon.target < size:
        root.add("currentMemory", str(balloon.target), unit="MiB")
    _write_backing(vm, domain)
    for dimm in memory.dimms or ():
        node = domain.devices.add("memory", model="dimm")
        if dimm.hugepage_mib and memory.hugepages == "any":
            node.add("source").add("pagesize", str(dimm.hugepage_mib), unit="MiB")
        target = node.add("target")
        target.add("size", str(dimm.size), unit="MiB")
        target.add("node", str(dimm.node))
        node.add("address", type="dimm", slot=str(dimm.slot))
    if memory.shares is not None:
        kind = "not-applied" if balloon.target else "metadata-only"
        domain.report.add(kind, balloon.where, f"shares: {memory.shares} moves the balloon with the host's load; libvirt does not")
    if memory.numa_said and not memory.numa:
        domain.report.add("metadata-only", memory.numa_said[0].where, "numaN counts only with numa: 1, so there are no NUMA nodes")


def _write_backing(vm: VM, domain: Domain) -> None:
    memory = vm.memory
    root = domain.root
    if domain.described:
        _write_described(vm, root)
        return
    if memory.hugepages and memory.nodes:
        pages = root.ensure("memoryBacking").add("hugepages")
        by_size: dict[int, list[int]] = {}
        for n, node in enumerate(memory.nodes):
            by_size.setdefault(node.hugepage_mib or 0, []).append(n)
        for size, nodes in sorted(by_size.items()):
            page = pages.add("page", size=str(size), unit="MiB")
            if len(by_size) > 1:
                page.set("nodeset", ",".join(map(str, nodes)))
    if memory.shared and not memory.hugepages:
        root.ensure("memoryBacking").add("source", type="memfd")
    if memory.shared or memory.hugepages:
        root.ensure("memoryBacking").add("access", mode="shared")


def _write_described(vm: VM, root: Node) -> None:
    memory = vm.memory
    if memory.pages is not None:
        pages = root.ensure("memoryBacking").add("hugepages")
        for size, nodes in memory.pages:
            page = pages.add("page", size=str(size), unit="MiB")
            if nodes is not None:
                page.set("nodeset", nodes)
    elif memory.source is not None:
        root.ensure("memoryBacking").add("source", type=memory.source)
    if memory.shared:
        root.ensure("memoryBacking").add("access", mode="shared")


def read(domain: Domain, vm: VM) -> None:
    memory, root = vm.memory, domain.root
    node = root.only("memory")
    if node is None:  # as libvirt does; NUMA cells have given it one by now
        raise BridgeError("the domain has no <memory>: say how much the guest has", root)
    memory.where = node
    memory.size = mib(domain, node, node.value(), node.take("unit"))
    if node.attrib.get("dumpCore") in ("on", "off"):
        domain.report.add("host-lost", node, f"dumpCore='{node.take('dumpCore')}' has no counterpart in a config")
    current = root.only("currentMemory")
    if current is not None:
        amount = mib(domain, current, current.value(), current.take("unit"))
        if amount < memory.size:
            vm.balloon.target = amount
        elif amount > memory.size:
            domain.report.add("normalised", current, f"currentMemory of {amount} MiB is more than there is")
    limit = root.only("maxMemory")
    if limit is not None:
        memory.maximum = mib(domain, limit, limit.value(), limit.take("unit"))
        slots = limit.attrib.get("slots", "")
        if slots.isascii() and slots.isdigit() and len(slots) < 6:
            memory.slots = int(limit.need("slots"))
    _read_backing(domain, vm)
    _read_dimms(domain, vm)


HOST_POLICY = ("locked", "allocation", "discard")
"""Of <memoryBacking>: how the host holds the memory."""
HOST_ELEMENTS = ("memtune", "resource", "blkiotune", "throttlegroups", "idmap", "perf")
"""Of the domain: shares of the host, and what it counts."""


def _read_backing(domain: Domain, vm: VM) -> None:
    backing = domain.root.peek("memoryBacking")
    for tag in HOST_ELEMENTS:
        if (node := domain.root.peek(tag)) is not None and not node.claimed:
            domain.report.add("host-lost", node, f"{node.whole()} has no counterpart in a config")
    if backing is None:
        return
    backing.claim()
    memory = vm.memory
    for tag in HOST_POLICY:
        if (node := backing.peek(tag)) is not None:
            domain.report.add("host-lost", node, f"{node.whole()} has no counterpart in a config")
    access, source = backing.peek("access"), backing.peek("source")
    if access is not None and access.attrib.get("mode") in ("shared", "private"):
        access.claim()
        memory.shared = access.take("mode") == "shared" or None
    if source is not None and source.attrib.get("type") in ("memfd", "anonymous", "file"):
        source.claim()
        memory.source = source.take("type")
    if (hugepages := backing.only("hugepages")) is not None:
        memory.pages = _pages(domain, hugepages)


def _pages(domain: Domain, hugepages: Node) -> list[tuple[int, str | None]]:
    found = []
    for page in hugepages.all("page"):
        nodes = page.attrib.get("nodeset")
        if nodes is not None and not is_set(nodes, page):
            page.unclaim()
            continue
        found.append((mib(domain, page, page.need("size"), page.take("unit")), page.take("nodeset")))
    return found


def _read_dimms(domain: Domain, vm: VM) -> None:
    """Modules of memory; a config knows plain ones only."""
    dimms: list[DIMM] = []
    for node in domain.devices.children:
        if node.tag != "memory" or node.claimed:
            continue
        model = node.attrib.get("model", "")
        dimm = _dimm(domain, node, len(dimms)) if model == "dimm" else None
        if dimm is not None:
            dimms.append(dimm)
        else:
            what = "no such memory module" if model == "dimm" else f"no memory module of model '{model}'"
            domain.report.add("guest-lost", node, f"a config has {what}: {node.whole()}")
    vm.memory.dimms = dimms or None


def _dimm(domain: Domain, node: Node, rank: int) -> DIMM | None:
    target, address, source = node.peek("target"), node.peek("address"), node.peek("source")
    size = target.peek("size") if target else None
    if target is None or size is None:
        return None
    cell = target.peek("node")
    cell_text = cell.text.strip(" \t\r\n") if cell else "0"
    slot = address.attrib.get("slot", str(rank)) if address else str(rank)
    if not _small(slot) or not _small(cell_text) or (address is not None and address.attrib.get("type") != "dimm"):
        return None
    mebibytes = mib(domain, size, size.text.strip(" \t\r\n"), size.attrib.get("unit"))
    page = source.peek("pagesize") if source else None
    page_mib = mib(domain, page, page.text.strip(" \t\r\n"), page.attrib.get("unit")) if page else None
    _lose_policy(domain, node, source)
    if address is not None and (base := address.take("base")) is not None:
        message = f"memory module in slot {slot}: it stood at {base}, and stands where QEMU puts it"
        domain.report.add("moved", address, message)
    known = ((node, "model"), (target,), (size, "unit"), (address, "type", "slot"), (source,), (page, "unit"), (cell,))
    read_alias(domain, node, "dimm[0-9]+")
    for part, *names in known:
        if part is not None:
            part.claim_text(*names)
    return DIMM(int(slot), mebibytes, int(cell_text), page_mib)


def _lose_policy(domain: Domain, node: Node, source: Node | None) -> None:
    """How the host holds a module."""
    lose_attributes(domain, node, "host-lost", "access", "discard")
    if source is not None:
        lose(domain, source, "host-lost", "nodemask")


def _small(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5
