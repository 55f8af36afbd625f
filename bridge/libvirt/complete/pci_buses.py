"""PCI buses while addresses are handed out (libvirt 11.3, src/conf/domain_addr.c)."""

from __future__ import annotations

from typing import NamedTuple

from ...data.pci import LAST_SLOT

FUNCTIONS = 8
MOST_BUSES = 256


class Plug(NamedTuple):
    """What a device needs. `kind`: `pci`, `pcie`, or the model of a bridge or port."""

    kind: str
    auto: bool = True
    """Only on buses that take devices without being told to."""
    together: bool = False
    """May share a slot with its like: root ports do."""
    integrated: bool = False
    """On the machine's own bus only."""


class _Model(NamedTuple):
    accepts: frozenset[str]
    auto: bool
    first: int
    last: int


def _model(accepts: str, auto: bool, first: int = 0, last: int = LAST_SLOT) -> _Model:
    return _Model(frozenset(accepts.split()), auto, first, last)


MODELS = {
    "pci-root": _model("pci pci-bridge pci-expander-bus", True, 1),
    "pci-bridge": _model("pci pci-bridge", True, 1),
    "pci-expander-bus": _model("pci pci-bridge", True),
    "pcie-root": _model("pcie pcie-root-port dmi-to-pci-bridge pcie-expander-bus", False, 1),
    "dmi-to-pci-bridge": _model("pci pci-bridge", False),
    "pcie-to-pci-bridge": _model("pci pci-bridge", True, 1),
    "pcie-root-port": _model("pcie pcie-switch-upstream-port pcie-to-pci-bridge", True, 0, 0),
    "pcie-switch-downstream-port": _model("pcie pcie-switch-upstream-port pcie-to-pci-bridge", True, 0, 0),
    "pcie-switch-upstream-port": _model("pcie-switch-downstream-port", False),
    "pcie-expander-bus": _model("pcie-root-port dmi-to-pci-bridge", False),
}
"""virDomainPCIAddressBusSetModel."""


class NoPlaceError(Exception):
    """libvirt would refuse the domain: an address that cannot be, or no slot."""


class Bus:
    """Which functions of which slots are taken."""

    def __init__(self, model: str) -> None:
        if model not in MODELS:
            raise NoPlaceError
        self.model = model
        self.accepts, self.auto, self.first, self.last = MODELS[model]
        self.slots: dict[int, int] = {}
        self.lowest = self.first
        """All slots below are taken."""
        self.shared: set[int] = set()
        """Slots with functions that are left for devices that share."""

    def full(self) -> bool:
        return all(self.slots.get(slot) for slot in range(self.first, self.last + 1))

    def fits(self, bus: int, plug: Plug) -> bool:
        """Whether a device may come here without being told to."""
        accepts, auto = self.accepts, self.auto
        if plug.integrated:
            if bus:
                return False
            return plug.kind in accepts or plug.kind == "pci"
        return plug.kind in accepts and (auto or not plug.auto)

    def takes(self, bus: int, plug: Plug) -> bool:
        """Whether a device may be put here by its address: then PCI and PCI Express mix."""
        if plug.integrated:
            return not bus
        accepts = self.accepts
        if plug.kind in accepts or (plug.kind == "pci-bridge" and "pci" in accepts):
            return True
        return plug.kind in ("pci", "pcie") and not accepts.isdisjoint(("pci", "pcie"))

    def free(self, plug: Plug, function: int | None) -> tuple[int, int] | None:
        """The first free (slot, function)."""
        wanted = function or 0
        while self.lowest <= self.last and self.slots.get(self.lowest):
            self.lowest += 1
        if plug.together:
            for slot in sorted(slot for slot in self.shared if slot < self.lowest):
                for n in range(wanted, FUNCTIONS if function is None else wanted + 1):
                    if not self.slots[slot] >> n & 1:
                        return slot, n
        return (self.lowest, wanted) if self.lowest <= self.last else None


class Buses:
    """All buses. `dry`: a bus that is missing is added."""

    def __init__(self, models: list[str], dry: bool) -> None:
        self.buses = [Bus(model) for model in models]
        self.dry = dry
        self._room: dict[Plug, int] = {}
        """Kind of device -> the first bus that may have room for one: what is full stays full, and there may be hundreds."""

    def used(self, bus: int, slot: int) -> bool:
        return bool(self.buses[bus].slots.get(slot))

    def reserve(self, bus: int, slot: int, function: int, plug: Plug, told: bool = True) -> int:
        """Take a place. Returns the bus, which is another one where it had to be added behind a bridge."""
        if self.dry and bus >= len(self.buses):
            bus = self._grow(bus, plug)
        if bus >= len(self.buses):
            raise NoPlaceError
        on = self.buses[bus]
        if told and not on.takes(bus, plug):
            raise NoPlaceError
        if not on.first <= slot <= on.last or not 0 <= function < FUNCTIONS or on.slots.get(slot, 0) >> function & 1:
            raise NoPlaceError
        if plug.together and not on.slots.get(slot):
            on.shared.add(slot)
        on.slots[slot] = on.slots.get(slot, 0) | 1 << function
        if on.slots[slot] == (1 << FUNCTIONS) - 1:
            on.shared.discard(slot)
        return bus

    def next(self, plug: Plug, function: int | None = None) -> tuple[int, int, int]:
        """Take the next free place."""
        bus = self._room.get(plug, 0)
        while bus < len(self.buses):
            if self.buses[bus].fits(bus, plug) and (found := self.buses[bus].free(plug, function)) is not None:
                slot, n = found
                break
            bus += 1
        else:
            if not self.dry:
                raise NoPlaceError
            bus = self._grow(len(self.buses), plug)
            slot, n = self.buses[bus].first, function or 0
        self._room[plug] = bus
        self.reserve(bus, slot, n, plug, told=False)
        return bus, slot, n

    def _grow(self, bus: int, plug: Plug) -> int:
        """Add buses up to this one, of the kind that the device needs (virDomainPCIAddressSetGrow)."""
        if bus >= MOST_BUSES:
            raise NoPlaceError
        if plug.kind in ("pcie", "pcie-switch-upstream-port"):
            model = "pcie-root-port"
        elif plug.kind == "pci":
            model = "pci-bridge"
            if not any("pci-bridge" in on.accepts for on in self.buses):
                if bus == len(self.buses):
                    bus += 1
                port = Bus("pcie-root-port")
                port.accepts = frozenset(("pcie-to-pci-bridge",))
                self.buses += [port, Bus("pcie-to-pci-bridge")]
        else:
            raise NoPlaceError
        while len(self.buses) <= bus:
            self.buses.append(Bus(model))
        return bus
