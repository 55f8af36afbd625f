"""Graphics cards and what hangs on them (qemu-server 9.2.6, get_vga_properties, print_vga_device; mapping-devices 15)."""

from __future__ import annotations

import re
from typing import Any

from ...core.report import BridgeError, Report, fields
from ...data.ostype import WINDOWS, is_linux, windows_version
from ...host.facts import HostFacts
from ...model.display import Display, Video
from ...model.vm import VM
from ..fill import change, fill, forget
from .machine import has

MODELS = {"cirrus": "cirrus-vga", "std": "VGA", "vmware": "vmware-svga", "virtio": "virtio-vga", "virtio-gl": "virtio-vga-gl"}
"""`vga` type -> QEMU's device; the qxl family stands apart."""
AARCH64_MODELS = {**MODELS, "virtio": "virtio-gpu", "virtio-gl": "virtio-gpu-gl"}
"""QEMU has only the virtio GPUs without VGA there."""
QXL = re.compile(r"qxl([234])?")
SERIAL = re.compile(r"serial[0-3]")
CLIPBOARD = ("std", "cirrus", "vmware", "virtio", "qxl")
"""Types that the VNC clipboard works with, by their beginning."""
MIB = 1 << 20
QXL_RAM, QXL_VRAM, VGAMEM = 64, 64, 16
"""QEMU's own sizes, in MiB."""
EXTRA_VRAM = 32
"""Of the second and further qxl cards."""
QXL_OUTPUTS = 4
LINUX_RAM, LINUX_VRAM = 128, 64
"""One qxl card with several heads."""


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001
    """Law: type, cards and channels are those that qemu-server would start."""
    type_ = vm.display.type or default_type(vm, host)
    return change(vm, display=fill(vm.display, type=type_, **parts(vm, host, type_)))


