"""What follows the model on qemu-server's `-cpu`, and what it means (qemu-server 9.2.6, CPUConfig.pm; mapping-machine 5 and 6).

Flags are settled in layers, each of which may replace what an earlier one said: what qemu-server always adds, Hyper-V, the abstract
model, the cluster's custom model, the VM's own flags, and what is forced.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...core.report import Report
from ...data.cpus import (
    ABSTRACT,
    ABSTRACT_BASE,
    ALIASES,
    DEFAULT,
    LIBVIRT_ADDS_MONITOR,
    LIBVIRT_ADDS_MPX,
    OFF_UNDER_KVM,
    REPLACED,
    VENDOR,
)
from ...data.gates import BINARY, MACHINE, Version, qemu_version, server_has
from ...data.ostype import WINDOWS, windows_version
from ...host.cpumodels import CPUModel
from ...host.facts import HostFacts
from ...model.cpu import CPU
from ...model.vm import VM
from ..fill import fill

Words = dict[str, str]
"""Flag name -> the word on the command line: `aes` -> `+aes`, `kvm` -> `kvm=off`, `hv_time` -> `hv_time`."""


class Setting(NamedTuple):
    """What besides the VM's `cpu` decides about the CPU."""

    arch: str
    kvm: bool
    machine: Version
    """(major, minor, revision)"""
    qemu: Version
    ostype: str | None
    ovmf: bool
    x_vga: bool
    """A passed-through graphics card: qemu-server hides KVM then."""
    qemu_server: str | None = None

    def machine_has(self, name: str) -> bool:
        return self.machine >= MACHINE[name]

    def binary_has(self, name: str) -> bool:
        return self.qemu >= BINARY[name]


def setting(vm: VM, host: HostFacts) -> Setting:
    """What of the VM and the host decides; facts that are not known yet count as qemu-server's defaults."""
    machine = vm.machine
    arch = machine.arch or host.arch
    return Setting(
        arch,
        arch == host.arch if machine.kvm is None else machine.kvm,
        (*(machine.version or (99, 0)), machine.pve or 0),
        qemu_version(host.qemu_version, host.qemu_server),
        vm.meta.ostype,
        vm.firmware.bios == "ovmf",
        any(device.x_vga for device in vm.hostpcis),
        host.qemu_server,
    )


class Chosen(NamedTuple):
    """The CPU type, looked up."""

    model: str
    abstract: tuple[str, ...] = ()
    custom: CPUModel | None = None


def default_type(arch: str, kvm: bool) -> str:
    if arch == "aarch64":
        return "host" if kvm else "max"
    return DEFAULT if kvm else ABSTRACT_BASE


def choose(cputype: str | None, arch: str, kvm: bool, host: HostFacts) -> Chosen | None:
    """The model behind a CPU type; None for a custom one that the host facts do not hold."""
    if cputype is None:
        return Chosen(default_type(arch, kvm))
    if arch == "x86_64" and cputype in ABSTRACT:
        return Chosen(ABSTRACT_BASE, ABSTRACT[cputype])
    if cputype.startswith("custom-"):
        custom = host.cpu_models.get(cputype.removeprefix("custom-"))
        if custom is None:
            return None
        model = custom.reported_model or DEFAULT
        return Chosen(REPLACED.get(model, model), custom=custom)
    return Chosen(REPLACED.get(cputype, cputype))


def with_custom(cpu: CPU, custom: CPUModel) -> CPU:
    """The custom model's settings where the VM has none. A zero counts as unsaid there."""
    return fill(
        cpu,
        hidden=custom.hidden or None,
        hv_vendor_id=custom.hv_vendor_id,
        level=str(custom.level) if custom.level else None,
        phys_bits=custom.phys_bits,
        guest_phys_bits=str(custom.guest_phys_bits) if custom.guest_phys_bits else None,
    )


