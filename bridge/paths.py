"""The path between any two formats: readers, passes and writers in their order, and the self-proof of what becomes XML."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from .data import gates
from .host.facts import HostFacts
from .model.vm import VM
from .passes import iothreads, resources
from .passes.answered import Told, foreseen, open_questions
from .passes.escape import escape
from .passes.fill import change
from .passes.gate import gate
from .passes.lint import lint
from .passes.place import place
from .passes.proof import compare
from .passes.resolve import resolve
from .passes.unplace import unplace
from .report import BridgeError, Finding, Report, Silence
from .shellwords import argv_text, quote, split

if TYPE_CHECKING:
    from .libvirt.domain import Domain
    from .libvirt.node import Node
    from .qemuserver.text import ConfigText


class Result:
    """What a conversion gives.

    `text` is the document (argv: shell-quoted, one option a line), `argv` its words for to="argv" (else None),
    `vm` the model, `findings` what the reader of the document should know. `pins` are CPUs of single threads that XML named and a
    config cannot hold (`bridge.hook`): `vcpu0`, `emulator`, ids of iothreads.
    """

    def __init__(self, vm: VM, text: str | None = None, argv: list[str] | None = None) -> None:
        self.vm = vm
        self.argv = argv
        self.findings: list[Finding] = []
        self.pins: dict[str, str] = {}
        self._text = text

    @property
    def text(self) -> str:
        if self._text is None:  # quoting costs as much as a third of making the words, and many want only these
            self._text = argv_text(self.argv or [])
        return self._text


class Wanted(msgspec.Struct, kw_only=True):
    """How the document is wanted; see `convert`."""

    host: HostFacts
    target: gates.Target
    vmid: int
    vmid_said: bool
    file: str
    metadata: bool = True
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


def _completed(vm: VM, wanted: Wanted, report: Report) -> VM:
    """A VM as said -> the whole machine that qemu-server would run."""
    vm = resolve(vm, wanted.host, report)
    vm = place(iothreads.spread(vm, wanted.host, report), report)
    if report.heard:
        lint(vm, wanted.host, report)
    return vm


def _argv(vm: VM, wanted: Wanted, report: Report) -> Result:
    from .argv.write import write
    from .passes.template import reduce

    vm = _completed(reduce(vm), wanted, report)
    words = write(vm, wanted.host, report)
    return Result(vm, argv=words)


BEFORE_METADATA = ("name", "uuid", "genid", "title", "description")
"""libvirt's order of a domain's first elements."""


def _xml(vm: VM, config: ConfigText | None, wanted: Wanted, report: Report) -> Result:
    """The domain, and under its <metadata> what a reader could not get back from the rest (the self-proof)."""
    from .libvirt import residue
    from .libvirt.domain import Domain
    from .libvirt.serialise import Document
    from .qemuserver.write import write as write_config

    said = vm
    resources.check(vm, wanted.host)
    vm, root = _domain(vm, wanted, report)
    document = Document(root, BEFORE_METADATA)
    if wanted.metadata:
        values, description, sections = _canonical(config) if config else (write_config(said, Silence()), said.meta.description, "")
        proof = Domain(root, Silence(), wanted.target)
        proof.residue = residue.Residue(keys={"args": (vm.raw.args, None)})
        try:
            seen = _keys(proof, wanted, Silence())
        except BridgeError as error:
            raise BridgeError(f"the XML could not be read back: {error}", wanted.file) from None
        rest = residue.compare(values, seen.values, wanted.vmid)
        rest.sections = residue.public(sections)
        if seen.description != description:
            rest.description = description
        document.insert(residue.element(rest))
    return Result(vm, document.text())


def _domain(vm: VM, wanted: Wanted, report: Report, whole: VM | None = None) -> tuple[VM, Node]:
    """A VM as said -> the whole VM as the target takes it, and its tree. `whole`: it, where it is there already."""
    from .libvirt.write import write

    vm = gate(whole or _whole(vm, wanted, report), wanted.target, report)
    if wanted.name:
        vm = change(vm, meta=change(vm.meta, name=wanted.name))
    return vm, write(vm, report, wanted.target).root


def _whole(vm: VM, wanted: Wanted, report: Report) -> VM:
    """`_completed`; a template that could not run as it is (it never does, but to be backed up) becomes what it starts with."""
    from .passes.template import reduce

    try:
        return _completed(vm, wanted, report)
    except BridgeError as error:
        if not vm.meta.template:
            raise
        report.add("guest-changed", error.where, f"the template cannot run as it is ({error.message}): only its disks are carried")
        return _completed(reduce(vm), wanted, report)


def _canonical(config: ConfigText) -> tuple[dict[str, str], str | None, str]:
    """(keys, description, other sections) of the config as qemu-server would write it."""
    from .qemuserver.setting import characters
    from .qemuserver.text import canonical

    values, sections = canonical(config)
    return {key: characters(value) for key, value in values.items()}, config.main.description, characters(sections)


class Keys(msgspec.Struct):
    """A VM as config keys. `vm` is the VM as said, `read` the one that the XML describes, with its keys and old addresses."""

    values: dict[str, str]
    description: str | None
    vm: VM
    read: VM


def _keys(domain: Domain, wanted: Wanted, report: Report) -> Keys:
    """The tree -> config keys, by what XML itself says; the tree is used up."""
    from .libvirt.read import read
    from .passes.unresolve import unresolve
    from .qemuserver.write import write

    domain.vmid = wanted.vmid
    described = read(domain)
    described.meta.vmid = wanted.vmid
    found = unplace(described, report)
    vm = unresolve(iothreads.gather(found, wanted.host, report), wanted.host, report)
    vm = escape(vm, found, wanted.host, report, domain.remembered)
    return Keys(write(vm, report), vm.meta.description, vm, found)


def _read_conf(text: ConfigText | str | bytes, wanted: Wanted, report: Report, checked: bool = False) -> tuple[ConfigText, VM]:
    from .qemuserver.machine import retyped
    from .qemuserver.read import read
    from .qemuserver.text import parse

    config = parse(text, vmid=wanted.vmid, name=wanted.file) if isinstance(text, str | bytes) else text  # parsed already
    vm = read(config, wanted.vmid, wanted.file, report, wanted.snapshot, checked)
    if wanted.args is False and vm.raw.words:
        report.add("args-off", vm.raw.where, f"raw QEMU arguments are left out: {vm.raw.args}", "pass args to carry them over")
        vm.raw.args = vm.raw.words = None
    if wanted.machine is not None:
        vm.machine = retyped(vm.machine, wanted.machine, report)
    return config, vm


def _conf_to_argv(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    return _argv(_read_conf(text, wanted, report)[1], wanted, report)


def _conf_to_xml(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    config, vm = _read_conf(text, wanted, report, checked=True)
    follow_target(wanted, vm.machine.version)
    return _xml(vm, config if wanted.snapshot is None else None, wanted, report)


def _conf_to_conf(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    from .qemuserver.text import write

    if wanted.machine is not None:
        raise BridgeError("a config that stays a config keeps its machine type: edit it there", wanted.file)
    config, vm = _read_conf(text, wanted, report)
    return Result(vm, write(config))


def _xml_to_conf(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    from .libvirt.machine import named_version
    from .libvirt.parse import parse
    from .libvirt.residue import merge, take
    from .qemuserver.machine import retyped_values
    from .qemuserver.read import check_written
    from .qemuserver.write import checked_file

    domain = parse(text, report, wanted.target)
    rest = take(domain.root) if wanted.metadata else None
    if rest is not None:
        follow_target(wanted, named_version(domain.root))
        if rest.vmid and not wanted.vmid_said:
            wanted.vmid = rest.vmid
        if wanted.args:
            report.mended = frozenset(_remembered(text, wanted))
    domain.residue = rest
    domain.raw_arguments = {None: "refuse", False: "drop", True: "carry"}[wanted.args]
    found = _keys(domain, wanted, report)
    told = open_questions(report)
    values, description, sections = found.values, found.description, ""
    if rest is not None:
        values, sections = merge(values, rest, report, domain.root), rest.sections
        if rest.description is not None:
            description = rest.description
    if wanted.machine is not None:
        values = retyped_values(values, found.read.machine, wanted.machine, report)
    written, config = checked_file(values, description, sections)
    said = _read_conf(config, msgspec.structs.replace(wanted, file="the config", snapshot=None), Silence())[1]
    check_written(config, found.values, report)
    after, refusal = _runnable(said, wanted)
    if rest is not None:
        if told:
            report.leave_out(_answered(told, said, after, wanted, domain, text))
        resources.vouch(found.vm, said, wanted.host, report)
    if refusal is not None:
        message = f"qemu-server would refuse this config: {refusal.message}"
        report.add("refused", found.read.machine.where, message, "change the domain, or the config by hand")
    proof = compare(found.read, after, wanted.host, report, own=rest is not None, keep_layout=wanted.keep_layout)
    if proof.words:
        values = {**values, "args": quote([*split(values.get("args", "")), *proof.words])}
        written = checked_file(values, description, sections)[0]
    result = Result(found.vm, written)
    result.pins = proof.pins
    return result


def _remembered(text: str | bytes, wanted: Wanted) -> Told:
    """What XML cannot say of the config that comes back without `args`: the metadata says it, and no words need to."""
    from .libvirt.domain import Domain

    plain, told = msgspec.structs.replace(wanted, args=False, machine=None, snapshot=None), Report()
    try:
        said = _read_conf(_xml_to_conf(text, plain, Silence()).text, plain, Silence())[1]
        _keys(Domain(_domain(said, plain, Silence())[1], told, wanted.target), plain, told)
    except BridgeError:
        return set()
    return open_questions(told)


def _answered(told: Told, said: VM, after: VM | None, wanted: Wanted, domain: Domain, text: str | bytes) -> Told:
    """What XML cannot say of this config, and the residue did: reading it is no news. `told` was read of `domain`, which is `text`."""
    if after is not None and foreseen(told, gate(after, wanted.target, Silence()), wanted.host):
        return told
    from .libvirt.domain import Domain
    from .libvirt.unedited import unedited

    proof = Report()
    try:
        root = _domain(said, wanted, Silence(), after)[1]
        if not wanted.args and unedited(text, domain, root):
            return told
        _keys(Domain(root, proof, wanted.target), wanted, proof)
    except BridgeError:
        return set()  # not a config that could have been written as XML
    return open_questions(proof)


def _runnable(said: VM, wanted: Wanted) -> tuple[VM | None, BridgeError | None]:
    """The machine that qemu-server would run, or why it would refuse it."""
    try:
        return _completed(said, wanted, Silence()), None
    except BridgeError as error:
        return None, error


def _xml_to_vm(text: str | bytes, wanted: Wanted, report: Report) -> VM:
    return _read_conf(_xml_to_conf(text, wanted, report).text, wanted, Silence())[1]


def _xml_to_argv(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    return _argv(_xml_to_vm(text, wanted, report), wanted, report)


def _xml_to_xml(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    conf = _xml_to_conf(text, wanted, report).text
    return _conf_to_xml(conf, wanted, report)


PATHS: dict[tuple[str, str], Callable[[str | bytes, Wanted, Report], Result]] = {
    ("conf", "argv"): _conf_to_argv,
    ("conf", "xml"): _conf_to_xml,
    ("conf", "conf"): _conf_to_conf,
    ("xml", "conf"): _xml_to_conf,
    ("xml", "argv"): _xml_to_argv,
    ("xml", "xml"): _xml_to_xml,
}
