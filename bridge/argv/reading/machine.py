"""-machine, -accel, the board's switches of -global, vIOMMU, and how the process runs."""

from __future__ import annotations

import re
from functools import partial

from ...core.report import BridgeError
from ...data.machines import BINARY, DEFAULT, NATIVE_BINARY, POWER_OBJECT, base_of, version_of, without_revision
from ...data.qemu import KVM_PROGRAM
from ...model.machine import Machine
from ...model.part import PCIAddress
from .line import Line
from .said import Said

_PROGRAM = re.compile(r"qemu-system-([a-z0-9_]+)").fullmatch
BRIDGE_HOTPLUG = "ICH9-LPC.acpi-pci-hotplug-with-bridge-support"
NO_REBOOT = "ICH9-LPC.noreboot"
I386 = frozenset(("i386", "x86_64"))


def merged(line: Line, *names: str) -> Said | None:
    """Several options of a name are one to QEMU; what a later one says wins."""
    found = line.all(*names)
    if not found:
        return None
    first = found[0]
    for option in found[1:]:
        first.properties |= option.properties
        first.order += option.order
        option.take_all()
    first.claim()
    return first


def read(line: Line) -> None:
    said = merged(line, "machine", "M")
    machine = line.vm.machine = Machine(where=said or line.file)
    machine.arch = _arch(line)
    _read_type(line, said, machine)
    _read_accel(line, said, machine)
    acpi = None if said is None else said.flag("acpi")
    machine.acpi = acpi is not False and line.flag("no-acpi") is None
    if machine.base in ("i440fx", "q35"):
        hpet = None if said is None else said.flag("hpet")
        machine.hpet = (True if hpet is None else hpet) and line.flag("no-hpet") is None
    if said is not None:
        machine.smm = said.flag("smm")
        machine.graphics = said.flag("graphics")
        if said.flag("mem-merge") is False:
            machine.allow_ksm = False
        if (core := said.take("dump-guest-core")) is not None and not (line.is_libvirt and core == "off"):
            line.report.add("host-lost", said, f"dump-guest-core={core}: what a dump of the process holds is the host's affair")
        said.expect("vmport", "on", "auto")
        said.expect("usb", "off")
    _read_power(line, machine)
    _read_action(line, machine)
    if line.flag("no-reboot") is not None:
        machine.reboot = False
    if line.flag("S") is not None and not line.is_libvirt:  # libvirt starts every domain so, and lets it run
        machine.freeze = True
    if machine.base == "q35":
        machine.pci_hotplug_bridge = line.global_(BRIDGE_HOTPLUG, "off", "on") != "off"
        noreboot = line.global_(NO_REBOOT, "off", "on")
        machine.itco = None if noreboot is None else noreboot == "off"


def _arch(line: Line) -> str:
    name = line.program.rpartition("/")[2]
    match = _PROGRAM(name)
    if match is None or line.program == NATIVE_BINARY:
        return line.host.arch
    arch = "x86_64" if match[1] in I386 else match[1]
    if arch not in BINARY:
        raise BridgeError(f"qemu-server has no machines of architecture '{arch}'", f"{line.file} ({line.program})")
    if match[1] == "i386":
        line.report.add("added", line.vm.machine.where, "a 32-bit machine (i386) becomes x86_64: the CPU has long mode if its model has it")
    return arch


def _read_type(line: Line, said: Said | None, machine: Machine) -> None:
    name = said.take("type") if said is not None else None
    if name is None:
        name = DEFAULT[machine.arch or "x86_64"]
    version = version_of(name)
    if version is not None and version[2] and line.is_pve:
        machine.type = name.removesuffix(".pxe")
    else:
        machine.type = without_revision(name)
    if name.endswith(".pxe"):
        machine.pxe = True
        machine.type = f"{machine.type}.pxe"
    machine.base = base_of(machine.type)
    if machine.base is None or name == "pc-0.10":
        near = DEFAULT[machine.arch or "x86_64"]
        line.report.add(
            "guest-changed", said, f"machine '{name}' has no counterpart here: '{near}' is the nearest", "check that the guest starts"
        )
        machine.type, machine.base = near, base_of(near)
    if version is not None:
        machine.version, machine.pve = version[:2], version[2]


