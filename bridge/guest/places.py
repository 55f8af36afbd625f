"""Where a guest finds each device: names of buses become slots, ports and LUNs, the missing ones as QEMU would choose them.

A place is a text: `pci 1e.0/12.0` (slot and function behind each bridge), `pci 05.0 scsi 0:0:3` (channel, id, LUN),
`pci 01.2 usb 1`, `pci 01.1 ide 0:1` (channel, unit), `isa serial 0`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import msgspec

from ..core.report import BridgeError
from ..data.devices import BUS_IS_ID, CARRIES, LAST_DIMM_SLOT, MOST_XHCI_PORTS, PLUGS, SINGLE, USB_PORTS, XHCI_PORTS
from .said import Fields, Said
from .values import devfn, number, plain, word

HUB = "usb-hub"
CPU = "-cpu"
MOST_BRIDGES = 32
"""Bridges behind each other; QEMU's firmware gives up long before."""
CPU_PLACE = ("socket-id", "die-id", "cluster-id", "module-id", "core-id", "thread-id")


class Bus(msgspec.Struct):
    """`prefix` is the place of the device that carries it; `number` counts that device's buses; `ports` are those still free."""

    name: str
    kind: str
    prefix: str
    number: int = 0
    units: int = 1
    children: list[Bus] = []
    taken: set[str] = set()
    ports: list[str] = []


def kind_of(driver: str) -> str:
    """What a device plugs into: `pci`, `usb`, `scsi`, …, `cpu`, or `board` for what a machine has once."""
    if driver in SINGLE:
        return "board"
    return "cpu" if driver.endswith(CPU) else PLUGS.get(driver, "pci")


