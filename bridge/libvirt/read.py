"""Domain XML -> the VM that it describes. What no kind claims becomes a finding."""

from __future__ import annotations

from ..model.vm import VM
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
    implied,
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
from .device import refuse
from .domain import Domain
from .escape import NAMELESS

STEPS = (
    meta.read,
    machine.read,
    controller.read,
    firmware.read,
    memory.read,
    cpu.read,
    iothread.read,
    boot.read,
    clock.read,
    disk.read,
    net.read,
    agent.read,
    display.read,
    serial.read,
    input.read,
    tpm.read,
    audio.read,
    hostpci.read,
    usb.read,
    watchdog.read,
    memory.read_balloon,
    rng.read,
    share.read,
    security.read,
    cloudinit.read,
    raw.read,
)


def read(domain: Domain) -> VM:
    """The VM as the XML says it; addresses name buses as `#INDEX`. Raises BridgeError on what is no sane domain."""
    vm = VM()
    domain.root.claimed = True
    domain.devices.claimed = True
    _take_escapes(domain)
    for step in STEPS:
        step(domain, vm)
    for node in domain.devices.children:
        if node.tag in NAMELESS and not node.claimed:
            refuse(domain, node, "guest-lost", f"a config has no <{node.tag}>")
    implied.claim(domain, vm)
    _report_unclaimed(domain)
    return vm


def _take_escapes(domain: Domain) -> None:
    """qemu:commandline and qemu:override into lists that the kinds take from."""
    for commandline in domain.root.all("qemu:commandline"):
        domain.arguments += [node.need("value") for node in commandline.all("qemu:arg")]
    for override in domain.root.all("qemu:override"):
        for device in override.all("qemu:device"):
            properties = domain.overrides.setdefault(device.need("alias"), {})
            for frontend in device.all("qemu:frontend"):
                for node in frontend.all("qemu:property"):
                    properties[node.need("name")] = (node.need("type"), node.get("value"))
    raw.take_remembered(domain)


def _report_unclaimed(domain: Domain) -> None:
    add = domain.report.add
    for node, what in domain.root.unclaimed():
        add("unknown", node, f"{what} has no counterpart in a qemu-server config and is left out", "remove it, or set it up by hand")
    for alias, properties in domain.overrides.items():
        for name, (_, value) in properties.items():
            add("unknown", domain.root, f"qemu:override {alias} {name}={value} has no counterpart in a config and is left out")
