"""<cpu>: model, features and address bits, and what libvirt has no word for (mapping-machine 6).

`enforce`, `level`, `guest-phys-bits` and features unknown to libvirt go by `-global x86_64-cpu.NAME=VALUE`: a property of the parent type
that every model and every hot-plugged CPU takes. A model unknown to libvirt goes by `-cpu`, which replaces the whole of libvirt's own.
"""

from __future__ import annotations

import re

from ..core.coverage import Rows
from ..core.rows import Row
from ..data.cpus import (
    LATER_IN_LIBVIRT,
    LATER_MODELS,
    LIBVIRT_FEATURES,
    LIBVIRT_NAMES,
    NEW_FLAGS,
    QEMU_NAMES,
    UNKNOWN_TO_LIBVIRT,
    VERSIONED,
)
from ..model.cpu import CPU
from ..model.vm import VM
from ..passes.resolve.cpu import check_known
from ..passes.resolve.cpu_flags import kept_from_libvirt
from . import hyperv, numa, vcpu
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("model", "cpu/model", code=True),
    Row("cputype", "cpu/model", code=True),
    Row("features", "cpu/feature", code=True),
    Row("flags", "cpu/feature", code=True),
    Row("vendor", "cpu/model@vendor_id", code=True),
    Row("phys_bits", "cpu/maxphysaddr@bits", code=True),
    Row("migratable", "cpu@migratable", code=True),
    Row("guest_phys_bits", "qemu:commandline x86_64-cpu.guest-phys-bits", code=True),
    Row("level", "qemu:commandline x86_64-cpu.level", code=True),
    Row("enforce", "qemu:commandline x86_64-cpu.enforce", code=True),
    Row("runningcpu", "qemu:commandline -cpu", code=True, finding="fallback"),
    Row("hyperv", "features/hyperv", code=True),
    Row("hv_vendor_id", "features/hyperv/vendor_id@value", code=True),
    Row("hidden", "features/kvm/hidden@state", code=True),
    Row("kvm_off", "features/kvm/hidden@state", code=True),
    Row("pv_eoi", "features/apic@eoi", code=True),
    Row("pv_unhalt", "features/pvspinlock@state", code=True),
    Row("sockets", "cpu/topology@sockets", code=True),
    Row("smp", "cpu/topology@sockets", code=True),
    Row("cores", "cpu/topology@cores", code=True),
    Row("vcpus", "vcpu@current", code=True),
    Row("hotplug", "vcpus/vcpu@hotpluggable", code=True),
    Row("affinity", "cputune/vcpupin@cpuset", code=True),
    Row("cpulimit", "cputune/global_quota", code=True),
    Row("cpuunits", "cputune/shares", code=True),
)
TABLE = (Rows(CPU, "", ROWS, ("words",)),)

GLOBAL = "x86_64-cpu."
ELSEWHERE = frozenset(("kvm-hint-dedicated", "kvm-poll-control", "kvm-pv-ipi", "pmu", "kvmclock"))
"""Features with an element of their own outside <cpu> (`hyperv`)."""
BY_COMMAND_LINE = UNKNOWN_TO_LIBVIRT | VERSIONED | LATER_MODELS
MODES = {"host": "host-passthrough", "max": "maximum"}
_MODELS = {mode: model for model, mode in MODES.items()}


def write(vm: VM, domain: Domain) -> None:
    if not domain.described:
        check_known(vm, None)
    vcpu.write_vcpus(vm, domain)
    hyperv.write_enlightenments(vm, domain)
    node = domain.root.add("cpu")
    cpu = vm.cpu
    if cpu.runningcpu is not None or _is_unknown(cpu.model, domain):
        domain.arguments += ("-cpu", cpu.runningcpu or command_line(cpu))
        message = f"libvirt has no words for the CPU {cpu.runningcpu or cpu.model}; QEMU gets it by -cpu, and libvirt shows another one"
        if not domain.target.clean:
            domain.report.add("fallback", cpu.where, message)
    else:
        _write_model(vm, domain, node)
    _write_bits(cpu, domain, node)
    vcpu.write_topology(vm, node)
    numa.write_cells(vm, domain, node)


def _is_unknown(model: str | None, domain: Domain) -> bool:
    has = domain.target.has
    return (
        model in UNKNOWN_TO_LIBVIRT
        or (model in VERSIONED and not has("cpu_versioned"))
        or (model in LATER_MODELS and not has("cpu_later"))
    )


def command_line(cpu: CPU) -> str:
    """The whole value of -cpu, in qemu-server's order."""
    words = cpu.words or {}
    parts = [cpu.model or "", *([f"level={cpu.level}"] if cpu.level is not None else ()), *(words[name] for name in sorted(words))]
    if cpu.guest_phys_bits:
        parts.append(f"guest-phys-bits={cpu.guest_phys_bits}")
    if cpu.phys_bits:
        parts.append("host-phys-bits=true" if cpu.phys_bits == "host" else f"phys-bits={cpu.phys_bits}")
    return ",".join(parts)


