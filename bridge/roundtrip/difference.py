"""The comparison of two VMs: what the input describes, and what the written document means when it is read again.

Each difference is a finding, with the kind and the words of `data.differences`. What a step has told already, as it knew more than the
two values, is not told again: such findings name the fields that they are about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..core.report import WHOLE, Fields, Report
from ..data.differences import ELSEWHERE, LEFT_OUT, ROWS, STRUCTURAL, Row
from ..model.cpu import CPU
from ..model.disk import Disk, NetworkHost, Source
from ..model.firmware import Firmware
from ..model.machine import Machine
from ..model.memory import DIMM, Memory, NUMANode
from ..model.meta import SMBIOS, Meta
from ..model.part import Device, Part
from ..model.raw import Raw
from ..model.tpm import TPM
from ..model.vm import VM

INNER: dict[type, tuple[str, ...]] = {Disk: ("source", "throttle"), Firmware: ("vars",), TPM: ("source",), Meta: ("smbios1",)}
"""Fields that are parts themselves."""
APART = frozenset(("controllers",))
"""Lists that `address_changes` compares: what stands where."""
_PLAIN = re.compile(r"[\w.:/+-]+", re.ASCII).fullmatch
"""A value that is a word needs no quotes."""
SHOWN = 160
"""Characters of a value that are shown."""


class Difference(NamedTuple):
    """`name`: of the part as people know it (`net0`, `cpu`); `part`, `where`: as in `Fields`; `here` None: it is not there."""

    name: str
    part: str
    where: Any
    field: str
    there: Any
    here: Any


def report_differences(described: VM, after: VM, source: str, report: Report) -> None:
    """Law: whatever the input says, and the config does not give back, is in a finding. `source` names the input: `the XML`."""
    for difference in differences(described, after):
        if report.tells_of(difference.part, difference.where, difference.field):
            continue
        row = _row(difference)
        there, here = _shown(difference.there), "" if difference.here is None else _shown(difference.here)
        words = row.words.format(part=difference.name, field=difference.field, there=there, here=here or "unset", source=source)
        about = Fields(difference.part, difference.where, (difference.field,), difference.name, there, here)
        report.add(row.kind, _place(difference, described), words, row.advice, about)


def _row(difference: Difference) -> Row:
    return LEFT_OUT if difference.field == WHOLE else ROWS[difference.part][difference.field]


def _place(difference: Difference, described: VM) -> Any:
    if difference.where is not None:
        return difference.where
    return next((part.where for part in _singles(described) if type(part).__name__ == difference.part), None)


def _singles(vm: VM) -> Iterator[Part]:
    for name in VM.__struct_fields__:
        part = getattr(vm, name)
        if isinstance(part, Part):
            yield part


def differences(described: VM, after: VM) -> Iterator[Difference]:
    """What the first VM says, and the second does not say so. Devices are matched by their keys, graphics cards by their rank."""
    for name in VM.__struct_fields__:
        there, here = getattr(described, name), getattr(after, name)
        if isinstance(there, list) and name not in APART:
            now = {device.key: device for device in here}
            for device in there:
                yield from _of_part(device.key or name, device, now.get(device.key), device.where)
        elif isinstance(there, Part):
            is_device = isinstance(there, Device)
            yield from _of_part(getattr(there, "key", None) or name, there, here, there.where if is_device else None)
    now_shown = after.display.videos or []
    for n, video in enumerate(described.display.videos or ()):
        yield from _of_part(f"graphics card {n + 1}", video, now_shown[n] if n < len(now_shown) else None, video.where)


def _of_part(name: str, there: Any, here: Any, where: Any) -> Iterator[Difference]:
    part = type(there).__name__
    if here is None:
        yield Difference(name, part, where, WHOLE, "", None)
        return
    for field in compared(type(there)):
        value, now = getattr(there, field), getattr(here, field)
        if value is not None and (value is not False or now) and value != now and not _same(here, field, value, now):
            yield Difference(name, part, where, field, value, now)
    for field in INNER.get(type(there), ()):
        inner, now = getattr(there, field), getattr(here, field)
        if inner is not None and now is not None:
            yield from _of_part(name, inner, now, where)
        elif inner is not None and any(getattr(inner, each) is not None for each in compared(type(inner))):
            yield Difference(name, part, where, field, "", None)


_COMPARED: dict[type, tuple[str, ...]] = {}


def compared(part: type) -> tuple[str, ...]:
    """The fields of a part that are looked at one by one."""
    names = _COMPARED.get(part)
    if names is None:
        skipped = STRUCTURAL | ELSEWHERE.get(part.__name__, frozenset()) | set(INNER.get(part, ()))
        names = _COMPARED[part] = tuple(name for name in part.__struct_fields__ if name not in skipped)  # type: ignore[attr-defined]
    return names


def _same(after: Any, field: str, there: Any, here: Any) -> bool:
    """Whether two values of a field mean the same, though they are not equal. `after` is the part that the config makes."""
    alike = SAME.get((type(after), field))
    if alike is not None:
        return bool(alike(there, here, after))
    if isinstance(there, dict):
        return isinstance(here, dict) and all(here.get(key) == value for key, value in there.items() if value)
    return isinstance(there, list) and not there and not here


def _nothing_is_opened(there: Any, here: Any, after: Disk) -> bool:
    del there, here
    return after.source is not None and after.source.kind == "empty"


def _same_nodes(there: list[NUMANode], here: list[NUMANode] | None, after: Memory) -> bool:
    del after
    return [(node.id, node.cpus, node.memory) for node in there] == [(node.id, node.cpus, node.memory) for node in here or ()]


def _same_dimms(there: list[DIMM], here: list[DIMM] | None, after: Memory) -> bool:
    del after
    return [(dimm.slot, dimm.size, dimm.node) for dimm in there] == [(dimm.slot, dimm.size, dimm.node) for dimm in here or ()]


def _same_file(there: str, here: str | None, after: Source) -> bool:
    """A volume says its path when it is located; the file is called the same there."""
    del after
    return here is None or here.rpartition("/")[2] == there.rpartition("/")[2]


def _same_image(there: str, here: str | None, after: Source) -> bool:
    pool, _, image = (here or "").partition("/")
    return bool(after.namespace) and there == f"{pool}/{after.namespace}/{image}"


def _same_servers(there: list[NetworkHost], here: list[NetworkHost] | None, after: Source) -> bool:
    """A storage without servers of its own takes those of the node's ceph.conf; monitors of one cluster are more than any side names."""
    del after
    return not here or not {host.name for host in there}.isdisjoint(host.name for host in here)


