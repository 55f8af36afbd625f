"""`-chardev` of QEMU as <source> of a character device (xml-paths chardevs)."""

from __future__ import annotations

from typing import Any

from ...model.raw import Backend
from ..tree.domain import Domain
from ..tree.node import Node

SOCKETS = "/var/lib/libvirt/qemu/{}.sock"
"""Of a socket that the process got as a descriptor: where it was is not on the command line."""
PLAIN = ("null", "pty", "stdio", "vc", "spicevmc")
PATHS = {"file": "file", "pipe": "pipe", "serial": "dev", "tty": "dev", "parallel": "dev", "parport": "dev"}
NAMED = {"spiceport": "name", "dbus": "name"}
Properties = dict[str, Any]


def write_chardev(domain: Domain, node: Node, backend: Backend) -> bool:
    """Set the element's type and <source>; False for a backend that libvirt has not."""
    said = dict(backend.properties)
    kind = str(said.pop("backend", ""))
    said.pop("id", None)
    if (descriptor := said.pop("fd", None)) is not None:
        message = f"the socket of the chardev {backend.key} was a descriptor of the process ({descriptor})"
        domain.report.add("host-state", backend.where, f"{message}: where it stood is not on the command line")
    if not _write(node, kind, said, backend.key or ""):
        return False
    if (log := said.pop("logfile", None)) is not None:
        node.add("log", file=str(log), append=_on(said.pop("logappend", "off")))
    for name in ("mux", "signal", "debug", "ipv4", "ipv6", "nodelay"):
        if (value := said.pop(name, None)) is not None:
            domain.report.add("host-lost", backend.where, f"{name}={value} of the chardev {backend.key} is not kept")
    for name, value in said.items():
        domain.report.add("host-lost", backend.where, f"{name}={value} of the chardev {backend.key} has no form in a domain")
    return True


def _write(node: Node, kind: str, said: Properties, name: str) -> bool:
    if kind in PLAIN:
        node.set("type", kind)
        if kind == "spicevmc" and said.get("name") in ("vdagent", "usbredir", "smartcard", "spicevmc"):
            del said["name"]
    elif kind in PATHS and "path" in said:
        node.set("type", PATHS[kind])
        source = node.add("source", path=str(said.pop("path")))
        if "append" in said:
            source.set("append", _on(said.pop("append")))
    elif kind in NAMED and NAMED[kind] in said:
        node.set("type", kind)
        node.add("source", channel=str(said.pop(NAMED[kind])))
    elif kind == "qemu-vdagent":
        node.set("type", kind)
        if said.get("name") == "vdagent":
            del said["name"]
        source = node.add("source")
        if "clipboard" in said:
            source.add("clipboard", copypaste="yes" if _on(said.pop("clipboard")) == "on" else "no")
        if "mouse" in said:
            source.add("mouse", mode="client" if _on(said.pop("mouse")) == "on" else "server")
    elif kind == "udp":
        _write_udp(node, said)
    elif kind == "socket":
        _write_socket(node, said, name)
    else:
        return False
    return True


def _write_udp(node: Node, said: Properties) -> None:
    node.set("type", "udp")
    node.add("source", mode="connect", host=str(said.pop("host", "")), service=str(said.pop("port", "")))
    local = said.pop("localaddr", None), said.pop("localport", None)
    if local != (None, None):
        node.add("source", mode="bind", host=str(local[0] or ""), service=str(local[1] or "0"))


def _write_socket(node: Node, said: Properties, name: str) -> None:
    listens = _on(said.pop("server", "off")) == "on"
    if listens and _on(said.get("wait", "off")) == "off":
        said.pop("wait", None)
    mode = "bind" if listens else "connect"
    if "host" in said or "port" in said:
        node.set("type", "tcp")
        telnet = _on(said.pop("telnet", "off")) == "on"
        source = node.add("source", mode=mode, host=str(said.pop("host", "")), service=str(said.pop("port", "")))
        node.add("protocol", type="telnet" if telnet else "raw")
        if "tls-creds" in said:
            said.pop("tls-creds")
            source.set("tls", "yes")
    else:
        node.set("type", "unix")
        source = node.add("source", mode=mode, path=str(said.pop("path", SOCKETS.format(name))))
    said.pop("tls-creds", None)
    for option, factor in (("reconnect", 1), ("reconnect-ms", 1000)):
        text = str(said.pop(option, ""))
        if text.isdigit():
            again = source.add("reconnect", enabled="yes" if int(text) else "no")
            if int(text):
                again.set("timeout", str(-(-int(text) // factor)))


def _on(value: object) -> str:
    return "on" if value in (True, "on", "yes", "true", "y") else "off"