ACCEL_HOST = ("dirty-ring-size", "eager-split-size", "one-insn-per-tb", "split-wx", "tb-size", "thread")
"""Properties of an accelerator that are not part of the machine."""


def _read_accel(line: Line, said: Said | None, machine: Machine) -> None:
    """The first that is named; QEMU's own default is TCG, but for programs that are called after KVM."""
    accel = line.all("accel")
    for option in accel:
        option.claim()
    named = accel[0].take("accel") if accel else None
    for option in accel[1:]:
        message = f"accelerator '{option.take('accel')}' stands in where the first is missing; here that alone counts"
        line.report.add("host-lost", option, message)
    inner = (said.take("accel") if said is not None else None) or ""
    first, *others = inner.split(":")
    for other in others if not named else ():
        message = f"accelerator '{other[:40]}' stands in where {first} is missing; here {first} alone counts"
        line.report.add("host-lost", said, message)
    named = named or first or None
    if line.flag("enable-kvm") is not None:
        named = named or "kvm"
    if named is None:
        named = "kvm" if line.program.rpartition("/")[2] in KVM_PROGRAM or line.is_pve else "tcg"
    if named not in ("kvm", "tcg"):
        line.report.add("guest-changed", accel[0] if accel else said, f"Linux has no accelerator '{named}': the guest runs with KVM")
        named = "kvm"
    machine.kvm = named == "kvm"
    for option in accel:
        for name in ACCEL_HOST:
            if (value := option.take(name)) is not None:
                line.report.add("host-lost", option, f"{name}={value} of -accel: how the host runs the guest has no form here")
    _read_irqchip(machine, [*([] if said is None else [said]), *accel])


def _read_irqchip(machine: Machine, options: list[Said]) -> None:
    for option in options:
        for name in ("kernel-irqchip", "kernel_irqchip"):
            if option.peek(name) == "split":
                option.take(name)
                machine.irqchip_split = True
            else:
                option.expect(name, "on")


def _read_action(line: Line, machine: Machine) -> None:
    """-action: what QEMU does when the guest reboots, ends or crashes."""
    for option in line.all("action"):
        option.claim()
        if option.peek("reboot") == "shutdown":
            option.take("reboot")
            machine.reboot = False
        option.expect("reboot", "reset")
        option.expect("shutdown", "poweroff")
        option.expect("panic", "shutdown")


def _read_power(line: Line, machine: Machine) -> None:
    board = POWER_OBJECT.get(machine.base or "")
    if board is None or machine.base == "virt":
        return
    for field, name in (("enable_s3", "disable_s3"), ("enable_s4", "disable_s4")):
        setattr(machine, field, line.global_(f"{board}.{name}", "0", "1") != "1")


def read_iommu(line: Line) -> None:
    machine = line.vm.machine
    for device in line.of("intel-iommu", "virtio-iommu-pci"):
        said = device.said
        device.taken = True
        if machine.viommu is not None:
            raise BridgeError("two vIOMMUs: a machine has one", said)
        machine.viommu = "intel" if device.driver == "intel-iommu" else "virtio"
        machine.aw_bits = said.number("aw-bits")
        if isinstance(device.address, PCIAddress):
            machine.viommu_address = device.address
        if machine.viommu == "intel":
            for name in ("intremap", "caching-mode"):
                if said.peek(name) != "on":
                    have = said.take(name) or "unset"
                    message = f"the vIOMMU has {name} {have}; qemu-server turns it on"
                    line.late.append(partial(line.report.add, "guest-changed", said, message))
                else:
                    said.take(name)
    if machine.viommu == "intel" and machine.irqchip_split is None and line.is_pve:
        machine.irqchip_split = True