SAME: dict[tuple[type, str], Callable[[Any, Any, Any], bool]] = {
    (CPU, "migratable"): lambda there, *_: bool(there),  # QEMU's own
    (Machine, "type"): lambda there, *_: there in ("pc", "q35", "virt"),  # a version is told where it is pinned
    (Memory, "nodes"): _same_nodes,
    (Memory, "dimms"): _same_dimms,
    (Memory, "shared"): lambda _there, _here, after: bool(after.hugepages),  # qemu-server shares huge pages
    (Disk, "rerror"): lambda there, here, _: there == "report" and here is None,  # QEMU's own
    **{(Disk, name): _nothing_is_opened for name in ("cache", "aio", "discard", "detect_zeroes")},
    (Source, "path"): _same_file,
    (Source, "name"): _same_image,
    (Source, "hosts"): _same_servers,
    (Raw, "words"): lambda there, here, _: bool(here) and here[: len(there)] == there,  # what no key holds is behind
    (SMBIOS, "uuid"): lambda there, here, _: bool(here) and there.lower() == here.lower(),
}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list) and value and isinstance(value[0], NetworkHost):
        value = ", ".join(host.socket or f"{host.name}:{host.port}" if host.port else host.name or "" for host in value)
    text = f"'{value}'" if isinstance(value, str) and not _PLAIN(value) else str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]}...{text[-SHOWN // 2 :]}"
