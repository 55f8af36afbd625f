"""machine, arch, kvm and the switches of the board (qemu-server 9.2.6, Machine.pm; mapping-machine 3, 4, 11)."""

from __future__ import annotations

from ..data.machines import base_of, version_of
from ..model.machine import Machine
from ..model.vm import VM
from ..rows import Codec, Row
from .section import Lines, Section, read_rows, write_rows

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


def read(section: Section, vm: VM) -> None:
    said = read_rows(section.props("machine") or {}, MACHINE)
    for row in FLAGS:
        said[row.field] = section.flag(row.place)
    for row in TEXTS:
        said[row.field] = section.text(row.place)
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


def write(vm: VM, lines: Lines) -> None:
    machine = vm.machine
    lines.props("machine", write_rows(machine, MACHINE))
    for row in (*FLAGS, *TEXTS):
        lines.put(row.place, getattr(machine, row.field))
