"""Graphics cards, VNC, SPICE, and the channels of SPICE."""

from __future__ import annotations

from functools import partial

from ...data.options import option
from ...model.display import Display, Video
from ...passes.resolve.display import MIB, QXL_RAM, QXL_VRAM, VGAMEM
from .line import Dev, Line
from .machine import merged
from .said import Said, number

CARDS = (
    "VGA", "cirrus-vga", "vmware-svga", "qxl-vga", "qxl", "virtio-vga", "virtio-vga-gl", "virtio-gpu-pci", "virtio-gpu-gl-pci",
    "bochs-display", "ramfb", "secondary-vga",
)  # fmt: skip
NAMES = {"virtio-gpu-pci": "virtio-gpu", "virtio-gpu-gl-pci": "virtio-gpu-gl"}
VGA = {"std": "VGA", "cirrus": "cirrus-vga", "vmware": "vmware-svga", "qxl": "qxl-vga", "virtio": "virtio-vga"}
"""What -vga makes."""
AGENT, WEBDAV = "com.redhat.spice.0", "org.spice-space.webdav.0"
_KEYBOARD = option("keyboard")
KEYBOARDS = _KEYBOARD.enum if _KEYBOARD else ()
_SPICE = {"tls-ciphers": "HIGH", "seamless-migration": "on"}
_STREAMING = ("off", "all", "filter")


def read(line: Line) -> None:
    display = line.vm.display = Display(where=line.file)
    if line.is_pve:
        _read_heads(line, display)
    display.videos = _videos(line)
    _read_vnc(line, display)
    _read_spice(line, display)
    _read_channels(line, display)
    if display.type is not None and display.vdagent == "qemu-vdagent":
        display.clipboard = "vnc"
    keyboard = line.last("k")
    if keyboard is not None and keyboard.text in KEYBOARDS:
        display.keyboard = keyboard.text
    elif keyboard is not None:
        keyboard.unclaim()
    _read_window(line, display)


def _videos(line: Line) -> list[Video]:
    videos: list[Video] = []
    for device in line.of(*CARDS):
        device.taken = True
        videos.append(_video(line, device, first=not videos))
    vga = line.last("vga")
    if line.is_pve and not videos:
        line.vm.display.type = "serial0" if vga is None else "none"
    return videos


def _read_heads(line: Line, display: Display) -> None:
    """qemu-server's qxl2 to qxl4: a card a head, or the memory of one card for all (print_vga_device, config_to_command)."""
    cards = list(line.of("qxl-vga", "qxl"))
    if not cards or cards[0].driver != "qxl-vga":
        return
    memory = number(cards[0].said.properties.get("vgamem_mb"))
    size = number(line.global_("qxl-vga.ram_size"))
    line.global_("qxl-vga.vram_size")
    heads = len(cards)
    if size is not None:
        heads = size // MIB // (4 * memory) if memory else 2
    if 1 <= heads <= 4:
        display.type, display.memory = f"qxl{heads}" if heads > 1 else "qxl", memory


def _video(line: Line, device: Dev, first: bool) -> Video:
    said, qxl = device.said, device.driver in ("qxl-vga", "qxl")
    video = Video(model=NAMES.get(device.driver, device.driver), primary=first, key=device.id, address=device.address, where=said)
    video.vgamem = said.number("vgamem_mb")
    if qxl:
        video.ram, video.vram = _qxl_size(line, device, "ram"), _qxl_size(line, device, "vram")
        if video.vgamem == VGAMEM:
            video.vgamem = None
    elif video.vgamem == VGAMEM and not line.is_pve:
        video.vgamem = None
    video.max_outputs = said.number("max_outputs")
    if video.max_outputs == 1 and not qxl:
        video.max_outputs = None
    video.max_hostmem = said.number("max_hostmem")
    edid = said.flag("edid")
    video.edid = False if edid is False else None
    if device.driver == "qxl":
        video.ram, video.vram = video.ram or QXL_RAM, video.vram or QXL_VRAM
    return video


def _qxl_size(line: Line, device: Dev, field: str) -> int | None:
    """In MiB; QEMU's own is None. A -global counts where the device says nothing."""
    said = device.said
    found = said.number(f"{field}_size_mb")
    size = said.number(f"{field}_size")
    if found is None and size is None and device.driver == "qxl-vga":
        text = line.global_(f"qxl-vga.{field}_size")
        size = int(text) if text is not None and text.isdigit() else None
    if found is None and size is not None:
        found = size // MIB if line.is_pve else max(-(-size // MIB), 1)
    return None if found == (QXL_RAM if field == "ram" else QXL_VRAM) else found


def _read_vnc(line: Line, display: Display) -> None:
    for n, said in enumerate(line.all("vnc")):
        said.claim()
        where = said.take("vnc") or ""
        if where == "none":
            continue
        if n:
            line.late.append(partial(line.report.add, "host-lost", said, f"a second VNC display ({where}) has no place in a config"))
            said.properties.clear()
            continue
        display.vnc = True
        if where.startswith("unix:"):
            display.vnc_socket = where.removeprefix("unix:")
        else:
            message = f"VNC display {where}: who may connect is the host's affair"
            line.late.append(partial(line.report.add, "host-state", said, message))
        said.expect("password", "on") if line.is_pve else None
        for name in list(said.properties):
            message = f"VNC display: {name}={said.take(name)} is the host's affair"
            line.late.append(partial(line.report.add, "host-state", said, message))


def _read_spice(line: Line, display: Display) -> None:
    said = merged(line, "spice")
    if said is None:
        return
    display.spice = True
    display.spice_port, display.spice_address = said.number("tls-port"), said.take("addr")
    if said.peek("streaming-video") in _STREAMING:
        display.videostreaming = said.take("streaming-video")
    for name, value in _SPICE.items():
        said.expect(name, value)
    for name in list(said.properties):
        setting = said.take(name)
        if name.startswith("password"):
            line.late.append(partial(line.report.add, "secret-left-out", said, "the password of the display is not carried over"))
        else:
            message = f"SPICE display: {name}={setting} is the host's affair"
            line.late.append(partial(line.report.add, "host-state", said, message))


def _read_channels(line: Line, display: Display) -> None:
    for device in line.of("virtserialport"):
        said = device.said
        backend = line.chardevs.get(said.peek("chardev") or "")
        if backend is None:
            continue
        kind, name = backend.peek("backend"), said.peek("name")
        if kind in ("spicevmc", "qemu-vdagent") and name == AGENT and display.vdagent is None:
            display.vdagent = kind
            if kind == "qemu-vdagent" and not backend.flag("clipboard"):
                line.report.add("host-lost", backend, "the clipboard is off there and on with clipboard=vnc")
        elif kind == "spiceport" and name == WEBDAV and not display.foldersharing:
            display.foldersharing = True
        else:
            continue
        device.taken = True
        backend.claim()
        for key in ("chardev", "name", "nr", "bus"):
            said.take(key)
        for word in ("backend", "id", "name", "debug"):
            backend.take(word)


def _read_window(line: Line, display: Display) -> None:
    """-display and -nographic: where the picture is drawn on the host."""
    said = line.last("display")
    if said is not None:
        kind = said.take("type")
        if kind == "egl-headless":
            display.egl = True
            said.expect("gl", "core", "on")
        elif kind not in (None, "none"):
            line.late.append(partial(line.report.add, "host-state", said, f"-display {said.text}: a window of the host is left behind"))
            said.properties.clear()
    none = line.flag("nographic")
    if none is not None and (not line.is_pve or not display.videos):
        line.vm.machine.graphics = False


def first(said: Said | None) -> str:
    return "" if said is None else said.text
