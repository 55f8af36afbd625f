"""boot, bootdisk (qemu-server 9.2.6, device_bootorder; mapping-machine 13)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.boot import Boot
from ..model.vm import VM
from .section import ConfigSection, Lines

ROWS = (
    Row("legacy", "legacy", code=True),
    Row("order", "order", code=True),
)
KEYS = (Row("bootdisk", "bootdisk", code=True),)
"""Top-level keys."""
TABLE = (Rows(Boot, "boot", ROWS, ("menu", "reboot_timeout", "splash", "kernel", "initrd", "cmdline", "classes")), Rows(Boot, "", KEYS))


def read(section: ConfigSection, vm: VM) -> None:
    if "boot" not in section.entries:
        vm.boot = Boot(bootdisk=section.text("bootdisk"))
        return
    said = section.props("boot") or {}
    order = said.get("order")
    vm.boot = Boot(
        # A bare `boot: ` (one blank) is valid and means that nothing boots.
        order=_keys(order) if order is not None else None if said.get("legacy") else [],
        legacy=said.get("legacy"),
        bootdisk=section.text("bootdisk"),
        where=section.line("boot"),
    )


def _keys(text: str) -> list[str]:
    return [key for key in text.replace(";", " ").split(" ") if key]


def write(vm: VM, lines: Lines) -> None:
    boot = vm.boot
    if boot.order:
        lines.props("boot", {"order": ";".join(boot.order), "legacy": boot.legacy} if boot.legacy else {"order": ";".join(boot.order)})
    elif boot.order is not None:
        lines.put("boot", " ")
    elif boot.legacy:
        lines.props("boot", {"legacy": boot.legacy})
    lines.put("bootdisk", boot.bootdisk)
