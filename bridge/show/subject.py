"""What is shown of one VM: the picture, its parts at a glance, the findings, both PCI trees and both texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..argv.read import read as read_argv
from ..convert import Result, convert, detect
from ..core.literals import Format
from ..core.report import SEVERITIES, BridgeError, Finding, Report, shown
from ..core.rows import whole_number
from ..core.shellwords import argv_text, without_secrets
from ..data import gates
from ..data.options import SECRETS
from ..guest.tree import tree as guest_tree
from ..host.facts import HostFacts
from ..libvirt.complete import complete
from ..libvirt.metadata.residue import take
from ..libvirt.read import read as read_domain
from ..libvirt.tree.node import Node
from ..libvirt.tree.parse import parse, tree
from ..model.disk import Disk
from ..model.vm import VM
from ..passes.assign_keys import assign_keys
from ..passes.fill import change
from ..passes.iothreads import names as object_names
from .advice import advice
from .picture import Picture, picture
from .stacks import Places, Slot, of_command_line, of_domain, of_model, side_by_side

LEFT_OUT = "(left out)"
_SECRET_LINE = re.compile(rf"^([ \t]*(?:{'|'.join(SECRETS)})[ \t]*:).*$", re.MULTILINE)
_SECRET_ATTRIBUTE = re.compile(r"""(\bpasswd\s*=\s*)(?:"[^"]*"|'[^']*')""")


class Document(NamedTuple):
    """`text` None: there is none, `why` says so."""

    title: str
    text: str | None
    why: str = ""


class Subject(NamedTuple):
    """`ids`: what libvirt calls the iothreads of a config. `facts`: (what, its words). `notes`: on the PCI tree."""

    title: str
    file: str
    format: Format
    picture: Picture
    ids: dict[int, str]
    facts: list[tuple[str, str]]
    findings: list[Finding]
    advice: list[str]
    slots: list[Slot]
    notes: list[str]
    documents: list[Document]


def subject(text: str | bytes, keywords: dict[str, Any]) -> Subject:
    """Everything about one VM. `keywords` are those of `bridge.convert`. Raises BridgeError for what is not a VM in any of the formats."""
    source = keywords.get("source") or detect(text)
    keywords = {**keywords, "source": source}
    made, refused = _conversions(text, keywords)
    vm, names = _layout(text, source, made, refused)
    xml = text if source == "xml" else made["xml"].text if "xml" in made else None
    slots, notes = _stacks(xml, made, refused, keywords)
    found, hints = _drawn(vm, names, source)
    return Subject(
        title=_title(vm),
        file=shown(keywords["file"]),
        format=source,
        picture=found,
        ids={thread.id: str(thread.id) for thread in vm.iothreads.threads or ()} if source == "conf" else {},
        facts=[_qemu(source, keywords), *_facts(vm, source)],
        findings=_findings(made, refused),
        advice=hints,
        slots=slots,
        notes=notes,
        documents=_documents(text, source, made, refused),
    )


def drawn(text: str | bytes, source: Format, made: Made) -> tuple[Picture, list[str]]:
    """Who serves what, and advice about it. `made`: what the text was converted to, by its format."""
    return _drawn(*_layout(text, source, made, {}), source)


def _drawn(vm: VM, names: dict[int, str], source: Format) -> tuple[Picture, list[str]]:
    name = _by_key if source == "conf" else _by_target
    found = picture(vm, names, name)
    return found, advice(found, _threadable(vm, found, name), source)


Made = dict[Format, Result]
Refused = dict[Format, BridgeError]


def _conversions(text: str | bytes, keywords: dict[str, Any]) -> tuple[Made, Refused]:
    """The other documents, and the command line of qemu-server."""
    made: Made = {}
    refused: Refused = {}
    for to in (*_others(keywords["source"]), "argv"):
        try:
            made[to] = convert(text, to, **keywords)
        except BridgeError as error:
            refused[to] = error
    return made, refused


def _others(source: Format) -> list[Format]:
    both: tuple[Format, ...] = ("xml", "conf")
    return [form for form in both if form != source]


def _layout(text: str | bytes, source: Format, made: Made, refused: Refused) -> tuple[VM, dict[int, str]]:
    """The VM with its iothreads as its own stack runs them, and what that calls them: a config never says less than its XML."""
    if source == "conf":
        result = made.get("argv") or made.get("xml")
        if result is None:
            raise refused["argv"]
        return result.vm, object_names(result.vm)
    if source == "argv":
        if "xml" not in made:
            raise refused["xml"]
        text = made["xml"].text  # a domain says all that a command line says of its threads
    vm = _described(text)
    return vm, {thread.id: f"iothread {thread.id}" for thread in vm.iothreads.threads or ()}


