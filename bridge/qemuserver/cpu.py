"""cpu, sockets, cores, vcpus and the host's share for them, in a config."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.report import fields
from ..core.rows import Row
from ..model.cpu import CPU
from ..model.vm import VM
from .section import ConfigSection, Lines, read_keys, read_rows, write_keys, write_rows

ROWS = (
    Row("cputype", "cputype"),
    Row("flags", "flags"),
    Row("guest_phys_bits", "guest-phys-bits"),
    Row("hidden", "hidden"),
    Row("hv_vendor_id", "hv-vendor-id"),
    Row("level", "level"),
    Row("phys_bits", "phys-bits"),
)
"""Sub-options of `cpu`."""

NUMBERS = (
    Row("sockets", "sockets"),
    Row("cores", "cores"),
    Row("vcpus", "vcpus"),
    Row("cpuunits", "cpuunits"),
)
SMP = (Row("smp", "smp"),)
"""qemu-server turns it into sockets when it writes (config-grammar 7)."""
TEXTS = (Row("affinity", "affinity"), Row("cpulimit", "cpulimit"), Row("runningcpu", "runningcpu"))
"""Top-level keys."""
IMPLIED = (Row("hyperv", "ostype", code=True), Row("hotplug", "hotplug", code=True))
"""What keys of other kinds say about the CPU."""
LOST = (
    *(Row(field, "", code=True, finding="guest-changed") for field in ("threads", "dies")),
    *(Row(field, "", code=True, finding="host-lost") for field in ("vcpupins", "emulatorpin")),
)
"""What no config says; `write` names it."""
TABLE = (
    Rows(CPU, "cpu", ROWS, ("model", "words", "features", "kvm_off", "pv_eoi", "pv_unhalt", "enforce", "vendor", "migratable")),
    Rows(CPU, "", (*NUMBERS, *SMP, *TEXTS, *IMPLIED, *LOST)),
)


def read(section: ConfigSection, vm: VM) -> None:
    cpu = vm.cpu
    if said := section.props("cpu"):
        cpu.where = section.line("cpu")
        for field, value in read_rows(said, ROWS).items():
            setattr(cpu, field, value)
    for field, value in (read_keys(section.number, NUMBERS + SMP) | read_keys(section.text, TEXTS)).items():
        setattr(cpu, field, value)


def write(vm: VM, lines: Lines) -> None:
    cpu = vm.cpu
    lines.props("cpu", write_rows(cpu, ROWS))
    write_keys(lines, cpu, NUMBERS + TEXTS)
    _pins(vm, lines)


def _pins(vm: VM, lines: Lines) -> None:
    pins = [f"vcpu {n} on {cpus}" for n, cpus in (vm.cpu.vcpupins or {}).items()]
    if vm.cpu.emulatorpin is not None:
        pins.append(f"emulator on {vm.cpu.emulatorpin}")
    if pins:
        lines.report.add(
            "host-lost",
            vm.cpu.where,
            f"a config pins the whole VM only, so these pins are not carried: {'; '.join(pins)}",
            "set affinity to the CPUs that all of them may use",
            fields(vm.cpu, "vcpupins", "emulatorpin"),
        )
