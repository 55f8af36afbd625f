"""The path between any two formats: readers, passes and writers in their order, and the self-proof of what becomes XML."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ..core.report import BridgeError, Finding, NullReport, Report
from ..core.shellwords import argv_text
from ..host.storagecfg import LOCAL, section_text
from ..model.vm import VM
from ..passes import iothreads, resources
from ..roundtrip.answered import Told, open_questions
from ..roundtrip.proof import compare
from .steps import Keys, Wanted, completed, domain_of, follow_target, keys_of, read_conf

if TYPE_CHECKING:
    from ..libvirt.metadata.residue import Residue
    from ..libvirt.tree.domain import Domain
    from ..qemuserver.text import ConfigText
    from ..roundtrip.config import Config
    from ..roundtrip.metadata import Taken


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


def _argv(vm: VM, wanted: Wanted, report: Report) -> Result:
    from ..argv.write import write
    from ..passes.template import reduce

    vm = completed(iothreads.released(reduce(vm), wanted.host), wanted, report, start=True)
    words = write(vm, wanted.host, report)
    return Result(vm, argv=words)


BEFORE_METADATA = ("name", "uuid", "genid", "title", "description")
"""libvirt's order of a domain's first elements."""


def _xml(vm: VM, config: ConfigText | None, wanted: Wanted, report: Report) -> Result:
    """The domain, and under its <metadata> what a reader could not get back from the rest (the self-proof)."""
    from ..libvirt.metadata import residue
    from ..libvirt.tree.domain import Domain
    from ..libvirt.tree.serialise import Document
    from ..qemuserver.write import write as write_config

    said = vm
    resources.check(vm, wanted.host)
    vm, root = domain_of(vm, wanted, report)
    document = Document(root, BEFORE_METADATA)
    if wanted.metadata:
        values, description, sections = _canonical(config) if config else (write_config(said, NullReport()), said.meta.description, "")
        proof = Domain(root, NullReport(), wanted.target)
        spoken: residue.Keys = {}
        for key, text in (("args", vm.raw.args), ("runningcpu", vm.cpu.runningcpu)):
            if text is not None:
                spoken[key] = text, None
        proof.residue = residue.Residue(keys=spoken)  # what the metadata will say while the XML is read (`_heard`)
        try:
            seen = keys_of(proof, wanted, NullReport())
        except BridgeError as error:
            raise BridgeError(f"the XML could not be read back: {error}", wanted.file) from None
        rest = residue.compare(values, seen.values, wanted.vmid, always=spoken)
        rest.sections = residue.public(sections)
        rest.storages = _storages(said, wanted)
        if seen.description != description:
            rest.description = description
        document.insert(residue.element(rest))
    return Result(vm, document.text())


def _storages(vm: VM, wanted: Wanted) -> str:
    """The storages that the VM's own volumes are on, but the one that every node has."""
    from ..roundtrip.resources import is_own

    named = [disk.source for disk in vm.disks] + [vm.firmware.vars, vm.tpm.source if vm.tpm else None]
    ids = {source.volid.partition(":")[0] for source in named if source is not None and source.volid and is_own(source.volid, wanted.vmid)}
    known = wanted.host.storages
    return "".join(section_text(known[name]) for name in sorted(ids & known.keys() - {LOCAL.id})).rstrip()


def _canonical(config: ConfigText) -> tuple[dict[str, str], str | None, str]:
    """(keys, description, other sections) of the config as qemu-server would write it."""
    from ..qemuserver.setting import characters
    from ..qemuserver.text import canonical

    values, sections = canonical(config)
    return {key: characters(value) for key, value in values.items()}, config.main.description, characters(sections)


