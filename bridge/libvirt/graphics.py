"""<graphics>: VNC, SPICE, EGL (mapping-devices 15)."""

from __future__ import annotations

from typing import Any

from ..core.rows import whole_number
from ..data.options import option
from ..model.display import Display
from .device import lose, lose_attributes, lose_rest
from .tree.domain import Domain
from .tree.node import Node

_STREAMING = ("off", "all", "filter")
_KEYBOARD = option("keyboard")
KEYBOARDS = _KEYBOARD.enum if _KEYBOARD else ()


def write_graphics(display: Display, domain: Domain) -> None:
    devices = domain.devices
    if display.vnc:
        node = devices.add("graphics", type="vnc")
        if display.vnc_socket:
            node.set("socket", display.vnc_socket)
        else:
            node.add("listen", type="socket")
        if display.keyboard:
            node.set("keymap", display.keyboard)
    if display.spice:
        node = devices.add("graphics", type="spice")
        if display.spice_port:
            _write_tls(node, display, domain)
        else:
            node.set("autoport", "yes")
        if display.videostreaming:
            node.add("streaming", mode=display.videostreaming)
    if display.egl:
        devices.add("graphics", type="egl-headless")


def _write_tls(node: Node, display: Display, domain: Domain) -> None:
    node.set("tlsPort", str(display.spice_port))
    node.set("autoport", "no")
    node.add("listen", type="address", address=display.spice_address or "")
    message = "SPICE is for TLS only: libvirt needs spice_tls and a certificate in qemu.conf"
    domain.report.add("not-applied", display.where, message)


def read_graphics(domain: Domain) -> dict[str, Any]:
    """Which displays there are; ports, addresses and passwords stay behind."""
    found: dict[str, Any] = {}
    for node in domain.devices.all("graphics"):
        type_ = node.take("type")
        if node.take("passwd") is not None:
            domain.report.add("secret-left-out", node, "the password of the display is not carried over")
        keymap = node.attrib.get("keymap")
        if keymap in KEYBOARDS and type_ in ("vnc", "spice"):
            found["keyboard"] = node.take("keymap")
        if type_ == "vnc" and not found.get("vnc"):
            found["vnc"] = True
            found["vnc_socket"] = _socket(node)
            _leave(domain, node, "VNC display")
        elif type_ == "spice" and not found.get("spice"):
            found |= {"spice": True, **_read_spice(node)}
            _leave(domain, node, "SPICE display")
        elif type_ == "egl-headless":
            found["egl"] = True
            _leave(domain, node, "EGL display")
        else:
            node.set("type", type_ or "")
            lose_rest(domain, node, "host-lost", "display")
    return found


def _leave(domain: Domain, node: Node, what: str) -> None:
    """Who may connect and how the picture travels is the host's affair; what draws it, and until when a password counts, is lost."""
    lose(domain, node, "host-lost", "gl")
    lose_attributes(domain, node, "host-lost", "passwdValidTo", "connected")
    lose_rest(domain, node, "host-state", what)


def _socket(node: Node) -> str | None:
    """The socket stands at the element, in <listen>, or in both."""
    path = node.take("socket")
    listen = node.peek("listen")
    if listen is not None and listen.attrib.get("type") == "socket":
        second = listen.attrib.get("socket")
        if path is None or second in (None, path):
            path = path or second
            listen.take("type")
            listen.take("socket")
            listen.claim()
    return path


def _read_spice(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    port = node.attrib.get("tlsPort")
    if port is not None and port.isascii() and port.isdigit() and len(port) < 6:
        found["spice_port"] = whole_number(node.take("tlsPort") or "")
    node.expect("autoport", "no", "yes")
    listen = node.peek("listen")
    if listen is not None and listen.attrib.get("type") == "address" and "address" in listen.attrib:
        found["spice_address"] = listen.take("address")
        listen.take("type")
        listen.claim()
        node.expect("listen", str(found["spice_address"]))
    streaming = node.peek("streaming")
    if streaming is not None and streaming.attrib.get("mode") in _STREAMING:
        found["videostreaming"] = streaming.take("mode")
        streaming.claim()
    return found
