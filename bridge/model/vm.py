"""The whole VM."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .agent import Agent
from .audio import Audio
from .balloon import Balloon
from .boot import Boot
from .clock import Clock
from .cloudinit import CloudInit
from .controller import Controller
from .cpu import CPU
from .disk import Disk
from .display import Display
from .firmware import Firmware
from .hostpci import HostPCI
from .input import Tablet
from .iothread import IOThreads
from .machine import Machine
from .memory import Memory
from .meta import Meta
from .net import Net
from .part import Device
from .raw import Raw
from .rng import RNG
from .security import Security
from .serial import Parallel, Serial
from .share import IVSHMEM, VirtioFS
from .tpm import TPM
from .usb import USB
from .watchdog import Watchdog


class VM(msgspec.Struct, kw_only=True):
    """A virtual machine. Single parts are always there (their fields may all be None); devices that may be absent are None or lists."""

    meta: Meta = msgspec.field(default_factory=Meta)
    machine: Machine = msgspec.field(default_factory=Machine)
    firmware: Firmware = msgspec.field(default_factory=Firmware)
    cpu: CPU = msgspec.field(default_factory=CPU)
    memory: Memory = msgspec.field(default_factory=Memory)
    clock: Clock = msgspec.field(default_factory=Clock)
    boot: Boot = msgspec.field(default_factory=Boot)
    security: Security = msgspec.field(default_factory=Security)
    cloudinit: CloudInit = msgspec.field(default_factory=CloudInit)
    raw: Raw = msgspec.field(default_factory=Raw)
    iothreads: IOThreads = msgspec.field(default_factory=IOThreads)
    balloon: Balloon = msgspec.field(default_factory=Balloon)
    tablet: Tablet = msgspec.field(default_factory=Tablet)
    display: Display = msgspec.field(default_factory=Display)
    agent: Agent = msgspec.field(default_factory=Agent)
    scsihw: str | None = None
    """lsi, lsi53c810, virtio-scsi-pci, virtio-scsi-single, megasas, pvscsi."""
    controllers: list[Controller] = msgspec.field(default_factory=list)
    disks: list[Disk] = msgspec.field(default_factory=list)
    nets: list[Net] = msgspec.field(default_factory=list)
    usbs: list[USB] = msgspec.field(default_factory=list)
    hostpcis: list[HostPCI] = msgspec.field(default_factory=list)
    serials: list[Serial] = msgspec.field(default_factory=list)
    parallels: list[Parallel] = msgspec.field(default_factory=list)
    virtiofs: list[VirtioFS] = msgspec.field(default_factory=list)
    ivshmem: IVSHMEM | None = None
    audio: Audio | None = None
    rng: RNG | None = None
    watchdog: Watchdog | None = None
    tpm: TPM | None = None

    def devices(self) -> Iterator[Device]:
        """Every device, of all kinds. Whoever asks all devices something goes through these, lest a new kind be forgotten."""
        for listed in (self.disks, self.nets, self.hostpcis, self.usbs, self.virtiofs, self.display.videos or (), self.controllers):
            yield from listed
        yield from self.serials
        yield from self.parallels
        yield from (self.balloon, self.tablet, self.agent)
        for device in (self.watchdog, self.rng, self.audio, self.ivshmem):
            if device is not None:
                yield device

    def has_boot_order(self) -> bool:
        """Whether some device has a place in the boot order."""
        return any(device.bootindex is not None for device in self.devices())
