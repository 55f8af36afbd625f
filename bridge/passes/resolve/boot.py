"""Who boots, and when: every bootable device gets its bootindex (qemu-server 9.2.6, device_bootorder; mapping-machine 13)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ...core.report import BridgeError, Report
from ...data.firmware import PICTURE
from ...host.facts import HostFacts
from ...model.boot import Boot
from ...model.part import Device
from ...model.vm import VM
from ..fill import fill

LEGACY = "cdn"
FIRST = 100
"""The first bootindex of `order=`; the legacy form counts letters in steps of this."""
REBOOT_TIMEOUT = 1000
LISTS = ("disks", "nets", "usbs", "hostpcis")
PREFIX = {"nets": "net", "usbs": "usb", "hostpcis": "hostpci"}


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: a device has a bootindex if and only if qemu-server would print one."""
    indexes = bootindexes(vm)
    boot = fill(vm.boot, menu=True, reboot_timeout=REBOOT_TIMEOUT, splash=PICTURE)
    lists: dict[str, Any] = {}
    for name in LISTS:
        devices = getattr(vm, name)
        found = [indexes.get(key_of(name, device)) for device in devices]
        if found.count(None) < len(found):
            lists[name] = [_with_index(device, index) for device, index in zip(devices, found, strict=True)]
    return replace(vm, boot=boot, **lists)


def _with_index(device: Device, bootindex: int | None) -> Device:
    return device if bootindex is None or device.bootindex == bootindex else replace(device, bootindex=bootindex)


def key_of(name: str, device: Any) -> str:
    """The key of a device in one of LISTS; from its number if no key is chosen yet."""
    key: str | None = device.key
    return key if key is not None else f"{device.bus if name == 'disks' else PREFIX[name]}{device.index}"


def bootindexes(vm: VM) -> dict[str, int]:
    """Key -> bootindex."""
    order = vm.boot.order
    if order is not None and not vm.boot.legacy:
        # A key that is named twice has the later place.
        return {key: FIRST + n for n, key in enumerate(order)}
    return _legacy(vm)


def _legacy(vm: VM) -> dict[str, int]:
    """The old letters: only `bootdisk` of all disks boots, but every disk before it counts; all CD-ROMs and NICs boot."""
    letters = vm.boot.legacy or LEGACY
    at = {letter: FIRST * n for n, letter in enumerate(letters, 1)}
    indexes: dict[str, int] = {}
    for disk in vm.disks:
        key = key_of("disks", disk)
        letter = "d" if disk.media == "cdrom" and not disk.cloudinit else "c"
        if letter not in at:
            continue
        if letter == "d" or vm.boot.bootdisk == key:
            indexes[key] = at[letter]
        at[letter] += 1
    if "n" in at:
        for net in vm.nets:
            indexes[key_of("nets", net)] = at["n"]
            at["n"] += 1
    return indexes


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: the devices' order is said as `order=`; nothing is said if the old default would give the same."""
    boot = _ordered(vm, report)
    lists = {name: [replace(d, bootindex=None) if d.bootindex is not None else d for d in getattr(vm, name)] for name in LISTS}
    return replace(vm, boot=boot, **lists)


def _ordered(vm: VM, report: Report) -> Boot:
    boot = replace(vm.boot, menu=None, reboot_timeout=None, splash=None, classes=None, filled=frozenset())
    if boot.legacy or boot.order is not None:
        return boot
    found = _found(vm)
    if not found:
        return replace(boot, order=[]) if _legacy(vm) else boot
    if found == _legacy(vm):
        return boot
    order = sorted(found, key=found.__getitem__)
    gaps = [f"{found[key]} ({key})" for place, key in enumerate(order) if found[key] not in (place + 1, place + FIRST)]
    if gaps:
        report.add("normalised", boot.where, f"boot order {', '.join(gaps)}: a config counts without gaps")
    return replace(boot, order=order)


def _found(vm: VM) -> dict[str, int]:
    """Key -> the place that its device has in the boot order. Raises BridgeError if two devices have the same."""
    found: dict[str, int] = {}
    taken: dict[int, str] = {}
    for name in LISTS:
        for device in getattr(vm, name):
            place = device.bootindex
            if place is None:
                continue
            key = key_of(name, device)
            if place in taken:
                raise BridgeError(f"boot order {place} is said for {taken[place]} and for {key}: change one", device.where)
            taken[place] = key
            found[key] = place
    return found
