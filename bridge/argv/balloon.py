"""The balloon (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.balloon import Balloon
from ..model.part import PCIAddress
from ..model.vm import VM
from .emit import Command

ROWS = (
    Row("present", "driver", code=True),
    Row("address", "addr", code=True),
    Row("free_page_reporting", "free-page-reporting", code=True),
)
TABLE = (Rows(Balloon, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:
    del host
    balloon = vm.balloon
    if not balloon.present:
        return
    address = balloon.address
    assert isinstance(address, PCIAddress)
    reporting = ",free-page-reporting=on" if balloon.free_page_reporting else ""
    command.device(f"virtio-balloon-pci,id=balloon0,bus={address.bus},addr={address.slot:#x}{reporting}")
