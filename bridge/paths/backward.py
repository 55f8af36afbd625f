"""The backward path: a domain becomes a config. What both say is compared at the end, and each difference is a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..core.report import BridgeError, NullReport, Report
from ..passes import iothreads
from . import forward
from .request import Request, Result
from .steps import Keys, domain_of, keys_of, read_conf

if TYPE_CHECKING:
    from ..libvirt.metadata.residue import Residue
    from ..libvirt.tree.domain import Domain
    from ..roundtrip.config import Config
    from ..roundtrip.documents import Original
    from ..roundtrip.metadata import Taken


OF_METADATA = frozenset(("stale-residue", "withheld"))
"""Kinds of findings that tell of the metadata itself: no config answers them."""


class Reading(NamedTuple):
    """A domain, read: `rest` is what its metadata remembers (None: nothing is asked of it), `found` what the XML itself says."""

    request: Request
    domain: Domain
    rest: Residue | None
    found: Keys
    report: Report
    """What reading told. What the config answers after all is not passed on."""


def to_conf(text: str | bytes, request: Request, report: Report) -> Result:
    return _config_of(text, request, report)[0]


def to_argv(text: str | bytes, request: Request, report: Report) -> Result:
    config, request = _config_of(text, request, report)
    return forward.argv_of(read_conf(config.text, request, NullReport())[1], request, report)


def to_xml(text: str | bytes, request: Request, report: Report) -> Result:
    config, request = _config_of(text, request, report)
    return forward.to_xml(config.text, request, report)


def _config_of(text: str | bytes, request: Request, report: Report) -> tuple[Result, Request]:
    """The config, and the request with what the metadata knows."""
    from ..qemuserver.read import check_written
    from ..roundtrip.proof import compare

    read = _read(text, request, report.fresh())
    found, request = read.found, read.request
    told = report.fresh()
    taken = _taken(text, read, told)
    made = _retyped(taken, read, told)
    check_written(made.parsed, made.doubts, found.values, told)
    iothreads.report_release(made.said, request.host, told, found.vm.iothreads.where)
    if taken.ours:
        read.report.leave_out(None if taken.same and _is_alone(read.domain) else _said_of(made, request), OF_METADATA)
    report.take_over(read.report)
    report.take_over(told)
    _tell_assumptions(read, made, report)
    is_remembered = taken.ours or taken.values != found.values
    proof = compare(found.read, made.after, request.host, report, source="the XML", own=is_remembered, keep_layout=request.keep_layout)
    return Result(found.vm, made.with_words(proof.words) if proof.words else made.text, pins=proof.pins), request


def _read(text: str | bytes, request: Request, report: Report) -> Reading:
    """Parse and read; the metadata names the VM and its storages."""
    from ..libvirt.boot import for_node
    from ..libvirt.machine import named_version
    from ..libvirt.metadata.residue import take
    from ..libvirt.tree.parse import parse

    domain = parse(text, report, request.target)
    rest = take(domain.root) if request.metadata else None
    if for_node(domain.root):
        request = msgspec.structs.replace(request, target=request.target._replace(node=True))
    if rest is not None:
        request = request.following_target(named_version(domain.root)).of(rest.vmid)
        report.vmid_guessed &= not rest.vmid
        host = request.host.remembering(rest.storages, request.vmid)  # only for the VM's own volumes
        request = msgspec.structs.replace(request, host=host)
        if request.args:
            report.mended = _mended(text, request)
        domain.residue = _heard(rest, request)
    domain.raw_arguments = {None: "refuse", False: "drop", True: "carry"}[request.args]
    return Reading(request, domain, rest, keys_of(domain, request, report), report)


def _heard(rest: Residue, request: Request) -> Residue:
    """What of the metadata may have a say in how the XML is read: raw arguments that the caller carries, and a CPU that stands in both."""
    from ..libvirt.raw import only_pve

    if request.args is False:
        return rest.part(())
    if request.trust_metadata:
        return rest
    raw = request.args and not only_pve(rest.text("args"))
    return rest.part(("args", "template", "runningcpu") if raw else ("runningcpu",))


def _mended(text: str | bytes, request: Request) -> frozenset[tuple[str, ...]]:
    """Words of `args` for what XML cannot say of the config that comes back without them: the metadata says it, and no words need to."""
    from ..libvirt.tree.domain import Domain

    plain, told = msgspec.structs.replace(request, args=False, machine=None, snapshot=None), Report()
    try:
        said = read_conf(to_conf(text, plain, NullReport()).text, plain, NullReport())[1]
        keys_of(Domain(domain_of(said, plain, NullReport())[1], told, request.target), plain, told)
    except BridgeError:
        return frozenset()
    return frozenset(told.mends)


def _taken(text: str | bytes, read: Reading, report: Report) -> Taken[Config]:
    """The config that the XML and its metadata give together."""
    from ..libvirt.metadata.residue import restore, stale
    from ..roundtrip.config import Config
    from ..roundtrip.documents import Original
    from ..roundtrip.metadata import Taken

    found, rest, request = read.found, read.rest, read.request
    if rest is None:
        return Taken(found.values, found.description, Config(found.values, found.description, request), same=False, ours=False)
    name = found.values.get("name")
    is_numbered = name is not None and name == f"{rest.text('name')}-{request.vmid}"  # of a fleet with several VMs of one name
    request = msgspec.structs.replace(request, name=name if is_numbered else None, machine=None)
    if not request.trust_metadata:
        return _borne_out(Original(text), read, rest, request, report)
    stale(found.values, rest, report)
    values = restore(found.values, rest)
    if request.args is False:
        values.pop("args", None)
    description = found.description if rest.description is None else rest.description
    made = Config(values, description, request, rest.sections)
    same = made.tree is not None and Original(text).is_written_as(made.tree)
    return Taken(values, description, made, same, ours=True)


def _borne_out(original: Original, read: Reading, rest: Residue, request: Request, report: Report) -> Taken[Config]:
    """Of the metadata what the XML bears out."""
    from ..qemuserver.read import check_written
    from ..roundtrip.config import Config
    from ..roundtrip.metadata import Gate
    from ..roundtrip.sections import Kept, keep

    found = read.found

    def write(values: dict[str, str], description: str | None) -> Config | None:
        try:
            made = Config(values, description, request)
            check_written(made.parsed, made.doubts, found.values, NullReport())
        except BridgeError:
            return None
        return made

    words = read.domain.remembered
    gate = Gate(found.values, found.description, original, write, request.vmid, request.vmid_said, words)
    kept = keep(rest.sections, gate.resources, gate.owner, report) if rest.sections else Kept()
    gate.snapshots = kept.names
    taken = gate.take(rest, report)
    return taken._replace(attempt=taken.attempt.with_sections(kept.text)) if kept.text and taken.attempt else taken


def _retyped(taken: Taken[Config], read: Reading, report: Report) -> Config:
    """The config, of the machine type that is wanted."""
    from ..qemuserver.machine import retyped_values
    from ..roundtrip.config import Config

    made = taken.attempt or Config(taken.values, taken.description, read.request)
    if read.request.machine is None:
        return made
    values = retyped_values(made.values, read.found.read.machine, read.request.machine, report)
    return Config(values, made.description, read.request, made.sections)


def _is_alone(domain: Domain) -> bool:
    """Whether nobody but the bridge has metadata in this domain."""
    metadata = domain.root.peek("metadata")
    return metadata is not None and len(metadata.children) == 1


def _said_of(made: Config, request: Request) -> Report:
    """What reading tells of the domain that this config gives: the metadata answers it, so it is not news."""
    from ..libvirt.tree.domain import Domain

    proof = Report()
    try:
        keys_of(Domain(domain_of(made.said, request, NullReport(), made.after)[1], proof, request.target), request, proof)
    except BridgeError:
        return Report()  # not a config that could have been written as XML
    return proof


def _tell_assumptions(read: Reading, made: Config, report: Report) -> None:
    if names := ", ".join(sorted(read.request.host.remembered)):
        message = f"storage {names} is taken to be what the metadata remembers, for volumes of VM {read.request.vmid}"
        report.add("assumed", "/domain/metadata", message, "give the node's storage.cfg: --host DIR")
    after = made.after
    if after is None and made.refusal is not None:
        message = f"qemu-server would refuse this config: {made.refusal.message}"
        report.add("refused", read.found.read.machine.where, message, "change the domain, or the config by hand")

