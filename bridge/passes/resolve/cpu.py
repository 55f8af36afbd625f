"""The CPU that qemu-server would give: model, flags, enlightenments, topology (qemu-server 9.2.6, CPUConfig.pm; mapping-machine 5 to 7)."""

from __future__ import annotations

from msgspec.structs import replace

from ...core.report import BridgeError, Report, fields
from ...data.cpus import BITS_32, MODELS
from ...host.facts import HostFacts
from ...model.cpu import CPU
from ...model.vm import VM
from ..fill import fill, forget
from . import cpu_said
from .cpu_flags import (
    INTEL,
    Chosen,
    Platform,
    Words,
    choose,
    default_type,
    flag_words,
    meaning,
    platform,
    wants_evmcs,
    with_custom,
)


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Fills model, words and their meaning, sockets and cores; what was said stays as it is."""
    cpu, here = vm.cpu, platform(vm, host)
    chosen = choose(cpu.cputype, here.arch, here.kvm, host)
    if chosen is None:
        tell_missing(vm, host, report)
        chosen, cpu = Chosen(default_type(here.arch, here.kvm)), _without_type(cpu)
    if custom := chosen.custom:
        cpu = with_custom(cpu, custom)
    if host.cpu_vendor is None and cpu.runningcpu is None and wants_evmcs(here, host):
        message = f"whose CPUs the host has is not known, {INTEL} is taken"
        report.add("assumed", cpu.where, message, f"--host-fact cpu_vendor={INTEL}, or AuthenticAMD")
    words = flag_words(chosen, cpu, here, host, report)
    _warn(chosen.model, cpu, words, here, host, report)
    can_plug = "cpu" in hotplug_features(vm.machine.hotplug) and here.machine_has("cpu_hotplug")
    means = meaning(words)
    cpu = fill(cpu, model=chosen.model, words=words, sockets=cpu.smp or 1, cores=1, hotplug=can_plug, **means)
    return replace(vm, cpu=cpu)


def tell_missing(vm: VM, host: HostFacts, report: Report) -> None:
    """The finding of a custom model that the host facts do not hold."""
    here = platform(vm, host)
    if choose(vm.cpu.cputype, here.arch, here.kvm, host) is None:
        message = f"the CPU model '{vm.cpu.cputype}' is not in cpu-models.conf, so the VM gets qemu-server's default CPU"
        report.add("resource-unknown", vm.cpu.where, message, "give the node's cpu-models.conf among the host facts")


def _without_type(cpu: CPU) -> CPU:
    """qemu-server drops the whole `cpu` line of a type that it does not know."""
    return replace(cpu, cputype=None, flags=None, hidden=None, hv_vendor_id=None, phys_bits=None, guest_phys_bits=None, level=None)


def check_firmware(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: the VM stays as it is; OVMF on a 32-bit CPU is refused, before anything else about the firmware."""
    cpu = vm.cpu
    if vm.firmware.bios != "ovmf" or cpu.runningcpu is not None:
        return vm
    here = platform(vm, host)
    if here.arch == "x86_64":
        chosen = choose(cpu.cputype, here.arch, here.kvm, host)
        if chosen is not None and chosen.model in BITS_32:
            raise BridgeError("OVMF (UEFI) BIOS is not supported on 32-bit CPU types", cpu.where)
    return vm


