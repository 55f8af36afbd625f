"""<cpu><numa> and <numatune>: the guest's NUMA nodes and where their memory comes from (mapping-machine 8)."""

from __future__ import annotations

import re

from ..core.report import BridgeError
from ..core.rows import Row, choice, whole_number
from ..model.memory import NUMANode
from ..model.vm import VM
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("id", "cpu/numa/cell@id", code=True),
    Row("cpus", "cpu/numa/cell@cpus", code=True),
    Row("memory", "cpu/numa/cell@memory", code=True),
    Row("hostnodes", "numatune/memnode@nodeset", code=True),
    Row("policy", "numatune/memnode@mode", code=True),
    Row("hugepage_mib", "memoryBacking/hugepages/page@size", code=True),
)

MAX_CELLS = 64
"""More is not a sane domain; a config knows 8."""
POLICY = choice({"strict": "bind", "preferred": "preferred", "interleave": "interleave"})

_SET = re.compile(r"[0-9]{1,9}(-[0-9]{1,9})?(,[0-9]{1,9}(-[0-9]{1,9})?)*", re.ASCII).fullmatch
_RANGE = re.compile(r"(?<![0-9])([0-9]{1,9})-([0-9]{1,9})", re.ASCII)
MAX_ID = 8191
"""Highest CPU or node in a set; qemu-server walks a range number by number (security-rules C8)."""
_beyond = re.compile(r"(?<![0-9])0*(?:819[2-9]|8[2-9][0-9]{2}|9[0-9]{3}|[1-9][0-9]{4,})", re.ASCII).search


def is_set(text: str, where: Node) -> bool:
    """Whether the text is a set of CPUs or nodes, `0-3,6`. Raises BridgeError on ids out of all bounds."""
    if _beyond(text):
        raise BridgeError(f"'{text[:60]}' names a CPU or node above {MAX_ID}", where)
    if not _SET(text):
        return False
    if any(int(first) > int(last) for first, last in _RANGE.findall(text)):
        raise BridgeError(f"'{text[:60]}' has a range that ends before it begins", where)
    return True


def set_text(text: str, where: Node) -> str | None:
    """A set as a config can hold it: exclusions (`0-3,^1`) are carried out. None if it is no set."""
    if "^" not in text:
        return text if is_set(text, where) else None
    if not is_set(text.replace("^", ""), where):
        return None
    ids = 0
    for part in text.split(","):
        first, _, last = part.lstrip("^").partition("-")
        named = (1 << int(last or first) + 1) - (1 << int(first))
        ids = ids & ~named if part[0] == "^" else ids | named
    return ",".join(f"{run.start()}-{run.end() - 1}" if len(run[0]) > 1 else str(run.start()) for run in _runs(f"{ids:b}"[::-1])) or None


_runs = re.compile("1+").finditer


SHIFT = {"b": 0, "bytes": 0, "KiB": 10, "k": 10, "MiB": 20, "M": 20, "GiB": 30, "G": 30, "TiB": 40, "T": 40, "PiB": 50, "P": 50}
DECIMAL = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
MAX_BYTES = 1 << 52
"""As far as x86 can address."""


def size_bytes(text: str, unit: str, where: Node) -> int:
    """A size with its unit, in bytes. Raises BridgeError on what libvirt refuses too."""
    factor = 1 << SHIFT[unit] if unit in SHIFT else DECIMAL.get(unit)
    if factor is None:
        raise BridgeError(f"'{unit[:40]}' is not a unit of memory: write KiB, MiB or GiB", where)
    try:
        size = whole_number(text) * factor
    except ValueError:
        raise BridgeError(f"'{text[:40]}' is not an amount of memory: give a whole number", where) from None
    if not 0 < size <= MAX_BYTES:
        raise BridgeError(f"{text} {unit} is not an amount of memory for a VM", where)
    return size


def mib(domain: Domain, node: Node, text: str, unit: str | None) -> int:
    """A size in MiB, rounded up as libvirt does at start; a finding says so if it was no whole number."""
    size = size_bytes(text, unit or "KiB", node)
    whole = -(-size >> 20)
    if size & 0xFFFFF:
        domain.report.add(
            "normalised", node, f"{text} {unit or 'KiB'} is not a whole number of MiB; libvirt gives the guest {whole} MiB, so do we"
        )
    return whole


