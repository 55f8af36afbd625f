"""A command line -> the VM that it describes. What no kind takes becomes a finding, or a word of `args`."""

from __future__ import annotations

import re

from ...core.report import Report
from ...core.shellwords import without_secrets
from ...data.qemu import HOST
from ...host.facts import HostFacts
from ...model.raw import Raw
from ..read import CommandLine
from . import buses, cpu, disk, display, firmware, machine, memory, net, old, others, ports, process, security, small, spelling
from .line import Line
from .said import spelled

_ENVIRONMENT = re.compile(r"(?:LC_ALL|PATH|HOME|USER|LOGNAME|XDG_[A-Z_]+|TMPDIR|QEMU_AUDIO_DRV|SDL_[A-Z]+|DISPLAY)=.*", re.DOTALL).fullmatch
"""What libvirt sets for every QEMU."""
STEPS = (
    spelling.read,
    machine.read,
    old.read,
    buses.read,
    others.hold,
    small.read_identity,
    firmware.read,
    cpu.read,
    memory.read,
    disk.read_iothreads,
    disk.read_adapters,
    small.read_clock,
    small.read_boot,
    disk.read,
    disk.read_extra,
    net.read,
    ports.read_agent,
    display.read,
    ports.read_serials,
    small.read_tablet,
    ports.read_tpm,
    small.read_audio,
    ports.read_hostpci,
    ports.read_usb,
    small.read_watchdog,
    memory.read_balloon,
    small.read_rng,
    ports.read_shares,
    machine.read_iommu,
    security.read,
    process.read,
)


def read(command: CommandLine, host: HostFacts, report: Report, vmid: int, file: str) -> Line:
    """The VM as the command line describes it (`Line.vm`); addresses name buses as `#INDEX`, as those of XML do."""
    line = Line(command, host, report, vmid, file)
    for step in STEPS:
        step(line)
    _report_strict(line)
    line.others = others.read(line)
    if line.trailing:
        line.vm.raw = Raw(words=line.trailing, where=line.file)
    return line


def _report_strict(line: Line) -> None:
    vm = line.vm
    if line.strict or not vm.has_boot_order():
        return
    message = "without strict=on the firmware also tries devices that have no place in the boot order; here it does not"
    line.report.add("normalised", vm.boot.where, message)


def lose_properties(line: Line, what: str, for_xml: bool = False) -> None:
    """Properties of options that nobody knows; `what` there is none of."""
    held = {id(said) for other in line.held.values() for backend in other.backends.values() for said in backend.all}
    held |= {id(other.where) for other in line.shown}
    for option in line.options:
        if option.name != "device" and not (for_xml and id(option) in held):
            for name, value in option.rest():
                message = f"{name}={without_secrets(spelled(value))} of -{option.name} has no {what} and is left out"
                line.report.add("host-lost" if option.name in HOST else "unknown", option, message)
    before = " ".join(word for word in line.before if not (line.is_libvirt and _ENVIRONMENT(word)) and word != "exec")
    if before:
        line.report.add("host-state", line.file, f"'{without_secrets(before)[:200]}' in front of QEMU is left behind")


def lose_others(line: Line) -> None:
    """For a config: devices and options that no key holds become words of `args`, or findings."""
    for device in line.devices:
        if device.said.name == "device":
            for name, value in device.said.rest():
                message = f"{name}={without_secrets(spelled(value))} of {device.driver} has no counterpart in a config and is left out"
                if problem := others.problem_of("device", {name: value}):
                    line.report.add("unknown", device.said, message, problem)
                else:
                    line.report.set_properties("unknown", device.said, message, device.said, {name: spelled(value)})
    lose_properties(line, "counterpart in a config")
    for other in line.others:
        shown = without_secrets(other.value if other.driver is not None else f"-{other.option} {other.value}".rstrip())
        message = f"{shown}: a config has no {other.driver}" if other.driver is not None else f"{shown} has no counterpart in a config"
        kind = "guest-lost" if other.driver is not None else "host-lost" if other.option in HOST else "unknown"
        if other.problem is not None:
            report_kind = "secret-left-out" if other.option == "object" and "secret" in other.value else kind
            line.report.add(report_kind, other.where, message, other.problem)
        else:
            needs = [word for backend in other.backends.values() for word in backend.words]
            line.report.mend(kind, other.where, message, other.words, needs)
    for late in line.late:
        late()
