"""The public conversions: which formats there are, and what is asked of the path between two of them."""

from __future__ import annotations

from importlib import import_module

from .core.literals import Format
from .core.report import BridgeError, NullReport, Report
from .core.shellwords import argv_text as argv_text
from .data import gates
from .host.facts import HostFacts
from .paths.detect import detect as detect
from .paths.request import Request
from .paths.request import Result as Result
from .paths.steps import read_conf

PATHS = {"conf": "forward", "xml": "backward", "argv": "commandline"}
"""Format of the input -> the module of `bridge.paths` that leads away from it, imported when somebody goes there."""
FORMATS: tuple[Format, ...] = ("conf", "xml", "argv")
DEFAULT_VMID = 100
"""The first id that a Proxmox cluster gives out."""


def convert(
    text: str | bytes,
    to: Format,
    source: Format | None = None,
    *,
    vmid: int | None = None,
    host: HostFacts | None = None,
    libvirt: str | None = None,
    qemu: str | None = None,
    metadata: bool = True,
    trust_metadata: bool = False,
    args: bool | None = None,
    snapshot: str | None = None,
    name: str | None = None,
    machine: str | None = None,
    keep_layout: bool = False,
    create: bool = False,
    node_paths: bool = False,
    clean: bool = False,
    started_in: str | None = None,
    file: str | None = None,
) -> Result:
    """Convert one VM.

    `to`, `source`: `conf`, `xml` or `argv`; the source is guessed if left out. `vmid` names the VM in paths
    and names (None: the id in the XML's metadata, else 100).
    `libvirt`, `qemu`: versions of the target host, as `11.3`. `metadata` False leaves the residue out of XML, so that only what
    XML itself can say comes back. `trust_metadata` takes all that the metadata of XML remembers, keys that make a node run programs
    and other VMs' volumes among it; without it only what the XML itself bears out comes back.
    `args`: whether raw QEMU arguments are carried (None: from configs yes, from XML no).
    `snapshot` converts the VM as it was at that snapshot. `name` is the domain's and `machine` a type, in place of the VM's own.
    `keep_layout`: XML's PCI places are kept by `args` where a config can. `create`: a config is given as a `qm create` command.
    `node_paths`: XML is for a libvirt on a node of Proxmox VE, and keeps the node's sockets, firmware and ROM files.
    `clean`: XML has libvirt's own elements only, no qemu:commandline and no qemu:override; what is lost by that is told.
    `started_in`: the directory in which QEMU was started, by its absolute path; relative paths of a command line are below it.
    `file` is the input's name in messages.

    Gives: a `Result`: `.text` (the document), `.argv` (its words for to="argv", else None), `.vm` (the model), `.findings`, `.pins`.
    Units: as in the format of the document: MiB in configs and `-m`, KiB or what `unit=` says in XML. Versions are texts, "10.0.2".
    Raises: BridgeError when the input cannot be converted, ValueError for a format that is none. Touches no file, network or process.
    Source: the text says its format: XML begins with `<`, a command line with a program; all else is a config, or what holds one
        (`qm config`, JSON of the API, a script of `qm` lines, a vzdump archive).
    """
    if to not in FORMATS or source not in (None, *FORMATS):
        raise ValueError(f"formats are {', '.join(FORMATS)}")
    if source is None:
        try:
            source = detect(text)
        except BridgeError as error:
            raise BridgeError(error.message, file or "the input") from None
    request = Request(
        host=host or HostFacts(),
        target=_target(libvirt, qemu)._replace(node=node_paths, clean=clean),
        vmid=vmid or DEFAULT_VMID,
        vmid_said=vmid is not None,
        file=file or (f"{vmid or DEFAULT_VMID}.conf" if source == "conf" else "domain.xml" if source == "xml" else "argv"),
        metadata=metadata,
        trust_metadata=trust_metadata,
        args=args,
        snapshot=snapshot,
        name=name,
        machine=machine,
        keep_layout=keep_layout,
        started_in=started_in,
    )
    if to == "xml":
        request = request.following_target()
    report = Report(args=bool(args) and source != "conf", clean=clean and to == "xml")
    report.vmid_guessed = vmid is None
    try:
        path = import_module(f".paths.{PATHS[source]}", __package__)
        result: Result = getattr(path, f"to_{to}")(text, request, report)
        if create and to == "conf":
            from .qemuserver.create import command
            from .qemuserver.read import check_for_api

            if source == "conf":
                check_for_api(read_conf(text, request, NullReport())[0], request.file)
            owner = result.vm.meta.vmid or request.vmid
            result = Result(result.vm, command(result.text, owner, request.host, report), pins=result.pins)
    except BridgeError as error:
        raise error if error.where is not None else BridgeError(error.message, request.file) from None
    except UnicodeEncodeError:
        raise BridgeError("a value is not UTF-8: write it in UTF-8", request.file) from None
    result.findings = list(report)
    return result


def rewrite_config(text: str | bytes, vmid: int = 100, strict: bool = False) -> str:
    """Read and write a config as qemu-server would; lenient: bad lines are dropped.

    Gives: the text of the config, keys in qemu-server's order, snapshots and pending changes as they are.
    Units: those of a config; nothing is converted.
    Raises: BridgeError for bad lines if `strict`, and for what is not text.
    Source: a config, `VMID.conf`; what only holds one is for `bridge.convert`.
    """
    from .qemuserver.text import rewrite

    return rewrite(text, vmid, strict)


def _target(libvirt: str | None, qemu: str | None) -> gates.Target:
    try:
        return gates.Target(
            gates.version(libvirt) if libvirt else gates.TARGET_LIBVIRT,
            gates.version(qemu) if qemu else gates.TARGET_QEMU,
        )
    except ValueError as error:
        raise BridgeError(str(error)) from None
