"""Which rows of a config describe which part of the model, and the check that no field is lost.

`at` names the options whose sub-options the places are; without one the places are options themselves. A row without a place says that
no config can say the field, and that code has the finding.
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

DRIVES = "ideN sataN scsiN virtioN"

TABLE = (
    Rows(Agent, "agent", agent.ROWS),
    Rows(Audio, "audioN", audio.ROWS),
    Rows(Balloon, "", memory.BALLOON_ROWS),
    Rows(Boot, "boot", boot.ROWS),
    Rows(Boot, "", boot.KEYS),
    Rows(CPU, "cpu", cpu.ROWS),
    Rows(CPU, "", (*cpu.NUMBERS, *cpu.SMP, *cpu.TEXTS, *cpu.IMPLIED, *cpu.LOST)),
    Rows(Clock, "", clock.ROWS),
    Rows(CloudInit, "", cloudinit.ROWS),
    Rows(Disk, DRIVES, disk.ROWS),
    Rows(Disk, DRIVES, disk.NO_LIMIT_ROWS),
    Rows(Throttle, DRIVES, disk.LIMIT_ROWS),
    Rows(Display, "vga", display.ROWS),
    Rows(Display, "spice_enhancements", display.SPICE_ROWS),
    Rows(Display, "", display.KEYS),
    Rows(Firmware, "efidiskN", firmware.EFIDISK),
    Rows(Firmware, "", firmware.KEYS),
    Rows(HostPCI, "hostpciN", hostpci.ROWS),
    Rows(IOThreads, "iothreads", iothread.ROWS),
    Rows(IOThreads, DRIVES, iothread.DISK_ROWS),
    Rows(IVSHMEM, "ivshmem", share.IVSHMEM_ROWS),
    Rows(Machine, "machine", (*machine.MACHINE, *machine.NAMED)),
    Rows(Machine, "", (*machine.FLAGS, *machine.TEXTS, *machine.IMPLIED)),
    Rows(Memory, "memory", memory.ROWS),
    Rows(Memory, "", memory.KEYS),
    Rows(Meta, "", meta.ROWS),
    Rows(Meta, "meta", meta.META_ROWS),
    Rows(Meta, "unusedN", meta.UNUSED_ROWS),
    Rows(NUMANode, "numaN", memory.NUMA_ROWS),
    Rows(Net, "netN", net.ROWS),
    Rows(Parallel, "", serial.PARALLEL_ROWS),
    Rows(RNG, "rngN", rng.ROWS),
    Rows(Raw, "", raw.ROWS),
    Rows(SMBIOS, "smbios1", meta.SMBIOS_ROWS),
    Rows(Security, "amd-sev", security.SEV),
    Rows(Security, "intel-tdx", security.TDX),
    Rows(Serial, "", serial.ROWS),
    Rows(TPM, "tpmstateN", tpm.ROWS),
    Rows(Tablet, "", input.ROWS),
    Rows(USB, "usbN", usb.ROWS),
    Rows(VM, "", controller.ROWS),
    Rows(VirtioFS, "virtiofsN", share.ROWS),
    Rows(Watchdog, "watchdog", watchdog.ROWS),
)

_DEVICE = frozenset(("address", "bootindex"))
"""`assign_keys` turns them into keys and a boot order, and says what moves."""


def _also(*names: str) -> frozenset[str]:
    return _DEVICE.union(names)


IMPLIED = {
    **dict.fromkeys((Audio, Balloon, IVSHMEM, RNG, Watchdog), _DEVICE),
    Agent: _also("socket", "port"),
    Balloon: _also("free_page_reporting", "stats_period"),
    Boot: frozenset(("menu", "reboot_timeout", "splash", "kernel", "initrd", "cmdline", "classes")),
    Controller: _also(
        *("type", "model", "hardware", "chassis_nr", "chassis", "port", "ports", "startport", "master", "builtin", "alias"),
        *("iothread", "served_by", "queues"),
    ),
    CPU: frozenset(("model", "words", "features", "kvm_off", "pv_eoi", "pv_unhalt", "enforce", "vendor", "migratable")),
    Disk: _also("bus", "served_by", "write_cache", "device_id", "cloudinit", "target", "outline"),
    Display: frozenset(("vnc", "vnc_socket", "spice", "spice_port", "spice_address", "egl", "vdagent")),
    Firmware: frozenset(("code", "code_format", "rom", "secure", "template", "target_code", "target_template", "fresh", "vars_size")),
    HostPCI: _also("ids", "multifunction", "mdev_uuid"),
    IOThread: frozenset(IOThread.__struct_fields__),
    Machine: frozenset(("pinned", "smm", "graphics", "pci_hotplug_bridge", "viommu_address", "irqchip_split")),
    Memory: frozenset(("static", "maximum", "slots", "dimms", "shared", "source", "pages", "spelled")),
    Meta: frozenset(("vmid", "title", "uuid")),
    NUMANode: frozenset(("id", "hugepage_mib")),
    Net: _also(
        *("running_mtu", "packed", "rx_queue_size", "tx_queue_size", "vhost", "ifname", "romfile", "hostname", "openvswitch", "network")
    ),
    Parallel: _also("port"),
    Security: frozenset(("cbitpos", "reduced_phys_bits", "policy")),
    Serial: _also("port"),
    Source: frozenset(Source.__struct_fields__),
    TPM: frozenset(("model",)),
    Tablet: _also("keyboard"),
    USB: _also("vendor", "product", "hostbus", "hostport", "spice"),
    Video: frozenset(Video.__struct_fields__),
    VirtioFS: _also("path"),
}
"""What follows from keys of a config (`resolve` fills it in); `unresolve` and `iothreads.recognise` compare, with findings of their own."""

KINDS = {Controller: {"ioeventfd": "host-lost"}}

LOST = FieldCoverage(TABLE, IMPLIED, "guest-lost", "no config has a place for it", KINDS)
