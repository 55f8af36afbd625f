"""agent (qemu-server 9.2.6, Agent.pm; mapping-devices 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.agent import Agent
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

ROWS = (
    Row("enabled", "enabled"),
    Row("type", "type"),
    Row("freeze_fs", "freeze-fs"),
    Row("fstrim_cloned_disks", "fstrim_cloned_disks"),
)
TABLE = (Rows(Agent, "agent", ROWS, ("socket", "port")),)


def read(section: ConfigSection, vm: VM) -> None:
    said = section.props("agent")
    if said is not None:
        vm.agent = Agent(key="qga0", where=section.line("agent"), **read_rows(said, ROWS))


def write(vm: VM, lines: Lines) -> None:
    said = write_rows(vm.agent, ROWS)
    if said:
        lines.props("agent", {"enabled": False, **said})
