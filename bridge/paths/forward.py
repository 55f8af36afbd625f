"""The forward paths: a config becomes a command line or a domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.report import BridgeError, NullReport, Report
from ..host.storagecfg import LOCAL, section_text
from ..model.vm import VM
from ..passes import iothreads, resources
from .request import Request, Result
from .steps import completed, domain_of, keys_of, read_conf

if TYPE_CHECKING:
    from ..libvirt.metadata import residue
    from ..libvirt.tree.node import Node
    from ..qemuserver.text import ConfigText

BEFORE_METADATA = ("name", "uuid", "genid", "title", "description")
"""libvirt's order of a domain's first elements."""


def to_argv(text: ConfigText | str | bytes, request: Request, report: Report) -> Result:
    return argv_of(read_conf(text, request, report)[1], request, report)


def argv_of(said: VM, request: Request, report: Report) -> Result:
    from ..argv.write import write
    from ..passes.template import reduce

    vm = completed(iothreads.released(reduce(said), request.host), request, report, start=True)
    return Result(vm, argv=write(vm, request.host, report))


def to_xml(text: ConfigText | str | bytes, request: Request, report: Report) -> Result:
    """The domain, and under its <metadata> what a reader could not get back from the rest (the self-proof)."""
    from ..libvirt.metadata import residue
    from ..libvirt.tree.serialise import Document

    config, said = read_conf(text, request, report, checked=True)
    request = request.of(said.meta.vmid).following_target(said.machine.version)
    resources.check(said, request.host)
    vm, root = domain_of(said, request, report)
    document = Document(root, BEFORE_METADATA)
    if request.metadata:
        document.insert(residue.element(_remembered(config if request.snapshot is None else None, said, root, request)))
    return Result(vm, document.text())


def to_conf(text: ConfigText | str | bytes, request: Request, report: Report) -> Result:
    from ..qemuserver.text import write

    if request.machine is not None:
        raise BridgeError("a config that stays a config keeps its machine type: edit it there", request.file)
    config, vm = read_conf(text, request, report)
    return Result(vm, write(config))


def _remembered(config: ConfigText | None, said: VM, root: Node, request: Request) -> residue.Residue:
    """What the tree does not give back when it is read; `config` None: of a snapshot, which has no text of its own. The tree is used up."""
    from ..libvirt.metadata import residue
    from ..libvirt.tree.domain import Domain
    from ..qemuserver.write import write

    values, description, sections = _canonical(config) if config else (write(said, NullReport()), said.meta.description, "")
    spoken: residue.Keys = {}
    for key, text in (("args", said.raw.args), ("runningcpu", said.cpu.runningcpu)):
        if text is not None:
            spoken[key] = text, None
    domain = Domain(root, NullReport(), request.target)
    domain.residue = residue.Residue(keys=spoken)  # what the metadata will say while the XML is read
    try:
        seen = keys_of(domain, request, NullReport())
    except BridgeError as error:
        raise BridgeError(f"the XML could not be read back: {error}", request.file) from None
    rest = residue.compare(values, seen.values, request.vmid, always=spoken)
    rest.sections = residue.public(sections)
    rest.storages = _storages(said, request)
    if seen.description != description:
        rest.description = description
    return rest


def _storages(vm: VM, request: Request) -> str:
    """The storages that the VM's own volumes are on, but the one that every node has."""
    from ..roundtrip.resources import is_own

    named = [disk.source for disk in vm.disks] + [vm.firmware.vars, vm.tpm.source if vm.tpm else None]
    ids = {source.volid.partition(":")[0] for source in named if source is not None and source.volid and is_own(source.volid, request.vmid)}
    known = request.host.storages
    return "".join(section_text(known[name]) for name in sorted(ids & known.keys() - {LOCAL.id})).rstrip()


def _canonical(config: ConfigText) -> tuple[dict[str, str], str | None, str]:
    """(keys, description, other sections) of the config as qemu-server would write it."""
    from ..qemuserver.setting import characters
    from ..qemuserver.text import canonical

    values, sections = canonical(config)
    return {key: characters(value) for key, value in values.items()}, config.main.description, characters(sections)
