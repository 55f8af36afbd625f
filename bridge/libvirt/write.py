"""A whole VM -> domain XML. The order of the steps is the order of the elements."""

from __future__ import annotations

from ..data.gates import Target
from ..model.vm import VM
from ..report import Report
from . import (
    agent,
    audio,
    boot,
    clock,
    cloudinit,
    controller,
    cpu,
    disk,
    display,
    firmware,
    hostpci,
    input,  # noqa: A004  the kind's own name
    iothread,
    machine,
    memory,
    meta,
    net,
    raw,
    rng,
    security,
    serial,
    share,
    tpm,
    usb,
    watchdog,
)
from .domain import Domain
from .node import Node
from .rows import LOST

STEPS = (
    meta.write,
    memory.write,
    cpu.write,
    iothread.write,
    machine.write,
    firmware.write,
    boot.write,
    clock.write,
    controller.write,
    machine.write_iommu,
    disk.write,
    net.write,
    serial.write,
    agent.write,
    input.write,
    tpm.write,
    display.write,
    audio.write,
    hostpci.write,
    usb.write,
    watchdog.write,
    memory.write_balloon,
    rng.write,
    share.write,
    security.write,
    cloudinit.write,
    raw.write,
)

LAST = ("devices", "launchSecurity", "qemu:commandline", "qemu:override")


def write(vm: VM, report: Report, target: Target) -> Domain:
    """The domain's tree. Losses that a writer sees become findings."""
    domain = Domain(Node("domain"), report, target)
    for step in STEPS:
        step(vm, domain)
    LOST.check(vm, report)
    _write_escapes(domain)
    rank = {tag: n for n, tag in enumerate(LAST, 1)}
    domain.root.children.sort(key=lambda node: rank.get(node.tag, 0))
    return domain


def _write_escapes(domain: Domain) -> None:
    """qemu:commandline and qemu:override, only if there is something to say: they taint the domain."""
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
