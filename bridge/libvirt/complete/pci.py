"""PCI addresses, and the bridges and ports that they need (libvirt 11.3, qemuDomainAssignPCIAddresses)."""

from __future__ import annotations

from ..tree.node import Node
from .controllers import insert
from .draft import MOST_INDEX, Draft, index_of
from .pci_buses import Buses, NoPlaceError
from .pci_devices import Device, Devices, Place, give, incomplete, place, wanted
from .pci_kinds import PCI, PCIE, USB2, Kinds

_PCIE = PCIE._replace(auto=False)
SATA, ICH9_SLOT, DMI_SLOT, HDA_SLOT = (0, 0x1F, 2), 0x1F, 0x1E, 0x1B
"""Of the ICH9, as Q35 boards have it."""
PIIX3 = (0, 1)
"""Bus and slot of the i440fx board's own devices."""
USB2_SLOTS = (0x1D, 0x1A)
"""Where real Q35 boards have their USB 2 controllers."""
USB2_FUNCTIONS = {"ich9-ehci1": 7, "ich9-uhci1": 0, "ich9-uhci2": 1, "ich9-uhci3": 2}


def builtin(draft: Draft) -> None:
    """The board's own adapters stand where they always do."""
    if draft.base == "q35":
        for node in draft.of_type("sata")[:1]:
            if index_of(node) == 0 and node.peek("address") is None:
                give(node, SATA)
    elif draft.base == "i440fx":
        for node in (*draft.of_type("ide")[:1], *draft.of_type("usb")[:1]):
            function = _piix3_function(node)
            if function is not None and node.peek("address") is None:
                give(node, (*PIIX3, function))


def assign(draft: Draft) -> None:
    """Places for all devices that have none. A domain that libvirt would refuse stays as it is."""
    if not draft.base or not draft.of_type("pci"):
        return
    kinds = Kinds(draft)
    try:
        if incomplete(draft, kinds):
            _Assignment(draft, Devices(draft, kinds)).run()
    except (NoPlaceError, ValueError):
        return


