"""libvirt's own command line for a domain, from its QEMU driver embedded in a child process, all below a temporary directory.

domxml-to-native rewrites every network card to a bare one (mapping-devices 21), so the cards of a domain are started for real, alone,
with a QEMU that only writes down how it was called. Nothing of the host is touched: no tap, no bridge, no image.
"""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from lxml import etree

from ..core.report import BridgeError
from ..data.devices import ALIASES, CARRIES
from ..libvirt.host.connect import Connection
from ..libvirt.tree.node import QEMU_NS
from .hostless import fitted

QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
spice_tls = 1
"""
"""No cgroups, labels, namespaces or virtlogd are needed to say a command line. TLS is on so that `tlsPort` can be said."""
RECORDER_NAME = "qemu"
RECORDER = """\
#!/bin/sh
# QEMU while libvirt asks what it can do; what libvirt starts is written down instead
case " $* " in *" -sandbox "*) printf '%s\\0' "$@" > {log}; echo recorded >&2; exit 1;; esac
exec {qemu} "$@"
"""
TIME_LIMIT = 120.0
"""Seconds for a call: libvirt first asks the QEMU here for all that it can do."""
OVERRIDE = f"{{{QEMU_NS}}}override"
FOR_CARDS = frozenset(("name", "uuid", "memory", "vcpu", "os", "features", "devices", OVERRIDE))
BACKEND = frozenset(("source", "virtualport", "vlan", "bandwidth", "filterref", "target", "portForwards", "backend", "port", "ip", "route"))
"""Children of an interface that are the host's network."""
SHARE_SOCKET = "/run/virtiofsd.sock"
BEFORE_CARDS = frozenset((*CARRIES, "vhost-user-fs-pci", "virtio-9p-pci"))
INSTALLED = {"lib": "/var/lib/libvirt", "run": "/run/libvirt", "cache": "/var/cache/libvirt", "log": "/var/log/libvirt"}


class Native(NamedTuple):
    """`words` is the command line with the cards in it, `changed` says what of the domain had to give way to this host.

    `plugged` holds -device options for the CPUs that libvirt plugs over QMP before the guest runs.
    """

    words: list[str]
    changed: list[str]
    plugged: list[str]


class Embedded:
    """libvirt's embedded QEMU driver, started at the first question; used in a `with`. It then asks QEMU for seconds what it can do.

    `emulator` is the QEMU that it speaks for.
    """

    def __init__(self, emulator: str = "qemu-system-x86_64") -> None:
        self.emulator = emulator
        self._stack = ExitStack()
        self._opened: tuple[Connection, Path, str] | None = None

    def __enter__(self) -> Embedded:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._opened = None
        self._stack.close()

    def native(self, text: bytes | str, fit: bool = True) -> Native:
        """libvirt's command line for a domain's XML.

        What the domain leaves to libvirt, libvirt fills in first.

        `fit` lets machine types and KVM that are not here give way, and puts them back into the command line; without it libvirt
        refuses them. Raises BridgeError if libvirt refuses the domain, or is not here.
        """
        domain = _parsed(text)
        connection, root, program = self._open()
        fitting = fitted(domain, program) if fit else None
        etree.SubElement(domain.find("devices"), "emulator").text = str(root / RECORDER_NAME)
        domain = etree.fromstring(connection.completed(etree.tostring(domain, encoding="unicode")))  # or cards alone take slots of others
        cards = domain.findall("devices/interface")
        recorded = _cards(connection, domain, root) if cards else []
        _remove(domain, cards)
        words = shlex.split(connection.native(etree.tostring(domain, encoding="unicode")))
        start = words.index(str(root / RECORDER_NAME))  # the environment stands before it
        words = _with_cards([program, *(_installed(word, root) for word in words[start + 1 :])], recorded)
        if fitting is None:
            return Native(words, [], _plugged(domain))
        return Native(fitting.restored(words), fitting.changed, _plugged(domain))

    def _open(self) -> tuple[Connection, Path, str]:
        if self._opened is None:
            program = shutil.which(self.emulator)
            if program is None:
                raise BridgeError(f"libvirt needs a QEMU to speak for: {self.emulator} is not here")
            directory = tempfile.TemporaryDirectory(prefix="qm-", ignore_cleanup_errors=True)  # short: sockets have at most 107 bytes
            root = Path(self._stack.enter_context(directory))
            _prepare(root, program)
            connection = self._stack.enter_context(Connection(f"qemu:///embed?root={root}", TIME_LIMIT))
            self._opened = connection, root, program
        return self._opened


