"""Where each device stands: names of buses become controllers, missing places those that QEMU takes by itself (QEMU 10.0, hw/*/bus.c)."""

from __future__ import annotations

import re

import msgspec

from ...core.report import BridgeError
from ...data.devices import ALIASES, BUS_IS_ID, CARRIES, MOST_XHCI_PORTS, PLUGS, SINGLE, USB_PORTS, XHCI_PORTS
from ...data.pci import LAST_SLOT
from ...model.controller import Controller
from ...model.part import Address, DriveAddress, PCIAddress, SerialAddress, USBAddress
from ..read import Option
from .line import Dev, Line
from .said import Said

BRIDGES = {
    "pci-bridge": "pci-bridge",
    "i82801b11-bridge": "dmi-to-pci-bridge",
    "dmi-to-pci-bridge": "dmi-to-pci-bridge",
    "pcie-root-port": "pcie-root-port",
    "ioh3420": "pcie-root-port",
    "x3130-upstream": "pcie-switch-upstream-port",
    "xio3130-downstream": "pcie-switch-downstream-port",
    "pcie-pci-bridge": "pcie-to-pci-bridge",
    "pxb": "pci-expander-bus",
    "pxb-pcie": "pcie-expander-bus",
}
"""QEMU's device -> libvirt's model of a PCI controller."""
USB = {
    "piix3-usb-uhci": "piix3-uhci",
    "piix4-usb-uhci": "piix4-uhci",
    "usb-ehci": "ehci",
    "vt82c686b-usb-uhci": "vt82c686b-uhci",
    "pci-ohci": "pci-ohci",
    "nec-usb-xhci": "nec-xhci",
    "qemu-xhci": "qemu-xhci",
    **{f"ich9-usb-{name}": f"ich9-{name}" for name in ("ehci1", "ehci2", *(f"uhci{n}" for n in range(1, 7)))},
}
SCSI = {
    "lsi53c895a": "lsilogic",
    "lsi53c810": "lsi53c810",
    "megasas": "lsisas1078",
    "megasas-gen2": "lsisas1078",
    "mptsas1068": "lsisas1068",
    "pvscsi": "vmpvscsi",
    "virtio-scsi-pci": "virtio-scsi",
    "virtio-scsi-pci-transitional": "virtio-transitional",
    "virtio-scsi-pci-non-transitional": "virtio-non-transitional",
    "am53c974": "am53c974",
    "dc390": "dc390",
}
SERIAL = frozenset(("virtio-serial-pci", "virtio-serial-pci-transitional", "virtio-serial-pci-non-transitional"))
SPEED = {"x-speed": "16", "x-width": "32"}
"""QEMU's default from machine 4.0 on."""
LSI = frozenset(("lsilogic", "lsi53c810"))
_ADDR = re.compile(r"(?:0x)?([0-9a-fA-F]{1,2})(?:\.(?:0x)?([0-7]))?").fullmatch
_LIBVIRT_BUS = re.compile(r"pci\.([0-9]{1,3})").fullmatch
CHIPSET = {"i440fx": {(0, 0), (1, 0), (1, 1), (1, 3)}, "q35": {(0, 0), (0x1F, 0), (0x1F, 2), (0x1F, 3)}, "virt": {(0, 0)}}
"""Slots and functions of the board itself."""
MOST_BUSES = 4096


class Bus(msgspec.Struct):
    """`index` is the controller's, `number` counts the buses of one controller; `ports` are the free ones, `units` the places of IDE."""

    name: str
    kind: str
    index: int
    number: int = 0
    taken: set[object] = set()
    ports: list[str] = []
    model: str = ""
    units: int = 1


