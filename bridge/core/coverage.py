"""The law of lost fields: whatever a VM says, and a format has no row for, becomes a finding.

Each kind of a format binds the parts of the model to its rows (`TABLE`; the format's `kinds.py` has them all), and the format's `write`
runs the check over the VM that it writes. A row with a place carries the field; one without says that the kind's own code has a finding,
better worded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from ..model.disk import Disk
from ..model.display import Display
from ..model.firmware import Firmware
from ..model.iothread import IOThreads
from ..model.memory import Memory
from ..model.meta import Meta
from ..model.part import Device
from ..model.tpm import TPM
from ..model.vm import VM
from .report import Report
from .rows import Row

STRUCTURAL = frozenset(("filled", "where", "key", "index"))
"""Fields that say nothing of the VM: how the model keeps the others."""

INNER: dict[type, tuple[str, ...]] = {
    Disk: ("source", "throttle"),
    Firmware: ("vars",),
    TPM: ("source",),
    Display: ("videos",),
    Memory: ("nodes", "numa_said"),
    IOThreads: ("threads",),
    Meta: ("smbios1",),
}
"""Fields that hold further parts."""


class Rows(NamedTuple):
    """The rows of one part of the model in one format. `at`: where the places start: an option of the config, a device's element.

    `implied`: fields that need no place of their own, as they follow from others or show in others."""

    part: type
    at: str
    rows: tuple[Row, ...]
    implied: tuple[str, ...] = ()


class _Plan(NamedTuple):
    """What to look at in a part of one class."""

    names: tuple[str, ...]
    values: Callable[[Any], Any]
    """The one value of these fields, or a tuple of several."""
    nothing: Any
    """The values of a part that says nothing in these fields, as nearly all do."""
    inner: tuple[str, ...]


class FieldCoverage:
    """The check of one format.

    `kinds`: the kind of finding for a (part, field); `kind` for all others. `told`: what the message says of a lost field.
    `of_devices`: fields that are implied of every device.
    """

    def __init__(
        self,
        table: tuple[Rows, ...],
        kind: str,
        told: str,
        kinds: Mapping[Any, dict[str, str]] | None = None,
        of_devices: frozenset[str] = frozenset(),
    ) -> None:
        self.table = table
        self.implied = {rows.part: of_devices if issubclass(rows.part, Device) else frozenset() for rows in table}
        for rows in table:
            self.implied[rows.part] = self.implied[rows.part].union(rows.implied)
        self.kind = kind
        self.told = told
        self.kinds = kinds or {}
        self._plans: dict[type, _Plan] = {}

    def uncarried(self, part: type) -> tuple[str, ...]:
        """The fields of a part for which there is no row."""
        carried = {row.field for rows in self.table if rows.part is part for row in rows.rows}
        carried |= STRUCTURAL | self.implied.get(part, frozenset()) | set(INNER.get(part, ()))
        return tuple(name for name in part.__struct_fields__ if name not in carried)  # type: ignore[attr-defined]

    def check(self, vm: VM, report: Report) -> None:
        """Report every field that is said and not carried, one finding for each part and kind."""
        if not report.enabled:
            return
        plans = self._plans
        for part in parts(vm):
            plan = plans.get(type(part)) or self._plan(type(part))
            for name in plan.inner:
                inner = getattr(part, name)
                for each in inner if isinstance(inner, list) else () if inner is None else (inner,):
                    self._tell(each, part, plans.get(type(each)) or self._plan(type(each)), report)
            if plan.names and plan.values(part) != plan.nothing:
                self._tell(part, part, plan, report)

    def _tell(self, part: Any, owner: Any, plan: _Plan, report: Report) -> None:
        if not plan.names:
            return
        values = plan.values(part) if len(plan.names) > 1 else (plan.values(part),)
        filled = getattr(part, "filled", ())
        kinds = self.kinds.get(type(part), {})
        lost: dict[str, list[str]] = {}
        for name, value in zip(plan.names, values, strict=True):
            if value is not None and name not in filled:
                lost.setdefault(kinds.get(name, self.kind), []).append(f"{name}={_shown(value)}")
        for kind, said in lost.items():
            key = getattr(owner, "key", None) or type(owner).__name__.lower()
            report.add(kind, getattr(part, "where", None) or getattr(owner, "where", None), f"{key}: {', '.join(said)}: {self.told}")

    def _plan(self, part: type) -> _Plan:
        names = self.uncarried(part)
        nothing = (None,) * len(names) if len(names) > 1 else None
        plan = self._plans[part] = _Plan(names, attrgetter(*names) if names else _no_value, nothing, INNER.get(part, ()))
        return plan


def _no_value(part: Any) -> None:
    """Of a part whose fields are all carried."""
    del part


def _shown(value: object) -> str:
    text = {True: "1", False: "0"}[value] if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


_values: Callable[[VM], tuple[Any, ...]] = attrgetter(*VM.__struct_fields__)


def parts(vm: VM) -> Iterator[Any]:
    """All parts of a VM that stand by themselves."""
    for value in _values(vm):
        if isinstance(value, list):
            yield from value
        elif value is not None and not isinstance(value, str):
            yield value
