"""PCI addresses, and the bridges and ports that they need (libvirt 11.3, qemuDomainAssignPCIAddresses)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..address import number
from ..node import Node
from .controllers import insert
from .draft import MOST_INDEX, Draft, add, child, default, give_address, index_of, told
from .pci_buses import Buses, NoPlaceError, Plug
from .pci_kinds import PCI, PCIE, USB2, Kinds

Place = tuple[int, int, int]
"""Bus, slot, function."""
_PCIE = PCIE._replace(auto=False)
SATA_SLOT, SATA_FUNCTION, ICH9_SLOT, DMI_SLOT, HDA_SLOT = 0x1F, 2, 0x1F, 0x1E, 0x1B
PIIX3 = (0, 1)
"""Bus and slot of the board's own devices."""
USB2_SLOTS = (0x1D, 0x1A)
"""Where real Q35 boards have their USB 2 controllers."""
USB2_FUNCTIONS = {"ich9-ehci1": 7, "ich9-uhci1": 0, "ich9-uhci2": 1, "ich9-uhci3": 2}


class _Device(NamedTuple):
    node: Node
    plug: Plug


def assign(draft: Draft) -> None:
    """Places for all devices that have none. A domain that libvirt would refuse stays as it is."""
    if not draft.base or not _pci_controllers(draft):
        return
    devices = _Devices(draft)
    try:
        if devices.incomplete():
            _Assignment(draft, devices).run()
    except (NoPlaceError, ValueError):
        return
    for node in draft.controllers:
        if node.attrib.get("type") == "pci":
            _port_defaults(node)


def _pci_controllers(draft: Draft) -> list[Node]:
    return [node for node in draft.controllers if node.attrib.get("type") == "pci"]


