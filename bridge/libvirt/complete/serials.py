"""<serial>, <parallel> and the first <console> (libvirt 11.3, virDomainDefAddConsoleCompat, virDomainChrDefPostParse)."""

from __future__ import annotations

from weakref import ref

from ..tree.node import Node
from .draft import X86, Draft, add, child, default, index_of, told

MODELS = {"isa-serial": "isa-serial", "usb-serial": "usb-serial", "pci-serial": "pci-serial", "isa-debug": "isa-debugcon"}
MOST_ISA = 4


def consoles(draft: Draft) -> None:
    """The first console of a machine without serial ports is one."""
    nodes = draft.of("console")
    if not nodes or draft.of("serial") or told(nodes[0].peek("target"), "type") not in (None, "serial"):
        return
    console = nodes[0]
    serial = draft.add("serial", **console.attrib)
    serial.line, serial.implied = console.line, False
    for part in console.children:
        part.above = ref(serial)
        serial.children.append(part)
    target = child(serial, "target")
    target.take("type")
    target.attrib["port"] = "0"
    console.children, console.named = [], None  # the port's now
    console.take_all()


def targets(draft: Draft) -> None:
    """Kind, model and number of each port."""
    serials = draft.of("serial")
    if serials:
        _isa_ports(serials)
        own, model = ("isa-serial", "isa-serial") if draft.arch in X86 else ("system-serial", "pl011")
        for node in serials:
            target = child(node, "target")
            if target.attrib.get("type") in (None, "isa-serial"):
                target.attrib["type"] = own
            kind = target.attrib["type"]
            if target.peek("model") is None and (name := MODELS.get(kind, model if kind == own else None)):
                add(target, "model", name=name)
        _ports(serials)
    if draft.of("parallel"):
        _in_a_row(draft.of("parallel"))


def _isa_ports(serials: list[Node]) -> None:
    """Those that are said to be on the ISA bus fill gaps; all others come behind the highest (virDomainChrIsaSerialDefPostParse)."""
    isa = [target for node in serials if (target := node.peek("target")) is not None and target.attrib.get("type") == "isa-serial"]
    used = {index_of(target, "port") for target in isa}
    for target in isa:
        free = next((n for n in range(MOST_ISA) if n not in used), None)
        if "port" not in target.attrib and free is not None:
            used.add(free)
            target.attrib["port"] = str(free)


def _in_a_row(nodes: list[Node]) -> None:
    """Those without a number come behind the highest of those before them."""
    highest = -1
    for node in nodes:
        target = child(node, "target")
        default(target, "port", str(highest + 1))
        highest = max(highest, index_of(target, "port") or 0)


def _ports(nodes: list[Node]) -> None:
    """Those without a number come behind the highest."""
    targets = [target for node in nodes if (target := node.peek("target")) is not None]
    highest = max((n for target in targets if (n := index_of(target, "port")) is not None), default=-1)
    for target in targets:
        if "port" not in target.attrib:
            highest += 1
            target.attrib["port"] = str(highest)
