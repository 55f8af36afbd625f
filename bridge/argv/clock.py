"""Clock and timers (qemu-server 9.2.6, Cfg2Cmd/Timer.pm)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.clock import Clock
from ..model.vm import VM
from .emit import Command

ROWS = (
    Row("localtime", "-rtc base", code=True),
    Row("startdate", "-rtc base", code=True),
    Row("tdf", "-rtc driftfix", code=True),
    Row("pit_discard", "-global kvm-pit.lost_tick_policy", code=True),
)
TABLE = (Rows(Clock, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    clock = vm.clock
    if clock.pit_discard:
        command.options += ("-global", "kvm-pit.lost_tick_policy=discard")
    if vm.machine.hpet is False:
        command.machine_flags.append("hpet=off")
    if clock.tdf:
        command.rtc_flags.append("driftfix=slew")
    if clock.startdate and clock.startdate != "now":
        command.rtc_flags.append(f"base={clock.startdate}")
    elif clock.localtime:
        command.rtc_flags.append("base=localtime")
