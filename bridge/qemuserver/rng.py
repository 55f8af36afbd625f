"""rng0 (qemu-server 9.2.6, RNG.pm; mapping-devices 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.rng import RNG
from ..model.vm import VM
from .section import COUNTED, ConfigSection, Lines, read_rows, write_rows

ROWS = (
    Row("source", "source"),
    Row("max_bytes", "max_bytes", COUNTED),
    Row("period", "period", COUNTED),
)
TABLE = (Rows(RNG, "rngN", ROWS),)


def read(section: ConfigSection, vm: VM) -> None:
    said = section.props("rng0")
    if said is not None:
        vm.rng = RNG(key="rng0", where=section.line("rng0"), **read_rows(said, ROWS))


def write(vm: VM, lines: Lines) -> None:
    if vm.rng is not None:
        lines.props("rng0", write_rows(vm.rng, ROWS))
