"""Memory as qemu-server lays it out: NUMA nodes, DIMMs, huge pages, the balloon (qemu-server 9.2.6, Memory.pm; mapping-machine 8)."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ...core.report import BridgeError, NullReport, Report, fields
from ...host.facts import HostFacts
from ...model.balloon import Balloon
from ...model.memory import DIMM, Memory, NUMANode
from ...model.vm import VM
from ..fill import fill, forget
from .cpu import hotplug_features, with_hotplug
from .cpu_flags import platform
from .memory_dimms import ASSUMED_BITS, dimms, maximum, page_mib, static_mib

MAX_CPUS = 8192
"""The most of which the host facts can speak."""

DEFAULT_MIB = 512
LEAST_MIB = 16
"""Of a config."""
SLOTS = 255
STATS_PERIOD = 2
"""Seconds; set by QMP after the start."""


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Fills size, nodes and DIMMs, and whether there is a balloon; refuses what qemu-server refuses."""
    here = platform(vm, host)
    memory = fill(vm.memory, size=DEFAULT_MIB, hotplug="memory" in hotplug_features(vm.machine.hotplug), shared=bool(vm.virtiofs))
    assert memory.size is not None
    sockets, cores = vm.cpu.sockets or 1, vm.cpu.cores or 1
    if sockets * cores > MAX_CPUS:  # before nodes are counted out; the host's own number is asked when the command line is written
        raise BridgeError(f"MAX {min(MAX_CPUS, host.cpus)} vcpus allowed per VM on this node", vm.cpu.where)
    plug_sockets = 1 if "sockets" in vm.cpu.filled else sockets  # Memory.pm knows no `smp` where it plugs
    _tell(vm, memory, host, report)
    memory = _pluggable(vm, memory, plug_sockets, host) if memory.hotplug else fill(memory, static=memory.size)
    if memory.hugepages and not memory.numa:
        raise BridgeError("numa needs to be enabled to use hugepages", memory.where)
    if memory.hotplug and memory.shared:
        raise BridgeError("Memory hotplug does not work in combination with virtio-fs.", memory.where)
    if memory.numa:
        assert memory.static is not None
        nodes = _said_nodes(memory, memory.static, host, report) or _equal_nodes(memory, memory.static, sockets, cores, host)
        memory = fill(memory, nodes=nodes)
    if memory.hotplug:
        memory = fill(memory, dimms=_dimms(memory, plug_sockets, host))
    present = vm.balloon.target != 0
    reporting = True if present and here.machine_has("free_page_reporting") else None
    period = STATS_PERIOD if present else None
    balloon = fill(vm.balloon, present=present, free_page_reporting=reporting, stats_period=period)
    return replace(vm, memory=memory, balloon=balloon)


def _tell(vm: VM, memory: Memory, host: HostFacts, report: Report) -> None:
    """A text that QEMU refuses as qemu-server hands it on, and a fact that is assumed."""
    if memory.shared and not memory.numa and ("size" in memory.filled or "=" in (memory.spelled or "")):
        message = f"memory: qemu-server hands its text on with virtiofs, and QEMU refuses size={memory.spelled or ''}M"
        report.add("lint", memory.where, message, f"write memory: {memory.size}")
    if memory.hotplug and host.phys_address_bits is None and not (vm.cpu.phys_bits or "").isdecimal():
        message = f"the address bits of the host's CPUs, which limit the memory to plug, are not known: {ASSUMED_BITS} are taken"
        report.add("assumed", memory.where, message, f"--host-fact phys_address_bits={ASSUMED_BITS}")


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


def _said_nodes(memory: Memory, static: int, host: HostFacts, report: Report) -> list[NUMANode]:
    nodes: list[NUMANode] = []
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
            _check_hostnodes(said, host, report)
        elif memory.hugepages:
            raise BridgeError("numa hostnodes need to be defined to use hugepages", said.where)
        policy = said.policy if said.hostnodes is not None else None
        nodes.append(replace(said, hugepage_mib=page, policy=policy))
    if nodes and total and total != static:
        raise BridgeError("total memory for NUMA nodes must be equal to vm static memory", memory.where)
    return nodes


