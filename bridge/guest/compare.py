"""Two trees -> the differences that a guest would notice, and on request those that only the host has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..core.literals import Importance
from ..data.devices import BOTH_SAY, IDENTITY
from .devices import Device
from .tree import Facts, Tree

IMPORTANCE: tuple[Importance, ...] = ("device", "place", "identity", "property", "host")
"""From most to least: another device, board or CPU; the same device elsewhere, so that `ens18` has another name; what the guest knows
itself or a device by (serial, MAC, UUID); any other property it can read; what no guest sees."""

OPTIONS = {
    "machine": "-machine",
    "firmware": "-drive if=pflash, -machine pflash0, -bios",
    "cpu": "-cpu",
    "smp": "-smp",
    "memory": "-m",
    "numa": "-numa",
    "smbios": "-smbios, -uuid",
    "rtc": "-rtc",
    "boot": "-boot",
    "action": "-action",
    "kernel": "-kernel, -fw_cfg",
    "confidential": "-object, -machine confidential-guest-support",
    "global": "-global",
}
"""Group of facts -> the options that say it."""
DEVICE_FACTS = frozenset(
    ("machine type", "machine version", "machine arch", "machine accel", "firmware code", "firmware bios", "cpu model")
)
IDENTITY_GROUPS = frozenset(("smbios",))
UNKNOWN_FACTS = frozenset(("firmware variables size",))
"""A command line that is silent here leaves it to a file that is not looked at."""
BOOT_ORDER = "boot order"


class Difference(NamedTuple):
    """`what` names the thing, `a` and `b` are its values (None: not there, or not said), `where_a` and `where_b` the options that say so.
    `importance` is one of IMPORTANCE.
    """

    importance: Importance
    what: str
    a: str | None
    b: str | None
    where_a: str
    where_b: str


def compare(a: Tree, b: Tree, host: bool = False) -> list[Difference]:
    """The differences, most important first, else in the order of the machine. `host` adds what no guest sees."""
    pairs, only_a, only_b = _matched(a, b)
    found = [*_facts(a, b), *_devices(pairs, only_a, only_b), *_boot(a, b)]
    if host:
        found += _host(a, b, pairs)
    return ordered(found)


def ordered(found: list[Difference]) -> list[Difference]:
    """The most important first."""
    return sorted(found, key=lambda difference: IMPORTANCE.index(difference.importance))


def _facts(a: Tree, b: Tree) -> Iterator[Difference]:
    for group in [*a.facts, *(group for group in b.facts if group not in a.facts)]:
        for name, x, y in _unequal(a.facts.get(group, {}), b.facts.get(group, {})):
            what = f"{group} {name}"
            if what in UNKNOWN_FACTS and None in (x, y):
                continue
            importance: Importance = "device" if what in DEVICE_FACTS else "identity" if group in IDENTITY_GROUPS else "property"
            where = name if group == "other" else OPTIONS.get(group, "QEMU")
            yield Difference(importance, what, x, y, where, where)


def _unequal(a: Facts, b: Facts) -> Iterator[tuple[str, str | None, str | None]]:
    for name in [*a, *(name for name in b if name not in a)]:
        x, y = a.get(name), b.get(name)
        if x != y:
            yield name, x, y


Pairs = list[tuple[Device, Device]]


def _matched(a: Tree, b: Tree) -> tuple[Pairs, list[Device], list[Device]]:
    """Devices that are the same, those of A alone, those of B alone: by driver and place, then those that moved."""
    pairs = [(device, b.devices[place]) for place, device in a.devices.items() if _same_driver(device, b.devices.get(place))]
    only_a = [device for place, device in a.devices.items() if not _same_driver(device, b.devices.get(place))]
    only_b = [device for place, device in b.devices.items() if not _same_driver(device, a.devices.get(place))]
    for x in list(only_a):
        y = _moved(x, only_b)
        if y is not None:
            only_a.remove(x)
            only_b.remove(y)
            pairs.append((x, y))
    return pairs, only_a, only_b


def _devices(pairs: Pairs, only_a: list[Device], only_b: list[Device]) -> Iterator[Difference]:
    at_b = {device.place: device for device in only_b}
    for x in only_a:
        y = at_b.pop(x.place, None)
        yield Difference("device", f"device at {x.place}", x.driver, y.driver if y else None, x.where, y.where if y else "")
    for y in at_b.values():
        yield Difference("device", f"device at {y.place}", None, y.driver, "", y.where)
    for x, y in pairs:
        if x.place != y.place:
            yield Difference("place", f"{x.driver}: place", x.place, y.place, x.where, y.where)
        yield from _properties(x, y)


def _same_driver(device: Device, other: Device | None) -> bool:
    return other is not None and other.driver == device.driver


def _moved(device: Device, others: list[Device]) -> Device | None:
    """The same device at another place: of the same driver and the same identity, or else the only one with equal properties."""
    alike = [other for other in others if other.driver == device.driver]
    names = {name: device.properties[name] for name in IDENTITY if name in device.properties}
    if names:
        return next((other for other in alike if all(other.properties.get(name) == value for name, value in names.items())), None)
    return next((other for other in alike if other.properties == device.properties), None)


def _properties(a: Device, b: Device) -> Iterator[Difference]:
    for name, x, y in _unequal(a.properties, b.properties):
        if name in BOTH_SAY and None in (x, y):
            continue
        importance: Importance = "identity" if name in IDENTITY else "property"
        yield Difference(importance, f"{a.driver} at {a.place}: {name}", x, y, a.where, b.where)


def _boot(a: Tree, b: Tree) -> Iterator[Difference]:
    """The guest's firmware sees an order, not numbers."""
    if a.boot != b.boot:
        where = "bootindex of devices"
        yield Difference("property", BOOT_ORDER, ", ".join(a.boot) or None, ", ".join(b.boot) or None, where, where)


def _host(a: Tree, b: Tree, pairs: Pairs) -> Iterator[Difference]:
    for name, p, q in _unequal(a.host.get("memory", {}), b.host.get("memory", {})):
        yield Difference("host", f"memory: {name}", p, q, "-object", "-object")
    for x, y in pairs:
        for name, p, q in _unequal(x.host, y.host):
            yield Difference("host", f"{x.place}: {name}", p, q, x.where, y.where)