class _Devices:
    """The devices of a domain that are on PCI, in the order in which libvirt gives them places."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.kinds = kinds = Kinds(draft)
        videos = draft.of("video")
        videos = sorted(videos, key=lambda node: told(node.peek("model"), "primary") != "yes") if len(videos) > 1 else videos
        hosts = [node for node in draft.of("interface") if node.attrib.get("type") == "hostdev"] + draft.of("hostdev")
        self.video = self._all(videos, kinds.video)[:1] if videos else []
        self.sounds = self._all(draft.of("sound"), kinds.sound)
        self.before = [*self._all(draft.of("filesystem"), kinds.filesystem), *self._all(draft.of("interface"), kinds.interface)]
        self.after = [
            *self._all(draft.disks, kinds.disk),
            *self._all(hosts, kinds.hostdev),
            *self._rest(("memballoon", "rng", "watchdog")),
            *self._all(videos, kinds.video),
            *self._rest(("shmem", "input", "serial", "iommu", "vsock", "memory", "crypto", "panic", "pstore")),
        ]

    @staticmethod
    def _all(nodes: list[Node], plug_of: Callable[[Node], Plug | None]) -> list[_Device]:
        return [_Device(node, plug) for node in nodes if (plug := plug_of(node)) is not None]

    def _rest(self, tags: tuple[str, ...]) -> Iterator[_Device]:
        for tag in tags:
            if tag in self.draft.kinds:
                yield from self._all(self.draft.kinds[tag], getattr(self.kinds, tag))

    def controllers(self, pci: bool) -> list[_Device]:
        return self._all([n for n in self.draft.controllers if (n.attrib.get("type") == "pci") is pci], self.kinds.controller)

    def every(self) -> list[_Device]:
        return [*self.controllers(True), *self.before, *self.sounds, *self.controllers(False), *self.after]

    def incomplete(self) -> bool:
        """Whether a device has no place, stands on a bus that no controller makes, or shares a slot that does not say so."""
        there = {index_of(node) for node in _pci_controllers(self.draft)}
        alone: set[tuple[int, int]] = set()
        behind: set[tuple[int, int]] = set()
        for device in self.every():
            place = _place(device.node)
            if place is None:
                if _wanted(device.node):
                    return True
                continue
            if place[0] not in there:
                return True
            if place[2]:
                behind.add(place[:2])
            elif told(device.node.peek("address"), "multifunction") is None:
                alone.add(place[:2])
        return not alone.isdisjoint(behind)


def _wanted(node: Node) -> bool:
    """Whether libvirt is to choose the place: no address, or one that says nothing."""
    address = node.peek("address")
    if address is None:
        return True
    return address.attrib.get("type") == "pci" and _place(node) is None


def _place(node: Node) -> Place | None:
    address = node.peek("address")
    if address is None or address.attrib.get("type") != "pci":
        return None
    get = address.attrib.get
    if number(get("domain")):
        raise NoPlaceError
    place = number(get("bus")), number(get("slot")), number(get("function"))
    return place if any(place) else None


def _give(node: Node, place: Place, multifunction: bool = False) -> None:
    bus, slot, function = place
    give_address(node, "pci", domain="0x0000", bus=f"0x{bus:02x}", slot=f"0x{slot:02x}", function=f"0x{function:x}")
    if multifunction and (address := node.peek("address")) is not None:
        default(address, "multifunction", "on")


class _Assignment:
    """Two rounds: the first finds out which buses are missing, the second gives the places."""

    def __init__(self, draft: Draft, devices: _Devices) -> None:
        self.draft = draft
        self.devices = devices
        self.buses = Buses([], dry=True)

    def run(self) -> None:
        highest = max(index_of(node) or 0 for node in _pci_controllers(self.draft))
        if highest > MOST_INDEX:
            raise NoPlaceError
        self._start(highest + 1, dry=True)
        self._chipset()
        if not self.draft.express and not all(bus.full() for bus in self.buses.buses):
            self.buses.next(PCI)  # room for a bridge some day
        self._devices()
        if self.draft.express and highest == 0 and len(self.buses.buses) > 1:
            self.buses.next(PCIE)  # room for one device to be plugged in
        self._controllers()
        self._start(len(self.buses.buses), dry=False)
        self._chipset()
        self._devices()
        self._multifunction()

    def _start(self, count: int, dry: bool) -> None:
        """Buses as their controllers say, all known places taken (qemuDomainPCIAddressSetCreate)."""
        named = {index_of(node): node.attrib.get("model", "") for node in _pci_controllers(self.draft)}
        missing = "pcie-root-port" if self.draft.express else "pci-bridge"
        self.buses = Buses([named.get(n, missing) for n in range(count)], dry)
        for device in self._in_order_of_collection():
            place = _place(device.node)
            if place is None or _on_piix3(device.node, place):
                continue
            bus = self.buses.reserve(*place, device.plug)
            if bus != place[0]:
                _give(device.node, (bus, *place[1:]))

    def _in_order_of_collection(self) -> list[_Device]:
        """virDomainDeviceInfoIterate: disks, cards, sounds, host devices, displays, controllers, the rest; seldom does it matter."""
        return sorted(self.devices.every(), key=lambda device: _COLLECTION.get(device.node.tag, len(_COLLECTION)))

    def _chipset(self) -> None:
        if self.draft.base == "i440fx":
            self._piix3()
        elif self.draft.base == "q35":
            self._ich9()

    def _piix3(self) -> None:
        """Slot 1 holds the board's own devices; the first display comes next (qemuDomainValidateDevicePCISlotsPIIX3)."""
        for device in self.devices.controllers(pci=False):
            function = _piix3_function(device.node)
            if function is None:
                continue
            place = _place(device.node)
            if place is None:
                _give(device.node, place := (*PIIX3, function))
            elif place != (*PIIX3, function):
                raise NoPlaceError
            self.buses.reserve(*place, PCI)
        for function in (0, 3):
            self.buses.reserve(*PIIX3, function, PCI)
        self._first_video(2)

    def _first_video(self, slot: int) -> None:
        for device in self.devices.video:
            if not _wanted(device.node):
                continue
            if self.buses.used(0, slot):
                place = self.buses.next(device.plug)
                if not self.buses.dry:
                    _give(device.node, place)
            else:
                self.buses.reserve(0, slot, 0, PCI if self.draft.base == "i440fx" else _PCIE)
                _give(device.node, (0, slot, 0))

    def _ich9(self) -> None:
        """Where real boards have them (qemuDomainValidateDevicePCISlotsQ35)."""
        for node in list(self.draft.controllers):
            type_, model = node.attrib.get("type"), node.attrib.get("model")
            if type_ == "sata" and not index_of(node):
                place = _place(node)
                if place is None:
                    _give(node, (0, SATA_SLOT, SATA_FUNCTION))
                    self.buses.reserve(0, SATA_SLOT, SATA_FUNCTION, _PCIE)
                elif place != (0, SATA_SLOT, SATA_FUNCTION):
                    raise NoPlaceError
            elif type_ == "usb" and model == "ich9-uhci1" and node.peek("address") is None:
                self._try(node, USB2_SLOTS, multifunction=True)
            elif type_ == "pci" and model == "dmi-to-pci-bridge" and node.peek("address") is None:
                self._try(node, (DMI_SLOT,))
        for function in (0, 3):
            self.buses.reserve(0, ICH9_SLOT, function, _PCIE)
        self._first_video(1)
        if not self.buses.used(0, HDA_SLOT):
            for device in self.devices.sounds:
                if device.node.attrib.get("model") == "ich9" and _wanted(device.node):
                    self._try(device.node, (HDA_SLOT,))
                    break

    def _try(self, node: Node, slots: tuple[int, ...], multifunction: bool = False) -> None:
        for slot in slots:
            if not self.buses.used(0, slot):
                self.buses.reserve(0, slot, 0, _PCIE, told=False)
                _give(node, (0, slot, 0), multifunction)
                return

    def _devices(self) -> None:
        """Everything else takes the next slot that is free (qemuDomainAssignDevicePCISlots)."""
        devices = self.devices
        for device in (*devices.controllers(pci=True), *devices.before, *devices.sounds):
            self._next(device)
        for device in devices.controllers(pci=False):
            node = device.node
            if node.attrib.get("type") == "ide" and not index_of(node):
                continue
            if node.attrib.get("model") in USB2:
                self._usb2(device)
            else:
                self._next(device)
        for device in devices.after:
            self._next(device)

    def _next(self, device: _Device) -> None:
        if _wanted(device.node):
            place = self.buses.next(device.plug)
            if not self.buses.dry:
                _give(device.node, place)

    def _usb2(self, device: _Device) -> None:
        """EHCI and companions of one index share a slot."""
        node = device.node
        if not _wanted(node):
            return
        function = USB2_FUNCTIONS[node.attrib["model"]]
        group = [n for n in self.draft.controllers if n.attrib.get("model") in USB2 and index_of(n) == index_of(node)]
        place = next((place for n in group if (place := _place(n)) is not None), None)
        if place is not None:
            self.buses.reserve(place[0], place[1], function, device.plug)
            _give(node, (place[0], place[1], function), multifunction=function == 0)
        else:
            found = self.buses.next(device.plug, function)
            if not self.buses.dry:
                _give(node, found, multifunction=function == 0)

    def _controllers(self) -> None:
        """A controller for each bus that was added, with a place of its own."""
        n = 1
        while n < len(self.buses.buses):
            if all(index_of(node) != n for node in _pci_controllers(self.draft)):
                node = self.draft.add("controller", type="pci", index=str(n), model=self.buses.buses[n].model)
                insert(self.draft.controllers, node)
                plug = self.devices.kinds.controller(node)
                if plug is not None:
                    self.buses.next(plug)
            n += 1

    def _multifunction(self) -> None:
        """Function 0 of a slot says that there are others."""
        first: dict[tuple[int, int], Node] = {}
        several: set[tuple[int, int]] = set()
        for device in self.devices.every():
            place = _place(device.node)
            if place is not None and place[2]:
                several.add(place[:2])
            elif place is not None:
                first[place[:2]] = device.node
        for slot in several & first.keys():
            if (address := first[slot].peek("address")) is not None and "multifunction" not in address.attrib:
                _give(first[slot], (*slot, 0), multifunction=True)


