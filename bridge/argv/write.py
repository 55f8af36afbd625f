"""A whole VM -> QEMU's command line: the steps of qemu-server 9.2.6's config_to_command, in its order.

Options and devices are collected apart (`emit.Command`) and joined at the end, so that steps of both lists can alternate here.
"""

from __future__ import annotations

from ..core.report import Report
from ..host.facts import HostFacts
from ..model.vm import VM
from . import (
    agent,
    audio,
    clock,
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
from .emit import Command

STEPS = (
    machine.start,
    meta.smbios,
    firmware.write,
    machine.chipset,
    meta.vmgenid,
    usb.controllers,
    input.write,
    hostpci.write,
    usb.write,
    serial.write,
    audio.write,
    tpm.write,
    cpu.write_smp,
    machine.switches,
    display.write,
    clock.write,
    cpu.write,
    memory.write,
    iothread.write,
    machine.paused,
    display.keyboard,
    agent.write,
    rng.write,
    display.spice,
    memory.write_balloon,
    watchdog.write,
    disk.write,
    net.write,
    share.ivshmem,
    controller.bridges,
    machine.flags,
    security.write,
    machine.sharing,
    share.write,
)


def write(vm: VM, host: HostFacts, report: Report) -> list[str]:
    """The words that qemu-server would run, its own program first. Raises BridgeError where it would refuse to."""
    command = Command(vm.meta.vmid or 0)
    iothread.report_pins(vm, report)
    machine.report_release(host, report)
    for step in STEPS:
        step(vm, command, host)
    last: list[str] = []
    if command.rtc_flags:
        last += ("-rtc", ",".join(command.rtc_flags))
    last += ("-machine", ",".join(command.machine_flags))
    return command.words([*last, *raw.write(vm, command, host)])