def _check_hostnodes(node: NUMANode, host: HostFacts, report: Report) -> None:
    assert node.hostnodes is not None
    own = re.sub("^0,", "0", node.hostnodes.replace(";", ","))
    """As qemu-server spells it: it forgets the comma behind a first 0."""
    for first, last in ranges(node.hostnodes, node.where):
        if host.numa_nodes is not None and last >= host.numa_nodes:
            raise BridgeError(f"host NUMA node{max(host.numa_nodes, first)} doesn't exist", node.where)
    if node.policy is None:
        raise BridgeError(f"you need to define a policy for hostnode {own}", node.where)
    if ";" in node.hostnodes:
        message = f"numa{node.id}: qemu-server itself writes host-nodes={own}, of which QEMU takes one node or range: all are meant"
        report.add("lint", node.where, message, "name one range in hostnodes")


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


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: resolve(unresolve(resolve(vm))) == resolve(vm); nodes, modules and pages that qemu-server would make by itself are unsaid."""
    memory, balloon, machine = vm.memory, vm.balloon, vm.machine
    if "static" in memory.filled:
        memory = forget(memory, *memory.filled)
    elif memory.size is not None or memory.nodes:
        memory = _said(vm, host, report)
        if memory.hotplug:
            machine = replace(machine, hotplug=with_hotplug(machine.hotplug, "memory"))
        memory = forget(memory, "hotplug")
    balloon = forget(balloon, *balloon.filled) if "present" in balloon.filled else _said_balloon(vm, host, report)
    return replace(vm, memory=memory, balloon=balloon, machine=machine)


def _said(vm: VM, host: HostFacts, report: Report) -> Memory:
    """The config's words for memory as XML has it."""
    memory = vm.memory
    sockets, cores = vm.cpu.sockets or 1, vm.cpu.cores or 1
    nodes, plugged = memory.nodes or [], memory.dimms or []
    static = sum(int(node.memory or 0) for node in nodes) if nodes else (memory.size or 0) - sum(dimm.size for dimm in plugged)
    total = static + sum(dimm.size for dimm in plugged)
    if memory.size is not None and total != memory.size:
        message = f"<memory> says {memory.size} MiB, nodes and modules hold {total} MiB: libvirt goes by the latter, and so do we"
        report.add("ambiguous", memory.where, message, about=fields(memory, "size"))
    memory = replace(memory, hugepages=_hugepages(memory))
    hotplug = False
    if memory.maximum or plugged:
        hotplug = _fits(vm, memory, static, total, host)
        nodes, total = _without_hotplug(vm, memory, static, total, host, hotplug, report)
    said = None
    if nodes and not hotplug and not _is_equal(nodes, _equal_nodes(replace(memory, hugepages=None), total, sockets, cores, host)):
        said = _numa_said(nodes, memory, report)
    if total < LEAST_MIB:
        message = f"{total} MiB of memory are less than a config can say: the guest gets {LEAST_MIB} MiB"
        report.add("guest-changed", memory.where, message, about=fields(memory, "size"))
        total = LEAST_MIB
    known = replace(
        memory,
        size=None if total == DEFAULT_MIB else total,
        hotplug=hotplug or None,
        numa=True if nodes and (said or len(nodes) == sockets) else None,
        numa_said=said,
        nodes=None, dimms=None, maximum=None, slots=None, static=None, shared=None, source=None, pages=None,
    )  # fmt: skip
    known = _with_pages(vm, memory, known, total, host, report)
    _report_sharing(vm, memory, known, report)
    return known


