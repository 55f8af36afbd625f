"""The paths that begin with a command line: the VM that it describes, and from there the steps that XML takes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from ..core.report import CARRY, BridgeError, NullReport, Report
from ..core.shellwords import without_secrets
from ..model.vm import VM
from ..passes import iothreads
from ..passes.arguments import as_arguments
from ..passes.assign_keys import assign_keys
from ..passes.fill import change
from ..passes.images import converted
from ..passes.live import live
from ..passes.resolve.boot import LEGACY, LISTS
from ..roundtrip.proof import compare
from . import forward
from .request import Request, Result
from .steps import completed

if TYPE_CHECKING:
    from ..argv.reading.line import Line


def to_conf(text: str | bytes, request: Request, report: Report) -> Result:
    """A command line -> the config of a VM that qemu-server would run so."""
    from ..argv.reading.read import lose_others
    from ..libvirt.disk import FORMATS
    from ..qemuserver.machine import retyped_values
    from ..qemuserver.read import check_written
    from ..qemuserver.write import write
    from ..roundtrip.config import Config

    line = _read(text, request, report)
    request = request.of(line.vm.meta.vmid)
    line.vm = converted(line.vm, FORMATS, "qemu-server", report)
    disks = [change(disk, device_id=None) if id(disk.where) in line.unsaid_ids else disk for disk in line.vm.disks]
    line.vm = change(line.vm, disks=disks)
    clock = line.vm.clock
    found = assign_keys(change(line.vm, clock=change(clock, pit_discard=bool(clock.pit_discard))), report)
    found = _own(line, found, request) if line.is_pve else _ordered(found)
    vm = _unresolved(line, found, request, report)
    lose_others(line)
    vm = as_arguments(vm, found, request.host, report, [])
    values = write(vm, report)
    if request.machine is not None:
        values = retyped_values(values, found.machine, request.machine, report)
    made = Config(values, vm.meta.description, request)
    check_written(made.parsed, made.doubts, values, report)
    after = made.after
    if made.refusal is not None:
        message = f"qemu-server would refuse this config: {made.refusal.message}"
        report.add("refused", found.machine.where, message, "change the command line, or the config by hand")
    told = change(found, boot=change(found.boot, kernel=None, initrd=None, cmdline=None))  # in a finding of their own, or in args
    proof = compare(told, after, request.host, report, source="the command line", own=line.is_pve, keep_layout=request.keep_layout)
    if line.is_pve and report.enabled and after is not None:
        _compare_words(line, made.said, request, report)
    return Result(vm, made.with_words(proof.words) if proof.words else made.text, pins=proof.pins)


def _ordered(vm: VM) -> VM:
    """Without places in the boot order the firmware takes the first device of each class."""
    devices = {name: getattr(vm, name) for name in LISTS}
    if any(device.bootindex is not None for each in devices.values() for device in each):
        return vm
    disks = [disk for disk in vm.disks if disk.media != "cdrom"]
    cdroms = [disk for disk in vm.disks if disk.media == "cdrom"]
    members: dict[str, list[Any]] = {"hd": disks, "cdrom": cdroms, "network": vm.nets}
    first = [members[name][0] for name in vm.boot.classes or () if members.get(name)]
    places = {id(device): n for n, device in enumerate(first, 1)}
    placed = {
        name: [change(device, bootindex=places[id(device)]) if id(device) in places else device for device in each]
        for name, each in devices.items()
    }
    return change(vm, **placed)


MOST_SHOWN = 6
"""Words that are named of those that do not come back."""


def _compare_words(line: Line, said: VM, request: Request, report: Report) -> None:
    """qemu-server's own line is known by its words: those that the config does not give again are told."""
    from ..argv.read import read as split_line
    from ..argv.write import write
    from ..passes.template import reduce

    try:
        words = write(completed(reduce(said), request, NullReport()), request.host, NullReport())
    except BridgeError:
        return  # told where the config is made
    trailing = len(line.trailing) if not request.args else 0
    before, after = (Counter(split_line(each).options) for each in (line.words[: len(line.words) - trailing], words))
    lost, new = list((before - after).elements()), list((after - before).elements())
    if not lost and not new:
        return
    shown = "; ".join(without_secrets(f"-{option.name} {option.value}".rstrip()) for option in (lost or new)[:MOST_SHOWN])
    what = "does not give these options again" if lost else "gives these options besides"
    hint = "is it of a node with other facts? --host-fact qemu_version=VERSION, --host DIR"
    report.add("guest-changed", line.file, f"the command line is qemu-server's own, and the config {what}: {shown}", hint)


