"""Which of qemu-server's buses a PCI, USB or SCSI controller of the XML is: by place and chassis, never by index."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from ...data.pci import PCI, PVE_USB_SLOT, Q35_BRIDGES, Q35_EHCI, Q35_PCIDMI, Q35_PORTS, ROOT_PORTS
from ...model.controller import Controller
from ...model.part import Address, Device, DriveAddress, PCIAddress, USBAddress
from ...model.vm import VM

D = TypeVar("D", bound=Device)

Place = tuple[str, int]
"""Bus and slot."""

_Q35_PLACES = {place: key for key, place in Q35_BRIDGES.items()}
_PORT_PLACES = {place: n for n, place in {**Q35_PORTS, **ROOT_PORTS}.items()}


ROOT = "#0"
"""The bus of the board itself."""


def name(vm: VM) -> VM:
    """Give controllers their ids and put these into the addresses of all devices; buses that are not qemu-server's stay `#INDEX`."""
    named = _pci_names(vm)
    names = {("pci", old): new for old, new in named.items()}
    keyed = []
    for controller in vm.controllers:
        address, key = _renamed(controller.address, named), named.get(controller.key or "", controller.key)
        found = _other(vm, controller, address, key)
        if found is not None:
            if controller.master is None:
                names.setdefault((controller.type, f"#{controller.index or 0}"), found)  # the second EHCI has no index of its own
            key = found
        if address is not controller.address or key != controller.key:
            controller = replace(controller, address=address, key=key)
        keyed.append(controller)
    return _rename(replace(vm, controllers=keyed), names)


def _pci_names(vm: VM) -> dict[str, str]:
    """`#INDEX` of a PCI bus -> its id."""
    named: dict[str, str] = {}
    pending = [c for c in vm.controllers if c.type == "pci"]
    if not any(c.key == ROOT for c in pending):  # XML written by hand need not name it
        named[ROOT] = "pci.0" if vm.machine.base == "i440fx" else "pcie.0"
    while pending:  # a bridge is known once its parent is
        left = []
        for controller in pending:
            key = _pci(vm, controller, named)
            if key is not None and key not in named.values():
                named[controller.key or ""] = key
            else:
                left.append(controller)
        if len(left) == len(pending):
            break
        pending = left
    return named


def _renamed(address: Address | None, named: dict[str, str]) -> Address | None:
    """The same object where its bus keeps its name."""
    if isinstance(address, PCIAddress) and named.get(address.bus, address.bus) != address.bus:
        return replace(address, bus=named[address.bus])
    return address


def _pci(vm: VM, controller: Controller, named: dict[str, str]) -> str | None:
    model, address = controller.model, controller.address
    if model in ("pci-root", "pcie-root"):
        return "pci.0" if model == "pci-root" else "pcie.0"
    if not isinstance(address, PCIAddress):
        return None
    bus = named.get(address.bus, address.bus)
    if address.bus == "#0" and "#0" not in named:
        bus = "pcie.0" if vm.machine.base in ("q35", "virt") else "pci.0"
    if vm.machine.base == "q35":
        if (found := _q35(controller, bus, address)) is not None:
            return found
    elif model == "pci-bridge":
        place = ("pci.0" if bus in ("pci.0", "pcie.0") else bus, address.slot)
        for n in (1, 2, 3, 4):
            if place == PCI[f"pci.{n}"] and controller.chassis_nr in (n, None):
                return f"pci.{n}"
        if place == PCI["pci.2-igd"] and controller.chassis_nr == 2:
            return "pci.2"
    return None


def _q35(controller: Controller, bus: str, address: PCIAddress) -> str | None:
    if controller.model == "dmi-to-pci-bridge" and (bus, address.slot) == Q35_PCIDMI:
        return "pcidmi"
    if controller.model == "pci-bridge":
        key = _Q35_PLACES.get((bus, address.slot))
        if key is not None and controller.chassis_nr == int(key[4:]) + 1:
            return key
        return "pci.4" if (bus, address.slot) == PCI["pci.4"] and controller.chassis_nr == 4 else None
    if controller.model == "pcie-root-port" and bus == "pcie.0":
        n = _PORT_PLACES.get((address.slot, address.function))
        if n is not None and controller.chassis == n + 1 and controller.port == n + 1:
            return f"ich9-pcie-port-{n + 1}"
    return None


