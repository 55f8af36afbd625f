"""The USB tablet, and the keyboard that aarch64 gets with it (qemu-server 9.2.6, config_to_command; mapping-devices 6.1)."""

from __future__ import annotations

from ...core.report import Report
from ...host.facts import HostFacts
from ...model.vm import VM
from ..fill import change, fill, forget
from . import display


def _default(type_: str) -> bool:
    """On, unless SPICE's own pointer is there (qxl) or there is no card but a serial port."""
    return not display.QXL.fullmatch(type_) and not display.SERIAL.fullmatch(type_)


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001
    """Law: `present` says whether there is a tablet."""
    tablet = fill(vm.tablet, present=_default(vm.display.type or "std"))
    if tablet.present and (vm.machine.arch or host.arch) == "aarch64":
        tablet = fill(tablet, keyboard=True)
    return change(vm, tablet=tablet)


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: resolve gives `present` back."""
    tablet = vm.tablet
    type_ = display.nearest(vm).type or display.default_type(vm, host)
    keyboard = (vm.machine.arch or host.arch) == "aarch64"
    if tablet.keyboard is not None and tablet.keyboard != (keyboard and bool(tablet.present)):
        report.add("guest-lost", tablet.where, "a USB keyboard has no counterpart in a config; the PS/2 keyboard stays")
    names = ["keyboard"]
    if tablet.present == _default(type_):
        names.append("present")
    return change(vm, tablet=forget(tablet, *names))
