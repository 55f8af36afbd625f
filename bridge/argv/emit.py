"""The command line while it is put together."""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.rows import Row
from ..model.part import PCIAddress

_json = msgspec.json.Encoder(order="sorted")


def json_text(value: object) -> str:
    """JSON as qemu-server writes it: keys sorted, no blanks."""
    return _json.encode(value).decode()


def escaped(value: str) -> str:
    """A value inside an option string: QEMU reads a doubled comma as a comma."""
    return value.replace(",", ",,")


class Command:
    """qemu-server collects two lists and joins them at the end: options first, devices after (qemu-server 9.2.6, config_to_command)."""

    def __init__(self, vmid: int) -> None:
        self.vmid = vmid
        self.options: list[str] = []
        self.devices: list[str] = []
        self.machine_flags: list[str] = []
        self.rtc_flags: list[str] = []
        self.raw: list[str] = []

    def device(self, text: str) -> None:
        self.devices += ("-device", text)

    def words(self) -> list[str]:
        """The whole command line: behind the devices stand the flags that steps have collected, and last of all raw words."""
        flags = ("-rtc", ",".join(self.rtc_flags)) if self.rtc_flags else ()
        return [*self.options, *self.devices, *flags, "-machine", ",".join(self.machine_flags), *self.raw]


def pci(address: object, function: bool = False) -> str:
    """`,bus=pci.0,addr=0x12`, with `.0x2` behind it when the function is asked for; nothing for a device without a PCI address."""
    if not isinstance(address, PCIAddress):
        return ""
    return f",bus={address.bus},addr=0x{address.slot:x}" + (f".0x{address.function:x}" if function else "")


def properties(part: object, rows: tuple[Row, ...]) -> str:
    """`,name=value` for each row whose field is not None, in the order of the rows."""
    text = ""
    for row in rows:
        if row.code:
            continue
        value: Any = getattr(part, row.field)
        if value is not None:
            text += f",{row.place}={row.codec.write(value) if row.codec else value}"
    return text
