"""A whole VM -> QEMU's command line: the steps of `kinds`, in qemu-server's order.

Options and devices are collected apart (`emit.Command`) and joined at the end, so that steps of both lists can alternate here.
"""

from __future__ import annotations

from ..core.report import Report
from ..host.facts import HostFacts
from ..model.vm import VM
from . import iothread, machine
from .emit import Command
from .kinds import STEPS


def write(vm: VM, host: HostFacts, report: Report) -> list[str]:
    """The words that qemu-server would run, its own program first. Raises BridgeError where it would refuse to."""
    command = Command(vm.meta.vmid or 0)
    iothread.report_pins(vm, report)
    machine.report_release(host, report)
    for step in STEPS:
        step(vm, command, host)
    return command.words()
