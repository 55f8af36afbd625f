"""`iothreads: N,affinity=SET` of the shared-iothreads RFC (rfc-iothreads.md). A disk's own `iothread=1` stands with the disk."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Codec, Row
from ..model.iothread import IOThread, IOThreads
from ..model.vm import VM
from .drive import DRIVES
from .section import ConfigSection, Lines, read_rows, write_rows

ROWS = (
    Row("pool", "iothreads", Codec(int, str)),
    Row("affinity", "affinity"),
)
DISK_ROWS = (Row("threads", "iothread", code=True),)
"""Of the disks that threads serve."""
TABLE = (Rows(IOThreads, "iothreads", ROWS), Rows(IOThreads, DRIVES, DISK_ROWS), Rows(IOThread, "", (), IOThread.__struct_fields__))


def read(section: ConfigSection, vm: VM) -> None:
    said = section.props("iothreads")
    if said is not None:
        vm.iothreads = IOThreads(where=section.line("iothreads"), **read_rows(said, ROWS))


def write(vm: VM, lines: Lines) -> None:
    lines.props("iothreads", write_rows(vm.iothreads, ROWS))
