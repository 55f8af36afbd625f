"""What a libvirt host says that it can do, against what a domain wants."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from lxml import etree

ENUMS = (
    # where a domain says it, where domain capabilities list what there is
    ("devices/disk/target@bus", "devices/disk", "bus"),
    ("devices/disk@device", "devices/disk", "diskDevice"),
    ("devices/graphics@type", "devices/graphics", "type"),
    ("devices/video/model@type", "devices/video", "modelType"),
    ("devices/rng@model", "devices/rng", "model"),
    ("devices/rng/backend@model", "devices/rng", "backendModel"),
    ("devices/filesystem/driver@type", "devices/filesystem", "driverType"),
    ("devices/tpm@model", "devices/tpm", "model"),
    ("devices/tpm/backend@type", "devices/tpm", "backendModel"),
    ("devices/tpm/backend@version", "devices/tpm", "backendVersion"),
    ("devices/redirdev@bus", "devices/redirdev", "bus"),
    ("devices/hostdev@type", "devices/hostdev", "subsysType"),
    ("os/loader@type", "os/loader", "type"),
)
"""An element that older hosts do not list says nothing, so nothing is missing."""


class Missing(NamedTuple):
    """Something that the host lacks. `token` stands in the domain's XML."""

    message: str
    token: str


def missing(domain: Any, capabilities: str) -> list[Missing]:
    """What the domain (an lxml element) wants and these domain capabilities do not list, in the order of `ENUMS`; the CPU last."""
    top = etree.fromstring(capabilities)
    found = []
    for place, where, name in ENUMS:
        offered = _offered(top, where, name)
        if offered is None:
            continue
        path, _, attribute = place.partition("@")
        for element in domain.iterfind(path):
            value = element.get(attribute)
            if value is not None and value not in offered:
                has = ", ".join(sorted(offered)) or "none"
                found.append(Missing(f"this host has no {path.split('/')[1]} with {attribute} '{value}', but {has}", value))
    return found + _cpu(domain, top)


def _offered(top: Any, where: str, name: str) -> set[str] | None:
    element = top.find(where)
    if element is None:
        return None
    if element.get("supported") == "no":
        return set()
    enum = element.find(f"enum[@name='{name}']")
    return None if enum is None else {value.text for value in enum.iterfind("value")}


def _cpu(domain: Any, top: Any) -> list[Missing]:
    cpu = domain.find("cpu")
    if cpu is None:
        return []
    mode = cpu.get("mode", "custom")
    offered = top.find(f"cpu/mode[@name='{mode}']")
    if offered is None:
        return []
    if offered.get("supported") == "no":
        return [Missing(f"this host has no CPU mode '{mode}'", mode)]
    model = cpu.findtext("model")
    if mode != "custom" or not model:
        return []
    usable = {each.text: each.get("usable") for each in offered.iterfind("model")}
    if model not in usable:
        return [Missing(f"this host knows no CPU model '{model}'", model)]
    if usable[model] != "no":
        return []
    blockers = top.find(f"cpu/mode[@name='{mode}']/blockers[@model='{model}']")
    lacks = [each.get("name") for each in blockers] if blockers is not None else []
    disabled = {each.get("name") for each in cpu.iterfind("feature") if each.get("policy") in ("disable", "forbid")}
    lacks = [name for name in lacks if name not in disabled]
    if blockers is not None and not lacks:
        return []
    return [Missing(f"this host's CPU cannot run model '{model}': it lacks {', '.join(lacks) or 'features'}", model)]


def firmware_map(domain: Any, capabilities: str) -> dict[str, str]:
    """Paths of the domain's firmware -> the host's own files of the same name, where they stand elsewhere."""
    top = etree.fromstring(capabilities)
    known = [value.text for value in top.iterfind("os/loader/value") if value.text]
    loader = domain.findtext("os/loader")
    if not loader or loader in known:
        return {}
    name = loader.rpartition("/")[2]
    here = next((path for path in known if path.rpartition("/")[2] == name), None)
    if here is None:
        return {}
    found = {loader: here}
    nvram = domain.find("os/nvram")
    template = nvram.get("template") if nvram is not None else None
    if template:
        found[template] = here.rpartition("/")[0] + "/" + template.rpartition("/")[2]
    return found


def machines(capabilities: str, arch: str) -> list[str]:
    """Machine types that a host (its capabilities) has for an architecture."""
    top = etree.fromstring(capabilities)
    return sorted({each.text for each in top.iterfind(f"guest/arch[@name='{arch}']//machine") if each.text})


def nearest(wanted: str, offered: list[str]) -> str | None:
    """The youngest machine of the same kind that is no younger, else the oldest: `pc-q35-11.0` -> `pc-q35-10.0`."""
    kind, numbers = _split(wanted)
    same = sorted((_split(name)[1], name) for name in offered if _split(name)[0] == kind and _split(name)[1])
    older = [name for version, name in same if version <= numbers]
    return older[-1] if older else same[0][1] if same else None


def _split(name: str) -> tuple[str, tuple[int, ...]]:
    kind, _, version = name.rpartition("-")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", version, re.ASCII):
        return name, ()
    return kind, tuple(map(int, version.split(".")))