def _conf_to_argv(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    return _argv(read_conf(text, wanted, report)[1], wanted, report)


def _conf_to_xml(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    config, vm = read_conf(text, wanted, report, checked=True)
    follow_target(wanted, vm.machine.version)
    return _xml(vm, config if wanted.snapshot is None else None, wanted, report)


def _conf_to_conf(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    from ..qemuserver.text import write

    if wanted.machine is not None:
        raise BridgeError("a config that stays a config keeps its machine type: edit it there", wanted.file)
    config, vm = read_conf(text, wanted, report)
    return Result(vm, write(config))


def _xml_to_conf(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    from ..libvirt.boot import for_node
    from ..libvirt.machine import named_version
    from ..libvirt.metadata.residue import take
    from ..libvirt.tree.parse import parse
    from ..qemuserver.machine import retyped_values
    from ..qemuserver.read import check_written
    from ..roundtrip.config import Config
    from ..roundtrip.metadata import Taken

    domain = parse(text, report, wanted.target)
    rest = take(domain.root) if wanted.metadata else None
    if for_node(domain.root):
        wanted.target = wanted.target._replace(node=True)
    if rest is not None:
        follow_target(wanted, named_version(domain.root))
        if rest.vmid and not wanted.vmid_said:
            wanted.vmid = rest.vmid
        wanted.host = wanted.host.remembering(rest.storages, wanted.vmid)  # only for the VM's own volumes
        if wanted.args:
            report.mended = frozenset(_remembered(text, wanted))
        domain.residue = _heard(rest, wanted)
    domain.raw_arguments = {None: "refuse", False: "drop", True: "carry"}[wanted.args]
    found = keys_of(domain, wanted, report)
    told = open_questions(report)
    if rest is None:
        taken = Taken(found.values, found.description, Config(found.values, found.description, wanted), same=False, ours=False)
    else:
        taken = _remembering(text, found, rest, domain.remembered, wanted, report)
    made = taken.attempt or Config(taken.values, taken.description, wanted)
    if wanted.machine is not None:
        values = retyped_values(made.values, found.read.machine, wanted.machine, report)
        made = Config(values, made.description, wanted, made.sections)
    check_written(made.parsed, found.values, report)
    iothreads.report_release(made.said, wanted.host, report, found.vm.iothreads.where)
    if taken.ours and told:
        report.leave_out(told if taken.same and _is_alone(domain) else _answered(told, made, wanted))
    if names := ", ".join(sorted(wanted.host.remembered)):
        message = f"storage {names} is taken to be what the metadata remembers, for volumes of VM {wanted.vmid}"
        report.add("assumed", "/domain/metadata", message, "give the node's storage.cfg: --host DIR")
    after = made.after
    if made.refusal is not None:
        message = f"qemu-server would refuse this config: {made.refusal.message}"
        report.add("refused", found.read.machine.where, message, "change the domain, or the config by hand")
    proof = compare(found.read, after, wanted.host, report, own=taken.ours or taken.values != found.values, keep_layout=wanted.keep_layout)
    written = made.with_words(proof.words) if proof.words else made.text
    result = Result(found.vm, written)
    result.pins = proof.pins
    return result


def _heard(rest: Residue, wanted: Wanted) -> Residue:
    """What of the metadata may have a say in how the XML is read: raw arguments that the caller carries, and a CPU that stands in both."""
    from ..libvirt.raw import only_pve

    if wanted.args is False:
        return rest.part(())
    if wanted.trust_metadata:
        return rest
    raw = wanted.args and not only_pve(rest.text("args"))
    return rest.part(("args", "template", "runningcpu") if raw else ("runningcpu",))


def _remembering(
    text: str | bytes, found: Keys, rest: Residue, words: list[str], wanted: Wanted, report: Report
) -> Taken[Config]:
    """The config that the XML and its metadata give together. `words`: raw arguments that both say."""
    from ..libvirt.metadata.residue import restore, stale
    from ..qemuserver.read import check_written
    from ..roundtrip.config import Config
    from ..roundtrip.documents import Original
    from ..roundtrip.metadata import Gate, Taken
    from ..roundtrip.resources import is_own
    from ..roundtrip.sections import Kept, keep

    name = found.values.get("name")
    is_numbered = name is not None and name == f"{rest.text('name')}-{wanted.vmid}"  # of a fleet with several VMs of one name
    wanted = msgspec.structs.replace(wanted, name=name if is_numbered else None, machine=None)
    original = Original(text)
    if wanted.trust_metadata:
        stale(found.values, rest, report)
        description = found.description if rest.description is None else rest.description
        values = restore(found.values, rest)
        if wanted.args is False:
            values.pop("args", None)
        made = Config(values, description, wanted, rest.sections)
        same = made.tree is not None and original.is_written_as(made.tree)
        return Taken(values, description, made, same, ours=True)

    def write(values: dict[str, str], description: str | None) -> Config | None:
        try:
            made = Config(values, description, wanted)
            check_written(made.parsed, found.values, NullReport())
        except BridgeError:
            return None
        return made

    gate = Gate(found.values, found.description, original, write, words=words)
    gate.vmid = wanted.vmid if wanted.vmid_said or any(is_own(name, wanted.vmid) for name in gate.resources) else None
    kept = keep(rest.sections, gate.resources, gate.vmid, report) if rest.sections else Kept()
    gate.snapshots = kept.names
    taken = gate.take(rest, report)
    return taken._replace(attempt=taken.attempt.with_sections(kept.text)) if kept.text and taken.attempt else taken


def _is_alone(domain: Domain) -> bool:
    """Whether nobody but the bridge has metadata in this domain."""
    metadata = domain.root.peek("metadata")
    return metadata is not None and len(metadata.children) == 1


def _remembered(text: str | bytes, wanted: Wanted) -> Told:
    """What XML cannot say of the config that comes back without `args`: the metadata says it, and no words need to."""
    from ..libvirt.tree.domain import Domain

    plain, told = msgspec.structs.replace(wanted, args=False, machine=None, snapshot=None), Report()
    try:
        said = read_conf(_xml_to_conf(text, plain, NullReport()).text, plain, NullReport())[1]
        keys_of(Domain(domain_of(said, plain, NullReport())[1], told, wanted.target), plain, told)
    except BridgeError:
        return set()
    return open_questions(told)


def _answered(told: Told, made: Config, wanted: Wanted) -> Told:
    """What XML cannot say of this config, and the metadata did: reading it is no news. `told` was read of the XML."""
    from ..libvirt.tree.domain import Domain

    proof = Report()
    try:
        keys_of(Domain(domain_of(made.said, wanted, NullReport(), made.after)[1], proof, wanted.target), wanted, proof)
    except BridgeError:
        return set()  # not a config that could have been written as XML
    return told & open_questions(proof)


def _xml_to_vm(text: str | bytes, wanted: Wanted, report: Report) -> VM:
    return read_conf(_xml_to_conf(text, wanted, report).text, wanted, NullReport())[1]


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
