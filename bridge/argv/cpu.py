"""taskset, -smp, hot-plugged CPUs and -cpu."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.cpu import CPU
from ..model.vm import VM
from .emit import Command

ROWS = (
    *(Row(field, "-cpu", code=True) for field in ("cputype", "model", "words", "flags", "features", "runningcpu")),
    Row("hyperv", "-cpu hv_", code=True),
    Row("hidden", "-cpu kvm=off", code=True),
    Row("kvm_off", "-cpu kvm=off", code=True),
    Row("hv_vendor_id", "-cpu hv_vendor_id", code=True),
    Row("pv_eoi", "-cpu kvm_pv_eoi", code=True),
    Row("pv_unhalt", "-cpu kvm_pv_unhalt", code=True),
    Row("enforce", "-cpu enforce", code=True),
    Row("vendor", "-cpu vendor", code=True),
    Row("level", "-cpu level", code=True),
    Row("phys_bits", "-cpu phys-bits", code=True),
    Row("guest_phys_bits", "-cpu guest-phys-bits", code=True),
    Row("sockets", "-smp sockets", code=True),
    Row("smp", "-smp sockets", code=True),
    Row("cores", "-smp cores", code=True),
    Row("vcpus", "-smp", code=True),
    Row("hotplug", "socket-id", code=True),
    Row("affinity", "taskset --cpu-list", code=True),
)
TABLE = (Rows(CPU, "", ROWS),)


def affinity_words(vm: VM) -> list[str]:
    """What stands before the binary. To qemu-server the set `0` is no set."""
    affinity = vm.cpu.affinity
    return ["/usr/bin/taskset", "--cpu-list", "--all-tasks", affinity] if affinity not in (None, "", "0") else []


def write_smp(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    """-smp; with CPU hotplug one CPU, and the others as devices."""
    cpu = vm.cpu
    sockets, cores = cpu.sockets or cpu.smp or 1, cpu.cores or 1
    most = sockets * cores
    count = cpu.vcpus or most
    topology = f"sockets={sockets},cores={cores},maxcpus={most}"
    if not cpu.hotplug:
        command.options += ("-smp", f"{count},{topology}")
        return
    command.options += ("-smp", f"1,{topology}")
    for n in range(2, count + 1):
        socket, core = divmod(n - 1, cores)
        device = f"{cpu.model}-x86_64-cpu,id=cpu{n},socket-id={socket},core-id={core},thread-id=0"
        command.options += ("-device", device)


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001
    """-cpu: model, level, flags by name, then the address bits."""
    cpu = vm.cpu
    if cpu.runningcpu is not None:
        command.options += ("-cpu", cpu.runningcpu)
        return
    command.options += ("-cpu", cpu_text(vm))


def cpu_text(vm: VM) -> str:
    cpu = vm.cpu
    words = cpu.words or {}
    parts = [cpu.model or ""]
    if cpu.level is not None and vm.machine.arch == "x86_64":
        parts.append(f"level={cpu.level}")
    parts += [words[name] for name in sorted(words)]
    if cpu.guest_phys_bits:
        parts.append(f"guest-phys-bits={cpu.guest_phys_bits}")
    if cpu.phys_bits:
        parts.append("host-phys-bits=true" if cpu.phys_bits == "host" else f"phys-bits={cpu.phys_bits}")
    return ",".join(parts)
