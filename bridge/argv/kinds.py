"""The one list of what a command line is made of, kind by kind.

A place of a row is a property of the kind's `-device` (`driver` is its first word), or an option with a key or text of its value
(`-machine type`); `...` are words as they are. What no row names, no command line shows: it is done by QMP, by the host, or by another
process. Command lines of others are read by `reading`, whose kinds follow QEMU's options and not qemu-server's order.
"""

from __future__ import annotations

import sys

from ..core.coverage import Rows
from . import (
    agent,
    audio,
    balloon,
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
    balloon.write,
    watchdog.write,
    disk.write,
    net.write,
    share.ivshmem,
    controller.bridges,
    machine.flags,
    security.write,
    machine.sharing,
    share.write,
    raw.write,
)
"""The steps of qemu-server 9.2.6's config_to_command, in its order: a kind has one for each place where its words stand."""
_KINDS = (sys.modules[name] for name in dict.fromkeys(step.__module__ for step in STEPS))
TABLE: tuple[Rows, ...] = tuple(rows for kind in _KINDS for rows in kind.TABLE)
