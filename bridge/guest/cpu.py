"""-cpu, -smp and hot-plugged CPUs: model, features, topology, which CPUs are there."""

from __future__ import annotations

from ..data.cpus import ALIASES
from ..data.qemu import CPU_HOST, CPU_KVM, CPU_NEVER
from .said import Said
from .values import number as whole
from .values import plain, ranges

DEVICE = "cpu"
"""Driver of every hot-plugged CPU: its model is the one of -cpu."""
DEFAULT = {"i440fx": "qemu64", "q35": "qemu64"}
GLOBAL = "-cpu"
LEVELS = ("sockets", "dies", "clusters", "modules", "cores", "threads")
"""From the whole machine down; a CPU's number counts threads first."""
INNER = ("dies", "clusters", "modules")


def cpu(said: Said) -> dict[str, str]:
    """The model, and each feature that is said and is not what the model has anyway."""
    text = said.last("cpu") or DEFAULT.get(said.base, "")
    model, *words = text.split(",")
    found: dict[str, str] = {}
    for entry in said.globals:
        if entry.driver.endswith(GLOBAL):
            entry.used = True
            found[_name(entry.name)] = plain(entry.value)
    for word in words:
        if word[:1] not in ("+", "-"):
            name, equals, value = word.partition("=")
            found[_name(name)] = plain(value) if equals else "on"
    for sign, value in (("+", "on"), ("-", "off")):  # after all others, and minus last (target/i386/cpu.c)
        found |= {_name(word[1:]): value for word in words if word[:1] == sign}
    known = _known(said, model)
    features = {name: value for name, value in sorted(found.items()) if known.get(name) != value and name not in CPU_HOST}
    return {"model": model.removesuffix("-v1"), **features}


def _name(name: str) -> str:
    name = name.strip().replace("_", "-")
    return ALIASES.get(name, name)


def _known(said: Said, model: str) -> dict[str, str]:
    """Features that this model has, or has not, whatever is said (mapping-machine 6.3)."""
    known = {name: "off" for prefix, names in CPU_NEVER.items() if model.startswith(prefix) for name in names}
    if known.get("mpx") and said.version and not said.has("mpx_gone"):
        del known["mpx"]
    if said.accel == "kvm":
        known |= CPU_KVM if model not in ("host", "max") else {}
    return known


def smp(said: Said, plugged: list[str]) -> dict[str, str]:
    """Sockets, cores and so on, and which CPUs are there when the guest starts; `plugged` are the places of CPU devices."""
    counts = _topology(said)
    total = counts.pop("maxcpus")
    there = set(range(counts.pop("cpus")))
    for place in plugged:
        number = _number(place, counts)
        if number in there:
            said.notes.append(f"QEMU would refuse the {place}: it is there already")
        there.add(number)
    found = {name: str(count) for name, count in counts.items() if count != 1 or name in ("sockets", "cores", "threads")}
    return found | {"maxcpus": str(total), "present": ranges(there)}


def _number(place: str, counts: dict[str, int]) -> int:
    """The number of a CPU by its place `cpu socket:core:thread`."""
    ids = [whole(part, "CPU device") for part in place.partition(" ")[2].split(":") if part]
    sizes = [counts[level] for level in LEVELS if level not in INNER or counts[level] > 1]
    found = 0
    for unit, size in zip(ids, sizes[-len(ids) :] if ids else [], strict=False):
        found = found * size + unit
    return found


def _topology(said: Said) -> dict[str, int]:
    """-smp with what is not said, as QEMU computes it (hw/core/machine-smp.c)."""
    given = {name: whole(value, f"-smp {name}") for name, value in said.merged("smp", "cpus").items()}
    counts = {level: given.get(level, 0) for level in LEVELS}
    counts |= {level: counts[level] or 1 for level in INNER}
    cpus, most = given.get("cpus", 0), given.get("maxcpus", 0)
    inner = counts["dies"] * counts["clusters"] * counts["modules"]
    if not cpus and not most:
        counts = {level: count or 1 for level, count in counts.items()}
    else:
        most = most or cpus
        order = ("cores", "sockets") if not said.version or said.has("prefer_cores") else ("sockets", "cores")
        _fill(counts, most, inner, order)
    product = inner * counts["sockets"] * counts["cores"] * counts["threads"]
    most = most or product
    return {**counts, "cpus": min(cpus or most, 1 << 16), "maxcpus": most}


def _fill(counts: dict[str, int], most: int, inner: int, order: tuple[str, str]) -> None:
    """The first of `order` that nobody says takes what the others leave."""
    wanted, other = order
    if not counts[wanted]:
        rest = counts[other] = counts[other] or 1
        counts["threads"] = counts["threads"] or 1
        counts[wanted] = most // (inner * rest * counts["threads"])
    elif not counts[other]:
        counts["threads"] = counts["threads"] or 1
        counts[other] = most // (inner * counts[wanted] * counts["threads"])
    counts["threads"] = counts["threads"] or most // max(1, inner * counts["sockets"] * counts["cores"])


