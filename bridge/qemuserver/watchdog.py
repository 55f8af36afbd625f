"""watchdog (qemu-server 9.2.6, QemuServer.pm; mapping-devices 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.vm import VM
from ..model.watchdog import Watchdog
from .section import ConfigSection, Lines, read_rows, write_rows

ROWS = (
    Row("model", "model"),
    Row("action", "action"),
)
TABLE = (Rows(Watchdog, "watchdog", ROWS),)


def read(section: ConfigSection, vm: VM) -> None:
    said = section.props("watchdog")
    if said is not None:
        vm.watchdog = Watchdog(key="watchdog", where=section.line("watchdog"), **read_rows(said, ROWS))


def write(vm: VM, lines: Lines) -> None:
    if vm.watchdog is not None:
        said = write_rows(vm.watchdog, ROWS)
        lines.props("watchdog", said or {"model": "i6300esb"})