class Board:
    """The buses of a machine while its devices are put on them in QEMU's order."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.buses: dict[str, Bus] = {}
        self.controllers: list[Controller] = line.vm.controllers
        self.counts: dict[str, int] = {}
        base = line.vm.machine.base
        root = "pci.0" if base not in ("q35", "virt") else "pcie.0"
        self.root = self._add(Bus(root, "pci", 0))
        self.counts["pci"] = 1
        model = "pci-root" if root == "pci.0" else "pcie-root"
        self.controllers.append(Controller(type="pci", model=model, key="#0", index=0, builtin=True))
        if base == "q35":
            self.root.taken |= CHIPSET["q35"]
            self.counts["sata"] = 1
            for n in range(6):
                self._add(Bus(f"ide.{n}", "ide", 0, n))
        elif base == "virt":
            self.root.taken |= CHIPSET["virt"]
            if line.is_pve:  # QEMU has no IDE there, and refuses what qemu-server writes
                for n in range(2):
                    self._add(Bus(f"ide.{n}", "ide", 0, n, units=2))
        else:
            self.root.taken |= CHIPSET["i440fx"]
            self.counts["ide"] = 1
            for n in range(2):
                self._add(Bus(f"ide.{n}", "ide", 0, n, units=2))

    def _add(self, bus: Bus) -> Bus:
        if len(self.buses) > MOST_BUSES:
            raise BridgeError(f"more than {MOST_BUSES} buses: this is not a sane machine", self.line.file)
        self.buses[bus.name] = bus
        return bus

    def place(self, device: Dev) -> None:
        """Give the device its address; its own buses are there for those that follow."""
        kind = kind_of(device.driver)
        if kind in _FINDERS:
            name = device.said.peek("bus")
            bus = self._bus(name, kind)
            if bus is None:
                if name is not None:
                    raise BridgeError(f"no device makes the bus '{name[:40]}'", device.said)
                raise BridgeError(f"{device.driver}: no free bus of kind {kind}", device.said)
            if bus.kind == kind:
                device.said.take("bus")
                device.address = _FINDERS[kind](self, bus, device)
        if device.driver in CARRIES:
            self._carry(device)

    def _bus(self, name: str | None, kind: str) -> Bus | None:
        if name is not None:
            return self.buses.get(name)
        if kind == "pci":
            return self.root
        found = [bus for bus in self.buses.values() if bus.kind == kind and not (kind == "ide" and len(bus.taken) >= bus.units)]
        return found[0] if kind == "ide" and found else found[-1] if found else None

    def _carry(self, device: Dev) -> None:
        kind, count = CARRIES[device.driver]
        said = device.said
        model = SCSI.get(device.driver, "")
        usb_ports = _usb_ports(device)  # before they are taken
        controller = self._controller(device)
        index = controller.index or 0 if controller is not None else -1
        if "masterbus" in said.properties or (controller is not None and controller.master is not None):
            return
        name = device.id or f"#{len(self.buses)}"
        ports = [str(n + 1) for n in range(usb_ports)] if kind == "usb" else []
        for n in range(count):
            own = name if device.driver in BUS_IS_ID else f"{name}.{n}"
            self._add(Bus(own, kind, index, n, ports=list(ports), model=model))

    def _controller(self, device: Dev) -> Controller | None:
        """The controller that the model has for the device, if any."""
        driver, said = device.driver, device.said
        found = Controller(type="pci", alias=device.id, address=device.address, where=said)
        if driver in BRIDGES:
            found.model = BRIDGES[driver]
            found.hardware = driver if found.model != driver else None
            for field in ("chassis_nr", "chassis", "port"):
                setattr(found, field, said.number(field))
            index = self._index("pci", device.id)
            found.key = f"#{index}"
            for name, value in SPEED.items():
                said.expect(name, value)
        elif driver in USB:
            found.type, found.model = "usb", USB[driver]
            master = said.peek("masterbus")
            if master is not None and master in self.buses:
                said.take("masterbus")
                index = self.buses[master].index
                found.startport = said.number("firstport") or 0
                found.master = next((c.key for c in self.controllers if c.type == "usb" and c.index == index), None) or f"#{index}"
            else:
                index = self._index("usb")
                found.key = f"#{index}" if device.id is None else device.id
                if "xhci" in driver and said.peek("p2") == said.peek("p3") is not None:
                    found.ports = said.number("p2")
                    said.take("p3")
        elif driver in SCSI:
            found.type, found.model = "scsi", SCSI[driver]
            found.queues, found.max_sectors = said.number("num_queues"), said.number("max_sectors")
            found.cmd_per_lun, found.ioeventfd = said.number("cmd_per_lun"), said.flag("ioeventfd")
            found.event_idx = said.flag("event_idx")
            index = self._index("scsi")
            found.key = device.id
        elif driver == "ich9-ahci":
            found.type = "sata"
            index = self._index("sata")
            found.key = device.id
        elif driver in SERIAL:
            found.type, index = "virtio-serial", self._index("virtio-serial")
            found.ports = said.number("max_ports")
            found.key = device.id
        elif driver == "usb-ccid":
            found.type, index = "ccid", self._index("ccid")
            found.key = device.id
        else:
            return None
        device.taken = True
        found.index = index
        self.controllers.append(found)
        return found

    def _index(self, type_: str, name: str | None = None) -> int:
        """By rank; a PCI bus that is called as libvirt calls it keeps its number."""
        match = _LIBVIRT_BUS(name or "") if type_ == "pci" else None
        if match and not self.line.is_pve and not any(c.type == "pci" and c.index == int(match[1]) for c in self.controllers):
            self.counts[type_] = max(self.counts.get(type_, 0), int(match[1]) + 1)
            return int(match[1])
        index = self.counts.get(type_, 0)
        self.counts[type_] = index + 1
        return index

    def slot(self, bus: Bus, device: Dev) -> Address:
        said = device.said
        text = said.peek("addr")
        multifunction = said.flag("multifunction")
        if text is not None:
            found = _devfn(said.properties["addr"])
            if found is None:
                raise BridgeError(f"'{text[:40]}' is not a place on a PCI bus: it has slots up to 1f, with functions up to 7", said)
            said.take("addr")
            slot, function = found
        else:
            free = (n for n in range(LAST_SLOT + 1) if (n, 0) not in bus.taken)
            first = next(free, None)
            if first is None:
                raise BridgeError(f"no free slot is left on bus {bus.name}", said)
            slot, function = first, 0
        if (slot, function) in bus.taken:
            raise BridgeError(f"{device.driver}: slot {slot:x}.{function:x} of bus {bus.name} is taken", said)
        bus.taken.add((slot, function))
        return PCIAddress(f"#{bus.index}", slot, function, multifunction)

    def scsi(self, bus: Bus, device: Dev) -> Address:
        said = device.said
        channel, target, lun = said.number("channel") or 0, said.number("scsi-id"), said.number("lun")
        if target is None:
            target = _free(bus.taken, channel)
        if lun is None:
            lun = next(n for n in range(len(bus.taken) + 1) if (channel, target, n) not in bus.taken)
        at = channel, target, lun
        if at in bus.taken:
            raise BridgeError(f"{device.driver}: id {target} LUN {lun} of bus {bus.name} is taken", said)
        bus.taken.add(at)
        device.bus = "scsi"
        if bus.model in LSI:
            return DriveAddress(f"#{bus.index}", unit=target)
        return DriveAddress(f"#{bus.index}", bus=channel, target=target, unit=lun)

    def ide(self, bus: Bus, device: Dev) -> Address:
        said = device.said
        unit = said.number("unit")
        if unit is None:
            unit = next((n for n in range(bus.units) if n not in bus.taken), bus.units)
        if unit >= bus.units or unit in bus.taken:
            raise BridgeError(f"{device.driver}: unit {unit} of bus {bus.name} is taken, or is none", said)
        bus.taken.add(unit)
        device.bus = "sata" if bus.units == 1 else "ide"
        if bus.units == 1:  # a port of an AHCI
            return DriveAddress(f"#{bus.index}", unit=bus.number)
        return DriveAddress(f"#{bus.index}", bus=bus.number, unit=unit)

    def usb(self, bus: Bus, device: Dev) -> Address:
        """In front of the last port QEMU puts a hub (hw/usb/bus.c, usb_claim_port)."""
        port = device.said.take("port")
        if port is None:
            if len(bus.ports) == 1 and device.driver != "usb-hub":
                last = bus.ports.pop()
                self._hub(device, USBAddress(f"#{bus.index}", last))
                bus.ports.extend(f"{last}.{n + 1}" for n in range(USB_PORTS["hub"]))
            port = bus.ports[0] if bus.ports else "1"
        elif port not in bus.ports and not self.line.is_pve:
            raise BridgeError(f"{device.driver}: port {port[:20]} of bus {bus.name} is taken, or there is no such port", device.said)
        if port in bus.ports:
            bus.ports.remove(port)
        if device.driver == "usb-hub":
            bus.ports.extend(f"{port}.{n + 1}" for n in range(USB_PORTS["hub"]))
        return USBAddress(f"#{bus.index}", port)


    def _hub(self, device: Dev, address: USBAddress) -> None:
        """The hub of QEMU's own, in front of the device that it is made for."""
        said = Said(Option("device", "usb-hub"), 0, self.line.file, ["-device", "usb-hub"])
        said.origin = f"{self.line.file} (of QEMU's own: -device usb-hub)"
        said.claim()
        hub = Dev(said)
        hub.address = address
        self.line.devices.insert(self.line.devices.index(device), hub)

    def channel(self, bus: Bus, device: Dev) -> Address:
        """Port 0 of a virtio-serial is kept for a console."""
        port = device.said.number("nr")
        if port is None:
            first = 0 if device.driver == "virtconsole" else 1
            port = next(n for n in range(first, first + len(bus.taken) + 1) if n not in bus.taken)
        bus.taken.add(port)
        return SerialAddress(f"#{bus.index}", port)


