"""domain@type, os/type, <features>' board switches, <pm>, on_reboot (mapping-machine 1, 3, 4, 11)."""

from __future__ import annotations

import re
from weakref import ref

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import YES_NO, Row
from ..data.gates import machine_has
from ..data.machines import DEFAULT, UNVERSIONED, VERSIONED, base_of, upstream, version_of, without_revision
from ..model.machine import Machine
from ..model.vm import VM
from ..passes.resolve.machine import check_viommu
from . import iommu
from .args import board
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("type", "os/type@machine", code=True),
    Row("arch", "os/type@arch", code=True),
    Row("kvm", "@type", code=True),
    Row("acpi", "features/acpi", code=True),
    Row("enable_s3", "pm/suspend-to-mem@enabled", code=True),
    Row("enable_s4", "pm/suspend-to-disk@enabled", code=True),
    Row("hpet", "clock/timer@present", code=True),
    Row("smm", "features/smm@state", code=True),
    Row("graphics", "qemu:commandline graphics=off", code=True),
    Row("pci_hotplug_bridge", "qemu:commandline acpi-pci-hotplug-with-bridge-support", code=True),
    *(Row(field, "os/type@machine", code=True) for field in ("running", "base", "version", "pve", "pinned")),
    Row("irqchip_split", "features/ioapic@driver", code=True),
    Row("viommu", "devices/iommu@model", code=True),
    Row("aw_bits", "devices/iommu/driver@aw_bits", code=True),
    Row("aw_bits", "qemu:override aw-bits", code=True),
    Row("viommu_address", "devices/iommu/address", code=True),
    Row("allow_ksm", "memoryBacking/nosharepages", code=True),
    Row("reboot", "on_reboot", code=True),
    Row("freeze", "", code=True, finding="not-applied"),
    Row("hotplug", "", code=True, finding="metadata-only"),
)
TABLE = (Rows(Machine, "", ROWS, ("pxe",)),)

NO_BRIDGE_HOTPLUG = ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")
NO_REBOOT_BY_ITCO = ("-global", "ICH9-LPC.noreboot=on")
NO_GRAPHICS = ("-machine", "graphics=off")
"""The firmware's messages go to the serial port. <bios useserial='yes'/> says the same, but only where a <serial> stays beside it."""
NO_REBOOT = ("-no-reboot",)
"""A reset ends QEMU itself, also while no libvirtd is there to act on <on_reboot>."""
NO_ACPI = ("-machine", "acpi=off")
PM = (("enable_s3", "suspend-to-mem"), ("enable_s4", "suspend-to-disk"))

_SUITABLE = re.compile(r"pc|q35|virt|pc(?:-i440fx|-q35)?-[0-9]+(?:\.[0-9]+)+|virt-[0-9]+(?:\.[0-9]+)+", re.ASCII).fullmatch
"""Machine types that a config may name."""


def write(vm: VM, domain: Domain) -> None:
    machine = vm.machine
    check_viommu(machine)
    domain.root.attrib = {"type": "kvm" if machine.kvm else "qemu", **domain.root.attrib}
    os = domain.root.ensure("os")
    os.children.insert(0, Node("type", {"arch": machine.arch or "x86_64", "machine": _name(vm, domain)}, ref(os), "hvm"))
    features = domain.root.ensure("features")
    _write_acpi(vm, domain, features)
    if machine.smm is False or (machine.smm and domain.described):
        features.add("smm", state="on" if machine.smm else "off")
    if vm.security.intel_tdx or (machine.irqchip_split and domain.described):
        features.add("ioapic", driver="qemu")
    if not features.children:
        domain.root.children.remove(features)
    power = [(tag, getattr(machine, field)) for field, tag in PM if getattr(machine, field) is False]
    if power:
        pm = domain.root.add("pm")
        for tag, _ in power:
            pm.add(tag, enabled="no")
    if machine.reboot is False:
        for tag in ("on_poweroff", "on_reboot", "on_crash"):
            domain.root.add(tag, "destroy")
        domain.arguments += NO_REBOOT
    if machine.allow_ksm is False:
        domain.root.ensure("memoryBacking").add("nosharepages")
    if machine.freeze:
        domain.report.add("not-applied", machine.where, "freeze: libvirt has no such setting", "start the domain with virsh start --paused")
    if machine.hotplug is not None:
        domain.report.add("metadata-only", machine.where, f"hotplug {machine.hotplug}: libvirt plugs whatever the bus can take")
    _write_q35(vm, domain)


def _name(vm: VM, domain: Domain) -> str:
    """The type without a +pve revision; a type without a version gets the one of the node's QEMU, as libvirt would pin it anyway."""
    machine = vm.machine
    name = without_revision(machine.pinned or machine.type or DEFAULT["x86_64"])
    if domain.described:
        return name
    version = machine.version or (0, 0)
    if name in UNVERSIONED and machine.base:
        name = f"{VERSIONED[machine.base]}-{version[0]}.{version[1]}"
        if machine.running is None:
            domain.report.add("normalised", machine.where, f"the machine is pinned to {name}; a newer QEMU no longer changes it")
    return name