def check_count(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: the VM stays as it is. Raises BridgeError for more vCPUs than the host has CPUs."""
    cpu = vm.cpu
    if (cpu.sockets or cpu.smp or 1) * (cpu.cores or 1) > host.cpus:
        raise BridgeError(f"MAX {host.cpus} vcpus allowed per VM on this node", cpu.where)
    return vm


def check_hotplug(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: the VM stays as it is. Raises BridgeError for CPUs that would have to be plugged in."""
    cpu = vm.cpu
    if cpu.hotplug and vm.machine.arch != "x86_64" and (cpu.vcpus or (cpu.sockets or 1) * (cpu.cores or 1)) > 1:
        raise BridgeError("Hotplug of non x86_64 CPU not yet supported", cpu.where)
    return vm


def check_model(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: the VM stays as it is. Raises BridgeError if the architecture has no such model."""
    check_known(vm, host.arch)
    return vm


def check_known(vm: VM, host_arch: str | None) -> None:
    """Raises BridgeError if the architecture has no such model. `host_arch` None: not known, so `host` is taken on trust."""
    model, arch = vm.cpu.model, vm.machine.arch or "x86_64"
    if vm.cpu.runningcpu is None and model not in MODELS[arch] and not (model == "host" and host_arch in (None, arch)):
        raise BridgeError(f"CPU model '{model}' does not exist for configured vCPU architecture '{arch}'", vm.cpu.where)


def _warn(model: str, cpu: CPU, words: Words, here: Platform, host: HostFacts, report: Report) -> None:
    if cpu.level is not None and here.arch != "x86_64":
        report.add("warning", cpu.where, f"CPU 'level' property is ignored for architecture '{here.arch}'")
    bits = cpu.phys_bits
    if bits is None or model not in ("qemu64", "kvm64") or not here.ovmf:
        return
    wide = (host.phys_address_bits or 0) > 40 if bits == "host" else int(bits) > 40
    if wide and words.get("pdpe1gb") != "+pdpe1gb":
        message = "OVMF firmware might limit CPU 'phys-bits' to 40"
        report.add("warning", cpu.where, message, "enable the 'pdpe1gb' CPU flag")


_HOTPLUG_DEFAULT = frozenset(("network", "disk", "usb"))


def hotplug_features(text: str | None) -> frozenset[str]:
    """What `hotplug` switches on."""
    if text is None or text == "1":
        return _HOTPLUG_DEFAULT
    if text == "0":
        return frozenset()
    return frozenset(text.replace(";", ",").replace(" ", ",").split(","))


DERIVED = ("model", "words", "features", "hyperv", "kvm_off", "pv_eoi", "pv_unhalt", "enforce", "vendor", "migratable", "hotplug")


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: resolve(unresolve(resolve(vm))) == resolve(vm); the CPU that qemu-server would give by itself is unsaid."""
    cpu, machine = vm.cpu, vm.machine
    if "model" in cpu.filled:
        return replace(vm, cpu=forget(cpu, *cpu.filled))
    if cpu.features is None:
        return vm
    if cpu.hotplug:
        machine = replace(machine, hotplug=with_hotplug(machine.hotplug, "cpu"))
    _report_threads(cpu, report)
    cpu = forget(_topology(cpu_said.said(vm, host, report)), *DERIVED, "threads", "dies")
    return replace(vm, cpu=cpu, machine=machine)


def _report_threads(cpu: CPU, report: Report) -> None:
    """Threads and dies, which are cores to a config."""
    counts = {name: count for name in ("dies", "threads") if (count := getattr(cpu, name) or 1) > 1}
    if not counts:
        return
    cores = cpu.cores or 1
    for count in counts.values():
        cores //= count
    words = ",".join(f"{name}={count}" for name, count in {**counts, "cores": cores}.items())
    told = " and ".join(f"{count} {name}" for name, count in counts.items())
    times = cpu.cores // cores if cpu.cores else 1
    message = f"a config knows no {' or '.join(counts)}: the guest sees {told} as {times} times as many cores"
    report.mend("guest-changed", cpu.where, message, ["-smp", words], about=fields(cpu, "threads", "dies", "cores", "sockets", "smp"))


def _topology(cpu: CPU) -> CPU:
    most = (cpu.sockets or 1) * (cpu.cores or 1)
    return replace(
        cpu,
        sockets=cpu.sockets if cpu.sockets != 1 else None,
        cores=cpu.cores if cpu.cores != 1 else None,
        vcpus=cpu.vcpus if cpu.vcpus != most else None,
    )


def with_hotplug(text: str | None, feature: str) -> str:
    """`hotplug` with one feature more."""
    have = hotplug_features(text)
    if feature in have:
        return text or ""
    names = ("network", "disk", "usb", "memory", "cpu", "cloudinit")
    return ",".join(name for name in names if name in have or name == feature)