def _remove(domain: Any, cards: list[Any]) -> None:
    """Take the cards out. If they alone had a boot order, libvirt would boot the first disk instead (mapping-devices R5)."""
    for card in cards:
        card.getparent().remove(card)
    system = domain.find("os")
    ordered = any(card.find("boot") is not None for card in cards)
    if ordered and domain.find("devices/*/boot") is None and system.find("boot") is None:
        etree.SubElement(system, "boot", dev="fd")


def _plugged(domain: Any) -> list[str]:
    """CPUs that can be unplugged and are there from the start: -smp does not count them (mapping-machine 7)."""
    topology = domain.find("cpu/topology")
    sizes = [int(topology.get(name) or 1) if topology is not None else 1 for name in ("cores", "threads")]
    words: list[str] = []
    for cpu in domain.iterfind("vcpus/vcpu"):
        if cpu.get("hotpluggable") == "yes" and cpu.get("enabled") == "yes":
            rest, thread = divmod(int(cpu.get("id")), sizes[1])
            socket, core = divmod(rest, sizes[0])
            words += ["-device", f"plugged-cpu,socket-id={socket},core-id={core},thread-id={thread}"]
    return words


def _parsed(text: bytes | str) -> Any:
    """The domain, without the programs that it names: libvirt would run them to ask what they can do."""
    from ..libvirt.tree.parse import tree
    from ..libvirt.tree.serialise import serialise

    root = tree(text)
    if root.tag != "domain":
        raise BridgeError(f"the root element is <{root.tag}>: give a libvirt <domain>", root)
    root.children = [child for child in root.children if child.tag != "metadata"]
    domain: Any = etree.fromstring(serialise(root))
    if domain.find("devices") is None:
        etree.SubElement(domain, "devices")
    for element in domain.findall("devices/emulator"):
        element.getparent().remove(element)
    for card in domain.findall("devices/interface[@type='hostdev']"):
        _passed_through(card)
    for share in domain.findall("devices/filesystem"):
        if (driver := share.find("driver")) is not None and driver.get("type") == "virtiofs":
            _outside(share)
    return domain


def _passed_through(card: Any) -> None:
    """A card of the host is a PCI device for the guest, and no network card for libvirt to rewrite."""
    card.tag = "hostdev"
    for element in list(card):
        if element.tag not in ("source", "address", "boot", "alias", "rom"):
            card.remove(element)
    for address in card.findall("source/address"):
        card.set("type", address.attrib.pop("type", "pci"))
    card.set("mode", "subsystem")


def _outside(share: Any) -> None:
    """virtiofsd counts as started by someone else: the guest's device is the same."""
    for element in [*share.findall("binary"), *share.findall("source"), *share.findall("idmap")]:
        share.remove(element)
    share.insert(0, etree.Element("source", socket=SHARE_SOCKET))


def _prepare(root: Path, program: str) -> None:
    (root / "etc").mkdir()
    (root / "etc/qemu.conf").write_text(QEMU_CONF)
    recorder = root / RECORDER_NAME
    recorder.write_text(RECORDER.format(log=shlex.quote(str(root / "argv")), qemu=shlex.quote(program)))
    recorder.chmod(0o755)


