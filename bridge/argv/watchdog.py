"""The watchdog (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.vm import VM
from ..model.watchdog import Watchdog
from .emit import Command, pci

ROWS = (Row("model", "driver", code=True), Row("action", "-watchdog-action", code=True))
TABLE = (Rows(Watchdog, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    watchdog = vm.watchdog
    if watchdog is None:
        return
    command.device(f"{watchdog.model}{pci(watchdog.address)}")
    if watchdog.action:
        command.devices += ("-watchdog-action", watchdog.action)
