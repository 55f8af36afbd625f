"""Two trees -> the differences that a guest would notice, and on request those that only the host has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..data.devices import BOTH_SAY, IDENTITY
from .devices import Device
from .tree import Facts, Tree

IMPORTANCE = ("device", "place", "identity", "property", "host")
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

    importance: str
    what: str
    a: str | None
    b: str | None
    where_a: str
    where_b: str


def compare(a: Tree, b: Tree, host: bool = False) -> list[Difference]:
    """The differences, most important first, else in the order of the machine. `host` adds what no guest sees."""
    found = [*_facts(a, b), *_devices(a, b), *_boot(a, b)]
    if host:
        found += _host(a, b)
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
            importance = "device" if what in DEVICE_FACTS else "identity" if group in IDENTITY_GROUPS else "property"
            where = name if group == "other" else OPTIONS.get(group, "QEMU")
            yield Difference(importance, what, x, y, where, where)


def _unequal(a: Facts, b: Facts) -> Iterator[tuple[str, str | None, str | None]]:
    for name in [*a, *(name for name in b if name not in a)]:
        x, y = a.get(name), b.get(name)
        if x != y:
            yield name, x, y


def _devices(a: Tree, b: Tree) -> Iterator[Difference]:
    only_a = [device for place, device in a.devices.items() if not _same_driver(device, b.devices.get(place))]
    only_b = [device for place, device in b.devices.items() if not _same_driver(device, a.devices.get(place))]
    for x in list(only_a):
        y = _moved(x, only_b)
        if y is not None:
            only_a.remove(x)
            only_b.remove(y)
            yield Difference("place", f"{x.driver}: place", x.place, y.place, x.where, y.where)
            yield from _properties(x, y)
    for x in list(only_a):
        y = next((y for y in only_b if y.place == x.place), None)
        if y is not None:
            only_a.remove(x)
            only_b.remove(y)
            yield Difference("device", f"device at {x.place}", x.driver, y.driver, x.where, y.where)
    for x in only_a:
        yield Difference("device", f"device at {x.place}", x.driver, None, x.where, "")
    for y in only_b:
        yield Difference("device", f"device at {y.place}", None, y.driver, "", y.where)
    for place, x in a.devices.items():
        y = b.devices.get(place)
        if y is not None and y.driver == x.driver:
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
        importance = "identity" if name in IDENTITY else "property"
        yield Difference(importance, f"{a.driver} at {a.place}: {name}", x, y, a.where, b.where)


def _boot(a: Tree, b: Tree) -> Iterator[Difference]:
    """The guest's firmware sees an order, not numbers."""
    if a.boot != b.boot:
        where = "bootindex of devices"
        yield Difference("property", BOOT_ORDER, ", ".join(a.boot) or None, ", ".join(b.boot) or None, where, where)


def _host(a: Tree, b: Tree) -> Iterator[Difference]:
    for place in [*a.host, *(place for place in b.host if place not in a.host)]:
        where_a, where_b = (tree.devices[place].where if place in tree.devices else "-object" for tree in (a, b))
        for name, x, y in _unequal(a.host.get(place, {}), b.host.get(place, {})):
            yield Difference("host", f"{place}: {name}", x, y, where_a, where_b)
