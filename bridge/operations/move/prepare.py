"""A request made of what the command was given: both machines looked at and compared, nothing changed yet."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

from ...argv.read import CommandLine, read
from ...core.report import BridgeError, Finding
from ...data import gates
from ...guest.compare import Difference
from ...guest.native import Embedded
from ...qemuserver.text import parse
from . import check, ssh
from .disks import copied, drives, images, over_hosts, places
from .host import RUNNING, About, Host
from .machine import Machine
from .request import Disk, Request
from .sides import described

NO_UUID = "00000000-0000-0000-0000-000000000000"
DIRECTORY_MODE = 0o1733
"""libvirt and its QEMU run as others, make sockets there and open them by name; nobody lists it."""
PRIVATE = 0o700
"""Where they are on another host, and have a directory there."""


class Wanted(NamedTuple):
    """What the user asks for; see `Request`."""

    uri: str
    way: str | None = None
    timeout: float = 3600.0
    max_downtime: int = 300
    bandwidth: int = 0
    allowed: bool = False
    copy_disks: bool = False
    shared_images: bool = False


class Prepared(NamedTuple):
    """`differences` are those that the guest would see; with any, there is no request, unless they are allowed."""

    request: Request | None
    differences: list[Difference]
    findings: list[Finding]


def into_libvirt(wanted: Wanted, qmp: Path, domain: Callable[[About, str], tuple[str, list[Finding]]], onboot: bool = False) -> Prepared:
    """From the QEMU at this socket. `domain` makes the XML for a libvirt, of a machine type. Raises BridgeError if it cannot be moved."""
    from ..process import read as read_process

    machine = Machine(qmp)
    there = ssh.other(wanted.uri)
    with Host(wanted.uri) as host:
        about = host.about()
    _check_stream(machine)
    if reasons := check.blocked(machine):
        raise BridgeError(f"QEMU does not let this VM go: {'; '.join(reasons)}", qmp)
    xml, findings = domain(about, machine_type(machine))
    xml, name, of = _identified(xml, machine)
    process = read_process(machine.pid())
    running = read(process.text, "the running QEMU")
    coming = native(xml)
    found = check.plugged(machine, running) + check.differences(running, coming, machine.version())
    if found and not wanted.allowed:
        return Prepared(None, found, findings)
    here = {device: drive.file for device, drive in drives(machine).items()}
    targets = places(xml)
    coming_images = {device: place.file for device, place in targets.items()}
    if there is None:
        disks = copied(here, coming_images, targets, wanted.copy_disks)
    else:
        disks = over_hosts(here, coming_images, targets, wanted.copy_disks, wanted.shared_images)
    way = wanted.way or way_in(about)
    _check_way(way, disks, there)
    findings = [*findings, *_of_way(way, running)]
    request = Request(
        into=True,
        way=way,
        uri=wanted.uri,
        name=name,
        uuid=of,
        xml=xml,
        qmp=str(qmp),
        directory=made_directory(there),
        names=check.renamed(running, coming),
        autostart=onboot,
        disks=disks,
        **_limits(wanted),
    )
    return Prepared(request, found, findings)


def out_of_libvirt(wanted: Wanted, name: str, argv: list[str], qmp: Path, pins: dict[str, frozenset[int]]) -> Prepared:
    """The domain of this name into a QEMU that this command line starts; `qmp` is a socket that it makes. Raises BridgeError as above."""
    with Host(wanted.uri) as host:
        uri = wanted.uri if "://" in wanted.uri else str(host.ask("canonical"))  # of an alias, or of the default
        there = ssh.other(uri)
        about = host.about()
        of = host.find(name)
        look = None if of is None else host.look(of)
        if of is None or look is None or look.state != RUNNING:
            raise BridgeError(f"domain {name} is {described(look)}, not running", wanted.uri)
        xml = str(host.ask("xml", of, True))
    way = wanted.way or "protocol3"
    if way == "protocol3" and not about.protocol3:
        raise BridgeError(f"libvirt {about.library} here does not have the calls of its migration protocol 3: --suspend moves the VM")
    running, coming = _running(of, wanted.uri, there), read(argv, "the command line")
    found = check.plugged_by_libvirt(xml, running) + check.differences(running, coming, gates.version(about.qemu))
    if found and not wanted.allowed:
        return Prepared(None, found, [])
    targets = places(xml)
    here = {device: place.file for device, place in targets.items()}
    if there is None:
        disks = copied(here, images(coming), targets, wanted.copy_disks)
    else:
        disks = over_hosts(images(coming), here, targets, wanted.copy_disks, wanted.shared_images)
    _check_way(way, disks, there)
    request = Request(
        into=False,
        way=way,
        uri=wanted.uri if there is None else uri,
        name=name,
        uuid=of,
        xml=xml,
        qmp=str(qmp),
        directory=made_directory(there),
        argv=tuple(argv),
        names=check.renamed(running, coming),
        pins={thread: tuple(sorted(cpus)) for thread, cpus in pins.items()},
        disks=disks,
        **_limits(wanted),
    )
    return Prepared(request, found, _of_way(way, running))


def starts_with_host(text: bytes, vmid: int | None) -> bool:
    """What `onboot` of a config says."""
    said = parse(text.decode("utf-8", "replace"), vmid=vmid or 100).main.entries.get("onboot")
    return said is not None and said.value not in ("", "0")


def _limits(wanted: Wanted) -> dict[str, Any]:
    return {"timeout": wanted.timeout, "max_downtime": wanted.max_downtime, "bandwidth": wanted.bandwidth}


def _check_way(way: str, disks: tuple[Disk, ...], there: ssh.Other | None) -> None:
    if there is not None and way != "protocol3":
        raise BridgeError(f"to another host goes libvirt's migration protocol 3 alone, and this move goes by {way}, which takes a file")
    if disks and way != "protocol3":
        raise BridgeError(f"disks are copied by libvirt's migration protocol 3 alone, and this move goes by {way}: share the images")


def _of_way(way: str, running: CommandLine) -> list[Finding]:
    """Of a guest that runs meanwhile."""
    return check.at_risk(running) if way != "saved" else []


def way_in(about: About) -> str:
    """Live; see docs/moving.md for why."""
    return "protocol3" if about.protocol3 else "restore"


def _running(uuid: str, uri: str, there: ssh.Other | None) -> CommandLine:
    """The command line of libvirt's QEMU. Its XML would not do: of a running domain it names CPU features that nobody asked for."""
    from ..process import read as read_process

    if there is not None:
        return read(ssh.running(there, uuid), "the running QEMU")
    pid = check.process_of(uuid)
    if pid is None:
        raise BridgeError("the domain's QEMU is not to be seen here: move it on the host that it runs on, as root", uri)
    return read(read_process(pid).text, "the running QEMU")


