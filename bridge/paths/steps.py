"""What the paths between formats are made of: reading, completing, writing, each a step from one thing to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..core.report import BridgeError, Report
from ..model.vm import VM
from ..passes import iothreads
from ..passes.arguments import as_arguments
from ..passes.assign_keys import assign_keys
from ..passes.fill import change
from ..passes.gate import gate
from ..passes.lint import lint
from ..passes.live import live
from ..passes.place import place
from ..passes.portable import portable
from ..passes.resolve import resolve

if TYPE_CHECKING:
    from ..libvirt.tree.domain import Domain
    from ..libvirt.tree.node import Node
    from ..qemuserver.text import ConfigText
    from .request import Request


def completed(vm: VM, request: Request, report: Report, start: bool = False) -> VM:
    """A VM as said -> the whole machine that qemu-server would run; `start`: on this host."""
    vm = resolve(vm, request.host, report, start)
    vm = place(iothreads.assign(vm, request.host, report), report)
    if report.enabled:
        lint(vm, request.host, report)
    return vm


def domain_of(vm: VM, request: Request, report: Report, whole: VM | None = None) -> tuple[VM, Node]:
    """A VM as said -> the whole VM as the target takes it, and its tree. `whole`: it, where it is there already."""
    from ..libvirt.write import write

    vm = gate(whole or whole_of(vm, request, report), request.target, report)
    vm = portable(vm, request.host, request.target, report)
    if report.enabled:
        live(vm, report)
    if request.name:
        vm = change(vm, meta=change(vm.meta, name=request.name))
    return vm, write(vm, report, request.target).root


def whole_of(vm: VM, request: Request, report: Report) -> VM:
    """`completed`; a template that could not run as it is (it never does, but to be backed up) becomes what it starts with."""
    from ..passes.template import reduce

    try:
        return completed(vm, request, report)
    except BridgeError as error:
        if not vm.meta.template:
            raise
        report.add("guest-changed", error.where, f"the template cannot run as it is ({error.message}): only its disks are carried")
        return completed(reduce(vm), request, report)


class Keys(msgspec.Struct):
    """A VM as config keys. `vm` is the VM as said, `read` the one that the XML describes, with its keys and old addresses."""

    values: dict[str, str]
    description: str | None
    vm: VM
    read: VM


def keys_of(domain: Domain, request: Request, report: Report) -> Keys:
    """The tree -> config keys, by what XML itself says; the tree is used up."""
    from ..libvirt.read import read
    from ..passes.unresolve import unresolve
    from ..qemuserver.write import write

    domain.vmid = request.vmid
    described = read(domain)
    described.meta.vmid = request.vmid
    found = assign_keys(described, report)
    vm = unresolve(iothreads.recognise(found, request.host, report), request.host, report)
    vm = as_arguments(vm, found, request.host, report, domain.remembered)
    return Keys(write(vm, report), vm.meta.description, vm, found)


def read_conf(text: ConfigText | str | bytes, request: Request, report: Report, checked: bool = False) -> tuple[ConfigText, VM]:
    """The file and its VM as said; `meta.vmid` is what the input says of it, where nobody named it."""
    from ..qemuserver.held import unwrap
    from ..qemuserver.machine import retyped
    from ..qemuserver.read import read

    if isinstance(text, str | bytes):
        held = unwrap(text, request.file, request.host, report)
        request = request.of(held.vmid)
        report.vmid_guessed &= not held.vmid
        config = held.parse(request.vmid, request.file)
    else:
        config = text
    vm = read(config, request.vmid, request.file, report, request.snapshot, checked)
    if request.args is False and vm.raw.words:
        hint = "" if report.clean else "leave out --no-args, and they are carried over (args=None from Python)"
        report.add("args-off", vm.raw.where, f"raw QEMU arguments are left out: {vm.raw.args}", hint)
        vm.raw.args = vm.raw.words = None
    if request.machine is not None:
        vm.machine = retyped(vm.machine, request.machine, report)
    iothreads.report_release(vm, request.host, report)
    return config, vm

