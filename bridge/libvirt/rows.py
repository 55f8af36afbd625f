"""Which rows of domain XML describe which part of the model, and the check that no field is lost.

Places are relative to `at`, an element of the domain; `/` at their beginning leads back to the domain. `qemu:override NAME` is a property
of the device, `qemu:commandline TEXT` a word that holds TEXT; without a place the kind's code has a finding.
"""

from __future__ import annotations

from ..core.coverage import FieldCoverage, Rows
from ..model.agent import Agent
from ..model.audio import Audio
from ..model.boot import Boot
from ..model.clock import Clock
from ..model.cloudinit import CloudInit
from ..model.controller import Controller
from ..model.cpu import CPU
from ..model.disk import Disk, Source, Throttle
from ..model.display import Display, Video
from ..model.firmware import Firmware
from ..model.hostpci import HostPCI
from ..model.input import Tablet
from ..model.iothread import IOThread, IOThreads
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
    iotune,
    machine,
    memory,
    meta,
    net,
    numa,
    raw,
    rng,
    security,
    serial,
    share,
    source,
    tpm,
    usb,
    video,
    watchdog,
)

TABLE = (
    Rows(Agent, "devices", agent.ROWS),
    Rows(Audio, "devices/sound", audio.ROWS),
    Rows(Balloon, "devices/memballoon", memory.BALLOON_ROWS),
    Rows(Boot, "", boot.ROWS),
    Rows(CPU, "", cpu.ROWS),
    Rows(Clock, "", clock.ROWS),
    Rows(CloudInit, "", cloudinit.ROWS),
    Rows(Controller, "devices/controller", controller.ROWS),
    Rows(Disk, "devices/disk", disk.ROWS),
    Rows(Display, "devices", display.ROWS),
    Rows(Firmware, "", firmware.ROWS),
    Rows(HostPCI, "devices/hostdev", hostpci.ROWS),
    Rows(IOThread, "iothreadids/iothread", iothread.ROWS),
    Rows(IOThread, "", iothread.PIN_ROWS),
    Rows(IOThreads, "", iothread.POOL_ROWS),
    Rows(IVSHMEM, "devices/shmem", share.IVSHMEM_ROWS),
    Rows(Machine, "", machine.ROWS),
    Rows(Memory, "", memory.ROWS),
    Rows(Meta, "", meta.ROWS),
    Rows(NUMANode, "", numa.ROWS),
    Rows(Net, "devices/interface", net.ROWS),
    Rows(Parallel, "devices/parallel", serial.PARALLEL_ROWS),
    Rows(RNG, "devices/rng", rng.ROWS),
    Rows(Raw, "", raw.ROWS),
    Rows(SMBIOS, "", meta.SMBIOS_ROWS),
    Rows(Security, "launchSecurity", security.ROWS),
    Rows(Serial, "devices/serial", serial.ROWS),
    Rows(Source, "devices/disk", source.ROWS),
    Rows(TPM, "devices/tpm", tpm.ROWS),
    Rows(Tablet, "devices", input.ROWS),
    Rows(Throttle, "devices/disk", iotune.ROWS),
    Rows(USB, "devices/*", usb.ROWS),
    Rows(VM, "", controller.KIND_ROWS),
    Rows(Video, "devices/video", video.ROWS),
    Rows(VirtioFS, "devices/filesystem", share.ROWS),
    Rows(Watchdog, "devices/watchdog", watchdog.ROWS),
)

IMPLIED = {
    Controller: frozenset(("builtin", "master", "alias", "iothread")),
    CPU: frozenset(("words",)),
    Disk: frozenset(("size", "write_cache", "cloudinit", "outline")),
    Firmware: frozenset(("size", "target_code", "target_template", "fresh", "pre_enrolled_keys")),
    IOThread: frozenset(("id", "private_to")),
    Machine: frozenset(("pxe",)),
    Memory: frozenset(("spelled",)),
    Meta: frozenset(("vmid", "ostype", "creation_qemu", "uuid")),
    Net: frozenset(("running_mtu",)),
    SMBIOS: frozenset(("base64",)),
    Source: frozenset((
        *("kind", "volid", "storage_type", "is_iso", "importing", "location", "chain_snapshots", "discard_no_unref", "namespace"),
    )),
    TPM: frozenset(("size", "format")),
}
"""Sizes of images and keys enrolled in them (they have them), what a name or an ostype means (it is written out), spellings."""

LOST = FieldCoverage(TABLE, IMPLIED, "metadata-only", "no place in domain XML", {})
