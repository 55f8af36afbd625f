"""memory, balloon, shares, NUMA nodes and huge pages in a config."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.balloon import Balloon
from ..model.memory import Memory, NUMANode
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

ROWS = (Row("size", "current", code=True),)
"""Sub-options of `memory`."""

NUMA_ROWS = (
    Row("cpus", "cpus"),
    Row("hostnodes", "hostnodes"),
    Row("memory", "memory"),
    Row("policy", "policy"),
)
"""Sub-options of numaN."""
KEYS = (
    Row("numa", "numa", code=True),
    Row("hugepages", "hugepages", code=True),
    Row("keephugepages", "keephugepages", code=True),
    Row("shares", "shares", code=True),
    Row("hotplug", "hotplug", code=True),
)
BALLOON_ROWS = (Row("target", "balloon", code=True), Row("present", "balloon", code=True))
"""Top-level keys; the balloon's stands among them, as `shares` is of it."""
TABLE = (
    Rows(Balloon, "", BALLOON_ROWS, ("free_page_reporting", "stats_period")),
    Rows(Memory, "memory", ROWS, ("spelled", "static", "maximum", "slots", "dimms", "shared", "source", "pages")),
    Rows(Memory, "", KEYS),
    Rows(NUMANode, "numaN", NUMA_ROWS, ("id", "hugepage_mib")),
)
MAX_NUMA = 8


def read(section: ConfigSection, vm: VM) -> None:
    memory, balloon = vm.memory, vm.balloon
    if said := section.props("memory"):
        memory.where = section.line("memory")
        memory.size = int(said["current"])
        text = section.text("memory")
        memory.spelled = None if text == str(memory.size) else text
    memory.numa = section.flag("numa")
    memory.hugepages = section.text("hugepages")
    memory.keephugepages = section.flag("keephugepages")
    memory.shares = section.number("shares")
    target = section.number("balloon")
    if target is not None:
        balloon.where = section.line("balloon")
        balloon.target = target
    for n, key in section.indexed("numa", MAX_NUMA):
        said = section.props(key)
        assert said is not None
        node = NUMANode(id=n, where=section.line(key), **read_rows(said, NUMA_ROWS))
        memory.numa_said = [*(memory.numa_said or []), node]


def write(vm: VM, lines: Lines) -> None:
    memory = vm.memory
    lines.put("memory", memory.size)
    lines.put("balloon", vm.balloon.target)
    lines.put("shares", memory.shares)
    lines.put("numa", memory.numa)
    lines.put("hugepages", memory.hugepages)
    lines.put("keephugepages", memory.keephugepages)
    for node in memory.numa_said or ():
        lines.props(f"numa{node.id}", write_rows(node, NUMA_ROWS))
