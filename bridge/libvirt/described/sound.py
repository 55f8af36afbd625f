"""Sound cards, their codecs, and what plays them on the host."""

from __future__ import annotations

from weakref import ref

from ...model.raw import Backend
from ..device import alias
from ..tree.domain import Domain
from ..tree.node import Node
from .writer import Properties, Writer

SOUND = {
    "AC97": "ac97", "ES1370": "es1370", "sb16": "sb16", "intel-hda": "ich6", "ich9-intel-hda": "ich9", "usb-audio": "usb",
    "virtio-sound-pci": "virtio",
}  # fmt: skip
TYPES = {**{kind: kind for kind in ("alsa", "coreaudio", "dbus", "jack", "none", "oss", "sdl", "spice")}, "pa": "pulseaudio"}
"""QEMU's driver -> libvirt's type."""
CODECS = {"hda-duplex": "duplex", "hda-micro": "micro", "hda-output": "output"}


def sound(writer: Writer, said: Properties) -> Node:
    domain, other = writer.domain, writer.other
    node = writer.add("sound", model=SOUND[other.driver or ""])
    backend = other.backends.get("audiodev")
    _audio(writer, node, said, backend)
    del domain
    return node


def _audio(writer: Writer, node: Node, said: Properties, backend: Backend | None) -> None:
    said.pop("audiodev", None)
    if backend is None:
        return
    audio, rank = backend_of(writer.domain, backend)
    if node.peek("audio") is None:
        node.add("audio", id=rank)
    if audio is not None:
        writer.late.append(audio)


def backend_of(domain: Domain, backend: Backend) -> tuple[Node | None, str]:
    """(<audio> of an -audiodev, None if it is there already; its number)."""
    kind, digits = str(backend.properties.get("driver", "none")), (backend.key or "").removeprefix("audio")
    rank = digits if digits.isdigit() and digits != "0" else "1"
    if any(child.tag == "audio" and child.attrib.get("id") == rank for child in domain.devices.children):
        return None, rank
    rest = {name for name in backend.properties if name not in ("driver", "id")}
    if rest:
        domain.report.add("host-lost", backend.where, f"-audiodev {backend.key}: {', '.join(sorted(rest))} is not kept")
    return Node("audio", {"id": rank, "type": TYPES.get(kind, "none")}, ref(domain.devices)), rank


def codec(writer: Writer, said: Properties) -> Node | None:
    """Into the <sound> that it hangs on."""
    bus = str(said.get("bus", "")).rpartition(".")[0]
    for node in writer.domain.devices.children:
        found = node.peek("alias") if node.tag == "sound" else None
        if found is not None and (not bus or found.attrib.get("name") == alias(bus)):
            codec = Node("codec", {"type": CODECS[writer.other.driver or ""]}, ref(node))
            node.children.insert(sum(child.tag == "codec" for child in node.children), codec)
            _audio(writer, node, said, writer.other.backends.get("audiodev"))
            writer.inside = True
            return codec
    return None
