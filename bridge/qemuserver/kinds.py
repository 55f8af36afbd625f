"""What a config is made of, kind by kind, in the order in which it is read and written."""

from __future__ import annotations

from typing import Protocol

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
from .section import Lines, Section


class Kind(Protocol):
    """A module of this package: both ways of one kind."""

    def read(self, section: Section, vm: VM) -> None: ...

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
