"""-m, memory backends, -numa, DIMMs."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.memory import Memory, NUMANode
from ..model.vm import VM
from .emit import Command

ROWS = (
    Row("size", "-m", code=True),
    Row("spelled", "-m", code=True),
    Row("static", "-m size", code=True),
    Row("maximum", "-m maxmem", code=True),
    Row("slots", "-m slots", code=True),
    Row("hotplug", "-m slots", code=True),
    Row("dimms", "memdev", code=True),
    Row("numa", "-numa node", code=True),
    Row("hugepages", "-object mem-path", code=True),
    Row("shared", "-object memory-backend-memfd", code=True),
)
NUMA_ROWS = (
    Row("id", "-numa nodeid", code=True),
    Row("cpus", "-numa cpus", code=True),
    Row("memory", "-object size", code=True),
    Row("hostnodes", "-object host-nodes", code=True),
    Row("policy", "-object policy", code=True),
    Row("hugepage_mib", "-object mem-path", code=True),
)
TABLE = (Rows(Memory, "", ROWS), Rows(NUMANode, "", NUMA_ROWS))


def write(vm: VM, command: Command, host: HostFacts) -> None:
    del host
    memory = vm.memory
    options = command.options
    if memory.hotplug:
        options += ("-m", f"size={memory.static},slots={memory.slots},maxmem={memory.maximum}M")
    else:
        options += ("-m", (memory.spelled or str(memory.size)).strip(",").rpartition("=")[2])
    _nodes(memory, command)
    if memory.shared and not memory.numa:
        # qemu-server prints the config's own text here: nothing if no memory is said
        size = "" if "size" in memory.filled else memory.spelled or memory.size
        options += ("-object", f"memory-backend-memfd,id=virtiofs-mem,size={size}M,share=on")
        command.machine_flags.append("memory-backend=virtiofs-mem")
    for dimm in memory.dimms or ():
        name = f"dimm{dimm.slot}"
        options += ("-object", _backend(memory, f"mem-{name}", str(dimm.size), dimm.hugepage_mib))
        options += ("-device", f"pc-dimm,id={name},memdev=mem-{name},node={dimm.node}")


def _nodes(memory: Memory, command: Command) -> None:
    prefix = "virtiofs-mem" if memory.shared else "ram-node"
    for node in memory.nodes or ():
        backend = f"{prefix}{node.id}"
        text = _backend(memory, backend, node.memory or "", node.hugepage_mib)
        if node.hostnodes is not None:
            text += "".join(f",host-nodes={part}" for part in node.hostnodes.split(";")) + f",policy={node.policy}"
        cpus = (node.cpus or "").replace(";", ",cpus=")
        command.options += ("-object", text)
        command.options += ("-numa", f"node,nodeid={node.id},cpus={cpus},memdev={backend}")


def _backend(memory: Memory, name: str, size: str, page_mib: int | None) -> str:
    if page_mib is not None:
        path = f"/run/hugepages/kvm/{page_mib * 1024}kB"
        return f"memory-backend-file,id={name},size={size}M,mem-path={path},share=on,prealloc=yes"
    if memory.shared:
        return f"memory-backend-memfd,id={name},size={size}M,share=on"
    return f"memory-backend-ram,id={name},size={size}M"
