"""bios and efidisk0 (qemu-server 9.2.6, OVMF.pm; mapping-machine 9)."""

from __future__ import annotations

from typing import Any

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.disk import Source
from ..model.firmware import Firmware
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

EFIDISK = (
    Row("efitype", "efitype"),
    Row("pre_enrolled_keys", "pre-enrolled-keys"),
    Row("ms_cert", "ms-cert"),
    Row("size", "size"),
    Row("format", "format"),
    Row("vars", "file", code=True),
)
KEYS = (Row("bios", "bios", code=True),)
"""Top-level keys."""
TABLE = (
    Rows(
        Firmware,
        "efidiskN",
        EFIDISK,
        ("code", "code_format", "rom", "secure", "template", "target_code", "target_template", "fresh", "vars_size"),
    ),
    Rows(Firmware, "", KEYS),
)


def read(section: ConfigSection, vm: VM) -> None:
    bios = section.text("bios")
    said = section.props("efidisk0")
    if said is None:
        vm.firmware = Firmware(bios=bios, where=section.line("bios") if bios else None)
        return
    where = section.line("efidisk0")
    vm.firmware = Firmware(bios=bios, vars=Source(volid=said["file"], where=where), where=where, **read_rows(said, EFIDISK))


def write(vm: VM, lines: Lines) -> None:
    firmware = vm.firmware
    lines.put("bios", firmware.bios)
    if firmware.vars is not None and firmware.vars.volid is not None:
        said: dict[str, Any] = {"file": firmware.vars.volid, **write_rows(firmware, EFIDISK)}
        lines.props("efidisk0", said)