class Places:
    """The buses of a machine while its devices are created one by one, in QEMU's order."""

    def __init__(self, said: Said) -> None:
        self.said = said
        self.buses: dict[str, Bus] = {}
        self.counts: dict[str, int] = {}
        root = "pci.0" if said.base not in ("q35", "virt") else "pcie.0"
        self.root = self._new(Bus(root, "pci", "pci "), None)
        if said.base == "i440fx":
            self.root.taken |= {"00.0", "01.0", "01.1", "01.3"}
            for n in range(2):
                self._new(Bus(f"ide.{n}", "ide", "pci 01.1", n, 2), self.root)
        elif said.base == "q35":
            self.root.taken |= {"00.0", "1f.0", "1f.2", "1f.3"}
            for n in range(6):
                self._new(Bus(f"ide.{n}", "ide", "pci 1f.2", n), self.root)
        else:
            self.root.taken.add("00.0")
        self.hubs: list[str] = []

    def _new(self, bus: Bus, parent: Bus | None) -> Bus:
        self.buses[bus.name] = bus
        if parent is not None:
            parent.children.append(bus)
        return bus

    def place(self, device: Fields) -> str:
        """Where the device goes; its buses are there for those that follow."""
        driver = word(device["driver"])
        kind = kind_of(driver)
        if kind == "board":
            return self._once(driver)
        if kind == "cpu":
            return "cpu " + ":".join(plain(device[part]) for part in CPU_PLACE if part in device)
        if kind == "isa":
            return self._isa(device, driver)
        if kind == "dimm":
            slots = (str(n) for n in range(LAST_DIMM_SLOT + 1))
            return self._unit("dimm", device.get("slot"), "dimm ", slots)
        bus = self._bus(device, kind)
        if bus is None:
            self.said.notes.append(f"QEMU would refuse {driver}: no bus '{word(device.get('bus', kind))}'")
            return self._once(f"{driver} on bus {word(device.get('bus', kind))}")
        place = _PLACES.get(kind, _other)(self, bus, device)
        self._carry(device, driver, place, bus)
        return place

    def _bus(self, device: Fields, kind: str) -> Bus | None:
        if "bus" in device:
            return self.buses.get(word(device["bus"]))
        if kind == "pci":
            return self.root
        return next((bus for bus in _newest_first(self.root) if bus.kind == kind and (kind != "ide" or len(bus.taken) < bus.units)), None)

    def _carry(self, device: Fields, driver: str, place: str, parent: Bus) -> None:
        if driver not in CARRIES or "masterbus" in device:
            return
        kind, count = CARRIES[driver]
        if place.count("/") > MOST_BRIDGES:
            raise BridgeError(f"{driver} stands behind more than {MOST_BRIDGES} bridges")
        name = word(device.get("id", f"#{len(self.buses)}"))
        for n in range(count):
            bus = Bus(name if driver in BUS_IS_ID else f"{name}.{n}", kind, place + "/" if kind == "pci" else place, n)
            bus.units = 2 if driver.endswith("-ide") else 1
            if kind == "usb":
                bus.ports = [str(port) for port in range(1, _usb_ports(device, driver) + 1)]
            self._new(bus, parent)

    def _once(self, name: str) -> str:
        """The name; numbered from the second of the same name on."""
        count = self.counts[name] = self.counts.get(name, 0) + 1
        return name if count == 1 else f"{name} #{count}"

    def _unit(self, group: str, wanted: object, prefix: str, free: Iterator[str]) -> str:
        """The wanted number, or the first free one, of `group`."""
        taken = self.buses.setdefault(f"\0{group}", Bus(group, group, prefix)).taken
        unit = plain(wanted) if wanted is not None else next(n for n in free if n not in taken)
        taken.add(unit)
        return self._once(prefix + unit)

    def _isa(self, device: Fields, driver: str) -> str:
        if driver in ("isa-serial", "isa-parallel"):  # a port without index gets its rank
            rank = self.counts.get(driver, 0)
            self.counts[driver] = rank + 1
            return self._once(f"isa {driver[4:]} {plain(device.get('index', rank))}")
        return self._once(f"isa {driver}")

    def of_bus(self, name: str) -> str:
        """The place of the device that carries a bus; the name itself if no device does."""
        bus = self.buses.get(name)
        return bus.prefix if bus is not None else name

    def slot(self, bus: Bus, device: Fields) -> str:
        found = devfn(device["addr"]) if "addr" in device else None
        if found is not None:
            at = f"{found[0]:02x}.{found[1]:x}"
            if at in bus.taken:
                self.said.notes.append(f"QEMU would refuse {word(device['driver'])}: {bus.prefix}{at} is taken")
        else:  # the first slot whose function 0 is free
            at = next((free for free in (f"{n:02x}.0" for n in range(32)) if free not in bus.taken), "none")
        bus.taken.add(at)
        return self._once(bus.prefix + at)

    def scsi(self, bus: Bus, device: Fields) -> str:
        channel = plain(device.get("channel", 0))
        target, lun = device.get("scsi-id"), device.get("lun")
        for n in itertools.count():
            if target is None:
                at = f"{channel}:{n}:{plain(lun if lun is not None else 0)}"
            else:
                at = f"{channel}:{plain(target)}:{plain(lun if lun is not None else n)}"
            if at not in bus.taken or (target is not None and lun is not None):
                break
        bus.taken.add(at)
        return self._once(f"{bus.prefix} scsi {at}")

    def ide(self, bus: Bus, device: Fields) -> str:
        unit = plain(device["unit"]) if "unit" in device else str(len(bus.taken))
        bus.taken.add(unit)
        return self._once(f"{bus.prefix} ide {bus.number}:{unit}")

    def usb(self, bus: Bus, device: Fields) -> str:
        """The named port, or the first free one. In front of the last port QEMU puts a hub (hw/usb/bus.c, usb_claim_port)."""
        port = plain(device["port"]) if "port" in device else None
        if port is None:
            if len(bus.ports) == 1 and device["driver"] != HUB:
                last = bus.ports.pop()
                self.hubs.append(f"{bus.prefix} usb {last}")
                bus.ports = [f"{last}.{n + 1}" for n in range(USB_PORTS["hub"])]
            port = bus.ports[0] if bus.ports else "none"
        if port in bus.ports:
            bus.ports.remove(port)
        if device["driver"] == HUB:
            bus.ports += [f"{port}.{n + 1}" for n in range(USB_PORTS["hub"])]
        return self._once(f"{bus.prefix} usb {port}")

    def channel(self, bus: Bus, device: Fields) -> str:
        """Port 0 of a virtio-serial device is kept for a console."""
        free = iter(str(n) for n in range(0 if device["driver"] == "virtconsole" else 1, 1 << 16) if str(n) not in bus.taken)
        port = plain(device["nr"]) if "nr" in device else next(free)
        bus.taken.add(port)
        return self._once(f"{bus.prefix} channel {port}")

    def codec(self, bus: Bus, device: Fields) -> str:
        cad = plain(device["cad"]) if "cad" in device else str(max((number(n, "cad") + 1 for n in bus.taken), default=0))
        bus.taken.add(cad)
        return self._once(f"{bus.prefix} codec {cad}")


def _other(places: Places, bus: Bus, device: Fields) -> str:
    return places._once(f"{bus.prefix} {word(device['driver'])}")


_PLACES: dict[str, Callable[[Places, Bus, Fields], str]] = {
    "pci": Places.slot,
    "scsi": Places.scsi,
    "ide": Places.ide,
    "usb": Places.usb,
    "virtio-serial": Places.channel,
    "hda": Places.codec,
}


def _newest_first(bus: Bus) -> Iterator[Bus]:
    """The order in which QEMU looks for a bus that no one named: depth first, what was created last comes first."""
    waiting = [bus]
    while waiting:
        yield (found := waiting.pop())
        waiting += found.children


def _usb_ports(device: Fields, driver: str) -> int:
    if "xhci" in driver:
        return max(min(number(device.get(name, XHCI_PORTS), f"{driver} {name}"), MOST_XHCI_PORTS) for name in ("p2", "p3"))
    return next((ports for part, ports in USB_PORTS.items() if part in driver), 1)
