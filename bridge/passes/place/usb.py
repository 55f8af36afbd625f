"""USB controllers and ports (mapping-devices 6; qemu-server 9.2.6, USB.pm)."""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from ...data.devices import USB_PORTS
from ...data.gates import machine_has
from ...data.ostype import WINDOWS, windows_version
from ...data.pci import PVE_USB_SLOT, Q35_EHCI
from ...model.controller import Controller
from ...model.part import PCIAddress, USBAddress
from ...model.usb import USB
from ...model.vm import VM
from .slots import conventional

XHCI_PORTS = 15
NEC_PORTS = 4
"""Ports of nec-usb-xhci; QEMU puts a hub on the last one when more devices come."""


def xhci_era(vm: VM) -> bool:
    """qemu-server plugs every USB device into a qemu-xhci: machine 7.1 on, ostype l26 or Windows 8 on."""
    ostype = vm.meta.ostype or ""
    modern = ostype == "l26" or windows_version(ostype) > WINDOWS["win7"]
    return modern and machine_has(vm.machine.version or (), vm.machine.pve or 0, "usb_xhci")


def ports_named(vm: VM) -> bool:
    """Whether qemu-server names a port for each device. If not, QEMU gives the next free one of the bus."""
    return any(controller.model == "qemu-xhci" for controller in vm.controllers)


def place(vm: VM) -> tuple[tuple[Controller, ...], VM]:
    era, base = xhci_era(vm), vm.machine.base
    xhci = ""
    if era and vm.usbs:
        xhci = "qemu-xhci"
    elif any(device.usb3 for device in vm.usbs):
        xhci = "nec-xhci"
    old = not era and any(not device.usb3 for device in vm.usbs)
    usbs = _ports(vm, era)
    tablet = vm.tablet
    if tablet.present:
        tablet = replace(tablet, key="tablet", address=USBAddress("uhci" if base == "i440fx" else "ehci", "1"))
    return _controllers(base, old, xhci), replace(vm, usbs=usbs, tablet=tablet)


@lru_cache(maxsize=32)  # 33 of the 870 µs from a config of q35 to its command line
def _controllers(base: str | None, old: bool, xhci: str) -> tuple[Controller, ...]:
    """`old`: i440fx gets an EHCI. The same objects for each such machine; nobody changes them."""
    groups: list[list[Controller]]
    if base == "virt":
        groups = [[Controller(type="usb", key="ehci", model="ehci", address=conventional(base, "ehci"))]]
    elif base == "q35":
        groups = [ich9_group("ehci"), ich9_group("ehci-2")]
    else:
        groups = [[Controller(type="usb", key="uhci", model="piix3-uhci", address=conventional(base, "piix3", 2))]]
        if old:
            groups.append(ich9_group("ehci", PVE_USB_SLOT, "pci.0"))
    if xhci:
        ports = XHCI_PORTS if xhci == "qemu-xhci" else None
        groups.append([Controller(type="usb", key="xhci", model=xhci, ports=ports, address=conventional(base, "xhci"))])
    return tuple(replace(controller, index=n) for n, group in enumerate(groups) for controller in group)


def ich9_group(key: str, slot: int | None = None, bus: str = "pcie.0") -> list[Controller]:
    """An EHCI with its three companions in one slot: `ehci` with uhci-1..3, or q35's `ehci-2` with uhci-4..6."""
    second = key == "ehci-2"
    slot = Q35_EHCI[second] if slot is None else slot
    ehci = Controller(type="usb", key=key, model="ich9-ehci2" if second else "ich9-ehci1", address=PCIAddress(bus, slot, 7, True))
    companions = [
        Controller(
            type="usb",
            key=f"uhci-{n + (4 if second else 1)}",
            model=f"ich9-uhci{n + (4 if second else 1)}",
            startport=2 * n,
            master=key,
            address=PCIAddress(bus, slot, n, True),
        )
        for n in range(3)
    ]
    return [ehci, *companions]


def _bus(vm: VM, device: USB, era: bool) -> str:
    """The controller that the device lands on; without a bus= QEMU takes the last EHCI with a free port (mapping-devices 6.2)."""
    if era:
        return "xhci"
    nec = any(d.usb3 for d in vm.usbs)
    if device.spice:
        return "xhci" if device.usb3 and machine_has(vm.machine.version or (), vm.machine.pve or 0, "spice_usb3") else "ehci"
    if device.usb3:
        return "xhci"
    if vm.machine.base == "q35":
        return "xhci" if nec else "ehci-2"
    return "ehci"


def usb_port(number: int, bus: str) -> str:
    """The port that QEMU gives to the device of this number, from 1, on a bus of an old machine; from the last port on behind a hub."""
    last = NEC_PORTS if bus == "xhci" else USB_PORTS["ehci"]
    return str(number) if number < last else f"{last}.{number - last + 1}"


def _ports(vm: VM, era: bool) -> list[USB]:
    taken: dict[str, int] = {}
    if vm.tablet.present and vm.machine.base != "i440fx":
        taken["ehci"] = 2 if vm.tablet.keyboard else 1
    placed = []
    for device in vm.usbs:
        bus = _bus(vm, device, era)
        taken[bus] = count = taken.get(bus, 0) + 1
        port = str((device.index or 0) + 1) if era else usb_port(count, bus)
        placed.append(replace(device, key=f"usb{device.index}", address=USBAddress(bus, port)))
    return placed
