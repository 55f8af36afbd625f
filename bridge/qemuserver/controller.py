"""scsihw: the one kind of SCSI adapter of a VM. All other controllers follow from the devices."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.controller import Controller
from ..model.vm import VM
from .section import ConfigSection, Lines

ROWS = (Row("scsihw", "scsihw", code=True),)
TABLE = (
    Rows(VM, "", ROWS),
    Rows(
        Controller,
        "",
        (),
        (
            "type",
            "model",
            "hardware",
            "chassis_nr",
            "chassis",
            "port",
            "ports",
            "startport",
            "master",
            "builtin",
            "iothread",
            "served_by",
            "queues",
            "alias",
        ),
    ),
)


def read(section: ConfigSection, vm: VM) -> None:
    vm.scsihw = section.text("scsihw")


def write(vm: VM, lines: Lines) -> None:
    lines.put("scsihw", vm.scsihw)
