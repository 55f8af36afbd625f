"""localtime, startdate, tdf (qemu-server 9.2.6, Cfg2Cmd/Timer.pm; mapping-machine 4)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.clock import Clock
from ..model.vm import VM
from .section import ConfigSection, Lines

ROWS = (
    Row("localtime", "localtime", code=True),
    Row("tdf", "tdf", code=True),
    Row("startdate", "startdate", code=True),
    *(Row(field, "ostype", code=True) for field in ("localtime", "tdf", "pit_discard")),
)
TABLE = (Rows(Clock, "", ROWS),)


def read(section: ConfigSection, vm: VM) -> None:
    vm.clock = Clock(localtime=section.flag("localtime"), tdf=section.flag("tdf"), startdate=section.text("startdate"))
    if vm.clock.startdate is not None:
        vm.clock.where = section.line("startdate")


def write(vm: VM, lines: Lines) -> None:
    clock = vm.clock
    lines.put("localtime", clock.localtime)
    lines.put("tdf", clock.tdf)
    lines.put("startdate", clock.startdate)
