"""The machine that the guest gets (qemu-server 9.2.6, Machine.pm get_vm_machine, config_to_command; mapping-machine 3, 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ...core.report import BridgeError, Report, fields
from ...data import gates
from ...data.machines import (
    DEFAULT,
    SHORT,
    UNVERSIONED,
    VERSIONED,
    base_of,
    version_of,
    with_revision,
    without_revision,
)
from ...data.ostype import WINDOWS, windows_version
from ...host.facts import HostFacts
from ...model.machine import Machine
from ...model.vm import VM
from ..fill import fill, forget
from .cpu_flags import is_intel
from .disk import LAST_OLD_SCSI

HPET_SWITCH = frozenset({"i440fx", "q35"})
"""Boards with an HPET that can be switched off."""


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: the version, the revision and the board that qemu-server would choose for this VM on this host."""
    machine = vm.machine
    qemu = gates.qemu_version(host.qemu_version, host.qemu_server)
    shown = host.qemu_version or ".".join(map(str, qemu))
    if qemu < gates.OLDEST_BINARY:
        oldest = ".".join(map(str, gates.OLDEST_BINARY))
        raise BridgeError(f"Detected old QEMU binary ('{shown}', at least {oldest} is required)", machine.where)
    arch = machine.arch or host.arch
    if arch not in DEFAULT:
        raise BridgeError(f"don't know how to emulate architecture '{arch}'", machine.where)
    full = _full_type(vm, arch, qemu, host.qemu_server)
    said = version_of(full)
    version = said or (qemu[0], qemu[1], gates.highest_revision(qemu[:2], host.qemu_server))
    if len(qemu) > 2 and qemu[2] >= gates.RELEASE_CANDIDATE:
        report.add("warning", machine.where, f"Installed QEMU version ({shown}) is a release candidate, ignoring version checks")
    elif said is None and host.qemu_version is None:
        report.add("assumed", machine.where, f"the node's QEMU is not known, {shown} is taken", f"--host-fact qemu_version={shown}")
    elif said is not None:
        _check(full, version, qemu, shown, host, machine)
    base = base_of(machine.type or DEFAULT[arch])
    if base is None:
        raise BridgeError(f"unable to determine machine base type '{machine.type}'", machine.where)
    # A reader said what the name says; the revision of a name without a version comes from the host.
    machine = fill(machine, version=version[:2], pve=version[2], arch=arch, base=base, pinned=without_revision(full))
    return replace(vm, machine=fill(machine, **_defaults(vm, machine, host)))


def _full_type(vm: VM, arch: str, qemu: gates.Version, qemu_server: str | None) -> str:
    """The type with its +pve revision, as qemu-server names it in messages."""
    machine = vm.machine
    name = machine.running or machine.type or DEFAULT[arch]
    if name in UNVERSIONED:
        if windows_version(vm.meta.ostype):
            name = f"{VERSIONED[base_of(name) or 'i440fx']}-{_windows_pin(vm, qemu, qemu_server)}"
        else:
            name = f"{name}+pve{gates.highest_revision(qemu[:2], qemu_server)}"
    return with_revision(name)


def _windows_pin(vm: VM, qemu: gates.Version, qemu_server: str | None) -> str:
    """Windows is confused by new hardware: it stays at an old version, or at the one that it was made with."""
    pin = gates.WINDOWS_PIN
    if vm.meta.creation_qemu is not None:
        created = _created(vm)
        if gates.binary_has(created, "windows_pin_to_creation"):
            pin = created[:2]
    if qemu[:2] >= pin:
        return f"{pin[0]}.{pin[1]}"
    revision = gates.highest_revision(qemu[:2], qemu_server)
    return f"{qemu[0]}.{qemu[1]}" + (f"+pve{revision}" if revision else "")


def _created(vm: VM) -> gates.Version:
    """The QEMU that the VM was made with."""
    text = vm.meta.creation_qemu or ""
    try:
        return gates.version(".".join(text.split(".")[:4]))
    except ValueError:
        raise BridgeError(f"internal error: cannot check version of invalid string '{text}'", vm.meta.where) from None


def _check(full: str, version: tuple[int, int, int], qemu: gates.Version, shown: str, host: HostFacts, machine: Machine) -> None:
    upgrade = f"please upgrade node '{host.nodename}'" if host.nodename else "please upgrade the node"
    major, minor, pve = version
    if qemu < (major, minor):
        raise BridgeError(
            f"Installed QEMU version '{shown}' is too old to run machine type '{full}', {upgrade}", machine.where
        )
    highest = gates.highest_revision((major, minor), host.qemu_server)
    if pve > highest:
        raise BridgeError(
            f"Installed qemu-server (max feature level for {major}.{minor} is pve{highest}) is too old to run machine type '{full}',"
            f" {upgrade}",
            machine.where,
        )