def _cards(connection: Connection, domain: Any, root: Path) -> list[str]:
    """-netdev and -device of every network card, as libvirt starts them; a tap has no file descriptors here."""
    (root / "argv").unlink(missing_ok=True)
    cards = domain.findall("devices/interface")
    sizes = [mtu.get("size") if (mtu := card.find("mtu")) is not None else None for card in cards]
    backends = [_backend(card) for card in cards]
    alone = _alone(domain, root)
    try:
        connection.create(etree.tostring(alone, encoding="unicode"))
    except BridgeError:
        if not (root / "argv").exists():  # it came to no start
            raise
    words = (root / "argv").read_text(errors="replace").split("\0")[:-1]
    found: list[str] = []
    for option, value in pairwise(words):
        if option == "-netdev":
            found += [option, json.dumps({**backends.pop(0), "id": json.loads(value)["id"]}, separators=(",", ":"))]
        elif option == "-device" and '"netdev"' in value:
            found += [option, _with_mtu(value, sizes.pop(0))]
    return found


def _backend(card: Any) -> dict[str, Any]:
    """What the card is really plugged into."""
    kind = card.get("type")
    if kind in ("user", "vhostuser"):
        return {"type": {"user": "user", "vhostuser": "vhost-user"}[kind]}
    driver, model = card.find("driver"), card.find("model")
    vhost = model is not None and str(model.get("type")).startswith("virtio") and (driver is None or driver.get("name") != "qemu")
    return {"type": "tap", "vhost": True} if vhost else {"type": "tap"}


def _with_cards(words: list[str], cards: list[str]) -> list[str]:
    """The cards where libvirt has them: behind controllers, disks and shared directories."""
    at = next((n for n, word in enumerate(words) if word == "-device"), len(words))
    for n, (option, value) in enumerate(pairwise(words)):
        if option == "-device" and value.startswith("{"):
            device = json.loads(value)
            if ALIASES.get(device["driver"], device["driver"]) in BEFORE_CARDS or "drive" in device:
                at = n + 2
    return [*words[:at], *cards, *words[at:]]


def _installed(word: str, root: Path) -> str:
    """Paths below the temporary directory as they are below that of an installed libvirt."""
    for part, place in INSTALLED.items():
        word = word.replace(f"{root}/{part}/", f"{place}/")
    return word


def _with_mtu(device: str, size: str | None) -> str:
    """<mtu> is a virtio card's host_mtu, as qemuBuildNicDevProps has it; said here, as libvirt sets it on a tap that is not there."""
    if size is None or '"driver":"virtio-net' not in device:
        return device
    return device[:-1] + f',"host_mtu":{int(size)}}}'


def _alone(domain: Any, root: Path) -> Any:
    """The domain with its PCI controllers and network cards only, none of which needs the host's network."""
    alone: Any = etree.fromstring(etree.tostring(domain))
    for element in list(alone):
        if element.tag not in FOR_CARDS:
            alone.remove(element)
    system = alone.find("os")
    system.attrib.pop("firmware", None)
    for element in [*system.findall("loader"), *system.findall("nvram"), *system.findall("firmware"), *system.findall("bios")]:
        system.remove(element)  # <bios useserial='yes'/> wants a serial port beside it
    devices = alone.find("devices")
    for element in list(devices):
        if element.tag not in ("interface", "emulator") and not (element.tag == "controller" and element.get("type") == "pci"):
            devices.remove(element)
    alone.set("type", "qemu")
    for n, card in enumerate(devices.findall("interface")):
        _unplug(card, f"{root}/{n}.sock")
    etree.SubElement(devices, "memballoon", model="none")
    memory = etree.SubElement(alone, "memoryBacking")  # vhostuser wants it shared
    etree.SubElement(memory, "source", type="memfd")
    etree.SubElement(memory, "access", mode="shared")
    return alone


def _unplug(card: Any, socket: str) -> None:
    """A virtio card on a socket of its own, which takes many queues and needs no rights; any other in user mode."""
    for element in list(card):
        if element.tag in BACKEND or element.tag == "mtu":
            card.remove(element)
    for driver in card.findall("driver"):
        driver.attrib.pop("name", None)  # vhost or not: the host's business
    model = card.find("model")
    if model is not None and str(model.get("type", "")).startswith("virtio"):
        card.set("type", "vhostuser")
        etree.SubElement(card, "source", type="unix", path=socket, mode="server")
    else:
        card.set("type", "user")
