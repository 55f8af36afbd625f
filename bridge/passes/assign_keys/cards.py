"""Keys of everything but disks: NICs, host PCI and USB devices, ports, shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from ...core.report import Report
from ...data.pci import PCI, PCIE, PCIE_WIN7
from ...model.hostpci import HostPCI
from ...model.net import Net
from ...model.part import Device, PCIAddress, USBAddress
from ...model.serial import Parallel, Serial
from ...model.share import VirtioFS
from ...model.usb import USB
from ...model.vm import VM
from .keys import Keys

D = TypeVar("D", bound=Device)

IGD = "00:02.0"
"""Where hosts have Intel's graphics, always; qemu-server takes none from elsewhere."""
NETS, USBS, HOSTPCIS, SERIALS, PARALLELS, SHARES = 32, 14, 16, 4, 3, 10
"""How many keys qemu-server 9.2.6 has of each."""


def _inverse(prefix: str, *tables: dict[str, tuple[str, int]]) -> dict[tuple[str, int], int]:
    items = [item for table in tables for item in table.items()]
    return {place: int(key[len(prefix) :]) for key, place in items if key.startswith(prefix) and key[len(prefix) :].isdigit()}


_NET_PLACES = _inverse("net", PCI)
_HOSTPCI_PLACES = _inverse("hostpci", PCI)
_HOSTPCI_PCIE = _inverse("hostpci", PCIE_WIN7, PCIE)


def _assign(devices: Sequence[D], keys: Keys, wish: Callable[[D], int | None]) -> list[D]:
    """Aliases first, then wishes, then the rest in document order."""
    if not devices:
        return []
    chosen: dict[int, int] = {}
    for by_alias in (True, False):
        for n, device in enumerate(devices):
            if n not in chosen and (number := keys.alias(device.key) if by_alias else keys.wish(wish(device))) is not None:
                chosen[n] = number
    for n, device in enumerate(devices):
        if n not in chosen:
            chosen[n] = keys.next(device.where)
    numbered: list[Any] = [replace(device, index=chosen[n], key=f"{keys.prefix}{chosen[n]}") for n, device in enumerate(devices)]
    return sorted(numbered, key=lambda device: device.index)


def _place(device: Device) -> tuple[str, int] | None:
    address = device.address
    return (address.bus, address.slot) if isinstance(address, PCIAddress) and address.function == 0 else None


def nets(vm: VM) -> list[Net]:
    def wish(net: Net) -> int | None:
        place = _place(net)
        return _NET_PLACES.get(place) if place else None

    return _assign(vm.nets, Keys("net", NETS), wish)


def usbs(vm: VM) -> list[USB]:
    def wish(usb: USB) -> int | None:
        address = usb.address
        if isinstance(address, USBAddress) and address.bus == "xhci" and address.port.isdigit():
            return int(address.port) - 1
        return None

    return _assign(vm.usbs, Keys("usb", USBS), wish)


def hostpcis(vm: VM, report: Report) -> list[HostPCI]:
    """Functions of one guest slot become one key with a list of host functions."""
    if not vm.hostpcis:
        return []
    groups: dict[object, list[HostPCI]] = {}
    for n, device in enumerate(vm.hostpcis):
        address = device.address
        slot = (address.bus, address.slot) if isinstance(address, PCIAddress) else n
        groups.setdefault(slot, []).append(device)
    merged = [_merged(sorted(group, key=lambda d: getattr(d.address, "function", 0)), report) for group in groups.values()]
    q35 = vm.machine.base == "q35"

    def wish(device: HostPCI) -> int | None:
        address = device.address
        if not isinstance(address, PCIAddress):
            return None
        place = (address.bus, address.slot)
        if place == PCI["legacy-igd"] and not q35:
            return None
        return _HOSTPCI_PCIE.get(place) if q35 and place in _HOSTPCI_PCIE else _HOSTPCI_PLACES.get(place)

    merged = [_with_bus(vm, device, q35) for device in merged]
    return _assign(merged, Keys("hostpci", HOSTPCIS), wish)


def _merged(group: list[HostPCI], report: Report) -> HostPCI:
    first = group[0]
    if first.key and first.key.count("-"):
        first = replace(first, key=first.key.split("-")[0])
    if len(group) == 1:
        return first
    for n, other in enumerate(group[1:], 1):
        if isinstance(other.address, PCIAddress) and other.address.function != n:
            ids = ", ".join(other.ids or ())
            report.add("moved", other.where, f"{ids}: function {other.address.function} of its slot -> function {n}")
        if other.mdev_uuid is not None or other.bootindex is not None or other.romfile is not None:
            report.add("guest-lost", other.where, "only function 0 of a multifunction device has options of its own in a config")
    return replace(first, ids=[i for device in group for i in device.ids or ()], multifunction=True)


def _with_bus(vm: VM, device: HostPCI, q35: bool) -> HostPCI:
    """pcie=1 behind a root port or on q35's root bus; legacy-igd is Intel's graphics in slot 2 of an i440fx without a card of QEMU's."""
    address = device.address
    if not isinstance(address, PCIAddress):
        return device
    if q35:
        conventional = address.bus.startswith("pci.")
        return replace(device, pcie=None if conventional else True)
    own = device.key is not None or [i.removeprefix("0000:") for i in device.ids or ()] == [IGD]
    if own and (address.bus, address.slot) == PCI["legacy-igd"] and not vm.display.videos:
        return replace(device, legacy_igd=True)
    return device


def serials(vm: VM) -> list[Serial]:
    return _assign(vm.serials, Keys("serial", SERIALS), lambda serial: serial.port)


def parallels(vm: VM) -> list[Parallel]:
    return _assign(vm.parallels, Keys("parallel", PARALLELS), lambda parallel: parallel.port)


def virtiofs(vm: VM) -> list[VirtioFS]:
    return _assign(vm.virtiofs, Keys("virtiofs", SHARES), lambda _: None)
