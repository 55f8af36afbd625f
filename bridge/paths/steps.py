"""What the paths between formats are made of: reading, completing, writing, each a step from one thing to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..core.report import BridgeError, Report
from ..data import gates
from ..host.facts import HostFacts
from ..model.vm import VM
from ..passes import iothreads
from ..passes.arguments import as_arguments
from ..passes.assign_keys import assign_keys
from ..passes.fill import change
from ..passes.gate import gate
from ..passes.lint import lint
from ..passes.place import place
from ..passes.portable import portable
from ..passes.resolve import resolve

if TYPE_CHECKING:
    from ..libvirt.tree.domain import Domain
    from ..libvirt.tree.node import Node
    from ..qemuserver.text import ConfigText


class Wanted(msgspec.Struct, kw_only=True):
    """How the document is wanted; see `convert`."""

    host: HostFacts
    target: gates.Target
    vmid: int
    vmid_said: bool
    file: str
    metadata: bool = True
    trust_metadata: bool = False
    args: bool | None = None
    snapshot: str | None = None
    name: str | None = None
    machine: str | None = None
    keep_layout: bool = False
    followed: bool = False
    """The host's QEMU is the target's, as nobody named it."""


def follow_target(wanted: Wanted, version: tuple[int, int] | None = None) -> None:
    """A machine without a version is as new as the QEMU that it will run on; the XML that came of it is read by the same measure.

    `version`: of a machine that says it; the node that it comes from has no older QEMU, whatever the target's is."""
    if wanted.host.qemu_version is None or wanted.followed:
        wanted.followed = True
        newest = max(wanted.target.qemu, version or (0, 0))
        wanted.host = msgspec.structs.replace(wanted.host, qemu_version=".".join(map(str, newest)))


def completed(vm: VM, wanted: Wanted, report: Report, start: bool = False) -> VM:
    """A VM as said -> the whole machine that qemu-server would run; `start`: on this host."""
    vm = resolve(vm, wanted.host, report, start)
    vm = place(iothreads.assign(vm, wanted.host, report), report)
    if report.enabled:
        lint(vm, wanted.host, report)
    return vm


def domain_of(vm: VM, wanted: Wanted, report: Report, whole: VM | None = None) -> tuple[VM, Node]:
    """A VM as said -> the whole VM as the target takes it, and its tree. `whole`: it, where it is there already."""
    from ..libvirt.write import write

    vm = gate(whole or whole_of(vm, wanted, report), wanted.target, report)
    vm = portable(vm, wanted.host, wanted.target, report)
    if wanted.name:
        vm = change(vm, meta=change(vm.meta, name=wanted.name))
    return vm, write(vm, report, wanted.target).root


def whole_of(vm: VM, wanted: Wanted, report: Report) -> VM:
    """`completed`; a template that could not run as it is (it never does, but to be backed up) becomes what it starts with."""
    from ..passes.template import reduce

    try:
        return completed(vm, wanted, report)
    except BridgeError as error:
        if not vm.meta.template:
            raise
        report.add("guest-changed", error.where, f"the template cannot run as it is ({error.message}): only its disks are carried")
        return completed(reduce(vm), wanted, report)


class Keys(msgspec.Struct):
    """A VM as config keys. `vm` is the VM as said, `read` the one that the XML describes, with its keys and old addresses."""

    values: dict[str, str]
    description: str | None
    vm: VM
    read: VM


def keys_of(domain: Domain, wanted: Wanted, report: Report) -> Keys:
    """The tree -> config keys, by what XML itself says; the tree is used up."""
    from ..libvirt.read import read
    from ..passes.unresolve import unresolve
    from ..qemuserver.write import write

    domain.vmid = wanted.vmid
    described = read(domain)
    described.meta.vmid = wanted.vmid
    found = assign_keys(described, report)
    vm = unresolve(iothreads.recognise(found, wanted.host, report), wanted.host, report)
    vm = as_arguments(vm, found, wanted.host, report, domain.remembered)
    return Keys(write(vm, report), vm.meta.description, vm, found)


def read_conf(text: ConfigText | str | bytes, wanted: Wanted, report: Report, checked: bool = False) -> tuple[ConfigText, VM]:
    from ..qemuserver.held import unwrap
    from ..qemuserver.machine import retyped
    from ..qemuserver.read import read
    from ..qemuserver.text import parse

    if isinstance(text, str | bytes):
        text, owner = unwrap(text, wanted.file, wanted.host, report)
        wanted.vmid = owner if owner and not wanted.vmid_said else wanted.vmid
    config = parse(text, vmid=wanted.vmid, name=wanted.file) if isinstance(text, str | bytes) else text  # parsed already
    vm = read(config, wanted.vmid, wanted.file, report, wanted.snapshot, checked)
    if wanted.args is False and vm.raw.words:
        report.add("args-off", vm.raw.where, f"raw QEMU arguments are left out: {vm.raw.args}", "pass args to carry them over")
        vm.raw.args = vm.raw.words = None
    if wanted.machine is not None:
        vm.machine = retyped(vm.machine, wanted.machine, report)
    iothreads.report_release(vm, wanted.host, report)
    return config, vm

