"""The way back of `cpu`: from model, features and enlightenments to the words of a config (mapping-machine 6.6)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ...core.report import Report, fields
from ...data.cpus import ABSTRACT, ABSTRACT_BASE, DEFAULT, LIBVIRT_SPELLS, MODELS, NEW_FLAGS, VENDOR
from ...data.options import VM_CPU_FLAGS
from ...host.facts import HostFacts
from ...model.cpu import CPU
from ...model.vm import VM
from ..fill import forget
from .cpu_flags import (
    Platform,
    choose,
    default_type,
    flag_words,
    has_hyperv,
    kept_from_libvirt,
    meaning,
    nested_flag,
    platform,
    states_of,
    with_custom,
)

GLOBAL = "x86_64-cpu."
"""QEMU's parent type of all x86 models: its properties count where `-cpu` does not say them."""
States = dict[str, bool | str]
"""QEMU's name of a property -> its value."""

QEMU_DEFAULT = ("kvm-pv-eoi",)
"""On in QEMU under KVM if nobody says anything, like qemu-server's."""
PARAVIRTUAL = ("kvm-pv-eoi", "kvm-pv-unhalt")
"""qemu-server's own under KVM, which no option takes away; a guest that does not know them does not use them."""
AES_ONLY = "x86-64-v2-AES"
"""Without aes it is x86-64-v2."""
NESTED = ("svm", "vmx")
BESIDE_TYPE = ("flags", "hidden", "hv_vendor_id", "level", "phys_bits", "guest_phys_bits")
"""Sub-options of `cpu` that need the type beside them."""


def said(vm: VM, host: HostFacts, report: Report) -> CPU:
    """The CPU as a config says it. What a config cannot say becomes a finding."""
    cpu, here = vm.cpu, platform(vm, host)
    if cpu.runningcpu is not None:
        cpu = from_command_line(cpu)
    if here.arch != "x86_64":
        return _said_elsewhere(cpu, here, host, report)
    cpu = _known_model(cpu, here, report)
    states = states_of(cpu)
    for name, state in kept_from_libvirt(cpu.model, here.machine[:2], here.kvm).items():
        if states.get(name) is state:
            del states[name]
    chosen = _choose_type(cpu, states, here, host)
    plain = replace(cpu, cputype=chosen, flags=None, hidden=None, hv_vendor_id=None)
    plain = _without_custom(plain, here, host)
    expected = _expected(plain, here, host)
    if states.get("hv-vendor-id") != expected.get("hv-vendor-id"):
        plain = _with_vendor_id(plain, states, here)
        expected = _expected(plain, here, host)
    if (hidden := states.get("kvm") is False) != (expected.get("kvm") is False):
        plain = replace(plain, hidden=hidden)
        expected = _expected(plain, here, host)
    plain = replace(plain, flags=_flags(states, expected, host))
    if plain.flags:
        expected = _expected(plain, here, host)
        _assume_nested(plain.flags, states, expected, host, report, cpu)
    _report_rest(cpu, states, expected, here, report)
    _report_vendor(cpu, here, report)
    alone = all(getattr(plain, field) is None for field in BESIDE_TYPE)
    return replace(plain, cputype=None) if alone and plain.cputype == default_type(here.arch, here.kvm) else plain


def from_command_line(cpu: CPU) -> CPU:
    """A whole `-cpu` value, taken apart."""
    model, *words = (cpu.runningcpu or "").split(",")
    named: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for word in words:
        name, _, value = word.lstrip("+-").partition("=")
        if name == "host-phys-bits":
            fields["phys_bits"] = "host"
        elif name in ("phys-bits", "guest-phys-bits", "level"):
            fields[name.replace("-", "_")] = value
        elif name:
            named[name] = word
    return replace(cpu, runningcpu=None, model=model, **{**meaning(named), **fields})


