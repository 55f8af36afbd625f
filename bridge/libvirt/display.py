"""The display as a whole: cards, graphics, and the channels that come with SPICE (mapping-devices 15, xml-paths display)."""

from __future__ import annotations

from typing import Any

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.display import Display, Video
from ..model.part import SerialAddress
from ..model.vm import VM
from .address import write_serial
from .device import host_state, index_of, lose_rest, read_alias, read_port, refuse
from .graphics import read_graphics, write_graphics
from .tree.domain import Domain
from .tree.node import Node
from .video import ROWS as VIDEO_ROWS
from .video import read_videos, write_video

ROWS = (
    Row("type", "video/model@type", code=True),
    Row("memory", "video/model@vram", code=True),
    Row("memory", "video/model@ram", code=True),
    *(Row("memory", f"qemu:override {name}", code=True) for name in ("vgamem_mb", "max_hostmem")),
    Row("vnc", "graphics[@type='vnc']", code=True),
    Row("vnc_socket", "graphics@socket", code=True),
    Row("spice", "graphics[@type='spice']", code=True),
    Row("spice_port", "graphics@tlsPort", code=True),
    Row("spice_address", "graphics/listen@address", code=True),
    Row("egl", "graphics[@type='egl-headless']", code=True),
    Row("vdagent", "channel@type", code=True),
    Row("clipboard", "channel/source/clipboard@copypaste", code=True, finding="no-live-move"),
    Row("foldersharing", "channel[@type='spiceport']", code=True),
    Row("videostreaming", "graphics/streaming@mode", code=True),
    Row("keyboard", "graphics@keymap", code=True),
)
TABLE = (Rows(Display, "devices", ROWS), Rows(Video, "devices/video", VIDEO_ROWS))

AGENT = "com.redhat.spice.0"
WEBDAV = "org.spice-space.webdav.0"
AGENT_PORT, WEBDAV_PORT = 1, 2


def write(vm: VM, domain: Domain) -> None:
    display, add = vm.display, domain.report.add
    if display.vdagent:
        _write_channels(vm, domain)
    elif display.foldersharing or display.videostreaming:
        add("metadata-only", display.where, "spice_enhancements need SPICE, which this VM has not")
    write_graphics(display, domain)
    if display.keyboard and not display.vnc and not domain.described:
        add("metadata-only", display.where, f"keyboard {display.keyboard}: libvirt sets a layout for VNC only")
    if not display.videos and not domain.described:
        domain.devices.add("video").add("model", type="none")
    for video in display.videos or ():
        write_video(domain, video)


def _write_channels(vm: VM, domain: Domain) -> None:
    display = vm.display
    controller = index_of(vm, "spice")
    if display.vdagent == "qemu-vdagent" and not domain.target.has("qemu_vdagent"):
        domain.report.add("guest-lost", display.where, "clipboard=vnc: this libvirt has no qemu-vdagent channel")
        return
    channel = domain.devices.add("channel", type=display.vdagent or "")
    if display.vdagent == "qemu-vdagent":
        channel.add("source").add("clipboard", copypaste="yes")
    channel.add("target", type="virtio", name=AGENT)
    write_serial(channel, SerialAddress("spice", AGENT_PORT), controller)
    if display.foldersharing and display.spice:
        channel = domain.devices.add("channel", type="spiceport")
        channel.add("source", channel=WEBDAV)
        channel.add("target", type="virtio", name=WEBDAV)
        write_serial(channel, SerialAddress("spice", WEBDAV_PORT), controller)


def read(domain: Domain, vm: VM) -> None:
    said: dict[str, Any] = read_graphics(domain)
    said["videos"] = read_videos(domain, vm)
    for node in domain.devices.children:
        if node.tag == "channel" and not node.claimed:
            _read_channel(domain, vm, node, said)
    vm.display = Display(where=domain.devices, **said)


def _read_channel(domain: Domain, vm: VM, node: Node, said: dict[str, Any]) -> None:
    type_ = node.attrib.get("type")
    target = node.peek("target")
    name = target.attrib.get("name") if target is not None else None
    virtio = target is not None and target.attrib.get("type") == "virtio"
    if virtio and type_ in ("spicevmc", "qemu-vdagent") and name in (None, AGENT) and "vdagent" not in said:
        said["vdagent"] = type_
    elif virtio and type_ == "spiceport" and name == WEBDAV and "foldersharing" not in said:
        said["foldersharing"] = True
        source = node.peek("source")
        if source is not None and source.expect("channel", WEBDAV):
            source.claim()
    else:
        refuse(domain, node, "guest-lost", "a config has no channels but those of the guest agent and of SPICE")
        return
    assert target is not None
    node.claim()
    target.claim()
    for attribute in ("type", "name"):
        target.take(attribute)
    target.expect("state", "connected", "disconnected")
    node.take("type")
    read_alias(domain, node, "vdagent|foldershare")
    host_state(domain, node)
    if type_ == "qemu-vdagent":
        source = node.peek("source")
        clipboard = source.peek("clipboard") if source is not None else None
        if clipboard is None or not clipboard.expect("copypaste", "yes") or source is None:
            domain.report.add("host-lost", node, "the clipboard is off there and on with clipboard=vnc")
        if source is not None:
            lose_rest(domain, source, "host-lost", "agent channel") if source.children and clipboard is None else None
            source.claim()
            if clipboard is not None:
                clipboard.claim()
            mouse = source.only("mouse")
            if mouse is not None and not mouse.expect("mode", "client"):  # QEMU's own; qemu-server sets none
                domain.report.add("host-lost", mouse, f"mouse mode='{mouse.take('mode')}': the agent gets the display's mouse here")
    read_port(domain, vm, node, SerialAddress("spice", WEBDAV_PORT if type_ == "spiceport" else AGENT_PORT))
