"""What a card of a command line hangs on, beside a bridge or a tap: as the type and <source> of <interface> (xml-paths network)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...model.raw import Backend
from ..tree.domain import Domain
from ..tree.node import Node
from .writer import Properties, spelled

_AT = re.compile(r"(?:([^:]*|\[[^\]]+\]):)?([0-9]{1,5})", re.ASCII).fullmatch
_NETWORK = re.compile(r"([0-9.]+)/([0-9]{1,2})", re.ASCII).fullmatch
DESCRIPTOR = "/dev/fdset/"
SOCKETS = {"connect": "client", "listen": "server", "mcast": "mcast"}
"""What -netdev socket does -> libvirt's type."""


def write_backend(domain: Domain, node: Node, backend: Backend) -> None:
    """Make the element one of the backend's type. What it has no place for is a finding."""
    said = dict(backend.properties)
    kind = str(said.pop("type", ""))
    for name in ("id", "queues", "vhostforce"):
        said.pop(name, None)
    builder = BUILDERS.get(kind)
    if builder is None or not builder(domain, node, said, backend):
        message = f"libvirt has no network of type {kind} as it is here: the card hangs on nothing"
        domain.report.add("network-unknown", backend.where, message, "give its <interface> another source")
    for name, value in _flat(said):
        what = "user mode networking here has no such setting" if kind == "user" else "a domain has no place for it"
        domain.report.add("host-lost", backend.where, f"-netdev {kind}: {name}={spelled(value)}: {what}", "set it up on the host by hand")


def _flat(said: Properties, prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in said.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found


def _user(domain: Domain, node: Node, said: Properties, backend: Backend) -> bool:
    """SLIRP; the guest sees its addresses."""
    del domain, backend
    node.set("type", "user")
    match = _NETWORK(str(said.get("net", "")))
    if match is not None:
        del said["net"]
        node.add("ip", family="ipv4", address=match[1], prefix=match[2])
    prefix, length = str(said.get("ipv6-prefix", "")), str(said.get("ipv6-prefixlen", "64"))
    if prefix and length.isdigit():
        said.pop("ipv6-prefixlen", None)
        del said["ipv6-prefix"]
        node.add("ip", family="ipv6", address=prefix, prefix=length)
    return True


def _passt(domain: Domain, node: Node, said: Properties, backend: Backend) -> bool:
    """passt is a process of its own, which libvirt starts."""
    del domain, backend
    address = said.get("addr")
    path = str(address.get("path", "")) if isinstance(address, dict) else str(said.get("addr.path", said.get("path", "")))
    if "passt" not in path and said:
        return False
    said.clear()
    node.set("type", "user")
    node.add("backend", type="passt")
    return True


def _vhost_user(domain: Domain, node: Node, said: Properties, backend: Backend) -> bool:
    socket = backend.below.get("chardev")
    if socket is None or socket.properties.get("backend") != "socket" or "path" not in socket.properties:
        return False
    said.pop("chardev", None)
    end = dict(socket.properties)
    for name in ("backend", "id", "wait"):
        end.pop(name, None)
    listens = spelled(end.pop("server", "off")) in ("on", "true", "yes")
    node.set("type", "vhostuser")
    source = node.add("source", type="unix", path=str(end.pop("path")), mode="server" if listens else "client")
    for option, factor in (("reconnect", 1), ("reconnect-ms", 1000)):
        text = str(end.pop(option, ""))
        if text.isdigit():
            again = source.add("reconnect", enabled="yes" if int(text) else "no")
            if int(text):
                again.set("timeout", str(-(-int(text) // factor)))
    for name, value in end.items():
        domain.report.add("host-lost", socket.where, f"{name}={spelled(value)} of the chardev {socket.key} has no form in a domain")
    return True


def _vdpa(domain: Domain, node: Node, said: Properties, backend: Backend) -> bool:
    path = str(said.pop("vhostdev", ""))
    if not path or path.startswith(DESCRIPTOR):
        message = "the vDPA device was a descriptor of the process: which it is is not on the command line"
        domain.report.add("host-state", backend.where, message)
        return False
    node.set("type", "vdpa")
    node.add("source", dev=path)
    return True


def _socket(domain: Domain, node: Node, said: Properties, backend: Backend) -> bool:
    """Cards that talk to each other through a port of the host."""
    del domain, backend
    for name, kind in SOCKETS.items():
        if (match := _AT(str(said.get(name, "")))) is not None:
            del said[name]
            node.set("type", kind)
            _place(node.add("source"), match)
            return True
    remote, local = _AT(str(said.get("udp", ""))), _AT(str(said.get("localaddr", "")))
    if remote is None or local is None:
        return False
    del said["udp"], said["localaddr"]
    node.set("type", "udp")
    source = node.add("source")
    _place(source, remote)
    _place(source.add("local"), local)
    return True


def _place(node: Node, match: re.Match[str]) -> None:
    if match[1]:
        node.set("address", match[1].strip("[]"))
    node.set("port", match[2])


BUILDERS: dict[str, Callable[[Domain, Node, Properties, Backend], bool]] = {
    "passt": _passt, "socket": _socket, "stream": _passt, "user": _user, "vhost-user": _vhost_user, "vhost-vdpa": _vdpa,
}  # fmt: skip
"""Type of -netdev -> what makes the element of it; False where libvirt has none for what is said."""
