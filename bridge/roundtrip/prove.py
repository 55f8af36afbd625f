"""The self-proof of a config that was made of XML: what the XML described, against the machine that qemu-server would run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.structs import astuple

from ..core.report import Finding, Report
from ..model.boot import Boot
from ..model.controller import Controller
from ..model.disk import Disk, Source
from ..model.display import Display, Video
from ..model.firmware import Firmware
from ..model.iothread import IOThreads
from ..model.machine import Machine
from ..model.memory import Memory
from ..model.meta import SMBIOS, Meta
from ..model.net import Net
from ..model.part import Part
from ..model.raw import Raw
from ..model.security import Security
from ..model.tpm import TPM
from ..model.vm import VM

STRUCTURAL = frozenset(("filled", "where", "key", "index", "address", "bootindex", "outline"))
"""How the model keeps the others, and what `moves` and `_order` look at."""
ELSEWHERE: dict[type, frozenset[str]] = {
    Meta: frozenset(("uuid", "title", "vmid", "ostype")),  # in smbios1, in the description; libosinfo's id is told
    Boot: frozenset(("classes",)),  # an order of devices by now
    Disk: frozenset(("target", "media", "format")),  # names that nobody but libvirt sees; a CD-ROM is raw
    Source: frozenset(("kind", "format", "volid", "storage", "volume", "location", "storage_type")),  # a volume by now
    Machine: frozenset(("base", "version", "pve", "pinned", "viommu_address")),  # all in its type
    Firmware: frozenset(("code", "template", "efitype")),  # paths of the other host's build
    Memory: frozenset(("pages", "static", "source")),  # said again as hugepages
    IOThreads: frozenset(("threads", "affinity", "pool")),  # `iothreads.recognise` tells every detail
    Net: frozenset(("network", "bridge", "openvswitch", "ifname")),
    Raw: frozenset(("args",)),
    Display: frozenset(("videos", "type", "memory")),  # `_videos` looks at each card
    Video: frozenset(("primary",)),  # the first one
    Security: frozenset(("cbitpos", "reduced_phys_bits")),  # the host's, which qemu-server asks it for
}
"""Fields that a config says in other words, which are told where they are made."""
INNER: dict[type, tuple[str, ...]] = {Disk: ("source", "throttle"), Firmware: ("vars",), TPM: ("source",), Meta: ("smbios1",)}
"""Fields that are parts themselves."""
UNTOLD = ("served_by", "queues")
"""Of drives and adapters: `iothreads.recognise` tells."""

PLACES = {
    "meta": ("name", "title", "description", "uuid", "genid", "sysinfo", "os/smbios", "metadata"),
    "machine": ("os", "features", "pm", "on_reboot", "clock", "devices/iommu", "memoryBacking"),
    "firmware": ("os",),
    "cpu": ("cpu", "vcpu", "vcpus", "cputune", "features", "clock"),
    "memory": ("memory", "currentMemory", "maxMemory", "memoryBacking", "cpu", "numatune", "devices/memory"),
    "balloon": ("devices/memballoon", "currentMemory"),
    "clock": ("clock",),
    "boot": ("os",),
    "security": ("launchSecurity",),
    "raw": ("qemu:commandline",),
    "tablet": ("devices/input",),
    "display": ("devices/graphics", "devices/video", "devices/channel"),
    "agent": ("devices/channel", "devices/serial"),
}
"""Part -> elements of the domain that describe it, where it is no element of its own."""


BROAD = ("/domain", "/domain/devices")
"""Elements that hold all the others: what is said inside them has to do with a part only if it names the part's own."""


LOOKED_FOR = 1000
"""Characters of a value that are looked for in a message, which may be cut."""


class _Loss(NamedTuple):
    part: str
    where: Any
    owner: Any
    field: str
    there: Any
    here: Any


def prove(described: VM, after: VM, report: Report) -> None:
    """Law: whatever the XML said, and the config does not give back, is in a finding; or it becomes one, which is a bug of ours."""
    losses = list(_losses(described, after))
    if not losses or not report.listed_all:  # what is not listed may tell of them
        return
    told = _Told(report)
    for loss in losses:
        if not _is_told(loss, told):
            becomes = "is lost" if loss.here is None else f"becomes {_shown(loss.here)}"
            report.add("unproved", loss.where, f"{loss.part}: {loss.field} {_shown(loss.there)} {becomes}")