def _write_acpi(vm: VM, domain: Domain, features: Node) -> None:
    """UEFI and ACPI go together for libvirt: without the one no other on ARM, without the other no first on x86."""
    uefi = vm.firmware.bios == "ovmf"
    if vm.machine.acpi is not False and (uefi or vm.machine.base != "virt"):
        features.children.insert(0, Node("acpi", {}, ref(features)))
    elif uefi:
        features.children.insert(0, Node("acpi", {}, ref(features)))
        domain.arguments += NO_ACPI


def _write_q35(vm: VM, domain: Domain) -> None:
    machine = vm.machine
    if machine.base == "q35":
        if machine.pci_hotplug_bridge is False:
            domain.arguments += NO_BRIDGE_HOTPLUG
        armed = machine_has(machine.version or (), machine.pve or 0, "itco_armed") or (domain.described and machine.version is None)
        if domain.target.has("itco_always") and not (armed if machine.itco is None else machine.itco):
            domain.arguments += NO_REBOOT_BY_ITCO
    if machine.graphics is False:
        _write_no_graphics(vm, domain)


def _write_no_graphics(vm: VM, domain: Domain) -> None:
    os = domain.root.ensure("os")
    if domain.target.clean and vm.serials:
        os.ensure("bios").set("useserial", "yes")
    else:
        domain.arguments += NO_GRAPHICS


# Reading


def named_version(root: Node) -> tuple[int, int] | None:
    """(major, minor) of the machine that a domain names, without claiming anything."""
    os = root.peek("os")
    node = os.peek("type") if os is not None else None
    name = node.attrib.get("machine", "") if node is not None else ""
    version = version_of(upstream(name) or name)
    return version[:2] if version else None


def read(domain: Domain, vm: VM) -> None:
    root = domain.root
    machine = vm.machine = Machine(where=root)
    _read_type(domain, machine)
    features = root.peek("features")
    machine.acpi = False
    if features is not None:
        features.claim()
        _read_features(domain, features, machine)
    if domain.take_arguments(*NO_ACPI):
        machine.acpi = False
    _read_power(root, machine)
    _read_events(domain, machine)
    backing = root.peek("memoryBacking")
    if backing is not None and backing.flag("nosharepages"):
        backing.claim()
        machine.allow_ksm = False
    machine.pci_hotplug_bridge = True if machine.base == "q35" else None
    if domain.take_arguments(*NO_BRIDGE_HOTPLUG):
        machine.pci_hotplug_bridge = False
    machine.itco = False if domain.take_arguments(*NO_REBOOT_BY_ITCO) else None
    if domain.take_arguments(*NO_GRAPHICS):
        machine.graphics = False
    iommu.read_iommu(domain, machine)
    _read_emulator(domain)
    _read_tables(domain)


def _read_type(domain: Domain, machine: Machine) -> None:
    root = domain.root
    kind = root.need("type")
    if kind not in ("kvm", "qemu"):
        raise BridgeError(f"a domain of type '{kind}' does not run on QEMU with KVM or TCG", root)
    machine.kvm = kind == "kvm"
    os = root.only("os")
    node = os.only("type") if os is not None else None
    if node is None:
        raise BridgeError("<os> has no <type>: only machines with firmware of their own can be converted", os or root)
    if (what := node.value()) != "hvm":
        raise BridgeError(f"a guest of os type '{what}' does not run on QEMU", node)
    arch = node.take("arch") or "x86_64"
    if arch == "i686":
        domain.report.add("added", node, "a 32-bit machine (i686) becomes x86_64: the CPU has long mode besides, if its model has it")
        arch = "x86_64"
    if arch not in DEFAULT:
        raise BridgeError(f"qemu-server has no machines of architecture '{arch}'", node)
    machine.arch = arch
    _read_name(domain, node, machine)


def _read_name(domain: Domain, node: Node, machine: Machine) -> None:
    name = node.take("machine") or DEFAULT[machine.arch or "x86_64"]
    if (own := upstream(name)) is not None:
        message = f"machine '{name}' is a distribution's own: '{own}' is the one that it was made of"
        domain.report.add("guest-changed", node, message, "check that the guest starts")
        name = own
    if not _SUITABLE(name):
        near = "q35" if "q35" in name else DEFAULT[machine.arch or "x86_64"]
        domain.report.add(
            "guest-changed", node, f"machine '{name}' is unknown to qemu-server: '{near}' is the nearest", "check that the guest starts"
        )
        name = near
    machine.type = name
    machine.base = base_of(name)
    version = version_of(name)
    if version is not None:
        machine.version, machine.pve = version[:2], version[2]


