"""Which parts of QEMU's command line describe which part of the model.

A place is a property of the kind's `-device` (`driver` is its first word), or an option with a key or text of its value (`-machine type`);
`...` are words as they are. What no row names, no command line shows: it is done by QMP, by the host, or by another process.
"""

from __future__ import annotations

from ..core.coverage import Rows
from ..model.agent import Agent
from ..model.audio import Audio
from ..model.boot import Boot
from ..model.clock import Clock
from ..model.controller import Controller
from ..model.cpu import CPU
from ..model.disk import Disk, Throttle
from ..model.display import Display, Video
from ..model.firmware import Firmware
from ..model.hostpci import HostPCI
from ..model.input import Tablet
from ..model.iothread import IOThreads
from ..model.machine import Machine
from ..model.memory import Balloon, Memory, NUMANode
from ..model.meta import SMBIOS, Meta
from ..model.net import Net
from ..model.raw import Raw
from ..model.rng import RNG
from ..model.security import Security
from ..model.serial import Parallel, Serial
from ..model.share import IVSHMEM, VirtioFS
from ..model.tpm import TPM
from ..model.usb import USB
from ..model.vm import VM
from ..model.watchdog import Watchdog
from . import (
    agent,
    audio,
    blockdev,
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

TABLE = (
    Rows(Agent, "", agent.ROWS),
    Rows(Audio, "", audio.ROWS),
    Rows(Balloon, "", memory.BALLOON_ROWS),
    Rows(Boot, "", meta.BOOT_ROWS),
    Rows(CPU, "", cpu.ROWS),
    Rows(Clock, "", clock.ROWS),
    Rows(Controller, "", controller.ROWS),
    Rows(Disk, "", disk.ROWS),
    Rows(Display, "", display.DISPLAY_ROWS),
    Rows(Firmware, "", firmware.ROWS),
    Rows(HostPCI, "", hostpci.ROWS),
    Rows(IOThreads, "", iothread.ROWS),
    Rows(IVSHMEM, "", share.IVSHMEM_ROWS),
    Rows(Machine, "", machine.ROWS),
    Rows(Memory, "", memory.ROWS),
    Rows(Meta, "", (*meta.ROWS, *raw.TEMPLATE_ROWS)),
    Rows(NUMANode, "", memory.NUMA_ROWS),
    Rows(Net, "", net.ROWS),
    Rows(Parallel, "", serial.PARALLEL_ROWS),
    Rows(RNG, "", rng.ROWS),
    Rows(Raw, "", raw.ROWS),
    Rows(SMBIOS, "", meta.SMBIOS_ROWS),
    Rows(Security, "", security.ROWS),
    Rows(Serial, "", serial.ROWS),
    Rows(TPM, "", tpm.ROWS),
    Rows(Tablet, "", input.ROWS),
    Rows(Throttle, "", blockdev.ROWS),
    Rows(USB, "", usb.ROWS),
    Rows(VM, "", controller.KIND_ROWS),
    Rows(Video, "", display.ROWS),
    Rows(VirtioFS, "", share.ROWS),
    Rows(Watchdog, "", watchdog.ROWS),
)
