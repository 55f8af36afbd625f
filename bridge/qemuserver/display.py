"""vga, spice_enhancements, keyboard (qemu-server 9.2.6, QemuServer.pm; mapping-devices 15)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import Codec, Row
from ..data.options import option
from ..model.display import Display, Video
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

ROWS = (
    Row("type", "type"),
    Row("memory", "memory", Codec(int, str)),
    Row("clipboard", "clipboard"),
)
SPICE_ROWS = (
    Row("foldersharing", "foldersharing"),
    Row("videostreaming", "videostreaming"),
)
KEYS = (Row("keyboard", "keyboard", code=True),)
"""Top-level keys."""
TABLE = (
    Rows(Display, "vga", ROWS, ("vnc", "vnc_socket", "spice", "spice_port", "spice_address", "egl", "vdagent")),
    Rows(Display, "spice_enhancements", SPICE_ROWS),
    Rows(Display, "", KEYS),
    Rows(Video, "", (), Video.__struct_fields__),
)

_KEYBOARD = option("keyboard")
KEYBOARDS = _KEYBOARD.enum if _KEYBOARD else ()
"""Layouts that the API takes; a file may hold any text, which would go to QEMU as it is (security-rules C5)."""


def read(section: ConfigSection, vm: VM) -> None:
    said = section.props("vga")
    where = section.line("vga") if said is not None else None
    fields = read_rows(said, ROWS) if said is not None else {}
    enhancements = section.props("spice_enhancements")
    if enhancements is not None:
        fields.update(read_rows(enhancements, SPICE_ROWS))
        where = where or section.line("spice_enhancements")
    keyboard = section.text("keyboard")
    if keyboard is not None and keyboard not in KEYBOARDS:
        raise BridgeError(f"keyboard '{keyboard[:40]}' is not a layout that qemu-server knows", section.line("keyboard"))
    vm.display = Display(where=where, keyboard=keyboard, **fields)


def write(vm: VM, lines: Lines) -> None:
    lines.props("vga", write_rows(vm.display, ROWS))
    lines.props("spice_enhancements", write_rows(vm.display, SPICE_ROWS))
    lines.put("keyboard", vm.display.keyboard)
