"""Names and identity (qemu-server 9.2.6; mapping-machine 12)."""

from __future__ import annotations

from ...core.report import Report
from ...host.facts import HostFacts
from ...model.vm import VM


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: qemu-server assumes nothing here."""
    return vm


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: nothing to unsay."""
    return vm
