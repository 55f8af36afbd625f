"""A whole VM -> domain XML. """

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..core.report import Report
from ..data.gates import Target
from ..model.raw import Other, Raw
from ..model.vm import VM
from . import raw
from .clean import give_up
from .kinds import KINDS, LOST
from .tree.domain import Domain
from .tree.node import Node

if TYPE_CHECKING:
    from .described.leftovers import Left

_OWN_NODE = re.compile(r"\blibvirt-([0-9]+-[a-z]+)").sub
"""Block nodes of a running domain: libvirt gives the same names to others."""
LAST = ("devices", "launchSecurity", "qemu:commandline", "qemu:override")


def write(vm: VM, report: Report, target: Target, others: Sequence[Other] | None = None, left: Left | None = None) -> Domain:
    """The domain's tree. Losses that a writer sees become findings.

    `others`: the VM is described whole, and these are what its parts do not hold; `left` are properties that they do not hold."""
    domain = Domain(Node("domain"), report, target)
    domain.described = others is not None
    for kind in KINDS[:-1]:
        kind.write(vm, domain)
    if others is not None:
        _write_rest(vm, domain, others, left or [])
    if report.words:
        words = [_OWN_NODE(r"carried-\1", word) for word in report.words]
        vm = replace(vm, raw=Raw(words=[*words, *(vm.raw.words or ())], where=vm.raw.where or vm.machine.where))
        report.words = []
    raw.write(vm, domain)
    if domain.described:
        from .described.ready import unspoken

        vm = unspoken(vm)
    LOST.check(vm, report)
    _write_escapes(domain)
    rank = {tag: n for n, tag in enumerate(LAST, 1)}
    domain.root.children.sort(key=lambda node: rank.get(node.tag, 0))
    return domain


def _write_rest(vm: VM, domain: Domain, others: Sequence[Other], left: Left) -> None:
    """Of a VM that is described whole: what its parts do not hold, and no card where it has none."""
    from .described.leftovers import write_leftovers
    from .described.other import write_other

    for other in others:
        write_other(vm, domain, other)
    write_leftovers(vm, domain, left)
    _one_order(domain)
    if domain.devices.peek("video") is None:
        domain.devices.add("video").add("model", type="none")


def _one_order(domain: Domain) -> None:
    """Devices with an order of their own go before classes, and libvirt refuses both."""
    os = domain.root.peek("os")
    if os is not None and any(node.peek("boot") is not None for node in domain.devices.children):
        os.children = [node for node in os.children if node.tag != "boot"]


def _write_escapes(domain: Domain) -> None:
    """qemu:commandline and qemu:override, only if there is something to say: they taint the domain."""
    if domain.target.clean:
        give_up(domain)
    if domain.arguments:
        commandline = domain.root.add("qemu:commandline")
        for word in domain.arguments:
            commandline.add("qemu:arg", value=word)
    if not domain.overrides:
        return
    override = domain.root.add("qemu:override")
    for alias, properties in domain.overrides.items():
        device = override.add("qemu:device", alias=alias)
        frontend = device.add("qemu:frontend")
        for name, (type_, value) in properties.items():
            node = frontend.add("qemu:property", name=name, type=type_)
            if value is not None:
                node.set("value", value)
