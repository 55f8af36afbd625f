"""The one list of what a config is made of, kind by kind, and the check that no field is lost.

Places of rows are sub-options of the options that `Rows.at` names; without one they are options themselves. A row without a place says
that no config can say the field, and that code has the finding; `implied` fields follow from keys of a config (`resolve` fills them in),
and `unresolve` and `iothreads.recognise` compare them, with findings of their own.
"""

from __future__ import annotations

from typing import Protocol

from ..core.coverage import FieldCoverage, Rows
from ..model.controller import Controller
from ..model.vm import VM
from . import (
    agent,
    audio,
    boot,
    clock,
    cloudinit,
    controller,
    cpu,
    disk,
    display,
    firmware,
    hostpci,
    input,  # noqa: A004  the kind's own name
    iothread,
    machine,
    memory,
    meta,
    net,
    raw,
    rng,
    security,
    serial,
    share,
    tpm,
    usb,
    watchdog,
)
from .section import ConfigSection, Lines


class Kind(Protocol):
    """A module of this package: the rows of one kind, and both ways."""

    @property
    def TABLE(self) -> tuple[Rows, ...]: ...  # noqa: N802  a constant of the module

    def read(self, section: ConfigSection, vm: VM) -> None: ...

    def write(self, vm: VM, lines: Lines) -> None: ...


KINDS: tuple[Kind, ...] = (
    meta,
    machine,
    firmware,
    cpu,
    memory,
    clock,
    boot,
    security,
    cloudinit,
    raw,
    iothread,
    controller,
    disk,
    net,
    usb,
    hostpci,
    display,
    audio,
    input,
    serial,
    rng,
    watchdog,
    agent,
    share,
    tpm,
)
"""In the order in which they are read and written."""
PLACED = frozenset(("address", "bootindex"))
"""`assign_keys` turns these of a device into keys and a boot order, and says what moves."""
TABLE = tuple(rows for kind in KINDS for rows in kind.TABLE)
LOST = FieldCoverage(TABLE, "guest-lost", "no config has a place for it", {Controller: {"ioeventfd": "host-lost"}}, PLACED)