def check_card(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001
    """Law: the VM stays as it is. Raises BridgeError for a card that this host cannot draw."""
    display = vm.display
    if display.type == "virtio-gl" and host.render_node is False and "videos" in display.filled:
        raise BridgeError(
            "no DRM render node detected (/dev/dri/renderD*), no GPU? - needed for 'virtio-gl' display", display.where
        )
    return vm


def check_clipboard(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001
    """Law: the VM stays as it is. Raises BridgeError for a card that the clipboard does not work with."""
    display = vm.display
    if display.clipboard == "vnc" and not (display.type or "").startswith(CLIPBOARD):
        raise BridgeError(f"vga type {display.type} is not compatible with VNC clipboard", display.where)
    return vm


def default_type(vm: VM, host: HostFacts) -> str:
    """The type when `vga` says none."""
    display = vm.display
    if any(device.x_vga for device in vm.hostpcis) and display.memory is None and display.clipboard is None:
        return "none"
    if (vm.machine.arch or host.arch) == "aarch64":
        return "virtio"
    windows = windows_version(vm.meta.ostype)
    modern = windows >= WINDOWS["wvista"]
    if has(vm.machine, "std_vga"):
        modern = modern or not windows
    return "std" if modern else "cirrus"


def parts(vm: VM, host: HostFacts, type_: str) -> dict[str, Any]:
    """Everything that follows from the type, as fields of Display."""
    videos = cards(vm, host, type_)
    spice = bool(QXL.fullmatch(type_)) or type_.startswith("virtio")
    clipboard = vm.display.clipboard == "vnc"
    return {
        "videos": videos,
        "vnc": bool(videos) or None,
        "vnc_socket": f"/var/run/qemu-server/{vm.meta.vmid}.vnc" if videos else None,
        "spice": spice or None,
        "spice_port": host.spice_port if spice else None,
        "spice_address": host.spice_address if spice else None,
        "egl": True if type_ == "virtio-gl" else None,
        "vdagent": "qemu-vdagent" if clipboard else "spicevmc" if spice else None,
    }


def cards(vm: VM, host: HostFacts, type_: str) -> list[Video]:
    if type_ == "none" or SERIAL.fullmatch(type_):
        return []
    if match := QXL.fullmatch(type_):
        return _qxl(vm, int(match[1] or 1))
    aarch64 = (vm.machine.arch or host.arch) == "aarch64"
    model = (AARCH64_MODELS if aarch64 else MODELS)[type_]
    memory = vm.display.memory
    video = Video(model=model, primary=True)
    if memory and type_.startswith("virtio"):
        video.max_hostmem = memory * MIB
    elif memory:
        video.vgamem = memory
    if model == "VGA" and windows_version(vm.meta.ostype) and vm.firmware.bios != "ovmf":
        video.edid = False
    return [video]


def _qxl(vm: VM, heads: int) -> list[Video]:
    """One card with several heads for Linux, a card for each head for Windows."""
    windows = windows_version(vm.meta.ostype)
    memory = vm.display.memory
    outputs = QXL_OUTPUTS if is_linux(vm.meta.ostype) and has(vm.machine, "qxl_max_outputs") else None
    first = Video(model="qxl-vga", primary=True, max_outputs=outputs)
    if memory:
        first.vgamem, first.ram, first.vram = memory, 4 * memory, 2 * memory
    elif heads > 1 and not windows:
        first.ram, first.vram = LINUX_RAM, LINUX_VRAM
    videos = [first]
    for _ in range(1, heads if windows else 1):
        video = Video(model="qxl", ram=QXL_RAM, vram=EXTRA_VRAM, max_outputs=outputs)
        if memory:
            video.vgamem, video.ram, video.vram = memory, 4 * memory, 2 * memory
        videos.append(video)
    return videos


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: resolve brings the same cards and channels back; what it would bring differently is a finding."""
    said = vm.display
    bare = change(vm, display=nearest(vm))
    display = bare.display
    usual = default_type(bare, host)
    if said.type is None:
        _report(said, parts(bare, host, display.type or usual), report)
    plain = display.memory is None and display.clipboard is None
    if "type" in said.filled or (said.type is None and plain and display.type == usual):
        display = forget(display, "type")
    return change(vm, display=display)


def nearest(vm: VM) -> Display:
    """The config's words for the cards and channels of XML, without them. Sizes that no config can say are left to `_report`."""
    said = vm.display
    bare = forget(said, "videos", "vnc", "vnc_socket", "spice", "spice_port", "spice_address", "egl", "vdagent")
    if said.type is not None or said.videos is None:
        return bare
    type_ = _type(vm, said.videos)
    spice = bool(QXL.fullmatch(type_)) or type_.startswith("virtio")
    agent = said.vdagent == "qemu-vdagent" or (said.vdagent == "spicevmc" and not spice)  # the guest sees the same channel
    clipboard = "vnc" if agent and type_.startswith(CLIPBOARD) else None
    return change(bare, type=type_, memory=_memory(type_, said.videos), clipboard=clipboard)


def _type(vm: VM, videos: list[Video]) -> str:
    if not videos:
        return "serial0" if vm.serials and not vm.tablet.present else "none"
    first = videos[0]
    if first.model == "qxl-vga":
        extra = sum(1 for video in videos[1:] if video.model == "qxl")
        several = [seen(first, name) for name in ("ram", "vram", "vgamem")] == [LINUX_RAM, LINUX_VRAM, VGAMEM]
        heads = min(1 + extra, 4) if extra else 2 if several and not windows_version(vm.meta.ostype) else 1
        return f"qxl{heads}" if heads > 1 else "qxl"
    for table in (MODELS, AARCH64_MODELS):
        for type_, model in table.items():
            if model == first.model:
                return type_
    return "std"


def _memory(type_: str, videos: list[Video]) -> int | None:
    """`memory` in MiB, if it says more than nothing."""
    if not videos:
        return None
    first = videos[0]
    if type_.startswith("virtio"):
        size = first.max_hostmem // MIB if first.max_hostmem and not first.max_hostmem % MIB else None
    elif QXL.fullmatch(type_):
        size, ram, vram = (seen(first, name) for name in ("vgamem", "ram", "vram"))
        if (ram, vram) != (4 * size, 2 * size):
            size = None
    else:
        size = first.vgamem
    return size if size is not None and 4 <= size <= 512 else None


_SPOKEN = {
    "model": "device",
    "vgamem": "vgamem (MiB)",
    "ram": "ram (MiB)",
    "vram": "vram (MiB)",
    "max_outputs": "max_outputs",
    "max_hostmem": "max_hostmem",
    "edid": "EDID",
}
_DEFAULTS: dict[str, Any] = {"edid": True}
_QXL_DEFAULTS: dict[str, Any] = {"vgamem": VGAMEM, "ram": QXL_RAM, "vram": QXL_VRAM}
_VGAMEM = {"VGA": VGAMEM, "vmware-svga": VGAMEM, "cirrus-vga": 4, "bochs-display": VGAMEM}
"""QEMU's own `vgamem_mb` by device."""


def seen(video: Video, name: str) -> Any:
    """What the guest gets when nothing is said."""
    value = getattr(video, name)
    if value is not None or name == "model":
        return value
    if video.model in ("qxl-vga", "qxl"):
        return _QXL_DEFAULTS.get(name)
    if name == "vgamem":
        return _VGAMEM.get(video.model or "")
    if name == "max_outputs" and (video.model or "").startswith("virtio"):
        return 1
    return _DEFAULTS.get(name) if video.model == "VGA" else None


def _report(said: Display, want: dict[str, Any], report: Report) -> None:
    """Say where the guest will see another card or channel."""
    if said.videos is None:
        return
    videos = want["videos"]
    for n, video in enumerate(said.videos):
        if n >= len(videos):
            sizes = ", ".join(f"{word} {value}" for name, word in _SPOKEN.items() if (value := seen(video, name)) is not None)
            message = f"graphics card {n + 1} ({sizes}) has no counterpart in a config"
            if (words := _words(video, n)) is None:
                report.add("guest-lost", video.where, message, about=fields(video))
            else:
                report.mend("guest-lost", video.where, message, words, about=fields(video))
            continue
        for name, word in _SPOKEN.items():
            there, here = seen(video, name), seen(videos[n], name)
            if there != here:
                kind = "added" if name == "max_outputs" and (there or 1) < (here or 1) else "guest-changed"
                message = f"graphics card {n + 1}: {word} was {_word(there)}, under qemu-server it is {_word(here)}"
                if kind == "guest-changed" and name in _PROPERTIES and there is not None and video.model == videos[n].model:
                    report.set_properties(kind, video.where, message, video.where, {_PROPERTIES[name]: _word(there)}, fields(video, name))
                else:
                    report.add(kind, video.where, message, about=fields(video, name))
    if len(videos) > len(said.videos):
        report.add("guest-changed", said.where, f"qemu-server adds a graphics card: {videos[-1].model}")
    _report_channels(said, want, report)


_PROPERTIES = {"vgamem": "vgamem_mb", "ram": "ram_size_mb", "vram": "vram_size_mb", "max_outputs": "max_outputs", "edid": "edid"}
_SECOND = {"qxl": "qxl", "qxl-vga": "qxl", "virtio-gpu": "virtio-gpu-pci", "virtio-vga": "virtio-gpu-pci", "VGA": "secondary-vga"}
"""A further card by QEMU's name; others need what a VM has once."""


def _words(video: Video, n: int) -> list[str] | None:
    driver = _SECOND.get(video.model or "", "bochs-display" if video.model == "bochs-display" else None)
    if driver is None:
        return None
    sizes = "".join(f",{prop}={value}" for name, prop in _PROPERTIES.items() if (value := getattr(video, name)) is not None)
    return ["-device", f"{driver},id=card{n}{sizes}"]


def _report_channels(said: Display, want: dict[str, Any], report: Report) -> None:
    if said.vdagent != want["vdagent"]:
        if want["vdagent"] is None:
            message = f"the agent channel ({said.vdagent}) comes with a qxl or virtio card only"
            report.add("guest-lost", said.where, message, about=fields(said, "vdagent"))
        elif said.vdagent is None:
            report.add("added", said.where, "qemu-server adds the SPICE agent's channel and its serial controller for this card")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "unset" if value is None else str(value)