def write_cells(vm: VM, domain: Domain, cpu: Node) -> None:
    memory = vm.memory
    if not memory.numa or not memory.nodes:
        return
    numa = cpu.add("numa")
    for n, node in enumerate(memory.nodes):
        if node.id != n:
            message = f"numa{node.id} becomes NUMA node {n}: libvirt counts them without gaps (QEMU refuses gaps as well)"
            domain.report.add("guest-changed", node.where, message)
        cell = numa.add("cell", id=str(n))
        if node.cpus:
            cell.set("cpus", node.cpus.replace(";", ","))
        amount = float(node.memory or 0)
        if amount == int(amount):
            cell.attrib.update(memory=str(int(amount)), unit="MiB")
        else:
            cell.attrib.update(memory=str(int(amount * 1024)), unit="KiB")
    tuned = [(n, node) for n, node in enumerate(memory.nodes) if node.hostnodes is not None]
    if tuned:
        numatune = domain.root.add("numatune")
        for n, node in tuned:
            hosts = (node.hostnodes or "").replace(";", ",")
            numatune.add("memnode", cellid=str(n), mode=POLICY.write(node.policy), nodeset=hosts)


def read_cells(domain: Domain, cpu: Node, vm: VM) -> None:
    numa = cpu.only("numa")
    if numa is None:
        return
    cells = numa.all("cell")
    if len(cells) > MAX_CELLS:
        raise BridgeError(f"{len(cells)} NUMA cells are more than {MAX_CELLS}", numa)
    nodes: list[NUMANode] = []
    for n, cell in enumerate(cells):
        number = str(n) if (said := cell.take("id")) is None else said
        if not number.isascii() or not number.isdigit() or len(number) > 3 or int(number) in [node.id for node in nodes]:
            raise BridgeError(f"'{number[:40]}' is not a number of a NUMA cell, or is there twice", cell)
        size = mib(domain, cell, cell.need("memory"), cell.take("unit"))
        cpus = cell.attrib.get("cpus")
        if cpus is not None and is_set(cpus, cell):
            cell.take("cpus")
            cpus = cpus.replace(",", ";")
        else:
            cpus = None
        if cell.attrib.get("memAccess") in ("shared", "private"):
            access = cell.need("memAccess")
            domain.report.add("host-lost", cell, f"memAccess='{access}' has no counterpart in a config")
        nodes.append(NUMANode(id=int(number), cpus=cpus, memory=str(size), where=cell))
        _read_distances(domain, cell, number)
    for table in (*(cache for cell in cells for cache in cell.all("cache")), *numa.all("interconnects")):
        domain.report.add("guest-lost", table, f"{table.whole()}: a config has no table of latencies and caches (HMAT)")
    if any(node.id >= len(nodes) for node in nodes):
        raise BridgeError("the NUMA cells are not numbered from 0 without gaps", numa)
    vm.memory.nodes = sorted(nodes, key=lambda node: node.id)
    vm.memory.numa = True


def _read_distances(domain: Domain, cell: Node, number: str) -> None:
    distances = cell.only("distances")
    for sibling in distances.all("sibling") if distances is not None else ():
        other, value = sibling.attrib.get("id", ""), sibling.attrib.get("value", "")
        message = f"distance {value} from NUMA node {number} to {other} has no counterpart in a config"
        if all(text.isascii() and text.isdigit() and len(text) < 4 for text in (other, value)):
            domain.report.mend("guest-lost", sibling, message, ["-numa", f"dist,src={number},dst={other},val={value}"])
        else:
            domain.report.add("guest-lost", sibling, message)
        sibling.claim_text("id", "value")


def read_tuning(domain: Domain, vm: VM) -> None:
    """Host nodes by guest node; a rule for the whole VM is the host's, and a config has none."""
    numatune = domain.root.only("numatune")
    if numatune is None:
        return
    by_id = {str(node.id): node for node in vm.memory.nodes or ()}
    for memnode in numatune.children:
        node = by_id.get(memnode.attrib.get("cellid", ""))
        mode, hosts = memnode.attrib.get("mode", "strict"), memnode.attrib.get("nodeset", "")
        if (
            memnode.tag != "memnode"
            or node is None
            or node.hostnodes is not None
            or not is_set(hosts, memnode)
            or mode not in ("strict", "preferred", "interleave")
        ):
            continue
        memnode.claim_text("cellid", "mode", "nodeset")
        node.hostnodes = hosts.replace(",", ";")
        node.policy = POLICY.read(mode)
    for rest in numatune.children:
        if not rest.claimed:
            domain.report.add("host-lost", rest, f"{rest.whole()} has no counterpart in a config")
