"""A machine as its guest sees it, read from the command line that starts it; defaults are filled in as far as the tables know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import msgspec

from ..argv.read import CommandLine
from ..data import gates
from . import board, cpu, memory
from .devices import Device, devices
from .places import Places
from .said import Said, said

Facts = dict[str, str]


class Tree(msgspec.Struct, kw_only=True):
    """`facts` holds what is not a device: group -> name -> value (`smp`, `sockets`, `2`). `devices` are by their place, `boot` names the
    places of devices with a bootindex in their order. `host` is what no guest sees, of no device: memory backends.
    `notes` says where the options are odd or do not tell.
    """

    facts: dict[str, Facts]
    devices: dict[str, Device]
    boot: list[str]
    host: dict[str, Facts]
    notes: list[str]


def tree(line: CommandLine, qemu: gates.Version | None = None) -> Tree:
    """The tree of a command line. `qemu` is the version that a machine type without one stands for (None: the newest known).

    Raises BridgeError for what QEMU would not take either: numbers that are none, options without a name.
    """
    found = said(line, qemu or gates.qemu_version(None))
    places = Places(found)
    made = devices(found, places)
    facts = {group: values for group, values in _facts(found, made) if values}
    order = sorted((device for device in made if device.bootindex is not None), key=lambda device: device.bootindex or 0)
    for first, second in pairwise(order):
        if first.bootindex == second.bootindex:
            found.notes.append(f"QEMU would refuse {second.where}: bootindex {second.bootindex} is taken")
    backends = memory.host(found)
    return Tree(
        facts=facts,
        devices={device.place: device for device in made if device.driver != cpu.DEVICE},
        boot=[device.place for device in order],
        host={"memory": backends} if backends else {},
        notes=found.notes,
    )


GROUPS: dict[str, Callable[[Said], Facts]] = {
    "machine": board.machine,
    "firmware": board.firmware,
    "cpu": cpu.cpu,
    "memory": memory.memory,
    "numa": memory.numa,
    "smbios": board.smbios,
    "rtc": board.rtc,
    "boot": board.boot,
    "action": board.action,
    "kernel": board.kernel,
    "confidential": board.confidential,
}


def _facts(found: Said, made: list[Device]) -> Iterator[tuple[str, Facts]]:
    for group, read in GROUPS.items():
        yield group, read(found)
    yield "smp", cpu.smp(found, [device.place for device in made if device.driver == cpu.DEVICE])
    yield "global", board.globals_(found)
    yield "other", board.other(found)
