"""<address>: PCI, drive, USB, virtio-serial and the few that have no place on a bus."""

from __future__ import annotations

from collections.abc import Callable

from ..core.rows import whole_number
from ..model.part import Address, DriveAddress, PCIAddress, SerialAddress, USBAddress
from .tree.domain import Domain
from .tree.node import Node


class _Numbers(dict[str | None, int]):
    """Known spellings; all others take the long way."""

    def __missing__(self, text: str | None) -> int:
        text = text or ""
        if text[:2] in ("0x", "0X"):
            digits = text[2:]
            if not digits or len(digits) > 8 or not all(c in "0123456789abcdefABCDEF" for c in digits):
                raise ValueError(f"'{text[:40]}' is not a number")
            return int(digits, 16)
        return whole_number(text)


SPELLINGS = {text: n for n in range(256) for text in (str(n), f"0x{n:x}", f"0x{n:02x}", f"0x{n:04x}")}
"""The small numbers as libvirt and the bridge write them."""
number = _Numbers(SPELLINGS | {None: 0}).__getitem__
"""A number as libvirt writes it: decimal, or hex with 0x; 0 for what is not said. Raises ValueError on anything else."""


def _pci(get: Callable[[str], str | None]) -> Address:
    multifunction = get("multifunction")
    return PCIAddress(
        f"#{number(get('bus'))}",
        number(get("slot")),
        number(get("function")),
        None if multifunction is None else multifunction == "on",
        number(get("domain")),
    )


def _drive(get: Callable[[str], str | None]) -> Address:
    unit = number(get("unit"))
    return DriveAddress(f"#{number(get('controller'))}", number(get("bus")), number(get("target")), unit)


def _usb(get: Callable[[str], str | None]) -> Address:
    return USBAddress(f"#{number(get('bus'))}", get("port") or "0")


def _serial(get: Callable[[str], str | None]) -> Address:
    if number(get("bus")):
        raise ValueError("a virtio-serial controller has one bus")
    return SerialAddress(f"#{number(get('controller'))}", number(get("port")))


_READERS = {"pci": _pci, "drive": _drive, "usb": _usb, "virtio-serial": _serial}
_NAMES = frozenset(("type", "bus", "slot", "function", "domain", "controller", "target", "unit", "port", "multifunction"))


def read_address(node: Node, _domain: Domain | None = None) -> Address | None:
    """Take the device's <address>; bus and controller are `#INDEX`. An address of another type, or a bad one, stays and is reported."""
    address = node.peek("address")
    if address is None or address.claimed:
        return None
    attrib = address.attrib
    reader = _READERS.get(attrib.get("type", ""))
    if reader is None:
        return None
    try:
        found = reader(attrib.get)
    except ValueError:
        return None
    address.claim()
    if _NAMES.issuperset(attrib):
        attrib.clear()
    else:
        address.attrib = {name: value for name, value in attrib.items() if name not in _NAMES}
    return found


def write_drive(node: Node, address: DriveAddress, controller: int) -> None:
    node.add("address").attrib = {
        "type": "drive",
        "controller": str(controller),
        "bus": str(address.bus),
        "target": str(address.target),
        "unit": str(address.unit),
    }


def write_usb(node: Node, address: USBAddress, bus: int) -> None:
    node.add("address").attrib = {"type": "usb", "bus": str(bus), "port": address.port}


def write_serial(node: Node, address: SerialAddress, controller: int) -> None:
    node.add("address").attrib = {"type": "virtio-serial", "controller": str(controller), "bus": "0", "port": str(address.port)}
