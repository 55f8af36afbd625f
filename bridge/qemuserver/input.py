"""tablet (qemu-server 9.2.6, QemuServer.pm; mapping-devices 6.1)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.input import Tablet
from ..model.vm import VM
from .section import ConfigSection, Lines

ROWS = (Row("present", "tablet", code=True),)
TABLE = (Rows(Tablet, "", ROWS, ("keyboard",)),)


def read(section: ConfigSection, vm: VM) -> None:
    present = section.flag("tablet")
    if present is not None:
        vm.tablet = Tablet(key="tablet", present=present, where=section.line("tablet"))


def write(vm: VM, lines: Lines) -> None:
    lines.put("tablet", vm.tablet.present)
