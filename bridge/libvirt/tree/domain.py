"""A domain while it is read or written: the tree, and the escapes that go beside it."""

from __future__ import annotations

from functools import lru_cache

from ...core.report import Report
from ...data.gates import Target
from ...model.part import PCIAddress
from ..metadata.residue import Residue
from .node import Node

Property = tuple[str, str | None]
"""(type, value) of a qemu:override property: string, unsigned, signed, bool; `remove` has no value."""


class Domain:
    """`overrides` maps alias -> property -> (type, value); `arguments` are the words of qemu:commandline.

    Reading: a kind takes its overrides (`override`) and arguments (`take_arguments`); what stays is reported.
    Writing: a kind adds them; `libvirt.write` appends the elements at the end.
    """

    def __init__(self, root: Node, report: Report, target: Target) -> None:
        self.root = root
        self.residue: Residue | None = None
        """Reading: what the metadata remembers of the config."""
        self.devices = root.ensure("devices")
        self.disks: list[Node] = []
        self.controllers: list[Node] = []
        """Reading: in libvirt's order, those that it adds among them (`complete`)."""
        self.report = report
        self.target = target
        self.described = False
        """Writing: the VM is described whole, as somebody runs it; nothing of qemu-server's own is assumed of it."""
        self.raw_arguments = "drop"
        """Reading: what becomes of qemu:commandline words that no kind takes: `refuse`, `drop` or `carry` them."""
        self.remembered: list[str] = []
        """Reading: words of `args` that the residue holds, and that still stand in qemu:commandline."""
        self.vmid = 0
        self.ports: dict[str, tuple[int, int]] | None = None
        """Reading: channel -> controller and port (`escape`)."""
        self.overrides: dict[str, dict[str, Property]] = {}
        self.arguments: list[str] = []
        self.bus_index: dict[str, int] = {}
        """Controller id -> libvirt index (writing). Reading: ids are `#INDEX` for PCI buses until `assign_keys` names them."""

    def set_override(self, alias: str, name: str, type_: str, value: str | None) -> None:
        """Write: change a property of the device with this alias (libvirt 8.2, mapping-devices 17)."""
        self.overrides.setdefault(alias, {})[name] = (type_, value)

    def override(self, alias: str | None, name: str) -> Property | None:
        """Read: take an override."""
        properties = self.overrides.get(alias or "")
        return properties.pop(name, None) if properties else None

    def expect_override(self, alias: str | None, name: str, wanted: Property) -> bool:
        """Read: take an override only if it is this one."""
        properties = self.overrides.get(alias or "")
        if properties is None or properties.get(name) != wanted:
            return False
        del properties[name]
        return True

    def take_arguments(self, *words: str) -> bool:
        """Read: take these words where they stand in a row; False if they do not."""
        if words[-1] not in self.arguments:
            return False
        count = len(words)
        for end, word in enumerate(self.arguments, 1):
            if word == words[-1] and end >= count and tuple(self.arguments[end - count : end]) == words:
                del self.arguments[end - count : end]
                return True
        return False

    def pci_address(self, node: Node, address: PCIAddress) -> None:
        """Write an `<address type='pci'>`; the controller must be known already."""
        place = _place(self.bus_index[address.bus], address.slot, address.function, address.multifunction)
        node.add("address").attrib = place.copy()


@lru_cache(maxsize=1024)  # 8 µs for each device with an address
def _place(bus: int, slot: int, function: int, multifunction: bool | None) -> dict[str, str]:
    attrib = {"type": "pci", "domain": "0x0000", "bus": f"0x{bus:02x}", "slot": f"0x{slot:02x}", "function": f"0x{function:x}"}
    if multifunction is not None:
        attrib["multifunction"] = "on" if multifunction else "off"
    return attrib