def to_xml(text: str | bytes, request: Request, report: Report) -> Result:
    """A command line -> the domain that libvirt starts as the same machine. A line of qemu-server's own becomes a config first."""
    from ..argv.reading.others import left, whole
    from ..argv.reading.read import lose_properties
    from ..libvirt.described.ready import ready
    from ..libvirt.disk import OF_LIBVIRT
    from ..libvirt.tree.serialise import Document
    from ..libvirt.write import write

    line = _read(text, request, report)
    if line.is_pve:
        return _by_config(text, request, report)
    vm, others = ready(converted(line.vm, OF_LIBVIRT, "libvirt", report), whole(line))
    if request.name:
        vm = change(vm, meta=change(vm.meta, name=request.name))
    lose_properties(line, "form in a domain", for_xml=True)
    if report.enabled:
        live(vm, report, others)
    root = write(vm, report, request.target, others, left(line)).root
    return Result(vm, Document(root, forward.BEFORE_METADATA).text())


def _by_config(text: str | bytes, request: Request, report: Report) -> Result:
    fresh = report.fresh()
    found = to_conf(text, request, fresh)
    report.take_over(fresh)
    request = msgspec.structs.replace(request, file="the config").of(found.vm.meta.vmid)
    made = forward.to_xml(found.text, request, report)
    return Result(made.vm, made.text, pins=found.pins)


def _read(text: str | bytes, request: Request, report: Report) -> Line:
    from ..argv.directory import below
    from ..argv.read import read as split_line
    from ..argv.reading.read import read

    command = split_line(text, request.file)
    if request.started_in is not None:
        command = below(command, request.started_in, request.file)
    line = read(command, request.host, report, request.vmid, request.file)
    line.vm.meta.vmid = line.vmid if line.is_pve and not request.vmid_said else request.vmid
    report.vmid_guessed &= not line.is_pve
    words = line.vm.raw.words
    if words and not (request.args and not report.clean):
        shown = without_secrets(" ".join(words))
        report.add("args-off", line.vm.raw.where, f"raw QEMU arguments are left out: {shown}", "" if report.clean else CARRY)
        line.vm.raw.words = None
    return line


def _own(line: Line, found: VM, request: Request) -> VM:
    """A line of qemu-server's: the VM whose config gives these words again."""
    from ..argv.reading import own
    from ..argv.write import write
    from ..passes.template import reduce

    def finish(vm: VM) -> VM:
        return _unresolved(line, vm, request, NullReport())

    def attempt(vm: VM) -> list[str]:
        return write(completed(reduce(vm), request, NullReport()), request.host, NullReport())

    found = own.with_volumes(line, own.completed(line, found), request.host)
    return own.nearest(line, found, request.host, finish, attempt)


def _unresolved(line: Line, found: VM, request: Request, report: Report) -> VM:
    from ..passes.unresolve import unresolve

    vm = unresolve(iothreads.recognise(found, request.host, report), request.host, report)
    return _spoken(line, vm)


def _spoken(line: Line, vm: VM) -> VM:
    """What a line of qemu-server's says where it need not: the config said it."""
    if line.is_pve:
        vm = change(vm, usbs=[change(usb, usb3=usb.usb3 or None) for usb in vm.usbs])
        if vm.boot.legacy == LEGACY:
            vm = change(vm, boot=change(vm.boot, legacy=None))
        if line.memory_said:
            vm = change(vm, memory=change(vm.memory, size=line.vm.memory.size))
    if not line.spoken:
        return vm
    disks = []
    for disk in vm.disks:
        said: dict[str, Any] = {name: value for name, value in line.spoken.get(id(disk.where), {}).items() if value is not None}
        disks.append(change(disk, **said) if said else disk)
    return change(vm, disks=disks)


def to_argv(text: str | bytes, request: Request, report: Report) -> Result:
    """A command line -> the one that qemu-server would run of its config."""
    found = to_conf(text, request, report)
    request = msgspec.structs.replace(request, file="the config", args=None).of(found.vm.meta.vmid)
    return forward.to_argv(found.text, request, report)