def _fits(vm: VM, memory: Memory, static: int, total: int, host: HostFacts) -> bool:
    """Whether qemu-server would plug exactly these modules."""
    sockets, cores = vm.cpu.sockets or 1, vm.cpu.cores or 1
    if memory.slots != SLOTS or static != static_mib(memory, sockets) or not memory.nodes:
        return False
    if len(memory.dimms or ()) > SLOTS + 1 or not _is_equal(memory.nodes, _equal_nodes(Memory(), static, sockets, cores, host)):
        return False
    have = sorted((dimm.slot, dimm.size, dimm.node) for dimm in memory.dimms or ())
    plain = replace(memory, hugepages="1024" if memory.hugepages == "1024" else None)
    try:
        return have == [(dimm.slot, dimm.size, dimm.node) for dimm in dimms(plain, static, total, sockets, host)]
    except BridgeError:
        return False


def _without_hotplug(
    vm: VM, memory: Memory, static: int, total: int, host: HostFacts, fits: bool, report: Report
) -> tuple[list[NUMANode], int]:
    """The nodes without their modules, and the MiB that the config gives; says what of hotplug is lost."""
    nodes, most = memory.nodes or [], maximum(vm, host)
    if fits:
        if memory.maximum != most:
            message = f"memory can grow to {most} MiB under qemu-server, to {memory.maximum} MiB here: the guest sees it in the SRAT"
            hint = "phys-bits of cpu and phys_address_bits of the host facts decide it"
            report.add("guest-changed", memory.where, message, hint, fields(memory, "maximum"))
        return nodes, total
    modules = ", ".join(f"{dimm.size} MiB in slot {dimm.slot} of node {dimm.node}" for dimm in memory.dimms or ()) or "no modules"
    message = f"memory hotplug (up to {memory.maximum} MiB in {memory.slots} slots, {modules}) is not qemu-server's layout"
    words, about = _hotplug_words(memory), fields(memory, "maximum", "slots", "dimms", "nodes", "size")
    if words is None:
        report.add("guest-changed", memory.where, f"{message}: the guest gets {total} MiB of plain memory", about=about)
    else:
        report.mend("guest-changed", memory.where, message, words, about=about)
        if report.args:
            return nodes, static
    added: dict[int, int] = {}
    for dimm in memory.dimms or ():
        added[dimm.node] = added.get(dimm.node, 0) + dimm.size
    return [replace(node, memory=str(int(node.memory or 0) + added.get(node.id, 0))) for node in nodes], total


def _hotplug_words(memory: Memory) -> list[str] | None:
    """Slots and modules as QEMU has them; None for modules of huge pages, whose directories are the host's."""
    if memory.maximum is None or any(dimm.hugepage_mib for dimm in memory.dimms or ()) or memory.pages:
        return None
    words = ["-m", (f"slots={memory.slots}," if memory.slots else "") + f"maxmem={memory.maximum}M"]
    for n, dimm in enumerate(memory.dimms or ()):
        words += ["-object", f"memory-backend-ram,id=memdimm{n},size={dimm.size}M"]
        words += ["-device", f"pc-dimm,id=dimm{n},memdev=memdimm{n},node={dimm.node},slot={dimm.slot}"]
    return words


def _is_equal(nodes: list[NUMANode], wanted: list[NUMANode]) -> bool:
    """Whether the nodes are those that `numa: 1` makes alone. A share that is not a whole number is rounded up in XML."""
    return len(nodes) == len(wanted) and all(
        (a.id, a.cpus, a.hostnodes) == (b.id, b.cpus, None) and -1 < float(a.memory or 0) - float(b.memory or 0) < 1
        for a, b in zip(nodes, wanted, strict=True)
    )


MAX_NUMA = 8


def _numa_said(nodes: list[NUMANode], memory: Memory, report: Report) -> list[NUMANode] | None:
    if len(nodes) > MAX_NUMA:
        raise BridgeError(f"{len(nodes)} NUMA nodes: a config has at most {MAX_NUMA}", memory.where)
    if any(node.cpus is None for node in nodes):
        layout = "; ".join(f"node {node.id}: cpus {node.cpus}, {node.memory} MiB" for node in nodes)
        message = f"a config needs CPUs in every NUMA node, so the nodes are lost ({layout})"
        report.add("guest-lost", memory.where, message, "args: -numa", fields(memory, "nodes"))
        return None
    return [replace(node, hugepage_mib=None, filled=frozenset()) for node in nodes]