def _read_features(domain: Domain, features: Node, machine: Machine) -> None:
    machine.acpi = features.flag("acpi")
    smm = features.peek("smm")
    if smm is not None and not smm.claimed:
        smm.claim()
        if smm.expect("state", "on"):
            machine.smm = True
        elif smm.attrib.get("state") == "off":
            smm.take("state")
            machine.smm = False
    ioapic = features.peek("ioapic")
    if ioapic is not None and ioapic.attrib.get("driver") == "qemu":
        ioapic.claim("driver")
        machine.irqchip_split = True
    vmport = features.peek("vmport")
    if vmport is not None and vmport.attrib.get("state") == "on":  # QEMU's default with KVM and TCG
        vmport.claim("state")
    elif vmport is not None and vmport.attrib.get("state") == "off":
        board.mend(domain, vmport, "vmport is off there; qemu-server leaves it on", lambda _: ["-machine", "vmport=off"], ("state",))
    if (node := features.peek("vmcoreinfo")) is not None and node.attrib.get("state", "on") == "on":
        board.mend(domain, node, "a config has no vmcoreinfo", lambda _: ["-device", "vmcoreinfo"], ("state",))
    _read_switches(domain, features)
    if smm is not None and (node := smm.peek("tseg")) is not None:
        board.mend(domain, node, f"{node.outline()} has no counterpart in a config", board.tseg)
    for tag in ("hap", "viridian", "privnet"):
        if (node := features.peek(tag)) is not None:
            domain.report.add("normalised", node, f"{node.whole()} means nothing to QEMU")


SWITCHES = {
    # feature, its value: property of QEMU's machine; `""`: an element without a value (libvirt 12.4)
    ("ps2", "state", "off"): "i8042=off",
    ("ras", "state", "on"): "ras=on",
    ("gic", "version", "3"): "gic-version=3",
    ("gic", "version", "4"): "gic-version=4",
    ("gic", "version", "host"): "gic-version=host",
    ("virtualization", "", ""): "virtualization=on",
}
DEFAULT_SWITCHES = {("ras", "state", "off"), ("gic", "version", "2")}
"""QEMU's own."""


def _read_switches(domain: Domain, features: Node) -> None:
    """Of the board; no key has them."""
    for name, attribute, value in (*SWITCHES, *DEFAULT_SWITCHES):
        node = features.peek(name)
        if node is None or node.attrib.get(attribute, "") != value or node.claimed:
            continue
        if (name, attribute, value) in DEFAULT_SWITCHES:
            node.claim_text(attribute)
            continue
        words = ["-machine", SWITCHES[name, attribute, value]]
        domain.report.mend("guest-lost", node, f"{node.outline()} has no counterpart in a config", words)
        node.claim_text(attribute)


def _read_power(root: Node, machine: Machine) -> None:
    machine.enable_s3 = machine.enable_s4 = None if machine.base == "virt" else True
    pm = root.only("pm")
    if pm is None:
        return
    for field, tag in PM:
        node = pm.peek(tag)
        if node is not None and node.attrib.get("enabled") in ("yes", "no"):
            node.claim()
            setattr(machine, field, YES_NO.read(node.need("enabled")))


def _read_events(domain: Domain, machine: Machine) -> None:
    """qemu-server ends a VM on poweroff and crash; only the reboot is a choice."""
    root = domain.root
    node = root.peek("on_reboot")
    action = "restart"
    if node is not None:
        action = node.value()
        node.claim()
    if domain.take_arguments(*NO_REBOOT):
        machine.reboot = False
        if action != "destroy":
            domain.report.add("normalised", node or root, f"on_reboot {action} has no effect: with -no-reboot a reset ends the VM")
    elif action == "destroy":
        machine.reboot = False
    elif action != "restart":
        domain.report.add("host-lost", node, f"on_reboot {action} has no counterpart: the VM is restarted")
    for tag in ("on_poweroff", "on_crash"):
        node = root.peek(tag)
        if node is None:
            continue
        action = node.value()
        node.claim()
        if tag == "on_crash" and domain.devices.peek("panic") is None:  # nothing in the guest could tell of a crash
            if action != "destroy":
                domain.report.add("normalised", node, f"{tag} {action} never comes to pass without a <panic> device")
        elif action != "destroy":
            domain.report.add("host-lost", node, f"{tag} {action} has no counterpart: qemu-server ends the VM")


def _read_tables(domain: Domain) -> None:
    """ACPI tables of somebody's own."""
    os = domain.root.peek("os")
    acpi = os.only("acpi") if os is not None else None
    for table in acpi.all("table") if acpi is not None else ():
        board.mend(domain, table, f"ACPI table {table.outline()} has no counterpart in a config", board.acpi_table)


def _read_emulator(domain: Domain) -> None:
    """Never taken over: qemu-server has its own (security-rules S12)."""
    node = domain.devices.only("emulator")
    if node is not None:
        domain.report.add("host-state", node, f"the emulator {node.value()} is the host's own choice and left behind")
