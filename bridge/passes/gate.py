"""What the target host's libvirt and QEMU can do."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from ..core.report import Report
from ..data.cpus import LATER_IN_QEMU
from ..data.gates import CPU_MODELS, Target, machine_range
from ..data.machines import VERSIONED, without_revision
from ..model.controller import Controller
from ..model.cpu import CPU
from ..model.disk import Disk
from ..model.hostpci import HostPCI
from ..model.machine import Machine
from ..model.security import Security
from ..model.vm import VM

D = TypeVar("D", Disk, Controller)


def gate(vm: VM, target: Target, report: Report) -> VM:
    """Law: what stays is known to the target; what does not stay has a finding; a younger target never loses more, but for machine
    types that QEMU drops with the years."""
    _machine(vm.machine, target, report)
    _security(vm.security, target, report)
    disks = [_one_thread(disk, n, target.has("iothread_mapping_blk"), report) for n, disk in enumerate(vm.disks)]
    controllers = [_one_thread(controller, n, target.has("iothread_mapping_scsi"), report) for n, controller in enumerate(vm.controllers)]
    if not target.has("discard_no_unref"):
        disks = [_unref(disk, report) for disk in disks]
    hostpcis = vm.hostpcis
    if not target.has("vfio_migration"):
        hostpcis = [_unmovable(device, report) for device in hostpcis]
    machine = vm.machine
    if machine.viommu == "virtio" and machine.aw_bits and not target.has("viommu_width"):
        message = f"QEMU {_shown(target)} gives the virtio vIOMMU a width of its own, not {machine.aw_bits} bits"
        report.add("guest-changed", machine.where, message)
        machine = replace(machine, aw_bits=None)
    return replace(vm, disks=disks, controllers=controllers, hostpcis=hostpcis, machine=machine, cpu=_cpu(vm.cpu, target, report))


def _shown(target: Target) -> str:
    return ".".join(map(str, target.qemu))


def _machine(machine: Machine, target: Target, report: Report) -> None:
    """A type that the target's QEMU has no longer, or not yet: it is written all the same, as nothing else is the same machine."""
    if machine.base not in VERSIONED or machine.version is None:
        return
    oldest, newest = machine_range(machine.base, target.qemu)
    if oldest <= machine.version <= newest:
        return
    which, near = ("oldest", oldest) if machine.version < oldest else ("newest", newest)
    name = without_revision(machine.pinned or "")
    if "-" not in name:
        name = f"{VERSIONED[machine.base]}-{machine.version[0]}.{machine.version[1]}"
    near_name = f"{VERSIONED[machine.base]}-{near[0]}.{near[1]}"
    report.add(
        "machine-missing",
        machine.where,
        f"QEMU {_shown(target)} has no machine {name}: the {which} one is {near_name}",
        f"take {'an older' if which == 'oldest' else 'a younger'} QEMU, or --machine {near_name}, which the guest will notice",
    )


def _security(security: Security, target: Target, report: Report) -> None:
    """Protection is never taken away: what the target's QEMU does not know it refuses to start with."""
    for said, gate_name, what in (
        (security.amd_sev == "snp", "sev_snp_object", "SEV-SNP"),
        (bool(security.intel_tdx), "tdx_object", "TDX"),
    ):
        if said and not target.has(gate_name):
            report.add("guest-lost", security.where, f"QEMU {_shown(target)} has no {what}: the VM does not start", "take a younger QEMU")


def _cpu(cpu: CPU, target: Target, report: Report) -> CPU:
    if cpu.runningcpu is not None:
        return cpu
    if target.qemu < CPU_MODELS.get(cpu.model or "", (0,)):
        message = f"QEMU {_shown(target)} has no CPU {cpu.model}: the VM does not start"
        report.add("guest-lost", cpu.where, message, "take a younger QEMU, or another cpu")
    if cpu.guest_phys_bits and not target.has("guest_phys_bits"):
        report.add("guest-changed", cpu.where, f"QEMU {_shown(target)} knows no guest-phys-bits={cpu.guest_phys_bits}: left out")
        cpu = replace(cpu, guest_phys_bits=None)
    if cpu.features and not target.has("cpu_later_features") and (later := LATER_IN_QEMU & cpu.features.keys()):
        wanted = [name for name in sorted(later) if cpu.features[name]]
        if wanted:
            report.add("guest-lost", cpu.where, f"QEMU {_shown(target)} does not know the CPU features {', '.join(wanted)}: left out")
        features = {name: state for name, state in cpu.features.items() if name not in later}
        words = {name: word for name, word in (cpu.words or {}).items() if name.replace("_", "-") not in later}
        cpu = replace(cpu, features=features, words=words)
    return cpu


def _unmovable(device: HostPCI, report: Report) -> HostPCI:
    if not device.enable_migration:
        return device
    report.add("fallback", device.where, f"{device.key}: the target's QEMU decides by itself whether the device can migrate")
    return replace(device, enable_migration=None)


def _unref(disk: Disk, report: Report) -> Disk:
    source = disk.source
    if source is None or not source.discard_no_unref:
        return disk
    report.add("fallback", disk.where, f"{disk.key}: the target lets a qcow2 image give up clusters that are discarded, so it fragments")
    return replace(disk, source=replace(source, discard_no_unref=None))


def _one_thread(device: D, turn: int, mapping: bool, report: Report) -> D:
    """Without queue mapping a device has one thread; the devices take turns, so that all threads have work."""
    if mapping or device.served_by is None or len(device.served_by) < 2:
        return device
    by = device.served_by[turn % len(device.served_by)]
    report.add(
        "fallback",
        device.where,
        f"{device.key}: the target maps no queues to iothreads, iothread {by.iothread} alone serves it",
        "a younger libvirt maps them",
    )
    return replace(device, served_by=[by])