def _described(text: str | bytes) -> VM:
    """The domain as it stands, before its iothreads are gathered into what a config can say."""
    domain = parse(text, Report(), gates.Target(gates.TARGET_LIBVIRT, gates.TARGET_QEMU))
    domain.residue = take(domain.root)
    queues = {id(node): _queues(node) for node in domain.devices.children if node.tag == "disk"}
    vm = read_domain(domain)
    try:
        vm = assign_keys(vm, Report())
    except BridgeError:
        pass  # no config can hold it: its devices have no keys
    return change(vm, disks=[change(disk, queues=disk.queues or queues.get(id(disk.where))) for disk in vm.disks])


def _queues(disk: Node) -> int | None:
    """Queues of a virtio disk: no config has them, so they are not in the model."""
    driver = disk.peek("driver")
    try:
        return whole_number(driver.attrib["queues"]) if driver is not None else None
    except (KeyError, ValueError):
        return None  # the reader says what is wrong with it


def _findings(made: Made, refused: Refused) -> list[Finding]:
    found: dict[Finding, None] = {}
    known = {finding.kind for result in made.values() for finding in result.findings}
    for to, error in refused.items():
        if to == "argv" and known & _MISSING_FACTS:
            continue  # the host's facts are not here; that is said already
        found[Finding("refused", "guest", str(error.where or ""), f"no {_FORMS[to]}: {error.message}")] = None
    for result in made.values():
        found |= dict.fromkeys(result.findings)
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


_MISSING_FACTS = {"storage-unknown", "resource-unknown"}
_FORMS = {"conf": "config", "xml": "domain XML", "argv": "command line"}


# --- PCI trees


def _threadable(vm: VM, found: Picture, name: Callable[[Disk], str]) -> int:
    """Disks that the main loop serves and an iothread could: virtio-blk, and SCSI disks with an adapter each."""
    buses = ("virtio", "scsi") if vm.scsihw == "virtio-scsi-single" else ("virtio",)
    return sum(disk.bus in buses and disk.media != "cdrom" and name(disk) in found.main_loop for disk in vm.disks)


def _stacks(xml: str | bytes | None, made: Made, refused: Refused, keywords: dict[str, Any]) -> tuple[list[Slot], list[str]]:
    notes: list[str] = []
    left: Places = {}
    right: Places = {}
    if "argv" in made:
        host = keywords.get("host")
        qemu = gates.qemu_version(host.qemu_version, host.qemu_server) if host is not None else None
        argv = made["argv"]
        left = of_command_line(guest_tree(read_argv(argv.argv or [], keywords["file"]), qemu), argv.vm)
    else:
        notes.append(f"qemu-server would not start this VM: {refused['argv'].message}")
        left = _placed(made, keywords)
    if xml is None:
        notes.append(f"There is no domain XML: {refused['xml'].message}")
    else:
        root = tree(xml)
        right, unplaced = of_domain(root)
        if unplaced:
            devices = "1 device has" if unplaced == 1 else f"{unplaced} devices have"
            notes.append(f"{devices} no address in the XML: the column of libvirt shows where it puts them when the domain is defined.")
            right = _defined(root)
    slots = side_by_side(left, right)
    apart = sum(not (slot.qemuserver and slot.libvirt) for slot in slots)
    if keywords["source"] != "conf" and left and right and apart:
        places = "1 place is" if apart == 1 else f"{apart} places are"
        notes.append(f"{places} of one stack only: moved, the guest finds devices elsewhere; to-conf --keep-layout keeps what it can.")
    return slots, notes


def _defined(root: Node) -> Places:
    """The domain as libvirt completes it."""
    devices = next((node for node in root.children if node.tag == "devices"), None)
    if devices is not None:
        complete(root, devices)
    return of_domain(root)[0]


def _placed(made: Made, keywords: dict[str, Any]) -> Places:
    """Where qemu-server would put the devices if it could start the VM."""
    try:
        asked = made.get("xml") if keywords["source"] == "conf" else None
        result = asked or convert(made["conf"].text, "xml", **{**keywords, "source": "conf"})
    except (KeyError, BridgeError):
        return {}
    return of_model(result.vm)