class _Assignment:
    """Two rounds: the first finds out which buses are missing, the second gives the places."""

    def __init__(self, draft: Draft, devices: Devices) -> None:
        self.draft = draft
        self.devices = devices
        self.buses = Buses([], dry=True)

    def run(self) -> None:
        highest = max(index_of(node) or 0 for node in self.draft.of_type("pci"))
        if highest > MOST_INDEX:
            raise NoPlaceError
        self._start(highest + 1, dry=True)
        self._chipset()
        if not self.draft.express and not all(bus.full() for bus in self.buses.buses):
            self.buses.next(PCI)  # room for a bridge some day
        self._others()
        if self.draft.express and highest == 0 and len(self.buses.buses) > 1:
            self.buses.next(PCIE)  # room for one device to be plugged in
        self._controllers()
        self._start(len(self.buses.buses), dry=False)
        self._chipset()
        self._others()
        self._multifunction()

    def _start(self, count: int, dry: bool) -> None:
        """Buses as their controllers say, all known places taken (qemuDomainPCIAddressSetCreate)."""
        named = {index_of(node): node.attrib.get("model", "") for node in self.draft.of_type("pci")}
        missing = "pcie-root-port" if self.draft.express else "pci-bridge"
        self.buses = Buses([named.get(n, missing) for n in range(count)], dry)
        for device in self._in_order_of_collection():
            at = place(device.node)
            if at is None or _on_piix3(device.node, at):
                continue
            bus = self.buses.reserve(*at, device.plug)
            if bus != at[0]:
                give(device.node, (bus, *at[1:]))

    def _in_order_of_collection(self) -> list[Device]:
        """virDomainDeviceInfoIterate: disks, cards, sounds, host devices, displays, controllers, the rest; seldom does it matter."""
        return sorted(self.devices.every(), key=lambda device: _COLLECTION.get(device.node.tag, len(_COLLECTION)))

    def _chipset(self) -> None:
        if self.draft.base == "i440fx":
            self._piix3()
        elif self.draft.base == "q35":
            self._ich9()

    def _piix3(self) -> None:
        """Slot 1 holds the board's own devices; the first display comes next (qemuDomainValidateDevicePCISlotsPIIX3)."""
        for device in self.devices.adapters():
            function = _piix3_function(device.node)
            if function is None:
                continue
            at = place(device.node)
            if at is None:
                give(device.node, at := (*PIIX3, function))
            elif at != (*PIIX3, function):
                raise NoPlaceError
            self.buses.reserve(*at, PCI)
        for function in (0, 3):
            self.buses.reserve(*PIIX3, function, PCI)
        self._first_video(2)

    def _first_video(self, slot: int) -> None:
        for device in self.devices.video:
            if not wanted(device.node):
                continue
            if self.buses.used(0, slot):
                at = self.buses.next(device.plug)
                if not self.buses.dry:
                    give(device.node, at)
            else:
                self.buses.reserve(0, slot, 0, PCI if self.draft.base == "i440fx" else _PCIE)
                give(device.node, (0, slot, 0))

    def _ich9(self) -> None:
        """Where real boards have them (qemuDomainValidateDevicePCISlotsQ35)."""
        for node in list(self.draft.controllers):
            type_, model = node.attrib.get("type"), node.attrib.get("model")
            if type_ == "sata" and not index_of(node):
                at = place(node)
                if at is None:
                    give(node, SATA)
                    self.buses.reserve(*SATA, _PCIE)
                elif at != SATA:
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
                if device.node.attrib.get("model") == "ich9" and wanted(device.node):
                    self._try(device.node, (HDA_SLOT,))
                    break

    def _try(self, node: Node, slots: tuple[int, ...], multifunction: bool = False) -> None:
        for slot in slots:
            if not self.buses.used(0, slot):
                self.buses.reserve(0, slot, 0, _PCIE, told=False)
                give(node, (0, slot, 0), multifunction)
                return

    def _others(self) -> None:
        """Everything else takes the next slot that is free (qemuDomainAssignDevicePCISlots)."""
        devices = self.devices
        for device in (*devices.bridges(), *devices.before, *devices.sounds):
            self._next(device)
        for device in devices.adapters():
            node = device.node
            if node.attrib.get("type") == "ide" and not index_of(node):
                continue
            if node.attrib.get("model") in USB2:
                self._usb2(device)
            else:
                self._next(device)
        for device in devices.after:
            self._next(device)

    def _next(self, device: Device) -> None:
        if wanted(device.node):
            at = self.buses.next(device.plug)
            if not self.buses.dry:
                give(device.node, at)

    def _usb2(self, device: Device) -> None:
        """EHCI and companions of one index share a slot."""
        node = device.node
        if not wanted(node):
            return
        function = USB2_FUNCTIONS[node.attrib["model"]]
        group = [n for n in self.draft.controllers if n.attrib.get("model") in USB2 and index_of(n) == index_of(node)]
        at = next((at for n in group if (at := place(n)) is not None), None)
        if at is not None:
            self.buses.reserve(at[0], at[1], function, device.plug)
            give(node, (at[0], at[1], function), multifunction=function == 0)
        else:
            found = self.buses.next(device.plug, function)
            if not self.buses.dry:
                give(node, found, multifunction=function == 0)

    def _controllers(self) -> None:
        """A controller for each bus that was added, with a place of its own."""
        n = 1
        known = {index_of(node) for node in self.draft.of_type("pci")}
        highest = max((number for number in known if number is not None), default=0)
        while n < len(self.buses.buses):
            if n not in known:
                node = self.draft.add("controller", type="pci", index=str(n), model=self.buses.buses[n].model)
                if n > highest:
                    self.draft.of_type("pci").append(node)
                else:
                    insert(self.draft.of_type("pci"), node)
                plug = self.devices.kinds.controller(node)
                if plug is not None:
                    self.buses.next(plug)
            n += 1

    def _multifunction(self) -> None:
        """Function 0 of a slot says that there are others."""
        first: dict[tuple[int, int], Node] = {}
        several: set[tuple[int, int]] = set()
        for device in self.devices.every():
            at = place(device.node)
            if at is not None and at[2]:
                several.add(at[:2])
            elif at is not None:
                first[at[:2]] = device.node
        for slot in several & first.keys():
            if (address := first[slot].peek("address")) is not None and "multifunction" not in address.attrib:
                give(first[slot], (*slot, 0), multifunction=True)


_COLLECTION = {tag: n for n, tag in enumerate(("disk", "interface", "sound", "hostdev", "video", "controller", "serial", "input"))}


def _piix3_function(node: Node) -> int | None:
    """IDE and USB of the board itself."""
    type_, model = node.attrib.get("type"), node.attrib.get("model")
    if index_of(node):
        return None
    if type_ == "ide":
        return 1
    return 2 if type_ == "usb" and model in ("piix3-uhci", None) else None


def _on_piix3(node: Node, at: Place) -> bool:
    """Places that `_piix3` takes."""
    return node.tag == "controller" and at[:2] == PIIX3 and at[2] == _piix3_function(node)
