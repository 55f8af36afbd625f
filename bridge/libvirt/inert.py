"""What domain XML says without telling the guest's hardware: defaults spelled out, and what only the host acts on (`data.inert`)."""

from __future__ import annotations

from ..data.inert import DEVICE_DEFAULTS, DOMAIN_DEFAULTS, HOST_ONLY, TIMER_DEFAULTS, Defaults
from .tree.domain import Domain
from .tree.node import Node


def take_defaults(domain: Domain) -> None:
    """Before anybody reads: a default that is spelled out is as good as none, so no reader need know it."""
    for parent, table in ((domain.root, DOMAIN_DEFAULTS), (domain.devices, DEVICE_DEFAULTS)):
        for node in parent.children:
            if (said := table.get(node.tag)) is not None and node.written is None:  # those that we write say no defaults
                _take(node, said)
    clock = domain.root.peek("clock")
    for timer in clock.children if clock is not None else ():
        if timer.tag == "timer" and (known := TIMER_DEFAULTS.get(timer.attrib.get("name", ""))) is not None:
            _drop(timer, known)
            if timer.attrib.keys() == {"name"} and not timer.children:
                timer.claim("name")


def _take(node: Node, said: Defaults) -> None:
    for path, known in said.items():
        at: Node | None = node
        for step in path.split("/") if path else ():
            at = at.peek(step) if at is not None and at.children else None
        if at is None or not at.attrib:
            continue
        had = _drop(at, known)
        if had and at is not node and not at.attrib and not at.children:
            at.claim()


def _drop(node: Node, known: dict[str, str]) -> bool:
    """Whether anything was dropped."""
    found = [name for name, value in node.attrib.items() if known.get(name) == value]
    for name in found:
        node.take(name)
    return bool(found)


def take_host_only(domain: Domain, left: list[tuple[Node, str]]) -> None:
    """After everybody read: what is left and concerns the host alone is a note."""
    looked: Node | None = None
    for node, what in left:
        if node is looked:  # one line for each of its attributes
            continue
        looked, path = node, _path(node)
        if not node.claimed:
            if path in HOST_ONLY:
                domain.report.add("host-state", node, f"{what} is for the host alone and left behind")
                node.take_all()
            continue
        for name in [name for name in node.attrib if f"{path}@{name}" in HOST_ONLY]:
            domain.report.add("host-state", node, f"{name}='{node.take(name)}' is for the host alone and left behind")


def _path(node: Node) -> str:
    """`disk/driver`, `features/tcg`; `domain/keywrap` and `devices/lease` for an element whole."""
    names = []
    at: Node | None = node
    while at is not None:
        names.append(at.tag)
        at = at.parent
    names.reverse()
    inner = names[2 if names[1:2] == ["devices"] and len(names) > 2 else 1 :]
    return "/".join(inner if len(inner) > 1 or node.claimed else [*names[-2:]])
