"""<vcpu>, <vcpus>, <cputune> and <cpu><topology>: how many CPUs, which are started, the host's share for them (mapping-machine 7, 14)."""

from __future__ import annotations

from ..core.report import BridgeError
from ..core.rows import INT, whole_number
from ..model.vm import VM
from .numa import set_text
from .tree.bounds import MAX_SETS
from .tree.domain import Domain
from .tree.node import Node

MAX_VCPUS = 4096
"""The most that QEMU runs; nothing is counted out beyond it (security-rules S9)."""
PERIOD = 100_000
"""Microseconds; the quota is a share of it."""
LEAST_QUOTA = 1000
WEIGHTS = (1, 10_000)
"""cgroup v2's range; qemu-server puts cpuunits into it by itself, libvirt refuses to start."""


def write_vcpus(vm: VM, domain: Domain) -> None:
    cpu = vm.cpu
    most = (cpu.sockets or 1) * (cpu.cores or 1)
    started = cpu.vcpus or most
    vcpu = domain.root.add("vcpu", str(most))
    if cpu.affinity == "0":
        domain.report.add("lint", cpu.where, "qemu-server takes affinity: 0 for no affinity, so there is none", "write it as 0-0")
    if started > most:
        domain.report.add("guest-lost", cpu.where, f"vcpus: {started} is more than the {most} CPUs there are; QEMU would not start")
        started = most
    if started < most:
        vcpu.set("current", str(started))
    if cpu.hotplug and most > 1:
        vcpus = domain.root.add("vcpus")
        for n in range(most):
            enabled = "yes" if n < started else "no"
            vcpus.add("vcpu", id=str(n), enabled=enabled, hotpluggable="yes" if n else "no")
    _write_tuning(vm, domain, most)


def affinity_set(vm: VM) -> str | None:
    """`affinity` as libvirt takes a set: what taskset puts every thread of QEMU on."""
    said = vm.cpu.affinity
    return ",".join(part.strip() for part in said.split(",") if part.strip()) if said and said != "0" else None


def _write_tuning(vm: VM, domain: Domain, most: int) -> None:
    """Pins by thread: those of iothreads are written with the iothreads."""
    cpu = vm.cpu
    pin = affinity_set(vm)
    if pin is not None:
        if len(pin) * most > MAX_SETS:
            message = f"affinity: {len(pin)} characters for each of {most} CPUs are more than the XML may hold: write the set as ranges"
            raise BridgeError(message, cpu.where)
        cputune = domain.root.ensure("cputune")
        for n in range(most):
            cputune.add("vcpupin", vcpu=str(n), cpuset=pin)
        cputune.add("emulatorpin", cpuset=pin)
    if cpu.cpuunits:
        low, high = WEIGHTS
        domain.root.ensure("cputune").add("shares", str(min(max(cpu.cpuunits, low), high)))
    quota = int(float(cpu.cpulimit or 0) * 100) * LEAST_QUOTA
    if quota:
        cputune = domain.root.ensure("cputune")
        cputune.add("global_period", str(PERIOD))
        cputune.add("global_quota", str(quota))