def flag_words(chosen: Chosen, cpu: CPU, here: Setting, host: HostFacts, report: Report | None = None) -> Words:
    """The words behind the model, not sorted. Without a report, nothing is said about flags that replace others."""
    layers = [("qemu-server", _always(chosen.model, here))]
    if here.kvm and here.arch == "x86_64":
        layers.append(("the ostype", hyperv_words(here, cpu.hv_vendor_id, host)))
    if chosen.abstract:
        layers.append(("the abstract model", {flag[1:]: flag for flag in chosen.abstract}))
    if chosen.custom and chosen.custom.flags:
        layers.append(("the custom model", _said(chosen.custom.flags, host, report)))
    if cpu.flags:
        layers.append(("the VM", _said(cpu.flags, host, report)))
    layers.append(("qemu-server", _forced(chosen.model, cpu, here)))
    words: Words = {}
    for n, (who, layer) in enumerate(layers):
        if report is not None and not words.keys().isdisjoint(layer):
            _tell_replaced(words, layers[:n], who, layer, cpu, report)
        words.update(layer)
    return words


def _tell_replaced(words: Words, before: list[tuple[str, Words]], who: str, layer: Words, cpu: CPU, report: Report) -> None:
    for name, word in layer.items():
        old = words.get(name, word)
        if old != word:
            first = next(other for other, words_before in reversed(before) if name in words_before)
            report.add("warning", cpu.where, f"CPU flag/setting '{word}' (set by {who}) overwrites '{old}' (set by {first})")


def _always(model: str, here: Setting) -> Words:
    words: Words = {}
    x86 = here.arch == "x86_64"
    if model == "kvm64" and x86:
        words["lahf_lm"] = "+lahf_lm"
    if here.ostype == "solaris":
        words["x2apic"] = "-x2apic"
    if model in ("kvm64", "kvm32"):
        words["sep"] = "+sep"
    if model.startswith("Opteron"):
        words["rdtscp"] = "-rdtscp"
    if here.kvm and x86 and here.machine_has("kvm_pv_flags"):
        words["kvm_pv_unhalt"] = "+kvm_pv_unhalt"
        words["kvm_pv_eoi"] = "+kvm_pv_eoi"
    if x86 and windows_version(here.ostype) >= 11 and here.binary_has("cet"):
        words["cet-ibt"] = "-cet-ibt"
        words["cet-ss"] = "-cet-ss"
    known = here.binary_has("vmx_mbec") and server_has(here.qemu_server, "vmx_mbec")
    if x86 and model == "host" and known and not here.machine_has("vmx_mbec"):
        words["vmx-mbec"] = "-vmx-mbec"
    return words


_HYPERV = (
    # gate, least Windows, words
    ("hv_base", 6, ("hv_spinlocks=0x1fff", "hv_vapic", "hv_time")),
    ("hv_vpindex", 6, ("hv_reset", "hv_vpindex", "hv_runtime")),
    ("hv_synic", 7, ("hv_synic", "hv_stimer")),
    ("hv_ipi", 7, ("hv_ipi",)),
)


INTEL = "GenuineIntel"


def has_hyperv(here: Setting) -> bool:
    """Whether qemu-server gives this guest enlightenments at all."""
    win = windows_version(here.ostype)
    return here.kvm and here.arch == "x86_64" and win >= 6 and not (here.ovmf and win < 8)


def wants_evmcs(here: Setting, host: HostFacts) -> bool:
    """Enlightened VMCS: the one enlightenment that depends on the host's CPU, and on a +pve revision."""
    return has_hyperv(here) and windows_version(here.ostype) >= 11 and is_intel(host) and here.machine_has("hv_evmcs")


def is_intel(host: HostFacts) -> bool:
    """A host of which nobody says what its CPUs are is taken for Intel's."""
    return host.cpu_vendor in (None, INTEL)


def enlightenments(here: Setting) -> Words:
    """What every guest of this setting gets."""
    words: Words = {}
    if not has_hyperv(here):
        return words
    if not here.machine_has("hv_base"):
        words["hv_spinlocks"] = "hv_spinlocks=0xffff"
    win = windows_version(here.ostype)
    for gate, least, names in _HYPERV:
        if win >= least and here.machine_has(gate):
            words.update((word.partition("=")[0], word) for word in names)
    if win >= WINDOWS["win7"]:
        words["hv_relaxed"] = "hv_relaxed"
    return words


def hyperv_words(here: Setting, vendor_id: str | None, host: HostFacts) -> Words:
    """The enlightenments, and those that the VM or the host asks for."""
    words = enlightenments(here)
    if not words:
        return words
    if here.x_vga or vendor_id is not None:
        words["hv_vendor_id"] = f"hv_vendor_id={vendor_id or 'proxmox'}"
    if wants_evmcs(here, host):
        words["hv_evmcs"] = "hv_evmcs"
    return words