def check_viommu(machine: Machine) -> None:
    """Raises BridgeError for a vIOMMU that qemu-server refuses; it does so late, so the writers call this."""
    if machine.viommu == "intel":
        if machine.base != "q35":
            raise BridgeError("to use Intel vIOMMU please set the machine type to q35", machine.where)
        if machine.aw_bits and machine.aw_bits not in (39, 48):
            raise BridgeError("Intel vIOMMU supports only 39 or 48 bits as address width", machine.where)
    if machine.aw_bits and not machine.viommu:
        raise BridgeError("cannot set aw-bits if no vIOMMU is configured", machine.where)


def has(machine: Machine, name: str) -> bool:
    """Whether the machine of a resolved VM has the feature of this gate."""
    return gates.machine_has(machine.version or (), machine.pve or 0, name)


def _defaults(vm: VM, machine: Machine, host: HostFacts) -> dict[str, Any]:
    """What qemu-server assumes of this board of the VM's, once its version is known."""
    board = machine.base in SHORT and machine.base != "virt"
    sleeps = True if board and not has(machine, "power_states_off") else False if board else None
    windows = windows_version(vm.meta.ostype)
    no_hpet = windows >= WINDOWS["wvista"] or (vm.meta.ostype == "l26" and has(machine, "l26_hpet_off"))
    return {
        "kvm": (machine.arch or host.arch) == host.arch,
        "acpi": True,
        "enable_s3": sleeps,
        "enable_s4": sleeps,
        "hpet": (not no_hpet) if machine.base in HPET_SWITCH else None,
        "allow_ksm": True,
        "reboot": True,
        "freeze": False,
        "pci_hotplug_bridge": _bridge_hotplug(vm, machine, host) if machine.base == "q35" else None,
        "irqchip_split": True if machine.viommu == "intel" or vm.security.intel_tdx else None,
    }


def _bridge_hotplug(vm: VM, machine: Machine, host: HostFacts) -> bool:
    """QEMU 6.1 turned it on for q35, which renames a Linux guest's NICs: VMs from before that keep it off."""
    if vm.meta.ostype != "l26" or (machine.type is not None and machine.type not in UNVERSIONED):
        return True
    running = version_of(machine.running) if machine.running else None
    created = _created(vm) if vm.meta.creation_qemu else None
    qemu = gates.qemu_version(host.qemu_version, host.qemu_server)
    young = created is not None and gates.binary_has(created, "bridge_hotplug_default")
    old_snapshot = running is not None and not gates.binary_has(running[:2], "bridge_hotplug_default")
    return young or old_snapshot or not gates.binary_has(qemu, "bridge_hotplug_default")