_COLLECTION = {tag: n for n, tag in enumerate(("disk", "interface", "sound", "hostdev", "video", "controller", "serial", "input"))}


def _piix3_function(node: Node) -> int | None:
    """IDE and USB of the board itself."""
    type_, model = node.attrib.get("type"), node.attrib.get("model")
    if index_of(node):
        return None
    if type_ == "ide":
        return 1
    return 2 if type_ == "usb" and model in ("piix3-uhci", None) else None


def _on_piix3(node: Node, place: Place) -> bool:
    """Places that `_piix3` takes."""
    return node.tag == "controller" and place[:2] == PIIX3 and place[2] == _piix3_function(node)


NAMES = {
    "pci-bridge": "pci-bridge",
    "dmi-to-pci-bridge": "i82801b11-bridge",
    "pcie-to-pci-bridge": "pcie-pci-bridge",
    "pcie-root-port": "pcie-root-port",
    "pcie-switch-upstream-port": "x3130-upstream",
    "pcie-switch-downstream-port": "xio3130-downstream",
    "pci-expander-bus": "pxb",
    "pcie-expander-bus": "pxb-pcie",
}
"""QEMU's device (qemuDomainPCIControllerSetDefaultModelName)."""
_PORTS = ("pcie-root-port", "pcie-switch-downstream-port")


def _port_defaults(node: Node) -> None:
    model = node.attrib.get("model", "")
    if model not in NAMES:
        return
    if node.peek("model") is None:
        add(node, "model", name=NAMES[model])
    target = node.peek("target")
    said = target.attrib if target is not None else {}
    values: dict[str, str] = {}
    if model == "pci-bridge":
        values["chassisNr"] = node.attrib.get("index", "")
    elif model in _PORTS and not {"chassis", "port"} <= said.keys():
        values["chassis"] = node.attrib.get("index", "")
        place = _place_or_none(node)
        if place is not None:
            values["port"] = hex((place[1] << 3) + place[2] if model == "pcie-root-port" else place[1])
    for name, value in values.items():
        if name not in said:
            default(child(node, "target"), name, value)


def _place_or_none(node: Node) -> Place | None:
    try:
        return _place(node)
    except (NoPlaceError, ValueError):
        return None