def _said(flags: str, host: HostFacts, report: Report | None) -> Words:
    """A list of flags as said; of the same name the last counts. `nested-virt` is the host's own flag for it."""
    words = {flag[1:]: flag for flag in flags.split(";") if flag[:1] in ("+", "-")}
    if nested := words.pop("nested-virt", None):
        own = nested_flag(host)
        if own:
            words[own] = nested[0] + own
        elif report is not None and host.cpu_flags is None:
            message = "nested-virt is svm or vmx, as the host's CPU has it, which is not in the host facts: the flag is left out"
            report.add("resource-unknown", None, message, "--host-fact cpu_flags=vmx, or svm")
        elif report is not None:
            report.add("warning", None, "ignoring 'nested-virt' CPU flag - unable to resolve from host CPU flags")
    return words


def nested_flag(host: HostFacts) -> str | None:
    return next((flag for flag in host.cpu_flags or () if flag in ("svm", "vmx")), None)


def _forced(model: str, cpu: CPU, here: Setting) -> Words:
    words: Words = {}
    if here.arch != "x86_64":
        return words
    if model != "host" and here.kvm:
        words["enforce"] = "enforce"
    hidden = here.x_vga if cpu.hidden is None else cpu.hidden
    if hidden:
        words["kvm"] = "kvm=off"
    if model in VENDOR:
        words["vendor"] = f"vendor={VENDOR[model]}"
    return words


def normal(name: str) -> str:
    """QEMU's own name of a flag, whatever spelling was used."""
    name = name.replace("_", "-")
    return ALIASES.get(name, name)


def meaning(words: Words) -> dict[str, Any]:
    """What the words mean, as fields of the CPU: QEMU applies `name=value` first, then every `+`, then every `-`."""
    states: dict[str, bool | str] = {}
    minus: list[str] = []
    plus: list[str] = []
    for name, word in words.items():
        if word[0] == "+":
            plus.append(normal(name))
        elif word[0] == "-":
            minus.append(normal(name))
        else:
            _, equals, value = word.partition("=")
            states[normal(name)] = {"on": True, "off": False}.get(value, value) if equals else True
    for name in plus:
        states[name] = True
    for name in minus:
        states[name] = False
    return fields(states)


def fields(states: dict[str, bool | str]) -> dict[str, Any]:
    """States by QEMU's names, as fields of the CPU."""
    kvm = states.pop("kvm", None)
    found: dict[str, Any] = {
        "pv_eoi": states.pop("kvm-pv-eoi", None),
        "pv_unhalt": states.pop("kvm-pv-unhalt", None),
        "enforce": states.pop("enforce", None),
        "vendor": states.pop("vendor", None),
        "migratable": states.pop("migratable", None),
        "kvm_off": None if kvm is None else not kvm,
    }
    features, hyperv = {}, {}
    for name, state in states.items():
        if name.startswith("hv-"):
            hyperv[name[3:].replace("-", "_")] = state
        else:
            features[name] = state
    found["features"] = features
    found["hyperv"] = hyperv
    return found


def states_of(cpu: CPU) -> dict[str, bool | str]:
    """The inverse of `fields`, but for vendor, enforce and migratable."""
    states: dict[str, bool | str] = dict(cpu.features or {})
    for name, value in (cpu.hyperv or {}).items():
        states[f"hv-{name.replace('_', '-')}"] = value
    if cpu.kvm_off:
        states["kvm"] = False
    if cpu.pv_eoi is not None:
        states["kvm-pv-eoi"] = cpu.pv_eoi
    if cpu.pv_unhalt is not None:
        states["kvm-pv-unhalt"] = cpu.pv_unhalt
    return states


def kept_from_libvirt(model: str | None, machine: Version, kvm: bool) -> dict[str, bool]:
    """Features that QEMU's model has on this machine and libvirt takes away: XML must ask for them. And those that KVM takes away: XML
    says so, lest the guest gets them where it has to run without KVM."""
    if kvm:
        base = (model or "").partition("-v")[0]
        found = {name: False for name, models in OFF_UNDER_KVM.items() if base in models}
    else:
        found = {"monitor": True} if model in LIBVIRT_ADDS_MONITOR else {}
    if model in LIBVIRT_ADDS_MPX and machine < MACHINE["mpx_gone"][:2]:
        found["mpx"] = True
    return found
