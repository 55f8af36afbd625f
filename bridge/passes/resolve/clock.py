"""The clock that an ostype implies (qemu-server 9.2.6, Cfg2Cmd/Timer.pm; mapping-machine 4, 5)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ...core.report import Report
from ...data.ostype import WINDOWS, windows_version
from ...host.facts import HostFacts
from ...model.vm import VM
from ..fill import fill, forget

NOW = "now"


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: Windows gets local time, a drift fix (with ACPI) and a PIT that drops lost ticks."""
    return replace(vm, clock=fill(vm.clock, **_defaults(vm)))


def _defaults(vm: VM) -> dict[str, Any]:
    windows = windows_version(vm.meta.ostype)
    return {
        "localtime": windows >= WINDOWS["wxp"],
        "tdf": windows >= WINDOWS["wxp"] and vm.machine.acpi is not False,
        "startdate": NOW,
        "pit_discard": windows >= WINDOWS["wvista"],
    }


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: what the ostype implies is unsaid."""
    clock, usual = vm.clock, _defaults(vm)
    same = [name for name, value in usual.items() if getattr(clock, name) == value]
    return replace(vm, clock=forget(clock, "pit_discard", *same))
