"""taskset, -smp, plugged CPUs, -cpu."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from ...core.report import BridgeError
from ...data.gates import machine_has
from ...passes.resolve.cpu_flags import meaning
from .line import Line
from .machine import merged
from .said import Said, number

MOST = 4096
PARTS = ("sockets", "dies", "clusters", "modules", "cores", "threads")
_CPU = re.compile(r"[A-Za-z0-9_.-]+-(?:x86_64|i386)-cpu|host-(?:x86_64|arm)-cpu").fullmatch


def read(line: Line) -> None:
    _read_smp(line)
    _read_model(line)
    _read_affinity(line)


def _read_affinity(line: Line) -> None:
    """`taskset --cpu-list --all-tasks SET`, in front of QEMU."""
    before = line.before
    at = next((n for n, word in enumerate(before) if word.rpartition("/")[2] == "taskset"), None)
    if at is None or len(before) < at + 3:
        return
    flags, cpus = before[at + 1 : -1], before[-1]
    if set(flags) <= TASKSET and {"-c", "--cpu-list", "-ac", "-ca"} & set(flags) and _CPUS(cpus):
        line.vm.cpu.affinity = cpus
        line.before = before[:at]


TASKSET = frozenset(("-c", "--cpu-list", "-a", "--all-tasks", "-ac", "-ca"))
_CPUS = re.compile(r"[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*", re.ASCII).fullmatch


def _read_smp(line: Line) -> None:
    said = merged(line, "smp")
    cpu = line.vm.cpu
    cpu.where = said or line.file
    counts = _counts(said) if said is not None else {}
    started, most = counts.pop("cpus", None), counts.pop("maxcpus", None)
    for name in PARTS:
        counts.setdefault(name, 0)
    _complete(line, counts, started, most)
    product = 1
    for count in counts.values():
        product *= count
    most = most or product
    started = started or most
    if product != most or (started > most and not line.is_pve):  # qemu-server writes what QEMU refuses
        raise BridgeError(f"-smp: the topology has {product} CPUs, maxcpus is {most}: QEMU refuses it", said)
    plugged = _plugged(line)
    cpu.sockets = counts["sockets"]
    cpu.cores = most // cpu.sockets
    cpu.threads = counts["threads"] if counts["threads"] > 1 else None
    dies = counts["dies"] * counts["clusters"] * counts["modules"]
    cpu.dies = dies if dies > 1 else None
    if plugged:
        cpu.hotplug = True
        started += plugged
    cpu.vcpus = started if started != most else None


def _counts(said: Said) -> dict[str, int]:
    counts = {}
    for name in ("cpus", "maxcpus", *PARTS):
        text = said.peek(name)
        if text is None:
            continue
        count = said.number(name)
        if count is None or not 1 <= count <= MOST:
            raise BridgeError(f"-smp: {name}={text[:40]} is not a number of CPUs: give 1 to {MOST}", said)
        counts[name] = count
    return counts


def _complete(line: Line, counts: dict[str, int], started: int | None, most: int | None) -> None:
    """What is not said (hw/core/machine-smp.c): from machine 6.2 on CPUs become cores, before that sockets."""
    for name in ("dies", "clusters", "modules"):
        counts[name] = counts[name] or 1
    fixed = counts["dies"] * counts["clusters"] * counts["modules"]
    total = most or started
    if total is None:
        for name in ("sockets", "cores", "threads"):
            counts[name] = counts[name] or 1
        return
    version = line.vm.machine.version
    first, second = ("cores", "sockets") if version is None or machine_has(version, 0, "prefer_cores") else ("sockets", "cores")
    for wanted, others in ((first, (second, "threads")), (second, (first, "threads")), ("threads", ("sockets", "cores"))):
        if counts[wanted] == 0:
            known = fixed
            for name in others:
                counts[name] = counts[name] or 1
                known *= counts[name]
            counts[wanted] = max(total // known, 1)


def _plugged(line: Line) -> int:
    """CPUs that are plugged in as devices; those in a row from the second on are what an option can say."""
    cpu = line.vm.cpu
    count = 0
    for device in line.devices:
        if not device.taken and _CPU(device.driver):
            device.taken = True
            socket, core = divmod(count + 1, _cores(line))
            said = device.said
            own = said.number("socket-id"), said.number("core-id") or 0, said.number("thread-id") or 0
            said.expect("die-id", "0")
            if own != (socket, core, 0):
                line.report.add("guest-changed", said, f"CPU {device.id} stands at socket {own[0]} core {own[1]} thread {own[2]}")
            count += 1
    del cpu
    return count


def _cores(line: Line) -> int:
    said = next(iter(line.all("smp")), None)
    for _, value in [("cores", text) for text in (said.all("cores") if said is not None else [])]:
        return max(int(value), 1) if value.isdigit() else 1
    return 1


def _read_model(line: Line) -> None:
    said = line.last("cpu")
    cpu = line.vm.cpu
    arch = line.vm.machine.arch
    if said is None:
        line.vm.cpu = replace(cpu, model="qemu64" if arch == "x86_64" else None, **meaning({}))
        return
    line.vm.cpu = replace(cpu, where=said, **parsed(said.text))


_WORD = re.compile(r"[+-]?[A-Za-z0-9_.-]+(?:=.*)?", re.DOTALL).fullmatch


def parsed(text: str) -> dict[str, Any]:
    """The value of -cpu as fields of the model."""
    model, *words = text.split(",")
    named: dict[str, str] = {}
    fields: dict[str, Any] = {"model": model}
    for word in words:
        if not _WORD(word):
            raise BridgeError(f"-cpu: '{word[:60]}' is not a property of a CPU")
        name, _, value = word.lstrip("+-").partition("=")
        name = name.replace("_", "-") if name.replace("_", "-") in _OWN else name
        if name == "check":
            continue  # whether QEMU warns of what its host lacks
        if name == "host-phys-bits" and value in ("on", "true", ""):
            fields["phys_bits"] = "host"
        elif name in ("phys-bits", "guest-phys-bits", "level") and value.isdigit():
            fields[name.replace("-", "_")] = value
        else:
            named.pop(name, None)
            named[name] = _spelled(word)
    return fields | meaning(named)


_OWN = frozenset(("host-phys-bits", "phys-bits", "guest-phys-bits"))


def _spelled(word: str) -> str:
    """`name=true` is `name=on`; the retries of spinlocks are hexadecimal, as qemu-server has them."""
    name, equals, value = word.partition("=")
    if name.replace("-", "_") == "hv_spinlocks":
        retries = number(value)
        if retries is None:
            raise BridgeError(f"-cpu: {word[:60]}: give the number of retries")
        return word if value.startswith("0x") else f"{name}={retries:#x}"
    return f"{name}={ {'true': 'on', 'yes': 'on', 'false': 'off', 'no': 'off'}.get(value, value)}" if equals else word
