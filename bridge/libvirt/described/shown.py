"""-vnc, -spice and -display of a command line as <graphics> (xml-paths display)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...model.raw import Other
from ...model.vm import VM
from ..tree.domain import Domain
from ..tree.node import Node
from .sound import backend_of

FIRST_PORT = 5900
Properties = dict[str, Any]


def write_shown(vm: VM, domain: Domain, other: Other) -> bool:
    """The element of an option that shows the picture; False for options that do not."""
    builder = BUILDERS.get(other.option)
    if builder is None:
        return False
    said = dict(other.properties)
    node = builder(domain, other, said)
    if node is None:
        return True
    if vm.display.keyboard and node.attrib["type"] in ("vnc", "spice"):
        node.set("keymap", vm.display.keyboard)
    for name, value in said.items():
        if name.startswith("password") and value not in (False, "off"):
            message = "the password of the display is not carried over"
            domain.report.add("secret-left-out", other.where, message, "set it: <graphics passwd='…'>")
        else:
            domain.report.add("host-lost", other.where, f"-{other.option}: {name}={value} is left behind")
    return True


def _listen(node: Node, address: str | None) -> None:
    if address:
        node.add("listen", type="address", address=address)
    else:
        node.add("listen", type="none") if node.attrib.get("socket") else None


def _vnc(domain: Domain, other: Other, said: Properties) -> Node | None:
    where = str(said.pop("vnc", ""))
    said.pop("to", None)
    if where == "none":
        return None
    node = domain.devices.add("graphics", type="vnc")
    if where.startswith("unix:"):
        node.set("socket", where.removeprefix("unix:"))
    else:
        host, _, display = where.rpartition(":")
        if display.isdigit():
            node.set("port", str(FIRST_PORT + int(display)))
            node.set("autoport", "no")
        _listen(node, host.strip("[]") or "0.0.0.0")  # noqa: S104  what QEMU does without an address
    if (port := str(said.pop("websocket", ""))).isdigit():
        node.set("websocket", port)
    if (policy := said.pop("share", None)) is not None:
        node.set("sharePolicy", str(policy))
    _audio(domain, node, other, said)
    return node


def _audio(domain: Domain, node: Node, other: Other, said: Properties) -> None:
    said.pop("audiodev", None)
    if (backend := other.backends.get("audiodev")) is not None:
        audio, rank = backend_of(domain, backend)
        node.add("audio", id=rank)
        if audio is not None:
            domain.devices.children.append(audio)


_SWITCHES = {
    "agent-mouse": ("mouse", "mode", {"off": "server", "on": "client"}),
    "disable-copy-paste": ("clipboard", "copypaste", {"on": "no", "off": "yes"}),
    "disable-agent-file-xfer": ("filetransfer", "enable", {"on": "no", "off": "yes"}),
    "image-compression": ("image", "compression", None),
    "jpeg-wan-compression": ("jpeg", "compression", None),
    "zlib-glz-wan-compression": ("zlib", "compression", None),
    "playback-compression": ("playback", "compression", None),
    "streaming-video": ("streaming", "mode", None),
}
"""Property -> (element, attribute, words where they differ)."""
_OWN = {"seamless-migration": True, "disable-ticketing": True, "x509-dir": None}
"""libvirt's own choice for every domain."""


def _spice(domain: Domain, other: Other, said: Properties) -> Node | None:
    del other
    node = domain.devices.add("graphics", type="spice")
    address = str(said.pop("addr", ""))
    if _on(said.pop("unix", "off")):
        node.add("listen", type="socket", socket=address)
    else:
        port, tls = (str(said.pop(name, "")) for name in ("port", "tls-port"))
        if port.isdigit() and port != "0":
            node.set("port", port)
        if tls.isdigit() and tls != "0":
            node.set("tlsPort", tls)
        node.set("autoport", "no" if {"port", "tlsPort"} & node.attrib.keys() else "yes")
        _listen(node, address)
    for name, usual in _OWN.items():
        if name in said and (usual is None or _on(said[name]) == usual):
            del said[name]
    for name, (tag, attribute, words) in _SWITCHES.items():
        if (value := said.pop(name, None)) is not None:
            text = "on" if value is True else "off" if value is False else str(value)
            node.add(tag, **{attribute: words.get(text, text) if words else text})
    gl, render = said.pop("gl", None), said.pop("rendernode", None)
    if gl is not None or render is not None:
        inner = node.add("gl", enable="yes" if _on(gl or "on") else "no")
        if render is not None:
            inner.set("rendernode", str(render))
    return node


def _display(domain: Domain, other: Other, said: Properties) -> Node | None:
    kind = str(said.pop("type", "none"))
    if kind == "none":
        return None
    if kind not in ("egl-headless", "sdl", "dbus"):
        domain.report.add("host-lost", other.where, f"-display {kind}: libvirt opens no such window", "add <graphics type='spice'> or vnc")
        said.clear()
        return None
    node = domain.devices.add("graphics", type=kind)
    gl, render = said.pop("gl", None), said.pop("rendernode", None)
    if render is not None or (gl is not None and kind != "egl-headless"):
        inner = node.add("gl")
        if kind != "egl-headless":
            inner.set("enable", "yes" if _on(gl or "on") else "no")
        if render is not None:
            inner.set("rendernode", str(render))
    if kind == "dbus":
        if _on(said.pop("p2p", "off")):
            node.set("p2p", "yes")
        elif (address := said.pop("addr", None)) is not None:
            node.set("address", str(address))
        _audio(domain, node, other, said)
    elif kind == "sdl" and (screen := said.pop("full-screen", None)) is not None:
        node.set("fullscreen", "yes" if _on(screen) else "no")
    return node


def _on(value: object) -> bool:
    return value in (True, "on", "yes", "true", "core", "es")


BUILDERS: dict[str, Callable[[Domain, Other, Properties], Node | None]] = {"vnc": _vnc, "spice": _spice, "display": _display}