def _hugepages(memory: Memory) -> str | None:
    if memory.pages is None:
        return None
    sizes = {size for size, _ in memory.pages}
    return {frozenset(): "2", frozenset((2,)): "2", frozenset((1024,)): "1024", frozenset((2, 1024)): "any"}.get(frozenset(sizes))


def _with_pages(vm: VM, memory: Memory, known: Memory, total: int, host: HostFacts, report: Report) -> Memory:
    """Huge pages, if qemu-server can have the same; it needs NUMA nodes for them."""
    if memory.pages is None:
        return known
    listed = ", ".join(f"{size} MiB for {'all nodes' if nodes is None else f'nodes {nodes}'}" for size, nodes in memory.pages)
    sockets, cores = vm.cpu.sockets or 1, vm.cpu.cores or 1
    bound = _with_hostnodes(known)
    wanted = replace(bound, hugepages=memory.hugepages, numa=True, size=total)
    try:
        static = static_mib(wanted, sockets) if known.hotplug else total
        nodes = _said_nodes(wanted, static, host, NullReport()) or _equal_nodes(wanted, static, sockets, cores, host)
    except BridgeError as error:
        report.add("host-lost", memory.where, f"huge pages ({listed or 'the default size'}) are lost: {error.message}")
        return replace(known, hugepages=None)
    if memory.hugepages is None or not _same_pages(memory, nodes):
        report.add("host-lost", memory.where, f"huge pages ({listed}) have no form in a config")
        return replace(known, hugepages=None)
    if bound is not known:
        message = "qemu-server wants host nodes for huge pages in NUMA nodes: host node 0 is preferred, others are taken when it is full"
        report.add("ambiguous", memory.where, message, "set hostnodes and policy of numaN if the host has several")
        known = bound
    if not memory.pages:
        report.add("ambiguous", memory.where, "huge pages of the host's default size are taken to be of 2 MiB")
    if not known.numa:
        message = f"qemu-server gives huge pages ({listed or 'default size'}) to NUMA nodes only: the guest sees {sockets} of them"
        report.add("added", memory.where, message, "remove hugepages and numa to give it none")
    return replace(known, hugepages=memory.hugepages, numa=True)


def _with_hostnodes(known: Memory) -> Memory:
    """Nodes with a host node to take huge pages from; any other may serve as well."""
    if not known.numa_said or all(node.hostnodes is not None for node in known.numa_said):
        return known
    said = [node if node.hostnodes is not None else replace(node, hostnodes="0", policy="preferred") for node in known.numa_said]
    return replace(known, numa_said=said)


def _same_pages(memory: Memory, nodes: list[NUMANode]) -> bool:
    """Whether each node gets pages of the size that XML gives it."""
    default = next((size for size, nodeset in memory.pages or () if nodeset is None), None)
    by_node: dict[int, int] = {}
    for size, nodeset in memory.pages or ():
        if nodeset is not None:
            for first, last in ranges(nodeset.replace(",", ";"), memory.where):
                by_node.update(dict.fromkeys(range(first, min(last, MAX_NUMA) + 1), size))
    return not memory.pages or all(by_node.get(node.id, default) == node.hugepage_mib for node in nodes)


def _report_sharing(vm: VM, memory: Memory, known: Memory, report: Report) -> None:
    """virtiofs and huge pages bring their backing with them; no other has a form."""
    if memory.source not in (None, "anonymous", "memfd" if vm.virtiofs and not known.hugepages else None):
        report.add("host-lost", memory.where, f"memory from '{memory.source}' has no form in a config")


def _said_balloon(vm: VM, host: HostFacts, report: Report) -> Balloon:
    balloon = vm.balloon
    if balloon.present is False:
        return Balloon(target=0, where=balloon.where, key=balloon.key)
    if balloon.present is None:
        return balloon
    if not balloon.free_page_reporting and platform(vm, host).machine_has("free_page_reporting"):
        report.add("added", balloon.where, "qemu-server turns free page reporting on for this machine type: a virtio feature more")
    return forget(balloon, "present", "free_page_reporting", "stats_period")
