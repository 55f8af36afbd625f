"""iothread objects (qemu-server 9.2.6: one a disk, made where the disk is; rfc-iothreads.md: a pool)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.report import Report
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.iothread import IOThreads
from ..model.vm import VM
from ..passes.iothreads import names
from .emit import Command, json_text

ROWS = (Row("pool", "-object iothread", code=True), Row("threads", "-object iothread", code=True))
TABLE = (Rows(IOThreads, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001
    """The pool's objects: after the memory options, before the drives."""
    if vm.iothreads.pool is not None:
        for name in names(vm).values():
            command.options += ("-object", json_text({"id": name, "qom-type": "iothread"}))


def report_pins(vm: VM, report: Report) -> None:
    """No command line can pin a thread: say which to pin (`virt-qm pin` does it)."""
    ids = names(vm)
    for thread in vm.iothreads.threads or ():
        if thread.iothreadpin is not None:
            hint = f"when it runs, on the node: virt-qm pin {report.vm(vm.meta.vmid)}"
            report.add("pins", vm.iothreads.where, f"{ids[thread.id]} runs on host CPU {thread.iothreadpin}", hint)
