"""Spellings that QEMU takes and no document has, made those that every reader knows, before anything else is read."""

from __future__ import annotations

from ...data.properties import type_of
from .chardevs import flatten
from .line import Line
from .said import OFF_WORDS, ON_WORDS, Said, number

ORDERS = ("bootindex", "bootindexA", "bootindexB")
FLOPPIES = tuple(f"isa-fdc.{name}=" for name in ORDERS[1:])


def read(line: Line) -> None:
    if line.is_pve:
        return  # its words are known as they stand
    for option in line.all("chardev"):
        flatten(option)
    for device in line.devices:
        for name, value in device.said.properties.items():
            if isinstance(value, str) and value in (ON_WORDS | OFF_WORDS) and type_of(device.driver, name) == "switch":
                device.said.properties[name] = "on" if value in ON_WORDS else "off"
    _count_from_one(line)


def _count_from_one(line: Line) -> None:
    """The boot order of libvirt begins at 1 and that of QEMU at 0; the guest's firmware sees a list without numbers."""
    places = [(device.said, name) for device in line.devices for name in ORDERS if name in device.said.properties]
    floppies = [option for option in line.all("global") if option.text.startswith(FLOPPIES)]
    said = [number(device.properties[name]) for device, name in places] + [number(_value(option)) for option in floppies]
    if 0 not in said:
        return
    for device, name in places:
        if (order := number(device.properties[name])) is not None:
            device.properties[name] = str(order + 1)
    for option in floppies:
        if (order := number(_value(option))) is not None:
            option.text = f"{option.text.partition('=')[0]}={order + 1}"


def _value(option: Said) -> str:
    return option.text.partition("=")[2]