_SCSI: tuple[dict[Place, str], dict[Place, str]] = ({}, {})
"""Places of SCSI adapters; the second of those that virtio-scsi alone may be."""
for _key in [*(f"virtioscsi{n}" for n in range(31)), *(f"scsihw{n}" for n in range(5))]:
    _SCSI[1].setdefault(PCI[_key], _key)
    if _key.startswith("scsihw"):
        _SCSI[0].setdefault(PCI[_key], _key)


def _other(vm: VM, controller: Controller, address: Address | None, key: str | None) -> str | None:
    """USB, SCSI, SATA, IDE and virtio-serial controllers: by alias, else by place; `key` for any other.

    `address` and `key` are the controller's own, by the buses' names."""
    if controller.type == "pci":
        return key
    alias = (controller.alias or "").removeprefix("ua-")
    place = (address.bus, address.slot) if isinstance(address, PCIAddress) else None
    if controller.type == "usb":
        return _usb(vm, controller, place)
    if controller.type == "sata":
        if place == ("pcie.0", 0x1F) or (vm.machine.base == "q35" and not controller.index and place is None):
            return "ide"
        return "ahci0" if place == PCI["ahci0"] else None
    if controller.type == "ide":
        return "ide"
    if controller.type == "virtio-serial":
        found = alias if alias in ("qga0", "spice") else None
        return found or next((key for key in ("qga0", "spice") if place == PCI[key]), None)
    if controller.type == "scsi":
        places = _SCSI[(controller.model or "").startswith("virtio")]
        return alias if alias in places.values() else places.get(place) if place else None
    return key


def _usb(vm: VM, controller: Controller, place: tuple[str, int] | None) -> str | None:
    model = controller.model or ""
    slot = place[1] if place else None
    if model in ("piix3-uhci", "piix4-uhci") or (not model and vm.machine.base == "i440fx"):
        return "uhci" if place in (None, ("pci.0", 1)) else None
    if model.startswith(("ich9-ehci", "ich9-uhci")):
        second = slot == Q35_EHCI[1] and vm.machine.base == "q35"
        if not second and slot not in (Q35_EHCI[0], PVE_USB_SLOT):
            return None
        if model.startswith("ich9-ehci"):
            return "ehci-2" if second else "ehci"
        return f"uhci-{model[-1]}"
    if model in ("qemu-xhci", "nec-xhci"):
        return "xhci" if place == PCI["xhci"] else None
    if model == "ehci":
        return "ehci"
    return None


def _rename(vm: VM, names: dict[tuple[str, str], str]) -> VM:
    """Put the ids into all addresses."""
    pci = {old: new for (type_, old), new in names.items() if type_ == "pci"}
    if "#0" not in pci:
        pci["#0"] = "pcie.0" if vm.machine.base in ("q35", "virt") else "pci.0"

    def one(device: D) -> D:
        address = device.address
        if address is None:
            return device
        moved: Address | None
        if isinstance(address, PCIAddress):
            moved = _renamed(address, pci)
        elif isinstance(address, DriveAddress):
            key = getattr(device, "bus", ""), address.controller
            moved = replace(address, controller=names[key]) if key in names else address
        elif isinstance(address, USBAddress):
            moved = replace(address, bus=names["usb", address.bus]) if ("usb", address.bus) in names else address
        else:
            serial = "virtio-serial", address.controller
            moved = replace(address, controller=names[serial]) if serial in names else address
        return device if moved is address else replace(device, address=moved)

    def each(devices: list[D]) -> list[D]:
        return [one(device) for device in devices] if devices else devices

    def maybe(device: D | None) -> D | None:
        return None if device is None else one(device)

    display = vm.display
    if display.videos:
        display = replace(display, videos=each(display.videos))
    return replace(
        vm,
        display=display,
        balloon=one(vm.balloon),
        tablet=one(vm.tablet),
        agent=one(vm.agent),
        disks=each(vm.disks),
        nets=each(vm.nets),
        usbs=each(vm.usbs),
        hostpcis=each(vm.hostpcis),
        virtiofs=each(vm.virtiofs),
        ivshmem=maybe(vm.ivshmem),
        audio=maybe(vm.audio),
        rng=maybe(vm.rng),
        watchdog=maybe(vm.watchdog),
    )
