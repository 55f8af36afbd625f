"""Which formats there are, and the path between any two of them."""

from __future__ import annotations

import msgspec

from .data import gates
from .host.facts import HostFacts
from .model.vm import VM
from .passes import iothreads
from .passes.place import place
from .passes.resolve import resolve, unresolve
from .report import BridgeError, Finding, Report

FORMATS = ("conf", "xml", "argv")
MAX_XML_BYTES = 16 << 20


class Result(msgspec.Struct, kw_only=True):
    """What a conversion gives: the document as text, as a list of words for argv, the model it came from, and what to know about it."""

    text: str
    argv: list[str] | None
    vm: VM
    findings: list[Finding]


class Wanted(msgspec.Struct, kw_only=True):
    """How the document is wanted; see `convert`."""

    host: HostFacts
    target: gates.Target
    vmid: int
    file: str
    metadata: bool = True
    args: bool | None = None
    snapshot: str | None = None


def convert(
    text: str | bytes,
    to: str,
    source: str | None = None,
    *,
    vmid: int = 100,
    host: HostFacts | None = None,
    libvirt: str | None = None,
    qemu: str | None = None,
    metadata: bool = True,
    args: bool | None = None,
    snapshot: str | None = None,
    file: str | None = None,
) -> Result:
    """Convert one VM.

    `to`, `source`: `conf`, `xml` or `argv`; the source is guessed if left out. `vmid` names the VM in paths and names.
    `libvirt`, `qemu`: versions of the target host, as `11.3`. `metadata` False leaves the residue out of XML, so that only what
    XML itself can say comes back. `args`: whether raw QEMU arguments are carried (None: from configs yes, from XML no).
    `snapshot` converts the VM as it was at that snapshot. `file` is the input's name in messages.
    Raises BridgeError when the input cannot be converted. Touches no file, network or process.
    """
    if to not in FORMATS or source not in (None, *FORMATS):
        raise ValueError(f"formats are {', '.join(FORMATS)}")
    source = source or guess(text)
    wanted = Wanted(
        host=host or HostFacts(),
        target=_target(libvirt, qemu),
        vmid=vmid,
        file=file or (f"{vmid}.conf" if source == "conf" else "domain.xml" if source == "xml" else "argv"),
        metadata=metadata,
        args=args,
        snapshot=snapshot,
    )
    report = Report()
    result = _PATHS[source, to](text, wanted, report)
    return msgspec.structs.replace(result, findings=list(report))


def rewrite_config(text: str | bytes, vmid: int = 100, strict: bool = False) -> str:
    """Read and write a config as qemu-server would (lenient: bad lines are dropped; strict: they are a BridgeError)."""
    from .qemuserver.text import rewrite

    return rewrite(text, vmid, strict)


def guess(text: str | bytes) -> str:
    """The format of a text by its first characters: `<` starts XML, a path or `qemu-` a command line, all else is a config."""
    head = text[:4096].decode("utf-8", "replace") if isinstance(text, bytes) else text[:4096]
    head = head.lstrip("\ufeff \t\r\n")
    if head.startswith("<"):
        return "xml"
    first = head.split(None, 1)[0] if head else ""
    if first.startswith("/") or first.startswith("qemu-") or first == "kvm":
        return "argv"
    return "conf"


def _target(libvirt: str | None, qemu: str | None) -> gates.Target:
    try:
        return gates.Target(
            gates.version(libvirt) if libvirt else gates.TARGET_LIBVIRT,
            gates.version(qemu) if qemu else gates.TARGET_QEMU,
        )
    except ValueError as error:
        raise BridgeError(str(error)) from None


def _completed(vm: VM, wanted: Wanted, report: Report) -> VM:
    """A VM as said -> the whole machine that qemu-server would run."""
    vm = resolve(vm, wanted.host, report)
    vm = iothreads.spread(vm, wanted.host, report)
    return place(vm, report)


def _argv(vm: VM, wanted: Wanted, report: Report) -> Result:
    from .argv.write import write

    vm = _completed(vm, wanted, report)
    words = write(vm, wanted.host, report)
    return Result(text=argv_text(words), argv=words, vm=vm, findings=[])


def argv_text(words: list[str]) -> str:
    """A command line for a shell, one option a line."""
    lines: list[str] = []
    for word in map(shlex.quote, words):
        if lines and not word.startswith("-"):
            lines[-1] += " " + word
        else:
            lines.append(word)
    return " \\\n  ".join(lines) + "\n"


def _xml(vm: VM, config: ConfigText | None, wanted: Wanted, report: Report) -> Result:
    """The domain, and under its <metadata> what a reader could not get back from the rest (the self-proof)."""
    from .libvirt.parse import serialise
    from .libvirt.write import write
    from .passes.gate import gate

    vm = gate(_completed(vm, wanted, report), wanted.target, report)
    domain = write(vm, report, wanted.target)
    if not wanted.metadata:
        return Result(text=serialise(domain.root), argv=None, vm=vm, findings=[])
    return Result(text=_proved(domain.root, vm, config, wanted), argv=None, vm=vm, findings=[])


def _proved(root: Node, vm: VM, config: ConfigText | None, wanted: Wanted) -> str:
    """Serialise the tree, then read it back (which uses it up) and write what did not return into the residue."""
    from .libvirt import residue
    from .libvirt.parse import element, to_text
    from .qemuserver.text import keys_of, sections_of
    from .qemuserver.write import write as write_config

    top = element(root)
    wanted_keys = keys_of(config) if config is not None else write_config(vm, Report())
    seen, _ = _keys_from(Domain(root, Report(), wanted.target), wanted, Report(), None)
    rest = residue.compare(wanted_keys, seen, wanted.vmid)
    rest.sections = sections_of(config) if config is not None else ""
    residue.append(top, rest)
    return to_text(top)


def _keys_from(domain: Domain, wanted: Wanted, report: Report, rest: Residue | None) -> tuple[dict[str, str], VM]:
    """The tree -> config keys, by what XML itself says; the tree is used up."""
    from .libvirt.read import read
    from .passes.unplace import moves, unplace
    from .qemuserver.write import write

    domain.residue = rest
    vm = unplace(read(domain), report)
    before = vm
    vm = unresolve(iothreads.gather(vm, wanted.host, report), wanted.host, report)
    keys = write(vm, report)
    del before, moves
    return keys, vm


def _conf_to_xml(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    config, vm = _read_conf(text, wanted, report)
    return _xml(vm, config, wanted, report)


def _conf_to_argv(text: str | bytes, wanted: Wanted, report: Report) -> Result:
    return _argv(_read_conf(text, wanted, report)[1], wanted, report)


def _read_conf(text: str | bytes, wanted: Wanted, report: Report) -> tuple[ConfigText, VM]:
    from .qemuserver.read import read
    from .qemuserver.text import parse

    config = parse(text, vmid=wanted.vmid)
    return config, read(config, wanted.vmid, wanted.file, report, wanted.snapshot)


_PATHS: dict[tuple[str, str], Callable[[str | bytes, Wanted, Report], Result]] = {
    ("conf", "argv"): _conf_to_argv,
    ("conf", "xml"): _conf_to_xml,
}
