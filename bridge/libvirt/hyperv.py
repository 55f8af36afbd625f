"""The CPU's part of <features> and <clock>: Hyper-V, KVM's own features, and timers (mapping-machine 5.2, 6.5)."""

from __future__ import annotations

import re

from ..core.rows import ON_OFF, YES_NO, whole_number
from ..data.cpus import HYPERV_CHILDREN, KVM_CHILDREN, LATER_HYPERV
from ..model.vm import VM
from .tree.domain import Domain
from .tree.node import Node

_KVM = {name: f"kvm-{name}" for name in KVM_CHILDREN}
_VENDOR_ID = re.compile(r"[^,\x00-\x1f\x7f]{1,12}").fullmatch
_HYPERV_ORDER = (
    "relaxed", "vapic", "spinlocks", "vpindex", "runtime", "synic", "stimer", "reset", "vendor_id", "frequencies",
    "reenlightenment", "tlbflush", "ipi", "evmcs", "avic", "emsr_bitmap", "xmm_input",
)  # fmt: skip


def write_enlightenments(vm: VM, domain: Domain) -> None:
    cpu = vm.cpu
    features = domain.root.ensure("features")
    if vm.machine.arch == "x86_64" and vm.machine.kvm and cpu.pv_eoi is not None:
        features.ensure("apic").set("eoi", ON_OFF.write(cpu.pv_eoi))
    if cpu.hyperv:
        _write_hyperv(cpu.hyperv, domain, features)
    kvm = {name: state for name, flag in _KVM.items() if (state := (cpu.features or {}).get(flag)) is not None}
    if cpu.kvm_off or kvm:
        node = features.add("kvm")
        if cpu.kvm_off:
            node.add("hidden", state="on")
        for name in sorted(kvm):
            node.add(name, state=ON_OFF.write(kvm[name]))
    if vm.machine.kvm and cpu.pv_unhalt is not None:
        features.add("pvspinlock", state=ON_OFF.write(cpu.pv_unhalt))
    if (pmu := (cpu.features or {}).get("pmu")) is not None:
        features.add("pmu", state=ON_OFF.write(pmu))
    if (kvmclock := (cpu.features or {}).get("kvmclock")) is not None:
        domain.root.ensure("clock").add("timer", name="kvmclock", present=YES_NO.write(kvmclock))


def _write_hyperv(hyperv: dict[str, str | bool], domain: Domain, features: Node) -> None:
    later = frozenset() if domain.target.has("hyperv_later") else LATER_HYPERV
    on = [name for name in _HYPERV_ORDER if hyperv.get(name) and name not in later]
    if on:
        node = features.add("hyperv", mode="custom")
        for name in on:
            child = node.add(name, state="on")
            if name == "spinlocks":
                child.set("retries", str(int(str(hyperv[name]), 16)))
            elif name == "vendor_id":
                child.set("value", str(hyperv[name]))
    if hyperv.get("time"):
        domain.root.ensure("clock").add("timer", name="hypervclock", present="yes")
    for name, state in hyperv.items():
        if state and name != "time" and (name not in _HYPERV_ORDER or name in later):
            domain.arguments += ("-global", f"x86_64-cpu.hv-{name.replace('_', '-')}=on")


def read_enlightenments(domain: Domain, vm: VM) -> None:
    hyperv: dict[str, str | bool] = {}
    states: dict[str, bool] = {}
    features = domain.root.peek("features")
    if features is not None:
        features.claim()
        _read_hyperv(domain, features, hyperv, vm)
        _read_kvm(features, vm, states)
    clock = domain.root.peek("clock")
    if clock is not None:
        _read_timers(domain, clock, hyperv, states)
    vm.cpu.hyperv = hyperv
    vm.cpu.features = states


def _state(node: Node, default: str | None = None) -> bool | None:
    """Take state='on' or 'off'; None if it is neither, and then it stays."""
    text = node.attrib.get("state", default)
    if text not in ("on", "off"):
        return None
    node.get("state")
    return text == "on"


_BELOW = {
    ("stimer", "direct"): "hv-stimer-direct",
    ("tlbflush", "direct"): "hv-tlbflush-direct",
    ("tlbflush", "extended"): "hv-tlbflush-ext",
}
"""Switches below an enlightenment -> QEMU's property."""
PASSTHROUGH = "win11"
"""Every enlightenment that the host's KVM has: the newest Windows comes nearest."""


_MODES = {
    "passthrough": ("all enlightenments that the host has", ["-global", "x86_64-cpu.hv-passthrough=on"]),
    "host-model": ("the enlightenments that the host has", []),
}
"""Mode -> what it gives, and QEMU's words. Since libvirt 11.9 there is host-model; what is said beside that overrides the host's."""


