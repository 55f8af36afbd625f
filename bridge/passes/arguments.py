"""What no key of a config holds, as raw QEMU arguments: `args` (mapping-devices 18.5)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from msgspec.structs import replace

from ..core.report import LostProperties, Report
from ..host.facts import HostFacts
from ..model.vm import VM
from .iothreads import as_json
from .place.drives import adapter_key

DRIVERS = {"rng": "virtio-rng-pci", "ivshmem": "ivshmem-plain", "virtiofs": "vhost-user-fs-pci"}
"""Devices that qemu-server gives no id, hence no `-set`; a VM has one of each, or all are alike."""
OWN_IDS = {"balloon": "balloon0", "audio": "audio0", "tablet": "tablet"}
NO_JSON = "qemu-server prints this device as JSON, whose properties no argument can change"


def as_arguments(vm: VM, placed: VM, host: HostFacts, report: Report, remembered: list[str]) -> VM:
    """Law: every property that waited for its device stands in `args`, or is a finding. `placed` has the devices with their keys;
    `remembered` are words that `args` had before."""
    prefixes: dict[int, tuple[str, str]] = {}
    if report.lost_properties:
        for place, prefix in _devices(placed):
            prefixes.setdefault(id(place), prefix)
    for lost in report.lost_properties:
        _tell(lost, vm, prefixes.get(id(lost.device)), host, report)
    report.lost_properties.clear()
    if not report.words:
        return vm
    words = list(vm.raw.words or remembered)
    words += _fresh(report.words, {value for option, value in pairwise(words) if option == "-set"})
    return replace(vm, raw=replace(vm.raw, words=words, where=vm.raw.where or vm.machine.where))


def _fresh(words: list[str], said: set[str]) -> list[str]:
    """Without what `-set` says already: an override that `args` asked for, and that was read again."""
    again = {n + k for n, (option, value) in enumerate(pairwise(words)) if option == "-set" and value in said for k in (0, 1)}
    return [word for n, word in enumerate(words) if n not in again]


def _tell(lost: LostProperties, vm: VM, prefix: tuple[str, str] | None, host: HostFacts, report: Report) -> None:
    """`prefix`: the option that changes the device, and what comes before the property's name."""
    if prefix is None:
        report.add(lost.kind, lost.where, lost.message, about=lost.about)
        return
    if prefix[1].startswith(JSON) and as_json(vm, host):
        report.add(lost.kind, lost.where, lost.message, NO_JSON, lost.about)
        return
    option, device = prefix
    words = [word for name, value in lost.values.items() for word in (option, f"{device}.{name}={value}")]
    report.mend(lost.kind, lost.where, lost.message, words, about=lost.about)


JSON = tuple(f"device.{name}" for name in ("virtio", "scsi", "sata", "ide"))
"""Drives and their adapters, of a VM with a pool of iothreads."""


def _devices(vm: VM) -> Iterator[tuple[object, tuple[str, str]]]:
    """Where a device was read, and how an argument names it."""
    named: list[tuple[object, str | None]] = [(d.where, d.key) for d in (*vm.disks, *vm.nets, *vm.usbs)]
    named += [(passed.where, passed.key) for passed in vm.hostpcis if len(passed.ids or ()) < 2]
    named += [(video.where, "vga") for video in (vm.display.videos or ())[:1]]  # of further ones it is not certain that they are there
    named += [(part.where, name) for field, name in OWN_IDS.items() if (part := getattr(vm, field)) is not None]
    if (vm.scsihw or "").startswith("virtio"):
        named += [(controller.where, adapter_key(controller, vm, vm.scsihw)) for controller in vm.controllers]
    for where, key in named:
        if key is not None:
            yield where, ("-set", f"device.{key}")
    for field, driver in DRIVERS.items():
        parts = getattr(vm, field)
        for part in parts if isinstance(parts, list) else [parts]:
            if part is not None:
                yield part.where, ("-global", driver)