_FINDERS = {"pci": Board.slot, "virtio-serial": Board.channel, "scsi": Board.scsi, "ide": Board.ide, "usb": Board.usb}


def _free(taken: set[object], channel: int) -> int:
    ids = {at[1] for at in taken if isinstance(at, tuple) and at[0] == channel}
    return next(n for n in range(len(ids) + 1) if n not in ids)


def _devfn(value: object) -> tuple[int, int] | None:
    """`1e.7`, `0x1e.0x7`, `0x1e`: always hexadecimal. A number of JSON is slot times eight plus function."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value >> 3, value & 7) if 0 <= value < (LAST_SLOT + 1) * 8 else None
    match = _ADDR(value) if isinstance(value, str) else None
    if match is None or int(match[1], 16) > LAST_SLOT:
        return None
    return int(match[1], 16), int(match[2] or "0")


PLATFORM = frozenset(("ramfb",))


def kind_of(driver: str) -> str:
    if driver in SINGLE or driver.endswith("-cpu") or driver in PLATFORM:
        return "board"
    return PLUGS.get(ALIASES.get(driver, driver), "pci")


def _usb_ports(device: Dev) -> int:
    if "xhci" in device.driver:
        said = [int(text) for name in ("p2", "p3") if (text := device.said.peek(name) or "").isdigit()]
        return max(min(count, MOST_XHCI_PORTS) for count in (said or [XHCI_PORTS]))
    return next((ports for part, ports in USB_PORTS.items() if part in device.driver), 1)


def read(line: Line) -> None:
    """Every device gets its address; bridges and adapters become controllers."""
    board = Board(line)
    for device in list(line.devices):
        board.place(device)
    base = line.vm.machine.base
    first = {"i440fx": "ide", "q35": "sata"}.get(base or "")
    drives = [device for device in line.devices if device.bus == first and isinstance(device.address, DriveAddress)]
    if any(isinstance(drive.address, DriveAddress) and drive.address.controller == "#0" for drive in drives):
        at = PCIAddress("#0", 1, 1) if first == "ide" else PCIAddress("#0", 0x1F, 2)
        board.controllers.append(Controller(type=first or "", index=0, key="ide", builtin=True, address=at))
