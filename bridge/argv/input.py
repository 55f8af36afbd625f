"""The USB tablet and keyboard (qemu-server 9.2.6, print_tabletdevice_full, print_keyboarddevice_full)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.input import Tablet
from ..model.part import USBAddress
from ..model.vm import VM
from .emit import Command

ROWS = (Row("present", "driver", code=True), Row("keyboard", "driver", code=True))
TABLE = (Rows(Tablet, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    tablet = vm.tablet
    if not tablet.present:
        return
    assert isinstance(tablet.address, USBAddress)
    command.device(f"usb-tablet,id=tablet,bus={tablet.address.bus}.0,port={tablet.address.port}")
    if tablet.keyboard:
        command.device(f"usb-kbd,id=keyboard,bus={tablet.address.bus}.0,port=2")