def _write_model(vm: VM, domain: Domain, node: Node) -> None:
    cpu = vm.cpu
    model = cpu.model or ""
    if model in MODES:
        node.attrib = {"mode": MODES[model], "check": "none"}
        if cpu.migratable is False:
            node.set("migratable", "off")
    else:
        node.attrib = {"mode": "custom", "match": "exact", "check": "none"}
        text = node.add("model", model, fallback="forbid")
        if cpu.vendor:
            text.set("vendor_id", cpu.vendor)
    if cpu.enforce:
        domain.arguments += ("-global", f"{GLOBAL}enforce=on")
    if cpu.level is not None and vm.machine.arch == "x86_64":
        domain.arguments += ("-global", f"{GLOBAL}level={cpu.level}")
    if cpu.guest_phys_bits:
        domain.arguments += ("-global", f"{GLOBAL}guest-phys-bits={cpu.guest_phys_bits}")
    kept = kept_from_libvirt(model, vm.machine.version or (99, 0), bool(vm.machine.kvm))
    features = {**kept, **(cpu.features or {})}
    for name, state in features.items():
        _write_feature(name, state, domain, node)


def _write_feature(name: str, state: bool, domain: Domain, node: Node) -> None:
    if name in ELSEWHERE:
        return
    own = LIBVIRT_NAMES.get(name, name)
    if own in LIBVIRT_FEATURES and (own not in LATER_IN_LIBVIRT or domain.target.has("cpu_later")):
        node.add("feature", policy="require" if state else "disable", name=own)
    elif name not in NEW_FLAGS or domain.target.has("cpu_cet"):
        domain.arguments += ("-global", f"{GLOBAL}{name}={'on' if state else 'off'}")


def _write_bits(cpu: CPU, domain: Domain, node: Node) -> None:
    bits = cpu.phys_bits
    if not bits:
        return
    if not domain.target.has("maxphysaddr"):
        domain.arguments += ("-global", f"{GLOBAL}host-phys-bits=on" if bits == "host" else f"{GLOBAL}phys-bits={bits}")
    elif bits == "host":
        node.add("maxphysaddr", mode="passthrough")
    else:
        node.add("maxphysaddr", mode="emulate", bits=str(int(bits)))


def read(domain: Domain, vm: VM) -> None:
    vcpu.read_vcpus(domain, vm)
    hyperv.read_enlightenments(domain, vm)
    node = domain.root.only("cpu")
    if node is not None:
        vm.cpu.where = node
        _read_model(domain, node, vm)
        _read_features(domain, node, vm)
        _read_bits(domain, node, vm)
        _read_cache(domain, node, vm)
        vcpu.read_topology(node, vm)
        numa.read_cells(domain, node, vm)
    numa.read_tuning(domain, vm)
    _read_arguments(domain, vm)


def _read_model(domain: Domain, node: Node, vm: VM) -> None:
    cpu = vm.cpu
    node.expect("check", "none", "partial", "full")
    if not node.expect("match", "exact") and node.attrib["match"] in ("minimum", "strict"):
        _read_match(domain, node, node.need("match"))
    mode = node.attrib.get("mode", "custom")
    if mode in ("custom", "host-model", *_MODELS):
        node.take("mode")
        if mode != "custom":
            cpu.model = _MODELS.get(mode, mode)
    if (migratable := node.attrib.get("migratable")) in ("on", "off"):
        node.take("migratable")
        cpu.migratable = False if migratable == "off" else None
    model = node.peek("model")
    if model is not None and mode == "custom":
        model.claim()
        model.expect("fallback", "forbid", "allow")
        cpu.model = model.value()
        cpu.vendor = model.take("vendor_id")
    elif model is not None and mode == "host-model":
        model.claim()
        model.expect("fallback", "forbid", "allow")
        if name := model.value():
            domain.report.add("normalised", model, f"host-model is expanded anew at each start, whatever model it was: {name}")
    vendor = node.only("vendor")
    if vendor is not None:
        domain.report.add("normalised", vendor, f"{vendor.whole()} only makes libvirt look at the host; it is left out")


def _read_match(domain: Domain, node: Node, match: str) -> None:
    if match == "minimum":
        message = "match='minimum': libvirt gave the guest every other feature of its host's CPU besides; a config names them one by one"
        domain.report.add("guest-changed", node, message, "take model and features of the running domain instead")
    else:
        domain.report.add("normalised", node, f"match='{match}' only makes libvirt look at the host; it is left out")


_GONE = ("osxsave", "ospke")
"""Set by the guest's own system, never by a CPU model: libvirt and QEMU leave them out."""
_POLICY = {"require": True, "force": True, "disable": False, "forbid": False}


