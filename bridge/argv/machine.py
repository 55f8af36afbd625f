"""The machine: what starts QEMU, the board's switches and `-machine` (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.report import Report
from ..core.rows import Row
from ..data.firmware import PICTURE
from ..data.gates import QEMU_SERVER, RFC_IOTHREADS, SAME_SINCE, binary_has, machine_has, qemu_version, release_of
from ..data.machines import BINARY, NATIVE_BINARY, POWER_OBJECT
from ..host.facts import HostFacts
from ..model.machine import Machine
from ..model.vm import VM
from ..passes.resolve.machine import check_viommu
from .cpu import affinity_words
from .emit import Command

RUN = "/var/run/qemu-server"
SHARE = "/usr/share/qemu-server"
ROWS = (
    *(Row(field, "-machine type", code=True) for field in ("type", "running", "base", "version", "pve", "pinned")),
    Row("arch", "/usr/bin/qemu-system-aarch64", code=True),
    Row("kvm", "-machine accel", code=True),
    Row("acpi", "-machine acpi", code=True),
    Row("enable_s3", "-global disable_s3", code=True),
    Row("enable_s4", "-global disable_s4", code=True),
    Row("hpet", "-machine hpet", code=True),
    Row("smm", "-machine smm", code=True),
    Row("graphics", "-nographic", code=True),
    Row("pci_hotplug_bridge", "-global acpi-pci-hotplug-with-bridge-support", code=True),
    Row("viommu", "driver", code=True),
    Row("aw_bits", "aw-bits", code=True),
    Row("irqchip_split", "-machine kernel-irqchip", code=True),
    Row("allow_ksm", "-machine mem-merge", code=True),
    Row("reboot", "-no-reboot", code=True),
    Row("freeze", "-S", code=True),
)
TABLE = (Rows(Machine, "", ROWS),)


def start(vm: VM, command: Command, host: HostFacts) -> None:
    """From the binary to -daemonize; host plumbing that no guest sees."""
    machine, vmid = vm.machine, command.vmid
    qemu = qemu_version(host.qemu_version, host.qemu_server)
    words = command.options
    words += affinity_words(vm)
    words.append(NATIVE_BINARY if machine.arch == host.arch else BINARY[machine.arch or host.arch])
    name = vm.meta.name or f"vm{vmid}"
    always = host.qemu_server != RFC_IOTHREADS and binary_has(qemu, "debug_threads_always")  # the RFC's tree is older than QEMU 11
    threads = "" if always else ",debug-threads=on"
    words += ("-id", str(vmid), "-name", name + threads, "-no-shutdown")
    words += ("-chardev", f"socket,id=qmp,path={RUN}/{vmid}.qmp,server=on,wait=off", "-mon", "chardev=qmp,mode=control")
    if machine_has(machine.version or (), machine.pve or 0, "qmp_event"):
        reconnect = "reconnect-ms=5000" if binary_has(qemu, "reconnect_ms") else "reconnect=5"
        words += ("-chardev", f"socket,id=qmp-event,path=/var/run/qmeventd.sock,{reconnect}", "-mon", "chardev=qmp-event,mode=control")
    words += ("-pidfile", f"{RUN}/{vmid}.pid", "-daemonize")


def chipset(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    machine = vm.machine
    if machine.base == "q35":
        native = machine_has(machine.version or (), machine.pve or 0, "pcie_root_port")
        command.devices += ("-readconfig", f"{SHARE}/pve-q35-4.0.cfg" if native else f"{SHARE}/pve-q35.cfg")
    if machine.pci_hotplug_bridge is False:
        command.options += ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")


def switches(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    words = command.options
    words += ("-nodefaults", "-boot", f"menu=on,strict=on,reboot-timeout=1000,splash={PICTURE}")
    if vm.machine.acpi is False:
        command.machine_flags.append("acpi=off")
    if vm.machine.reboot is False:
        words.append("-no-reboot")


def paused(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    if vm.machine.freeze:
        command.options.append("-S")


def flags(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    """Accelerator, power states, SMM, type, vIOMMU."""
    machine, flags = vm.machine, command.machine_flags
    if not machine.kvm:
        flags.append("accel=tcg")
    power = POWER_OBJECT.get(machine.base or "")
    if power:
        for name, on in (("disable_s3", machine.enable_s3), ("disable_s4", machine.enable_s4)):
            if on is False:
                command.options += ("-global", f"{power}.{name}=1")
    if machine.smm is False:
        flags.append("smm=off")
    flags.append(f"type={machine.pinned}")
    check_viommu(machine)
    if not machine.viommu:
        return
    width = f",aw-bits={machine.aw_bits}" if machine.aw_bits else ""
    if machine.viommu == "intel":
        command.devices[:0] = ("-device", f"intel-iommu,intremap=on,caching-mode=on{width}")
        flags.append("kernel-irqchip=split")
    else:
        command.device(f"virtio-iommu-pci{width}")


def sharing(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    if vm.machine.allow_ksm is False:
        command.machine_flags.append("mem-merge=off")


def report_release(host: HostFacts, report: Report) -> None:
    """What of an older release is not known word by word."""
    release = release_of(host.qemu_server)
    if release is not None and release < SAME_SINCE:
        message = (
            f"qemu-server {host.qemu_server}: MTUs, +pve revisions, script paths and CPU flags are its own; the place of aio= in -drive,"
            f" the -drive of CD drives and the devices of templates are those of {QEMU_SERVER} and may differ"
        )
        report.add("ambiguous", None, message, f"compare with: qm showcmd VMID, or name {QEMU_SERVER}")


def rfc(host: HostFacts) -> bool:
    """The command line of the shared-iothreads RFC is wanted."""
    return host.qemu_server == RFC_IOTHREADS