def native(xml: str) -> CommandLine:
    """The command line that libvirt here makes of a domain."""
    with Embedded() as libvirt:
        made = libvirt.native(xml)
    return read(made.words + made.plugged, "libvirt's command line")


def machine_type(machine: Machine) -> str:
    """The type of the running machine, with its version, without Proxmox's revision."""
    found = str(machine.do("qom-get", {"path": "/machine", "property": "type"}))
    return found.removesuffix("-machine").partition("+")[0]


def _check_stream(machine: Machine) -> None:
    """The form of the stream is known for these versions of QEMU."""
    version = machine.version()
    if not gates.STREAM_SINCE <= version <= gates.STREAM_UNTIL:
        first, last = (".".join(map(str, each)) for each in (gates.STREAM_SINCE, gates.STREAM_UNTIL))
        said = ".".join(map(str, version))
        raise BridgeError(f"the migration stream of QEMU {said} is not known: it is that of {first} to {last}", machine.socket)


def _identified(xml: str, machine: Machine) -> tuple[str, str, str]:
    """The XML with a <uuid>, its name and its UUID: libvirt would make up another one than the cookie has."""
    root = etree.fromstring(xml)
    found = root.findtext("uuid")
    if not found:
        found = str(machine.do("query-uuid")["UUID"])
        found = str(uuid.uuid4()) if found == NO_UUID else found
        element = etree.Element("uuid")
        element.text = found
        name = root.find("name")
        root.insert(0 if name is None else root.index(name) + 1, element)
        xml = etree.tostring(root, encoding="unicode")
    return xml, str(root.findtext("name")), found.strip()


def made_directory(there: ssh.Other | None = None) -> str:
    """For the sockets of one move, here; short, as a socket's path has at most 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="virt-qm-move-"))
    made.chmod(DIRECTORY_MODE if there is None else PRIVATE)
    return str(made)
