"""A config -> the VM as it is said; nothing is filled in."""

from __future__ import annotations

from ..model.vm import VM
from ..report import BridgeError, Line, Report
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
from .section import Section
from .text import ConfigText, Problem

STEPS = (
    meta.read,
    machine.read,
    firmware.read,
    cpu.read,
    memory.read,
    clock.read,
    boot.read,
    security.read,
    cloudinit.read,
    raw.read,
    iothread.read,
    controller.read,
    disk.read,
    net.read,
    usb.read,
    hostpci.read,
    display.read,
    audio.read,
    input.read,
    serial.read,
    rng.read,
    watchdog.read,
    agent.read,
    share.read,
    tpm.read,
)

HINTS = {
    "line": "write `key: value`, without blanks before the key or the colon",
    "value": "mend the value; qemu-server ignores the line as it is",
    "place": "move it under [PENDING]",
    "section": "name a snapshot, or remove the section",
    "duplicate": "remove one of the lines",
    "swallowed": "remove the snapstate text",
}


def read(config: ConfigText, vmid: int, file: str, report: Report, snapshot: str | None = None) -> VM:
    """The VM of the main section, or of one snapshot. Raises BridgeError if there is no such snapshot."""
    part = config.main
    if snapshot is not None:
        if snapshot not in config.snapshots:
            known = ", ".join(config.snapshots) or "none"
            raise BridgeError(f"no snapshot '{snapshot}' in the config: there is {known}", file)
        part = config.snapshots[snapshot]
    for problem in (*config.problems, *config.notes):
        _tell(problem, file, report)
    section = Section(part.entries, file, report, part.description)
    vm = VM()
    vm.meta.vmid = vmid
    for step in STEPS:
        step(section, vm)
    _tell_unclaimed(section, report)
    return vm


def _tell(problem: Problem, file: str, report: Report) -> None:
    hint = HINTS.get(problem.kind, "")
    if problem.kind == "unknown":
        from .suggest import suggestion

        hint = suggestion(problem.key)
    kind = "lint" if problem.kind in ("duplicate", "swallowed") else "bad-line"
    report.add(kind, Line(file, problem.line), problem.message, hint)


def _tell_unclaimed(section: Section, report: Report) -> None:
    """Keys that no kind reads: a bug of ours rather than of the config, but never silent."""
    for key in section.unclaimed():
        report.add("metadata-only", section.line(key), f"{key} is kept as text only")
