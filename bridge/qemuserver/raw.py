"""args and vmstate (qemu-server 9.2.6, config_to_command; config-grammar 6)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..core.shellwords import quote, split
from ..model.raw import Raw
from ..model.vm import VM
from .section import ConfigSection, Lines

ROWS = (Row("args", "args", code=True), Row("words", "args", code=True), Row("vmstate", "vmstate", code=True))
TABLE = (Rows(Raw, "", ROWS),)


def read(section: ConfigSection, vm: VM) -> None:
    args = section.text("args")
    if args is not None and args.strip() and not split(args):
        section.report.add("lint", section.line("args"), "args: the quotes do not balance, so qemu-server passes no arguments at all")
    vm.raw = Raw(
        args=args,
        words=None if args is None else split(args),
        vmstate=section.text("vmstate"),
        where=section.line("args") if args is not None else None,
    )


def write(vm: VM, lines: Lines) -> None:
    raw = vm.raw
    if raw.args is not None:
        lines.put("args", raw.args)
    elif raw.words:
        lines.put("args", quote(raw.words))
    lines.put("vmstate", raw.vmstate)