def _read_mode(domain: Domain, node: Node, vm: VM) -> bool:
    """Whether the enlightenments that are named count."""
    mode = node.attrib.get("mode", "custom")
    if mode in _MODES:
        what, words = _MODES[mode]
        node.take("mode")
        vm.meta.ostype = vm.meta.ostype or PASSTHROUGH
        message = f"hyperv mode='{mode}' gives {what}; a config those of ostype {vm.meta.ostype}"
        if words:
            domain.report.mend("guest-changed", node, message, words)
        else:
            domain.report.add("guest-changed", node, message, "take those of the running domain instead")
    if mode == "passthrough":
        _ignore_named(domain, node)
        return False
    return node.expect("mode", "custom")


def _ignore_named(domain: Domain, node: Node) -> None:
    """libvirt passes hv-passthrough=on alone, whatever is named beside it (domxml-to-native of libvirt 11.3)."""
    if named := ", ".join(f"<{child.tag}>" for child in node.children):
        domain.report.add("normalised", node, f"{named} beside mode='passthrough' has no effect in libvirt")
    for child in node.children:
        child.take_all()


def _read_hyperv(domain: Domain, features: Node, hyperv: dict[str, str | bool], vm: VM) -> None:
    node = features.only("hyperv")
    if node is None or not _read_mode(domain, node, vm):
        return
    for child in node.children:
        name = child.tag
        if (name not in HYPERV_CHILDREN and name not in ("spinlocks", "vendor_id")) or name in hyperv:
            continue
        state = _state(child)
        if state is None:
            continue
        child.claim()
        if name == "spinlocks" and state:
            try:
                hyperv[name] = hex(whole_number(child.attrib.get("retries", "8191")))
            except ValueError:
                continue
            child.get("retries")
        elif name == "vendor_id" and state:
            value = child.attrib.get("value", "")
            if _VENDOR_ID(value):
                hyperv[name] = value
                child.get("value")
        elif name == "vendor_id":
            child.take("value")
        elif state:
            hyperv[name] = True
            _read_below(domain, child)


def _read_below(domain: Domain, parent: Node) -> None:
    for child in parent.children:
        prop = _BELOW.get((parent.tag, child.tag))
        state = _state(child, "on") if prop is not None else None
        if state is None:
            continue
        child.claim()
        if state:
            message = f"<{parent.tag}><{child.tag}/></{parent.tag}> has no place in a config"
            domain.report.mend("guest-lost", child, message, ["-global", f"x86_64-cpu.{prop}=on"])


def _read_kvm(features: Node, vm: VM, states: dict[str, bool]) -> None:
    cpu = vm.cpu
    features.only("pae")  # QEMU's x86 CPUs do not look at it
    if (apic := features.only("apic")) is not None and apic.attrib.get("eoi") in ("on", "off"):
        cpu.pv_eoi = apic.need("eoi") == "on"
    if (spinlock := features.only("pvspinlock")) is not None:
        cpu.pv_unhalt = _state(spinlock, "on")
    if (pmu := features.only("pmu")) is not None and (state := _state(pmu, "on")) is not None:
        states["pmu"] = state
    kvm = features.only("kvm")
    if kvm is None:
        return
    for child in kvm.children:
        if child.tag != "hidden" and child.tag not in KVM_CHILDREN:
            continue
        state = _state(child)
        if state is None:
            continue
        child.claim()
        if child.tag == "hidden":
            cpu.kvm_off = state or None
        elif state:
            states[f"kvm-{child.tag}"] = True


def _read_timers(domain: Domain, clock: Node, hyperv: dict[str, str | bool], states: dict[str, bool]) -> None:
    for timer in clock.children:
        name = timer.attrib.get("name")
        if timer.tag != "timer" or timer.claimed:
            continue
        if name == "tsc":
            timer.claim()
            frequency = timer.attrib.get("frequency", "")
            plain = set(timer.attrib) == {"name", "frequency"} and frequency.isascii() and frequency.isdigit() and len(frequency) < 16
            message = f"{timer.whole()} has no counterpart in a config"
            if plain:
                domain.report.mend("guest-lost", timer, message, ["-global", f"x86_64-cpu.tsc-frequency={frequency}"])
            else:
                domain.report.add("guest-lost", timer, message)
        elif name in ("hypervclock", "kvmclock") and timer.attrib.get("present", "yes") in ("yes", "no"):
            timer.claim("name")
            present = timer.get("present") in (None, "yes")
            if name == "kvmclock":
                states["kvmclock"] = present
            elif present:
                hyperv["time"] = True