def _losses(described: VM, after: VM) -> list[_Loss]:
    found: list[_Loss] = []
    for name in VM.__struct_fields__:
        there, here = getattr(described, name), getattr(after, name)
        if isinstance(there, list):
            now = {device.key: device for device in here}
            for device in there:
                if isinstance(device, Controller):
                    continue
                twin = now.get(device.key)
                if twin is None:
                    found.append(_Loss(device.key or name, device.where, None, "the device", "", None))
                else:
                    _compare(device.key or name, device, twin, device.where, found)
        elif isinstance(there, Part):
            if here is None:
                found.append(_Loss(name, there.where, None, "the device", "", None))
            else:
                _compare(name, there, here, there.where, found)
    _videos(described.display, after.display, found)
    return found


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(of: type) -> tuple[str, ...]:
    names = _FIELDS.get(of)
    if names is None:
        skipped = STRUCTURAL | ELSEWHERE.get(of, frozenset()) | set(INNER.get(of, ())) | set(UNTOLD)
        names = tuple(name for name in of.__struct_fields__ if name not in skipped)  # type: ignore[attr-defined]
        _FIELDS[of] = names
    return names


def _compare(name: str, there: Any, here: Any, where: Any, found: list[_Loss], owner: Any = None) -> None:
    of = type(there)
    for field in _fields(of):
        value = getattr(there, field)
        if value is None:
            continue
        now = getattr(here, field)
        if value is False and not now:
            continue
        if value != now and not _same(here, field, value, now):
            found.append(_Loss(name, where, owner, field, value, now))
    for field in INNER.get(of, ()):
        inner, now = getattr(there, field), getattr(here, field)
        if inner is None:
            continue
        if now is None:
            if any(getattr(inner, each) is not None for each in _fields(type(inner))):
                found.append(_Loss(name, where, owner, field, "", None))
        else:
            _compare(name, inner, now, getattr(inner, "where", None) or where, found, where)


def _same(after: Any, field: str, there: Any, here: Any) -> bool:
    """Whether two values of a field mean the same, though they are not equal. `after` is the part that the config makes."""
    of = type(after)
    if of is Machine and field == "type":
        return there in ("pc", "q35", "virt")  # a version is told where it is pinned
    if of is Memory and field == "nodes":
        said = [(node.id, node.cpus, node.memory) for node in there]
        return bool(here) and said == [(node.id, node.cpus, node.memory) for node in here]
    if of is Memory and field == "dimms":
        return [dimm[:3] for dimm in map(astuple, there)] == [dimm[:3] for dimm in map(astuple, here or ())]
    if of is Memory and field == "shared":
        return bool(after.hugepages)  # qemu-server shares huge pages
    if of is Disk and after.source is not None and after.source.kind == "empty":
        return field in ("cache", "aio", "discard", "detect_zeroes")  # nothing is opened
    if of is Disk and field == "rerror":
        return bool(there == "report" and here is None)  # QEMU's own
    if of is Source and field == "path":
        return here is None or here.rpartition("/")[2] == there.rpartition("/")[2]
    if of is Source and field == "name":
        pool, _, image = (here or "").partition("/")
        return bool(after.namespace) and there == f"{pool}/{after.namespace}/{image}"
    if of is Raw:
        return bool(here) and here[: len(there)] == there  # what no key holds is behind
    if of is SMBIOS and field == "uuid":
        return bool(here) and there.lower() == here.lower()
    if isinstance(there, dict):
        return isinstance(here, dict) and all(here.get(key) == value for key, value in there.items() if value)
    return isinstance(there, list) and not there and not here


def _videos(there: Display, here: Display, found: list[_Loss]) -> None:
    """Cards by rank: they have keys only when they are placed."""
    now = here.videos or []
    for n, video in enumerate(there.videos or ()):
        if n < len(now):
            _compare(f"graphics card {n + 1}", video, now[n], video.where, found)
        else:
            found.append(_Loss(f"graphics card {n + 1}", video.where, None, "the device", "", None))


class _Told:
    """Findings by their place, and by each element that it is in: `a[2]` is in `a` as well."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.at: dict[str, list[Finding]] = {}
        self.below: dict[str, list[Finding]] = {}
        for finding in findings:
            where = finding.where.partition(" (")[0]
            self.at.setdefault(where, []).append(finding)
            for end in (*(match.start() for match in _STEP_ENDS(where)), len(where)):
                self.below.setdefault(where[:end], []).append(finding)


_STEP_ENDS = re.compile(r"(?<=.)[/\[]").finditer


def _is_told(loss: _Loss, told: _Told) -> bool:
    """Whether a finding at the part's element, or at one of those that describe it, has to do with the loss."""
    own = [str(where).partition(" (")[0] for where in (loss.where, loss.owner) if where is not None]
    places = [*own, *(f"/domain/{path}" for path in PLACES.get(loss.part, ()))]
    near = [told.at.get(place, ()) for place in own] + [told.below.get(place, ()) for place in places if place not in BROAD]
    return any(_speaks_of(finding, loss) for findings in near for finding in findings)


def _speaks_of(finding: Finding, loss: _Loss) -> bool:
    """A number or a word is to be in the message; what is larger is not looked for."""
    if isinstance(loss.there, str | int) and not isinstance(loss.there, bool) and loss.there != "":
        return str(loss.there)[:LOOKED_FOR] in finding.message
    return True


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
