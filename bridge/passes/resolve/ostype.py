"""Which ostype an XML means, where nothing names it (mapping-machine 5.2).

An ostype is judged by what it does to the guest: enlightenments, the clock and its timers, x2apic. The one whose effects are nearest
wins; it also decides about USB, the display and cloud-init, so the choice is always told.
"""

from __future__ import annotations

from msgspec.structs import replace

from ...core.report import Report
from ...data.ostype import WINDOWS, windows_version
from ...host.facts import HostFacts
from ...model.vm import VM
from .cpu_flags import Setting, enlightenments, setting

ENLIGHTENED = ("win10", "win7", "w2k8")
"""qemu-server gives enlightenments to Windows alone: these stand for those that get some."""
CANDIDATES = ("l26", "win10", "win7", "w2k8", "wxp", "solaris", "other", "win11")
"""Of equal ones the first wins. Systems that qemu-server treats alike stand for each other."""
OPTIONAL = frozenset(("hv_vendor_id", "hv_evmcs"))
"""Enlightenments that a config can also set by itself."""
WEIGHTS = {"relaxed": 4, "x2apic": 4, "localtime": 2, "tdf": 2, "pit": 2, "hpet": 1}
"""How much an effect tells; an enlightenment counts 1."""


def effects(ostype: str, here: Setting, acpi: bool) -> frozenset[str]:
    """What qemu-server does to a guest of this ostype."""
    win = windows_version(ostype)
    found = {name.removeprefix("hv_") for name in enlightenments(here._replace(ostype=ostype))}
    if win >= WINDOWS["wxp"]:
        found.add("localtime")
        if acpi:
            found.add("tdf")
    if win >= WINDOWS["wvista"]:
        found.add("pit")
    if win >= WINDOWS["wvista"] or (ostype == "l26" and here.machine_has("l26_hpet_off")):
        found.add("hpet")
    if ostype == "solaris":
        found.add("x2apic")
    return frozenset(found)


def seen(vm: VM) -> frozenset[str]:
    """The same effects, as the XML shows them."""
    cpu, clock = vm.cpu, vm.clock
    found = {name for name, state in (cpu.hyperv or {}).items() if state and f"hv_{name}" not in OPTIONAL and name != "tlbflush"}
    for name, shown in (("localtime", clock.localtime), ("tdf", clock.tdf), ("pit", clock.pit_discard)):
        if shown:
            found.add(name)
    if vm.machine.hpet is False:
        found.add("hpet")
    if (cpu.features or {}).get("x2apic") is False:
        found.add("x2apic")
    return frozenset(found)


def judge(vm: VM, host: HostFacts) -> str:
    enlightened = {f"hv_{name}" for name, state in (vm.cpu.hyperv or {}).items() if state}
    if enlightened and enlightened <= OPTIONAL:  # a name for drivers that look for one tells Windows, and nothing of which
        best = ENLIGHTENED[0]
    else:
        here = setting(vm, host)._replace(ostype=None, x_vga=False)
        best = _nearest(seen(vm), here, vm.machine.acpi is not False, ENLIGHTENED if enlightened else CANDIDATES)
    return "win11" if best == "win10" and _looks_like_11(vm) else best


def _nearest(shown: frozenset[str], here: Setting, acpi: bool, candidates: tuple[str, ...]) -> str:
    best, least = candidates[0], float("inf")
    for ostype in candidates:
        distance = sum(WEIGHTS.get(effect, 1) for effect in shown ^ effects(ostype, here, acpi))
        if distance < least:
            best, least = ostype, distance
    return best


def _looks_like_11(vm: VM) -> bool:
    """Windows 11 asks for a TPM and secure boot; enlightened VMCS is given to it alone."""
    firmware = vm.firmware
    code = firmware.code or ""
    secure = bool(firmware.secure or firmware.pre_enrolled_keys or "secboot" in code or ".ms." in code)
    return bool((vm.cpu.hyperv or {}).get("evmcs")) or (vm.tpm is not None and secure)


KIND = "ambiguous"


def message(ostype: str) -> str:
    return f"nothing names the guest's system; its clock, timers and enlightenments are nearest to those of ostype {ostype}"


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: a VM that says its ostype, or that `resolve` completed, stays as it is. Must run first: other kinds ask for the ostype."""
    if vm.meta.ostype is not None or vm.cpu.features is None or "features" in vm.cpu.filled:
        return vm
    ostype = judge(vm, host)
    report.add(KIND, vm.clock.where or vm.cpu.where, message(ostype), "set ostype by hand if it is another")
    return replace(vm, meta=replace(vm.meta, ostype=ostype))
