"""machine, arch, kvm and the switches of the board (qemu-server 9.2.6, Machine.pm; mapping-machine 3, 4, 11)."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ..core.coverage import Rows
from ..core.report import BridgeError, Report
from ..core.rows import Codec, Row
from ..data.machines import DEFAULT, base_of, version_of
from ..data.options import option
from ..model.machine import Machine
from ..model.vm import VM
from .section import ConfigSection, Lines, read_keys, read_rows, write_keys, write_rows

WIDTH = Codec(lambda text: int(float(text)), str)
"""`number` in the schema; QEMU takes whole bits."""

MACHINE = (
    Row("type", "type"),
    Row("viommu", "viommu"),
    Row("aw_bits", "aw-bits", WIDTH),
    Row("enable_s3", "enable-s3"),
    Row("enable_s4", "enable-s4"),
)
"""Sub-options of `machine`."""

FLAGS = (
    Row("kvm", "kvm"),
    Row("acpi", "acpi"),
    Row("allow_ksm", "allow-ksm"),
    Row("reboot", "reboot"),
    Row("freeze", "freeze"),
)
TEXTS = (
    Row("arch", "arch"),
    Row("hotplug", "hotplug"),
    Row("running", "runningmachine"),
)
NAMED = tuple(Row(field, "type", code=True) for field in ("base", "version", "pve", "pxe"))
"""What the type's name says (sub-option of `machine`)."""
IMPLIED = (Row("hpet", "ostype", code=True),)
TABLE = (
    Rows(Machine, "machine", (*MACHINE, *NAMED), ("pinned", "smm", "graphics", "pci_hotplug_bridge", "viommu_address", "irqchip_split")),
    Rows(Machine, "", (*FLAGS, *TEXTS, *IMPLIED)),
)


def read(section: ConfigSection, vm: VM) -> None:
    said = read_rows(section.props("machine") or {}, MACHINE) | read_keys(section.flag, FLAGS) | read_keys(section.text, TEXTS)
    where = section.line("machine") if "machine" in section.entries else None
    vm.machine = named(Machine(where=where, **said))


def named(machine: Machine) -> Machine:
    """What the type's name says of base, version and revision."""
    name = machine.running or machine.type
    if name:
        machine.base = base_of(machine.type or name)
        version = version_of(name)
        if version:
            machine.version, machine.pve = version[:2], version[2]
        if name.endswith(".pxe"):
            machine.pxe = True
    return machine


def retyped(machine: Machine, name: str, report: Report) -> Machine:
    """The machine with another type, which somebody asked for. Raises BridgeError for a name that no config may have."""
    about = option("machine")
    pattern = about.fields["type"].pattern if about is not None and about.fields is not None else None
    if pattern is None or re.fullmatch(pattern, name, re.ASCII) is None:
        raise BridgeError(f"'{name[:40]}' is not a machine type: write it as q35, pc-i440fx-VERSION or pc-q35-VERSION")
    before = machine.running or machine.type or DEFAULT.get(machine.arch or "x86_64", "")
    if before == name:
        return machine
    message = f"the machine is {name} as asked for, not {before}: the guest sees another board, or another version of it"
    report.add("guest-changed", machine.where, message)
    return named(replace(machine, type=name, running=None, base=None, version=None, pve=None, pxe=None))


def retyped_values(values: dict[str, str], machine: Machine, name: str, report: Report) -> dict[str, str]:
    """Config keys with another type, as `retyped`."""
    retyped(machine, name, report)
    others = [part for part in values.get("machine", "").split(",") if "=" in part and not part.startswith("type=")]
    return {**values, "machine": ",".join([name, *others])}


def write(vm: VM, lines: Lines) -> None:
    machine = vm.machine
    lines.props("machine", write_rows(machine, MACHINE))
    write_keys(lines, machine, (*FLAGS, *TEXTS))
