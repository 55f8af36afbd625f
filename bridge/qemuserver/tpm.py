"""tpmstate0 (qemu-server 9.2.6, Drive.pm)."""

from __future__ import annotations

from typing import Any

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.disk import Source
from ..model.tpm import TPM
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

ROWS = (
    Row("version", "version"),
    Row("size", "size"),
    Row("format", "format"),
    Row("source", "file", code=True),
)
TABLE = (Rows(TPM, "tpmstateN", ROWS, ("model",)),)


def read(section: ConfigSection, vm: VM) -> None:
    said = section.props("tpmstate0")
    if said is not None:
        where = section.line("tpmstate0")
        vm.tpm = TPM(source=Source(volid=said["file"], where=where), where=where, **read_rows(said, ROWS))


def write(vm: VM, lines: Lines) -> None:
    tpm = vm.tpm
    if tpm is None or tpm.source is None or tpm.source.volid is None:
        return
    said: dict[str, Any] = {"file": tpm.source.volid, **write_rows(tpm, ROWS)}
    lines.props("tpmstate0", said)