# --- at a glance


def _by_key(disk: Disk) -> str:
    return disk.key or _said(disk.target) or "disk"


def _by_target(disk: Disk) -> str:
    return _said(disk.target) or disk.key or "disk"


def _title(vm: VM) -> str:
    number = f"VM {vm.meta.vmid}" if vm.meta.vmid else "VM"
    return shown(vm.meta.name or number)


def _qemu(source: Format, keywords: dict[str, Any]) -> tuple[str, str]:
    """The one that all of it is about: the node's of a config, the target's of a domain or a command line."""
    host = keywords.get("host") or HostFacts()
    said, option = (host.qemu_version, "--host-fact qemu_version=VERSION") if source == "conf" else (keywords.get("qemu"), "--qemu VERSION")
    if said:
        return "QEMU", shown(said)
    if source == "conf" and gates.release_of(host.qemu_server):
        return "QEMU", f"{'.'.join(map(str, gates.qemu_version(None, host.qemu_server)))}, which came with qemu-server {host.qemu_server}"
    return "QEMU", f"{'.'.join(map(str, gates.TARGET_QEMU))}, assumed: {option} names another"


def _facts(vm: VM, source: Format) -> Iterator[tuple[str, str]]:
    version = ".".join(map(str, vm.machine.version or ()))
    yield "Machine", " ".join(filter(None, (vm.machine.base or vm.machine.type, version, vm.firmware.bios)))
    cpu = vm.cpu
    count = (cpu.sockets or 1) * (cpu.cores or 1)
    started = f", {cpu.vcpus} at start" if cpu.vcpus and cpu.vcpus != count else ""
    yield "CPU", f"{count} {'vCPU' if count == 1 else 'vCPUs'}{started} ({_said(cpu.cputype or cpu.model) or 'default'})"
    if vm.memory.size:
        yield "Memory", f"{vm.memory.size} MiB"
    if vm.meta.ostype:
        yield "Guest", shown(vm.meta.ostype)
    for disk in vm.disks:
        key = _by_key(disk)
        yield key if source == "conf" or _by_target(disk) == key else f"{_by_target(disk)} ({key})", _disk(disk)
    for net in vm.nets:
        where = net.bridge or net.network
        words = (net.model, net.macaddr, f"on {where}" if where else None)
        yield net.key or "net", " ".join(_said(word) for word in words if word)


def _disk(disk: Disk) -> str:
    """`local:100/vm-100-disk-0.raw, 32G, cache none`"""
    source = disk.source
    image = (source.volid or source.path or source.volume or source.name or source.kind) if source is not None else None
    words = [_said(image) or "empty", _said(disk.size), disk.media if disk.media not in (None, "disk") else None]
    words.append(f"cache {disk.cache}" if disk.cache else None)
    words.append(f"aio {disk.aio}" if disk.aio and image not in NO_IMAGE else None)
    return ", ".join(filter(None, words))


NO_IMAGE = (None, "none", "empty")
"""A drive without a medium: nothing is read from it, in whatever way."""


def _said(text: object) -> str:
    return shown(str(text)) if text else ""


# --- texts


def _documents(text: str | bytes, source: Format, made: Made, refused: Refused) -> list[Document]:
    documents = {form: _document(_TITLES[form], form, made, refused) for form in _others(source)}
    documents[source] = Document(_TITLES[source], _public(_one_line(text) if source == "argv" else text))
    in_order = [documents[form] for form in ("argv", "conf", "xml") if form in documents]
    return [*in_order, _document("Command line of qemu-server", "argv", made, refused)]


_TITLES = {"conf": "Config", "xml": "Domain XML", "argv": "Command line"}


def _one_line(text: str | bytes) -> str:
    """The words alone, of whatever they were given as: a script may hold more than this shows."""
    return argv_text([without_secrets(word) for word in read_argv(text).words])


def _document(title: str, form: Format, made: Made, refused: Refused) -> Document:
    if form in refused:
        return Document(title, None, str(refused[form]))
    return Document(title, _public(made[form].text))


def _public(text: str | bytes) -> str:
    """The text without secrets, and without what a screen would act on."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = _SECRET_LINE.sub(rf"\1 {LEFT_OUT}", text)
    text = _SECRET_ATTRIBUTE.sub(rf'\1"{LEFT_OUT}"', text)
    return "\n".join("\t".join(map(shown, line.removesuffix("\r").split("\t"))) for line in text.split("\n"))
