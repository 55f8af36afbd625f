"""usbN: USB devices of the host, and SPICE redirection (qemu-server 9.2.6, USB.pm; mapping-devices 6)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.usb import USB
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

MAX_USB_DEVICES = 14

ROWS = (
    Row("host", "host"),
    Row("mapping", "mapping"),
    Row("usb3", "usb3"),
)
TABLE = (Rows(USB, "usbN", ROWS, ("vendor", "product", "hostbus", "hostport", "spice")),)


def read(section: ConfigSection, vm: VM) -> None:
    usbs = []
    for index, key in section.indexed("usb", MAX_USB_DEVICES):
        said = section.props(key)
        if said is not None:
            usbs.append(USB(key=key, index=index, where=section.line(key), **read_rows(said, ROWS)))
    vm.usbs = usbs


def write(vm: VM, lines: Lines) -> None:
    for usb in vm.usbs:
        lines.props(usb.key or f"usb{usb.index}", write_rows(usb, ROWS))