def pin(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: with display, firmware and devices known, the board's last switches and the revision that the used features need."""
    machine = fill(vm.machine, **_console(vm))
    pinned = f"{without_revision(machine.pinned or '')}+pve{_needed_revision(vm, host)}"
    return replace(vm, machine=replace(machine, pinned=pinned, filled=machine.filled | {"pinned"}))


def _console(vm: VM) -> dict[str, Any]:
    """Without a graphics card SeaBIOS talks to the serial port; with SMM it then hangs (should_disable_smm)."""
    card = vm.display.type
    headless = vm.display.videos == [] if card is None else card == "none" or card.startswith("serial")
    smm_off = headless and vm.machine.base != "virt" and vm.firmware.bios in (None, "seabios")
    return {"graphics": not headless, "smm": False if smm_off else None}


def _needed_revision(vm: VM, host: HostFacts) -> int:
    """The lowest +pve revision that has every feature this VM uses; a newer version than the feature's needs none."""
    pve = vm.machine.pve or 0
    revised = REVISED.get(vm.machine.version or (), ())
    return max((revision for revision, used in revised if pve >= revision and used(vm, host)), default=0)


def _raw_flash(vm: VM) -> bool:
    firmware = vm.firmware
    return firmware.bios == "ovmf" and not firmware.rom and (firmware.vars is None or firmware.format == "raw")


def _evmcs(vm: VM, host: HostFacts) -> bool:
    enlightened = windows_version(vm.meta.ostype) >= WINDOWS["win11"] and not vm.cpu.runningcpu
    return enlightened and is_intel(host) and bool(vm.machine.kvm) and vm.machine.arch == "x86_64"


USES: dict[str, Callable[[VM, HostFacts], bool]] = {
    "power_states_off": lambda vm, _: vm.machine.base != "virt",
    "host_mtu": lambda vm, _: bool(vm.nets),
    "efidisk_size": lambda vm, _: _raw_flash(vm),
    "rng": lambda vm, _: vm.rng is not None,
    "scsi_more_than_14": lambda vm, _: any(disk.bus == "scsi" and (disk.index or 0) > LAST_OLD_SCSI for disk in vm.disks),
    "hv_evmcs": _evmcs,
}
"""Feature that came with a +pve revision -> whether a VM uses it."""
REVISED = {
    since[:2]: [(gates.MACHINE[name][2], used) for name, used in USES.items() if gates.MACHINE[name][:2] == since[:2]]
    for since in map(gates.MACHINE.__getitem__, USES)
}
"""Machine version -> its revisions, each with the use that needs it."""


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: what `resolve` would fill in again is unsaid; a switch that no option holds is a finding."""
    machine = _named(vm, host, report)
    qemu = gates.qemu_version(host.qemu_version, host.qemu_server)
    machine = fill(machine, version=qemu[:2], pve=gates.highest_revision(qemu[:2], host.qemu_server))
    _report_missing(machine, host, report)
    if machine.arch == host.arch:
        machine = forget(machine, "arch")
    usual = _defaults(vm, machine, host) | _console(vm)
    for name, option in SWITCHES.items():
        value = getattr(machine, name)
        assumed = name != "irqchip_split" if usual.get(name) is None else usual[name]
        if value is not None and value != assumed:
            hidden = name == "smm" and machine.acpi is False  # only ACPI would show the guest
            kind = "normalised" if hidden else "guest-changed"
            message = f"{option}={'on' if value else 'off'} has no option"
            report.mend(kind, machine.where, message, SWITCH_ARGS[name][value], about=fields(machine, name))
    report.mark(fields(machine, *SWITCHES))  # held against what QEMU assumes, which the model does not say
    if usual.get("graphics") is False and machine.graphics is None and machine.base != "virt":
        message = "without a graphics card the firmware talks to the serial port under qemu-server, and SeaBIOS does so without SMM"
        report.add("normalised", vm.display.where, message, "args: -machine graphics=on,smm=on")
    same = [name for name, value in usual.items() if value is not None and getattr(machine, name) == value]
    machine = forget(machine, "pinned", *SWITCHES, *same)
    if machine.type == DEFAULT.get(machine.arch or host.arch) and all(getattr(machine, name) is None for name in BESIDE_TYPE):
        machine = forget(machine, "type")
    return replace(vm, machine=machine)


BESIDE_TYPE = ("viommu", "aw_bits", "enable_s3", "enable_s4")
"""What else stands in `machine`."""


SWITCHES = {
    "hpet": "hpet",
    "smm": "smm",
    "graphics": "graphics",
    "irqchip_split": "kernel-irqchip-split",
    "pci_hotplug_bridge": "acpi-pci-hotplug-with-bridge-support",
}
"""Fields that only other options imply."""
SWITCH_ARGS = {
    "hpet": {True: ("-machine", "hpet=on"), False: ("-machine", "hpet=off")},
    "smm": {True: ("-machine", "smm=on"), False: ("-machine", "smm=off")},
    "graphics": {True: ("-machine", "graphics=on"), False: ("-machine", "graphics=off")},
    "irqchip_split": {True: ("-machine", "kernel-irqchip=split"), False: ("-machine", "kernel-irqchip=on")},
    "pci_hotplug_bridge": {
        True: ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=on"),
        False: ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"),
    },
}


def _report_missing(machine: Machine, host: HostFacts, report: Report) -> None:
    """A type that the node's QEMU, where that is known, has no longer or not yet."""
    if host.qemu_version is None or machine.base not in VERSIONED or machine.type in UNVERSIONED or not machine.version:
        return
    oldest, newest = gates.machine_range(machine.base, gates.qemu_version(host.qemu_version, host.qemu_server))
    if not oldest <= machine.version <= newest:
        which, near = ("oldest", oldest) if machine.version < oldest else ("newest", newest)
        name = f"{VERSIONED[machine.base]}-{near[0]}.{near[1]}"
        report.add(
            "machine-missing",
            machine.where,
            f"QEMU {host.qemu_version} has no machine {machine.type}: the {which} one is {name}",
            f"--machine {name}, which the guest will notice",
        )


def _named(vm: VM, host: HostFacts, report: Report) -> Machine:
    """The type as a config says it. Where qemu-server would take a bare `pc` or `q35` for an old machine, the version is said;
    not where it was taken for one, which `resolve` does again."""
    machine = vm.machine
    if machine.type not in UNVERSIONED or machine.base is None or "version" in machine.filled:
        return machine
    if windows_version(vm.meta.ostype) or (machine.pci_hotplug_bridge and not _bridge_hotplug(vm, machine, host)):
        qemu = gates.qemu_version(host.qemu_version, host.qemu_server)
        name = f"{VERSIONED[machine.base]}-{qemu[0]}.{qemu[1]}"
        report.add(
            "normalised", machine.where, f"machine {machine.type} is pinned to {name}, as qemu-server takes it for an older one here"
        )
        return replace(machine, type=name, version=qemu[:2], pve=0)
    return machine