def _read_features(domain: Domain, node: Node, vm: VM) -> None:
    states = vm.cpu.features
    assert states is not None
    for feature in node.all("feature"):
        name = feature.attrib.get("name", "")
        name = QEMU_NAMES.get(name, name)
        policy = feature.attrib.get("policy", "require")
        if name in _GONE:
            domain.report.add("normalised", feature, f"CPU feature {name} ({policy}) is the guest's own to set; it is left out")
            feature.claim_text("name", "policy")
            continue
        if policy == "optional" and name:
            domain.report.add("guest-changed", feature, f"CPU feature {name} was the guest's if its host had it; a config says yes or no")
            feature.claim_text("name", "policy")
            continue
        if policy not in _POLICY or not name or name in states or not _FEATURE(name):
            feature.unclaim()
            continue
        feature.claim_text("name", "policy")
        states[name] = _POLICY[policy]


_FEATURE = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII).fullmatch
_BITS = re.compile(r"[0-9]{1,2}", re.ASCII).fullmatch


def _read_bits(domain: Domain, node: Node, vm: VM) -> None:
    bits = node.peek("maxphysaddr")
    if bits is None:
        return
    mode = bits.attrib.get("mode")
    if mode == "passthrough":
        vm.cpu.phys_bits = "host"
        bits.take("mode")
        if _BITS(limit := bits.attrib.get("limit", "")):
            bits.take("limit")
            message = f"limit='{limit}' of the guest's address bits has no place in a config"
            domain.report.mend("guest-changed", bits, message, ["-global", f"{GLOBAL}host-phys-bits-limit={int(limit)}"])
    elif mode == "emulate" and _BITS(text := bits.attrib.get("bits", "")) and 8 <= int(text) <= 64:
        vm.cpu.phys_bits = str(int(text))
        bits.take("mode")
        bits.take("bits")
    elif mode == "emulate" and "bits" not in bits.attrib:  # host-phys-bits=off: QEMU's own number, and the default of most models
        if vm.cpu.model in HOST_BITS:
            vm.cpu.phys_bits = OWN_BITS
        bits.take("mode")
    else:
        return
    bits.claim()


_CACHE = {
    ("emulate", "3"): ("l3-cache=on",),
    ("emulate", None): ("l3-cache=on",),
    ("passthrough", None): ("host-cache-info=on", "l3-cache=off"),
    ("disable", None): ("l3-cache=off",),
}
"""<cache mode= level=> -> QEMU's properties (qemuBuildCpuCommandLine); with the host's own model they also say host-cache-info=off."""


def _read_cache(domain: Domain, node: Node, vm: VM) -> None:
    """Which caches the guest's CPU shows; a config has no word for them."""
    cache = node.only("cache")
    if cache is None:
        return
    mode, level = cache.attrib.get("mode", ""), cache.attrib.get("level")
    values = _CACHE.get((mode, level))
    if values is None:
        cache.unclaim()
        return
    if mode != "passthrough" and vm.cpu.model in HOST_BITS:
        values = (*values, "host-cache-info=off")
    cache.claim_text("mode", "level")
    message = f"<cache mode='{mode}'/>: a config does not say which caches the CPU shows"
    domain.report.mend("guest-changed", cache, message, [word for value in values for word in ("-global", GLOBAL + value)])


HOST_BITS = ("host", "max")
"""Models that have the host's number of address bits if nothing is said."""
OWN_BITS = "40"
"""QEMU's TCG_PHYS_ADDR_BITS."""

_PROPERTY = re.compile(rf"{re.escape(GLOBAL)}([A-Za-z0-9_.-]{{1,64}})=(on|off|[0-9]{{1,10}})", re.ASCII).fullmatch


def _read_arguments(domain: Domain, vm: VM) -> None:
    """Take `-global x86_64-cpu.NAME=VALUE`, and a `-cpu` with a model that libvirt does not know."""
    words = domain.arguments
    remembered = domain.residue.text("runningcpu") if domain.residue is not None else None
    kept: list[str] = []
    n = 0
    while n < len(words):
        option, value = words[n], words[n + 1] if n + 1 < len(words) else ""
        if option == "-global" and (match := _PROPERTY(value)) and _take_property(vm.cpu, match[1], match[2]):
            n += 2
        elif option == "-cpu" and vm.cpu.runningcpu is None and (value == remembered or value.partition(",")[0] in BY_COMMAND_LINE):
            vm.cpu.runningcpu = value
            n += 2
        else:
            kept.append(option)
            n += 1
    words[:] = kept


def _take_property(cpu: CPU, name: str, value: str) -> bool:
    on = {"on": True, "off": False}.get(value)
    if name == "enforce" and on:
        cpu.enforce = True
    elif name == "level" and on is None:
        cpu.level = value
    elif name == "guest-phys-bits" and on is None:
        cpu.guest_phys_bits = value
    elif name == "phys-bits" and on is None:
        cpu.phys_bits = value
    elif name == "host-phys-bits" and on:
        cpu.phys_bits = "host"
    elif on is not None and name.startswith("hv-"):
        cpu.hyperv = cpu.hyperv or {}
        cpu.hyperv[name[3:].replace("-", "_")] = on
    elif on is not None and cpu.features is not None and name not in cpu.features:
        cpu.features[name] = on
    else:
        return False
    return True
