"""resolve: fill in what qemu-server would assume. One module per kind, each with its way back (`passes/unresolve.py` runs these)."""

from __future__ import annotations

from ...core.report import Report
from ...host.facts import HostFacts
from ...model.vm import VM
from . import boot, clock, cpu, disk, display, firmware, hostpci, input, machine, memory, meta, net, security, small, tpm, usb  # noqa: A004

FORWARD = (
    disk.check_volumes,
    meta.resolve,
    machine.resolve,
    cpu.check_firmware,
    security.resolve,
    firmware.resolve,
    usb.check_numbers,
    hostpci.resolve,
    usb.resolve,
    cpu.check_count,
    display.resolve,
    display.check_card,
    input.resolve,
    clock.resolve,
    cpu.resolve,
    cpu.check_hotplug,
    cpu.check_model,
    memory.resolve,
    display.check_clipboard,
    disk.resolve,
    tpm.resolve,
    net.resolve,
    small.resolve,
    boot.resolve,
    machine.pin,
)
"""Order matters: the machine's version decides defaults, the display depends on hostpci's x-vga, the pin on all features used;
where a VM has two faults, qemu-server's order decides which one is told."""
AT_START = frozenset((disk.check_volumes, cpu.check_count, cpu.check_hotplug, cpu.check_model))
"""What only this host refuses: asked for its command line, not for a domain that goes elsewhere."""


def resolve(vm: VM, host: HostFacts, report: Report, start: bool = False) -> VM:
    """Law: resolve(resolve(vm)) == resolve(vm); what was said is never changed. Raises BridgeError where qemu-server refuses the VM.

    `start`: here and now, with all that qemu-server asks of its own host."""
    for step in FORWARD:
        if start or step not in AT_START:
            vm = step(vm, host, report)
    return vm
