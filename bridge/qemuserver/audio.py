"""audio0 (qemu-server 9.2.6, QemuServer.pm; mapping-devices 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.audio import Audio
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

ROWS = (
    Row("device", "device"),
    Row("driver", "driver"),
)
TABLE = (Rows(Audio, "audioN", ROWS),)


def read(section: ConfigSection, vm: VM) -> None:
    said = section.props("audio0")
    if said is not None:
        vm.audio = Audio(key="audio0", where=section.line("audio0"), **read_rows(said, ROWS))


def write(vm: VM, lines: Lines) -> None:
    if vm.audio is not None:
        lines.props("audio0", write_rows(vm.audio, ROWS))
