"""<iotune>: limits in bytes and operations per second (mapping-devices 8)."""

from __future__ import annotations

from decimal import Context, Decimal
from operator import attrgetter

from ..core.report import BridgeError
from ..core.rows import Row, whole_number
from ..model.disk import Throttle
from .tree.domain import Domain
from .tree.node import Node

MIB = 1 << 20
_EXACT = Context(prec=60)

_WAYS = (("", "total"), ("_rd", "read"), ("_wr", "write"))
PLACES: tuple[tuple[str, str, bool], ...] = (
    *((f"mbps{way}", f"{word}_bytes_sec", True) for way, word in _WAYS),
    *((f"iops{way}", f"{word}_iops_sec", False) for way, word in _WAYS),
    *((f"mbps{way}_max", f"{word}_bytes_sec_max", True) for way, word in _WAYS),
    *((f"iops{way}_max", f"{word}_iops_sec_max", False) for way, word in _WAYS),
    *((f"bps{way}_max_length", f"{word}_bytes_sec_max_length", False) for way, word in _WAYS),
    *((f"iops{way}_max_length", f"{word}_iops_sec_max_length", False) for way, word in _WAYS),
)
"""(field, element, in MiB)."""

_texts = attrgetter(*(field for field, _, _ in PLACES))

ROWS = tuple(Row(field, f"iotune/{element}", code=True) for field, element, _ in PLACES)


NO_KEY = {
    "size_iops_sec": "qemu-server counts a large request as one operation",
    "group_name": "every drive of qemu-server has limits of its own",
}


def write_iotune(node: Node, limits: Throttle | None, where: object, domain: Domain) -> None:
    if limits is None:
        return
    texts = _texts(limits)
    values: dict[str, int] = {}
    for text, (_, element, mib) in zip(texts, PLACES, strict=True):
        if text is not None:
            value = int(float(text) * MIB) if mib else int(text)
            if value > 0:
                values[element] = value
    for what in ("bytes_sec", "iops_sec"):
        for end in ("", "_max"):
            parts = [name for way in ("read", "write") if (name := f"{way}_{what}{end}") in values]
            if parts and f"total_{what}{end}" in values:
                for name in parts:
                    message = f"{name} {values.pop(name)} beside total_{what}{end}: neither QEMU nor libvirt takes both"
                    domain.report.add("lint", where, message, "say one of the two")
    if values:
        iotune = node.add("iotune")
        for element, value in values.items():
            iotune.add(element, str(value))


def read_iotune(node: Node, domain: Domain) -> Throttle | None:
    """Take <iotune>; 0 is no limit. What a config cannot limit is a finding."""
    iotune = node.only("iotune")
    if iotune is None:
        return None
    said: dict[str, str] = {}
    for field, element, mib in PLACES:
        child = iotune.only(element)
        if child is None:
            continue
        try:
            value = whole_number(child.value())
        except ValueError as error:
            raise BridgeError(f"{element}: {error}", child) from None
        if value:
            said[field] = mib_text(value) if mib else str(value)
    for tag, why in NO_KEY.items():
        for child in iotune.all(tag):
            domain.report.add("host-lost", child, f"{child.whole()}: {why}")
    return Throttle(**said) if said else None


def mib_text(value: int) -> str:
    """Bytes as MiB with every digit: 1000000 is 0.95367431640625, and nothing shorter."""
    return f"{_EXACT.divide(Decimal(value), Decimal(MIB)).normalize(_EXACT):f}"
