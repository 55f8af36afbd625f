"""PCI bridges (qemu-server 9.2.6, config_to_command, at its end)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.controller import Controller
from ..model.part import PCIAddress
from ..model.vm import VM
from .emit import Command

ROWS = (
    Row("key", "id", code=True),
    Row("type", "driver", code=True),
    Row("model", "driver", code=True),
    Row("address", "addr", code=True),
    Row("chassis_nr", "chassis_nr", code=True),
    Row("chassis", "chassis", code=True),
    Row("port", "port", code=True),
    Row("ports", "p2", code=True),
    Row("queues", "num_queues", code=True),
    Row("served_by", "iothread", code=True),
    Row("served_by", "iothread-vq-mapping", code=True),
)
KIND_ROWS = (Row("scsihw", "driver", code=True),)
"""Of the VM: the one kind of SCSI adapter."""
TABLE = (Rows(Controller, "", ROWS), Rows(VM, "", KIND_ROWS))


def bridges(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    """In front of all other devices, as those stand on them; on q35 behind -readconfig, which makes pci.0 to pci.3."""
    q35 = vm.machine.base == "q35"
    words: list[str] = []
    for controller in vm.controllers:
        address = controller.address
        if controller.model == "pci-bridge" and isinstance(address, PCIAddress) and not (q35 and address.bus == "pcidmi"):
            chassis = controller.chassis_nr
            words += ("-device", f"pci-bridge,id={controller.key},chassis_nr={chassis},bus={address.bus},addr={address.slot:#x}")
    at = 2 if q35 else 0
    command.devices[at:at] = words
