"""What is legal and hardly meant: threads without work, pins that get in each other's way, arguments that undo the config."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from ..core.report import Report
from ..data.gates import machine_has
from ..host.facts import HostFacts
from ..model.iothread import IOThread
from ..model.vm import VM

MAX_CPU = 8191
"""Sets with larger ids are not host's; the readers refuse them."""
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)


def lint(vm: VM, host: HostFacts, report: Report) -> None:
    """Law: the VM stays as it is. `vm` has its keys, and its iothreads spread: as qemu-server would run it, or as XML describes it."""
    if vm.raw.words and not report.clean:
        _cpu_in_args(vm, report)
    threads = vm.iothreads.threads
    if threads:
        _idle(vm, report)
    if threads or (host.cpus < MAX_CPU and (vm.cpu.affinity or vm.cpu.vcpupins)):
        _pins(vm, threads or [], host, report)


def _cpu_in_args(vm: VM, report: Report) -> None:
    words = vm.raw.words or []
    for option, value in pairwise(words):
        if option == "-cpu":
            given = vm.cpu.cputype or vm.cpu.model or "the default"
            message = f"args: -cpu {value} takes the place of cpu: {given} as a whole, with every flag that goes with it"
            report.add("lint", vm.raw.where, message, "say it by cpu, or by a custom model in cpu-models.conf")


def _idle(vm: VM, report: Report) -> None:
    """Threads that no device uses, and more of them than a device has queues."""
    devices = [(disk.key, disk.queues, disk.served_by, disk.where) for disk in vm.disks if disk.served_by]
    if vm.iothreads.pool is not None and not devices and not any(adapter.served_by for adapter in vm.controllers):
        message = f"iothreads: {vm.iothreads.pool} is a pool that no disk uses"
        report.add("lint", vm.iothreads.where, message, "set iothread=1 on virtio disks, or on scsi disks with scsihw: virtio-scsi-single")
    for key, said, served_by, where in devices:
        queues = said or queues_at_start(vm)
        if served_by and len(served_by) > queues:
            known = "" if said else " (one for each vCPU at start)"
            message = f"{key}: {len(served_by)} iothreads serve {queues} {'queue' if queues == 1 else 'queues'}{known}"
            report.add("lint", where, f"{message}: {len(served_by) - queues} of them idle", "take fewer iothreads, or more queues")


def queues_at_start(vm: VM) -> int:
    """Queues of a virtio disk or adapter that names none: QEMU gives it one for each CPU that the machine starts with."""
    machine, cpu = vm.machine, vm.cpu
    if machine.version is not None and not machine_has(machine.version, machine.pve or 0, "queue_per_vcpu"):
        return 1
    return 1 if cpu.hotplug else cpu.vcpus or (cpu.sockets or 1) * (cpu.cores or 1)


def _pins(vm: VM, threads: list[IOThread], host: HostFacts, report: Report) -> None:
    """CPUs that the host lacks, and iothreads on the CPUs of vCPUs."""
    named = {"affinity": (vm.cpu.affinity, vm.cpu.where)}
    named |= {f"vcpupin {n}": (pin, vm.cpu.where) for n, pin in (vm.cpu.vcpupins or {}).items()}
    named |= {f"iothread {thread.id}": (thread.iothreadpin, thread.where or vm.iothreads.where) for thread in threads}
    for name, (text, where) in named.items():
        beyond = cpu_bits(text) >> host.cpus
        if beyond:
            first = host.cpus + next(members(beyond))
            report.add("lint", where, f"{name} names host CPU {first}; the host has 0-{host.cpus - 1}", "change the set")
    of_vcpus = 0
    for pin in (vm.cpu.vcpupins or {}).values():
        of_vcpus |= cpu_bits(pin)
    of_vcpus = of_vcpus or cpu_bits(vm.cpu.affinity)
    for thread in threads:
        own = cpu_bits(thread.iothreadpin)
        both = own & of_vcpus
        if both and own != of_vcpus:
            message = f"iothread {thread.id} is pinned to host CPU {thread.iothreadpin}, and vCPUs run on {_shown(both)} of it as well"
            report.add("lint", thread.where or vm.iothreads.where, message, "keep them apart, or pin none")


def _shown(bits: int) -> str:
    ids = list(islice(members(bits), 5))
    return ", ".join(map(str, ids[:4])) + (" ..." if len(ids) > 4 else "")


def cpu_bits(text: str | None) -> int:
    """`0-2,5` as a number with a bit for each CPU, for there may be thousands of sets, each of thousands; what is no set is 0."""
    found = 0
    for part in (text or "").split(","):
        match = _RANGE.fullmatch(part.strip())
        if match and (last := int(match[2] or match[1])) <= MAX_CPU and (first := int(match[1])) <= last:
            found |= ((2 << last - first) - 1) << first
    return found


def members(bits: int) -> Iterator[int]:
    """The CPUs of a set, ascending."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low
