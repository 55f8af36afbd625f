"""unresolve: make unsaid again what qemu-server would assume anyway."""

from __future__ import annotations

from ..core.report import Report
from ..host.facts import HostFacts
from ..model.vm import VM
from .resolve import (
    boot,
    clock,
    cpu,
    disk,
    display,
    firmware,
    hostpci,
    input,  # noqa: A004  the kind's own name
    machine,
    memory,
    meta,
    net,
    ostype,
    security,
    small,
    tpm,
    usb,
)

BACKWARD = (
    ostype.unresolve,
    meta.unresolve,
    machine.unresolve,
    tpm.unresolve,
    disk.unresolve,
    boot.unresolve,
    memory.unresolve,
    cpu.unresolve,
    clock.unresolve,
    small.unresolve,
    net.unresolve,
    usb.unresolve,
    display.unresolve,  # whether it is a serial port depends on the tablet
    input.unresolve,
    hostpci.unresolve,
    firmware.unresolve,
    security.unresolve,
)


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: resolve(unresolve(resolve(vm))) == resolve(vm); what qemu-server would assume anyway is no longer said."""
    for step in BACKWARD:
        vm = step(vm, host, report)
    return vm