def write_topology(vm: VM, node: Node) -> None:
    cpu = vm.cpu
    dies, threads = cpu.dies or 1, cpu.threads or 1
    topology = node.add("topology", sockets=str(cpu.sockets or 1))
    if dies > 1:
        topology.set("dies", str(dies))
    topology.set("cores", str((cpu.cores or 1) // dies // threads))
    topology.set("threads", str(threads))


def read_vcpus(domain: Domain, vm: VM) -> None:
    """Counts and pins. The topology is read with <cpu>, and must fit (`check_topology`)."""
    cpu = vm.cpu
    vcpu = domain.root.only("vcpu")
    most = 1
    if vcpu is not None:
        cpu.where = vcpu
        most = _count(vcpu.value(), vcpu)
        if not vcpu.expect("placement", "static") and vcpu.attrib.get("placement") == "auto":
            aside = f" (not cpuset='{cpus}')" if (cpus := vcpu.take("cpuset")) is not None else ""
            message = f"placement='{vcpu.take('placement')}': numad of the host where it ran chose the CPUs{aside}"
            domain.report.add("host-state", vcpu, message)
        cpu.affinity = _cpuset(vcpu, "cpuset")
        if (current := vcpu.take("current")) is not None:
            cpu.vcpus = _count(current, vcpu)
            if cpu.vcpus > most:
                raise BridgeError(f"<vcpu> starts {current} of {most} CPUs: lower current", vcpu)
    cpu.sockets, cpu.cores = most, 1
    _read_vcpus(domain, vm, most)
    _read_tuning(domain, vm, most)


def _count(text: str, where: Node) -> int:
    try:
        count = whole_number(text)
    except ValueError:
        count = 0
    if not 1 <= count <= MAX_VCPUS:
        raise BridgeError(f"'{text[:40]}' is not a number of CPUs: give 1 to {MAX_VCPUS}", where)
    return count


def _cpuset(node: Node, name: str) -> str | None:
    text = node.attrib.get(name)
    plain = None if text is None else set_text(text, node)
    if plain is not None:  # or else it stays unclaimed, hence is reported
        node.take(name)
    return "0-0" if plain == "0" else plain  # to qemu-server `0` is no set


def _read_vcpus(domain: Domain, vm: VM, most: int) -> None:
    """All but the first hot-pluggable, the first ones started: that is how qemu-server plugs them. Anything else is reported."""
    vcpus = domain.root.only("vcpus")
    if vcpus is None:
        return
    rows = vcpus.children
    started = sum(row.attrib.get("enabled") == "yes" for row in rows)
    wanted = [{"id": str(n), "enabled": "yes" if n < started else "no", "hotpluggable": "yes" if n else "no"} for n in range(len(rows))]
    plain = [{name: value for name, value in row.attrib.items() if name != "order"} for row in rows]
    orders = [row.attrib.get("order", str(n)) for n, row in enumerate(rows[:started], 1)]
    in_order = orders == [str(n) for n in range(1, started + 1)]
    if len(rows) != most or plain != wanted or not in_order or (vm.cpu.vcpus or most) != started:
        message = f"{vcpus.whole()} is not how qemu-server plugs CPUs: {vm.cpu.vcpus or most} of {most} are started"
        domain.report.add("guest-lost", vcpus, message)
        return
    for row in rows:
        row.claim_text("id", "enabled", "hotpluggable", "order")
    vm.cpu.hotplug = True


def _read_tuning(domain: Domain, vm: VM, most: int) -> None:
    cputune = domain.root.only("cputune")
    if cputune is None:
        return
    cpu = vm.cpu
    if (shares := _number(cputune, "shares")) is not None:
        cpu.cpuunits = shares
    _read_limit(cputune, vm)
    _read_pins(cputune, vm, most)
    for node in cputune.children:
        if not node.claimed and not node.tag.startswith("iothread"):
            domain.report.add("host-lost", node, f"{node.whole()} has no counterpart in a config")


def _number(parent: Node, tag: str) -> int | None:
    node = parent.peek(tag)
    if node is None or node.claimed:
        return None
    try:
        value = INT.read(node.text.strip(" \t\r\n"))
    except ValueError:
        return None
    node.claim_text()
    return int(value)


def _read_limit(cputune: Node, vm: VM) -> None:
    """A quota is a share of its period; without a period libvirt takes PERIOD."""
    quota = cputune.peek("global_quota")
    period = cputune.peek("global_period")
    try:
        share = int(INT.read(quota.text.strip(" \t\r\n"))) if quota else 0
        of = int(INT.read(period.text.strip(" \t\r\n"))) if period else PERIOD
    except ValueError:
        return
    limit = f"{share / of:.2f}".rstrip("0").rstrip(".") if of else "0"
    if not quota or limit == "0" or round(float(limit) * of) != share:
        return
    for node in (quota, period):
        if node:
            node.claim_text()
    vm.cpu.cpulimit = limit


def _read_pins(cputune: Node, vm: VM, most: int) -> None:
    pins: dict[int, str] = {}
    for node in cputune.all("vcpupin"):
        number = node.attrib.get("vcpu", "")
        known = number.isascii() and number.isdigit() and int(number[:6]) < most and int(number[:6]) not in pins
        cpus = _cpuset(node, "cpuset") if known else None
        if cpus is None:
            node.unclaim()
            continue
        node.take("vcpu")
        pins[int(number)] = cpus
    vm.cpu.vcpupins = pins or None
    emulator = cputune.only("emulatorpin")
    if emulator is not None:
        vm.cpu.emulatorpin = _cpuset(emulator, "cpuset")
    _one_pin(vm, most)


def _one_pin(vm: VM, most: int) -> None:
    """The set that every vCPU and the emulator are pinned to is the affinity of the VM."""
    cpu = vm.cpu
    sets = {*(cpu.vcpupins or {}).values(), cpu.emulatorpin}
    pin = sets.pop()
    if not sets and pin is not None and len(cpu.vcpupins or {}) == most and cpu.affinity in (None, pin):
        cpu.affinity = pin
        cpu.vcpupins = cpu.emulatorpin = None


TOPOLOGY = ("sockets", "dies", "clusters", "cores", "threads")


def read_topology(cpu_node: Node, vm: VM) -> None:
    """Sockets and cores; dies and threads too, though a config has none. Raises BridgeError if the product is not the number of CPUs."""
    node = cpu_node.only("topology")
    if node is None:
        return
    counts = {name: _count(text, node) if (text := node.take(name)) is not None else 1 for name in TOPOLOGY}
    most = (vm.cpu.sockets or 1) * (vm.cpu.cores or 1)
    product = 1
    for count in counts.values():
        product *= count
    if product != most:
        raise BridgeError(f"the topology has {product} CPUs, <vcpu> has {most}: make them equal", node)
    cpu = vm.cpu
    cpu.sockets = counts["sockets"]
    cpu.cores = most // cpu.sockets
    cpu.threads = counts["threads"] if counts["threads"] > 1 else None
    cpu.dies = counts["dies"] * counts["clusters"] if counts["dies"] * counts["clusters"] > 1 else None
