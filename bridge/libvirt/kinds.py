"""The one list of what domain XML is made of, kind by kind, and the check that no field is lost.

Places of rows are relative to `Rows.at`, an element of the domain; `/` at their beginning leads back to the domain. `qemu:override NAME` is
a property of the device, `qemu:commandline TEXT` a word that holds TEXT; without a place the kind's code has a finding. `implied` fields
are sizes of images and keys enrolled in them (they have them), what a name or an ostype means (it is written out), and spellings.
"""

from __future__ import annotations

from typing import Protocol

from ..core.coverage import FieldCoverage, Rows
from ..model.vm import VM
from . import (
    agent,
    audio,
    balloon,
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
from .tree.domain import Domain


class Kind(Protocol):
    """A module of this package: the rows of one kind, and both ways."""

    @property
    def TABLE(self) -> tuple[Rows, ...]: ...  # noqa: N802  a constant of the module

    def read(self, domain: Domain, vm: VM) -> None: ...

    def write(self, vm: VM, domain: Domain) -> None: ...


KINDS: tuple[Kind, ...] = (
    meta,
    memory,
    cpu,
    iothread,
    machine,
    firmware,
    boot,
    clock,
    controller,
    disk,
    net,
    serial,
    agent,
    input,
    tpm,
    display,
    audio,
    hostpci,
    usb,
    watchdog,
    balloon,
    rng,
    share,
    security,
    cloudinit,
    raw,
)
"""In the order in which they are written, which is that of the elements."""
_SOONER: tuple[tuple[Kind, Kind], ...] = ((machine, memory), (controller, memory), (firmware, memory), (agent, serial), (display, serial))
"""(kind, the one before which it is read all the same): what memory and CPUs mean depends on the board, and addresses on its buses; the
guest agent and SPICE take their own of the ports."""


def _reading() -> tuple[Kind, ...]:
    order = list(KINDS)
    for kind, later in _SOONER:
        order.remove(kind)
        order.insert(order.index(later), kind)
    return tuple(order)


READING = _reading()
"""In the order in which they are read."""
TABLE = tuple(rows for kind in KINDS for rows in kind.TABLE)
LOST = FieldCoverage(TABLE, "metadata-only", "no place in domain XML")
