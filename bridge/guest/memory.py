"""-m, -numa and their backends."""

from __future__ import annotations

from typing import Any

from ..argv.read import pairs
from ..data.qemu import MEMORY_DEFAULT
from .said import Said
from .values import memory as text
from .values import number, numbers, plain, ranges, size, word

GUEST = frozenset(("id", "qom-type", "size"))
PLAIN = frozenset((*GUEST, "x-use-canonical-path-for-ramblock-id"))
"""A backend of the whole memory that says no more than this is what QEMU makes by itself."""
NUMA_KEYS = ("src", "dst", "node-id", "socket-id", "core-id", "thread-id")
"""What -numa dist, cpu and others speak of."""


def memory(said: Said) -> dict[str, str]:
    """Size, and room for hot-plugged memory. A size without a unit is in MiB."""
    found = said.merged("m", "size")
    values = {"size": text(size(found.get("size", MEMORY_DEFAULT), "-m", "m"))}
    if "maxmem" in found:
        values["maxmem"] = text(size(found["maxmem"], "-m maxmem", "m"))
        values["slots"] = str(number(found.get("slots", 0), "-m slots"))
    return values


def numa(said: Said) -> dict[str, str]:
    """CPUs and size of each node; distances and the rest as they are said."""
    found: dict[str, str] = {}
    count = 0
    for value in said.options.get("numa", ()):
        said_pairs = pairs(value, "type")
        entry = dict(said_pairs)
        kind = entry.pop("type", "node")
        if kind != "node":
            where = " ".join(f"{key}={plain(entry.pop(key))}" for key in NUMA_KEYS if key in entry)
            found[f"{kind} {where}".rstrip()] = " ".join(f"{key}={plain(v)}" for key, v in sorted(entry.items()))
            continue
        node = plain(entry.pop("nodeid", count))
        count += 1
        cpus: set[int] = set()
        for key, cpu in said_pairs:
            if key == "cpus":
                cpus |= numbers(plain(cpu), "-numa cpus")
        found[f"node {node} cpus"] = ranges(cpus)
        found[f"node {node} size"] = _node_size(said, entry)
        rest = {key: plain(v) for key, v in entry.items() if key not in ("cpus", "memdev", "mem")}
        found |= {f"node {node} {key}": v for key, v in rest.items()}
    return found


def _node_size(said: Said, entry: dict[str, Any]) -> str:
    backend = said.objects.get(word(entry.get("memdev", "")))
    if backend is not None:
        return text(size(backend.get("size", 0), "-object size"))
    return text(size(entry.get("mem", 0), "-numa mem", "m"))


def host(said: Said) -> dict[str, str]:
    """Huge pages, host nodes, sharing: the memory's host part, backend by backend in order."""
    whole = word(said.machine.get("memory-backend", ""))
    backends = [
        made
        for name, made in said.objects.items()
        if word(made.get("qom-type", "")).startswith("memory-backend-") and not (name == whole and PLAIN.issuperset(made))
    ]
    found: dict[str, str] = {}
    for n, made in enumerate(backends):
        found |= {f"backend {n} {key}": plain(value) for key, value in made.items() if key not in GUEST}
        found[f"backend {n}"] = word(made["qom-type"])
    merge = said.machine.get("mem-merge")
    return found | ({"mem-merge": plain(merge)} if merge is not None else {})
