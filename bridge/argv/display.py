"""Graphics cards, VNC and SPICE (qemu-server 9.2.6, print_vga_device, config_to_command)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Codec, Row
from ..host.facts import HostFacts
from ..model.display import Display, Video
from ..model.vm import VM
from .emit import Command, pci, properties

MIB = 1 << 20
_BYTES = Codec(int, lambda value: str(value * MIB))

ROWS = (
    Row("vgamem", "vgamem_mb"),
    Row("max_hostmem", "max_hostmem"),
    Row("ram", "ram_size_mb", code=True),
    Row("vram", "vram_size_mb", code=True),
    Row("max_outputs", "max_outputs", code=True),
    Row("edid", "edid", code=True),
    Row("model", "driver", code=True),
)
DISPLAY_ROWS = (
    Row("type", "driver", code=True),
    Row("memory", "vgamem_mb", code=True),
    Row("memory", "max_hostmem", code=True),
    Row("clipboard", "-chardev qemu-vdagent", code=True),
    Row("vdagent", "-chardev name=vdagent", code=True),
    Row("vnc", "-vnc", code=True),
    Row("vnc_socket", "-vnc unix:", code=True),
    Row("spice", "-spice", code=True),
    Row("spice_port", "-spice tls-port", code=True),
    Row("spice_address", "-spice addr", code=True),
    Row("egl", "-display egl-headless", code=True),
    Row("foldersharing", "-chardev spiceport", code=True),
    Row("videostreaming", "-spice streaming-video", code=True),
    Row("keyboard", "-k", code=True),
)
TABLE = (Rows(Display, "", DISPLAY_ROWS), Rows(Video, "", ROWS))
QXL_SIZES = (Row("ram", "ram_size_mb"), Row("vram", "vram_size_mb"))
QXL_BYTES = (Row("ram", "ram_size", _BYTES), Row("vram", "vram_size", _BYTES))


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    """The first card, and where it is shown."""
    display = vm.display
    if not display.videos:
        if display.type == "none":
            command.options += ("-vga", "none")
        command.options.append("-nographic")
        return
    video = display.videos[0]
    sizes = properties(video, ROWS)
    if display.memory and video.model == "qxl-vga":
        sizes += properties(video, QXL_SIZES)
    command.device(_device(video, sizes))
    if display.egl:
        command.options += ("-display", "egl-headless,gl=core")
    command.options += ("-vnc", f"unix:{display.vnc_socket},password=on")


def _device(video: Video, sizes: str) -> str:
    outputs = f",max_outputs={video.max_outputs}" if video.max_outputs else ""
    edid = ",edid=off" if video.edid is False else ""
    return f"{video.model},id={video.key}{sizes}{outputs}{pci(video.address)}{edid}"


def keyboard(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001
    if vm.display.keyboard is not None:
        command.options += ("-k", vm.display.keyboard)


def spice(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001
    """Further cards, the agent's channel, SPICE itself."""
    display = vm.display
    if not display.vdagent:
        return
    _more_heads(vm, command)
    serial = next(controller for controller in vm.controllers if controller.key == "spice")
    command.device(f"virtio-serial,id=spice{pci(serial.address)}")
    vnc = ",clipboard=on" if display.vdagent == "qemu-vdagent" else ""
    command.devices += ("-chardev", f"{display.vdagent},id=vdagent,name=vdagent{vnc}")
    command.device("virtserialport,chardev=vdagent,name=com.redhat.spice.0")
    if not display.spice:
        return
    if display.foldersharing:
        command.devices += ("-chardev", "spiceport,id=foldershare,name=org.spice-space.webdav.0")
        command.device("virtserialport,chardev=foldershare,name=org.spice-space.webdav.0")
    text = f"tls-port={display.spice_port},addr={display.spice_address},tls-ciphers=HIGH,seamless-migration=on"
    if display.videostreaming:
        text += f",streaming-video={display.videostreaming}"
    command.devices += ("-spice", text)


def _more_heads(vm: VM, command: Command) -> None:
    """A card for each further head, or more memory for the one."""
    display = vm.display
    videos = display.videos or []
    for video in videos[1:]:
        sizes = properties(video, ROWS) + properties(video, QXL_SIZES if display.memory else QXL_BYTES)
        command.device(_device(video, sizes))
    heads = (display.type or "")[3:] if (display.type or "").startswith("qxl") else ""
    if heads and len(videos) == 1:
        first = videos[0]
        count = int(heads) if display.memory else 1
        for field, size in (("ram", first.ram), ("vram", first.vram)):
            command.options += ("-global", f"qxl-vga.{field}_size={(size or 0) * count * MIB}")
