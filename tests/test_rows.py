"""Rows are either plain, and then reading and writing go through them, or say where code puts a field."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from typing import Any

import pytest

import bridge
from bridge.argv.emit import properties
from bridge.argv.kinds import TABLE as ARGV
from bridge.core.coverage import Rows
from bridge.libvirt.kinds import TABLE as LIBVIRT
from bridge.libvirt.tree import node
from bridge.qemuserver import section
from bridge.qemuserver.kinds import TABLE as CONFIG
from tests.option_samples import HOST, TARGET, VMID, samples
from tests.sheets.domains import DOMAINS

GENERIC = (properties, node.read_rows, node.write_rows, section.read_rows, section.write_rows, section.read_keys, section.write_keys)
"""What goes by rows: the last argument."""


class _Spy:
    """In place of one of them, wherever a module has it under its name."""

    def __init__(self, original: Any, handed: set[int]) -> None:
        self.original, self.handed = original, handed

    def __call__(self, *arguments: Any) -> Any:
        self.handed.update(id(row) for row in arguments[-1])
        return self.original(*arguments)


@cache
def handed() -> frozenset[int]:
    """What goes by rows when samples of all options become XML and a command line, and domains become configs: ids of the rows."""
    found: set[int] = set()
    with pytest.MonkeyPatch.context() as patch:
        for original in GENERIC:
            for name, module in list(sys.modules.items()):
                if name.startswith("bridge.") and getattr(module, original.__name__, None) is original:
                    patch.setattr(module, original.__name__, _Spy(original, found))
        for text in dict.fromkeys(sample.config for sample in samples()):
            _convert(text, "xml", "conf", **TARGET)
            _convert(text, "argv", "conf")
        for text in DOMAINS.values():
            _convert(text, "conf", "xml", **TARGET)
    return frozenset(found)


def _convert(text: str, to: bridge.Format, source: bridge.Format, **more: Any) -> None:
    with suppress(bridge.BridgeError):
        bridge.convert(text, to, source, vmid=VMID, host=HOST, **more)


@pytest.mark.parametrize("table", [ARGV, CONFIG, LIBVIRT], ids=["argv", "config", "libvirt"])
def test_a_row_that_is_not_code_is_one_that_values_go_by(table: tuple[Rows, ...]) -> None:
    """One that says it is plain, and is not, would be in the table of options and nowhere else."""
    idle = [(rows.part.__name__, row.field, row.place) for rows in table for row in rows.rows if not row.code and id(row) not in handed()]
    assert idle == []
