"""resolve: fill in what qemu-server would assume. One module per kind, each with its way back (`passes/unresolve.py` runs these)."""

from __future__ import annotations

from ...host.facts import HostFacts
from ...model.vm import VM
from ...report import Report
from . import boot, clock, cpu, disk, display, firmware, hostpci, input, machine, memory, meta, net, security, small, tpm, usb  # noqa: A004

FORWARD = (
    meta.resolve,
    machine.resolve,
    cpu.check_firmware,
    security.resolve,
    firmware.resolve,
    hostpci.resolve,
    display.resolve,
    input.resolve,
    usb.resolve,
    clock.resolve,
    cpu.resolve,
    memory.resolve,
    disk.resolve,
    tpm.resolve,
    net.resolve,
    small.resolve,
    boot.resolve,
    machine.pin,
)
"""Order matters: the machine's version decides defaults, the display depends on hostpci's x-vga, the pin on all features used;
where a VM has two faults, qemu-server's order decides which one is told."""


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: resolve(resolve(vm)) == resolve(vm); what was said is never changed. Raises BridgeError where qemu-server refuses the VM."""
    for step in FORWARD:
        vm = step(vm, host, report)
    return vm