def _known_model(cpu: CPU, here: Platform, report: Report) -> CPU:
    """libvirt's model by qemu-server's name."""
    model = cpu.model
    if model is None:
        return replace(cpu, model=ABSTRACT_BASE)  # what libvirt gives if no model is said
    if model == "host-model":
        message = "libvirt expands host-model at each start; a config has no such CPU, so the guest gets the whole host CPU"
        report.add("guest-changed", cpu.where, message, "take model and features of the running domain instead", fields(cpu, "model"))
        return replace(cpu, model="host")
    if model in LIBVIRT_SPELLS:
        name, extra = LIBVIRT_SPELLS[model]
        return replace(cpu, model=name, features={**extra, **(cpu.features or {})})
    base = model.removesuffix("-v1")
    if base in MODELS["x86_64"]:
        return replace(cpu, model=base)
    if model == "host":
        return cpu
    message = f"qemu-server has no CPU model '{model}': the VM gets qemu-server's default CPU"
    report.add("guest-changed", cpu.where, message, "choose a cpu by hand, or define a custom model with it", fields(cpu, "model"))
    return replace(cpu, model=default_type(here.arch, here.kvm))


def _choose_type(cpu: CPU, states: States, here: Platform, host: HostFacts) -> str:
    """The largest abstract model whose flags are all on, or else the model itself."""
    model = cpu.model or ABSTRACT_BASE
    if model == ABSTRACT_BASE and (name := _abstract(states)):
        return name
    custom = [f"custom-{name}" for name, custom in host.cpu_models.items() if (custom.reported_model or DEFAULT) == model]
    if not custom or not _leftover(model, states, here, host):
        return model
    return next((name for name in custom if not _leftover(name, states, here, host)), model)


def _abstract(states: States) -> str | None:
    """The largest abstract model that is all on, but for flags that a VM may take away again."""
    for name in reversed(ABSTRACT):
        flags = [flag[1:] for flag in ABSTRACT[name]]
        if all(states.get(flag) is True for flag in flags if flag not in VM_CPU_FLAGS):
            exact = all(states.get(flag) is True for flag in flags)
            if exact or (name != AES_ONLY and all(flag in states for flag in flags)):
                return name
    return None


def _leftover(cputype: str, states: States, here: Platform, host: HostFacts) -> bool:
    """Whether a CPU of this type would differ in what no flag of a VM can mend."""
    expected = _expected(CPU(cputype=cputype), here, host)
    fixed = {*VM_CPU_FLAGS, *NESTED, "kvm", *(name for name in QEMU_DEFAULT if name not in states)}
    return any(
        states.get(name) != expected.get(name) for name in states.keys() | expected.keys() if name not in fixed and name[:3] != "hv-"
    )


def _expected(cpu: CPU, here: Platform, host: HostFacts) -> States:
    chosen = choose(cpu.cputype, here.arch, here.kvm, host)
    assert chosen is not None
    if chosen.custom:
        cpu = with_custom(cpu, chosen.custom)
    return states_of(CPU(**meaning(flag_words(chosen, cpu, here, host))))


def _without_custom(cpu: CPU, here: Platform, host: HostFacts) -> CPU:
    """What the custom model says already is unsaid."""
    chosen = choose(cpu.cputype, here.arch, here.kvm, host)
    if chosen is None or chosen.custom is None:
        return cpu
    custom = with_custom(CPU(), chosen.custom)
    same = [name for name in ("level", "phys_bits", "guest_phys_bits") if getattr(cpu, name) == getattr(custom, name)]
    return forget(cpu, *same)


def _with_vendor_id(cpu: CPU, states: States, here: Platform) -> CPU:
    vendor_id = states.get("hv-vendor-id")
    if not isinstance(vendor_id, str) or not has_hyperv(here) or (here.x_vga and vendor_id == "proxmox"):
        return cpu
    if not (vendor_id.isascii() and vendor_id.isalnum()):
        return cpu
    return replace(cpu, hv_vendor_id=vendor_id)


def _flags(states: States, expected: States, host: HostFacts) -> str | None:
    """`flags` for what differs and may be said for a single VM. An enlightenment that is not named is off."""
    flags = []
    for name in VM_CPU_FLAGS:
        state = states.get(name, False if name.startswith("hv-") and expected.get(name) else None)
        if isinstance(state, bool) and state != expected.get(name):
            flags.append(("+" if state else "-") + name)
    for name in NESTED:
        state = states.get(name)
        if state is not None and state != expected.get(name) and (host.cpu_flags is None or nested_flag(host) == name):
            flags.append(("+" if state else "-") + "nested-virt")
            break
    return ";".join(flags) or None


