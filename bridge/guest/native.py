"""libvirt's own command line for a domain, from its QEMU driver embedded in a child process, all below a temporary directory.

domxml-to-native rewrites every network card to a bare one (mapping-devices 21), so the cards of a domain are started for real, alone,
with a QEMU that only writes down how it was called. Nothing of the host is touched: no tap, no bridge, no image.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from lxml import etree

from ..libvirt.connect import Connection
from ..report import BridgeError
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
FOR_CARDS = frozenset(("name", "uuid", "memory", "vcpu", "os", "features", "devices"))
BACKEND = frozenset(("source", "virtualport", "vlan", "bandwidth", "filterref", "target", "portForwards", "backend", "port", "ip", "route"))
"""Children of an interface that are the host's network."""
SHARE_SOCKET = "/run/virtiofsd.sock"
_FDS = re.compile(r'"(?:tapfds?|fds?|vhostfds?)":"[^"]*",?')


class Native(NamedTuple):
    """`words` is the command line with the cards in it, `changed` says what of the domain had to give way to this host."""

    words: list[str]
    changed: list[str]


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

        `fit` lets machine types and KVM that are not here give way, and puts them back into the command line; without it libvirt
        refuses them. Raises BridgeError if libvirt refuses the domain, or is not here.
        """
        domain = _parsed(text)
        connection, root, program = self._open()
        fitting = fitted(domain, program) if fit else None
        etree.SubElement(domain.find("devices"), "emulator").text = str(root / RECORDER_NAME)
        cards = domain.findall("devices/interface")
        recorded = _cards(connection, domain, root) if cards else []
        for card in cards:
            card.getparent().remove(card)
        words = shlex.split(connection.native(etree.tostring(domain, encoding="unicode")))
        words = [program if word == str(root / RECORDER_NAME) else word for word in words] + recorded
        return Native(fitting.restored(words) if fitting else words, fitting.changed if fitting else [])

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


def _parsed(text: bytes | str) -> Any:
    """The domain, without the programs that it names: libvirt would run them to ask what they can do."""
    from ..libvirt.parse import tree
    from ..libvirt.serialise import serialise

    root = tree(text)
    if root.tag != "domain":
        raise BridgeError(f"the root element is <{root.tag}>: give a libvirt <domain>", root)
    root.children = [child for child in root.children if child.tag != "metadata"]
    domain: Any = etree.fromstring(serialise(root))
    if domain.find("devices") is None:
        etree.SubElement(domain, "devices")
    for element in domain.findall("devices/emulator"):
        element.getparent().remove(element)
    for share in domain.findall("devices/filesystem"):
        if (driver := share.find("driver")) is not None and driver.get("type") == "virtiofs":
            _outside(share)
    return domain


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
    """-netdev and -device of every network card, as libvirt starts them."""
    (root / "argv").unlink(missing_ok=True)
    sizes = [mtu.get("size") if (mtu := card.find("mtu")) is not None else None for card in domain.findall("devices/interface")]
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
            found += [option, _FDS.sub("", value)]
        elif option == "-device" and '"netdev"' in value:
            found += [option, _with_mtu(value, sizes.pop(0) if sizes else None)]
    return found


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
    for element in [*system.findall("loader"), *system.findall("nvram"), *system.findall("firmware")]:
        system.remove(element)
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