def _assume_nested(flags: str, states: States, expected: States, host: HostFacts, report: Report, cpu: CPU) -> None:
    """Where the host's own flag is not known, nested-virt is taken to be the one that is wanted."""
    if "nested-virt" not in flags or host.cpu_flags is not None:
        return
    name = next(name for name in NESTED if name in states)
    expected[name] = states[name]
    message = f"CPU flag {_spelled(name, states[name])} becomes nested-virt, which is svm or vmx as the host has it"
    report.add("ambiguous", cpu.where, message)


def _report_rest(cpu: CPU, states: States, expected: States, here: Platform, report: Report) -> None:
    """Differences that no word of a config takes away."""
    lost, gained, changed = [], [], []
    words: list[str] = []
    mends = True
    for name in sorted(states.keys() | expected.keys()):
        want, have = states.get(name), expected.get(name)
        if want == have or (want is None and (name in NEW_FLAGS or name in QEMU_DEFAULT)):
            continue
        if name in PARAVIRTUAL and not here.kvm:
            continue
        if have is True and (want is None or name in PARAVIRTUAL):
            gained.append(_spelled(name, have))
        elif want is None:
            changed.append(_spelled(name, have))
        else:
            lost.append(_spelled(name, want))
            mends = mends and have is None
            words += ("-global", f"{GLOBAL}{name}={_value(want)}")
    about = fields(cpu, *STATES)
    report.mark(about)
    if lost:
        model = f"cpu-model: NAME / reported-model {cpu.model} / flags {';'.join(lost)}"
        hint = f"cpu-models.conf can: {model}"
        message = f"a config cannot say {', '.join(lost)} of this CPU"
        if mends:
            report.mend("guest-lost", cpu.where, message, words, hint=hint, about=about)
        else:
            report.add("guest-lost", cpu.where, message, hint, about)
    if gained:
        report.add("added", cpu.where, f"qemu-server gives this guest's CPU {', '.join(gained)} besides", about=about)
    if changed:
        report.add("guest-changed", cpu.where, f"qemu-server gives this guest's CPU {', '.join(changed)}", about=about)


STATES = ("features", "hyperv", "pv_eoi", "pv_unhalt", "kvm_off", "enforce")
"""Fields that are compared word by word, as one CPU flag may follow from several of them."""


def _value(state: bool | str | None) -> str:
    return state if isinstance(state, str) else "on" if state else "off"


def _spelled(name: str, value: bool | str | None) -> str:
    return f"{name}={value}" if isinstance(value, str) else ("+" if value else "-") + name


def _report_vendor(cpu: CPU, here: Platform, report: Report) -> None:
    forced = VENDOR.get(cpu.model or "")
    if cpu.vendor is not None and cpu.vendor != forced:
        gives = f"gives {forced}" if forced else "leaves it to the host"
        message = f"CPU vendor '{cpu.vendor}': qemu-server {gives} with this model"
        report.add("guest-changed", cpu.where, message, about=fields(cpu, "vendor"))
    elif cpu.vendor is None and forced and here.kvm:
        report.add("normalised", cpu.where, f"qemu-server gives the guest the CPU vendor {forced}; here the host's shows")
    if cpu.migratable is False:
        words = ["-global", f"{GLOBAL}migratable=off"]
        report.mend("guest-lost", cpu.where, "migratable='off' has no form in a config", words, about=fields(cpu, "migratable"))


def _said_elsewhere(cpu: CPU, here: Platform, host: HostFacts, report: Report) -> CPU:
    """Other architectures know a model only."""
    model = cpu.model
    default = default_type(here.arch, here.kvm)
    if model not in (None, default) and model not in MODELS.get(here.arch, ()) and not (model == "host" and here.arch == host.arch):
        message = f"qemu-server has no CPU model '{model}' for {here.arch}: the VM gets '{default}'"
        report.add("guest-changed", cpu.where, message, about=fields(cpu, "model"))
        model = default
    states = states_of(cpu)
    flags = [("+" if states.pop(name) else "-") + name for name in VM_CPU_FLAGS if isinstance(states.get(name), bool)]
    if flags:
        cpu = replace(cpu, flags=";".join(flags))
    if states:
        listed = ", ".join(_spelled(name, state) for name, state in sorted(states.items()))
        report.add("guest-lost", cpu.where, f"a config cannot say {listed} of a CPU of {here.arch}", about=fields(cpu, *STATES))
    return replace(cpu, cputype=None if model == default and not flags else model)
