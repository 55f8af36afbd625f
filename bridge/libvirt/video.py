"""<video>: graphics cards (mapping-devices 15)."""

from __future__ import annotations

from ..core.rows import INT, YES_NO, Row, whole_number
from ..model.display import Video
from ..model.vm import VM
from .args.properties import VIRTIO, lose_properties
from .device import PLACE_ROWS, alias, host_state, read_device, write_device
from .tree.domain import Domain
from .tree.node import Node

MODELS = {
    "VGA": "vga",
    "cirrus-vga": "cirrus",
    "vmware-svga": "vmvga",
    "qxl-vga": "qxl",
    "qxl": "qxl",
    "virtio-vga": "virtio",
    "virtio-gpu": "virtio",
    "virtio-vga-gl": "virtio",
    "virtio-gpu-gl": "virtio",
}
"""QEMU's device -> libvirt's model."""

ROWS = (
    Row("model", "model@type", code=True),
    Row("vgamem", "model@vgamem", code=True),
    Row("vgamem", "model@vram", code=True),
    Row("vgamem", "qemu:override vgamem_mb", code=True),
    Row("ram", "model@ram", code=True),
    Row("vram", "model@vram", code=True),
    Row("max_outputs", "model@heads", code=True),
    Row("max_hostmem", "qemu:override max_hostmem", code=True),
    Row("edid", "model@edid", code=True),
    Row("edid", "qemu:override edid", code=True),
    Row("primary", "model@primary", code=True),
    *PLACE_ROWS,
)

KIB = 1024
QXL_SIZES = {"ram": 64, "vram": 64, "vgamem": 16}
"""QEMU's own, in MiB; libvirt writes them all."""
VGA_MEMORY = 16
VIDEO_KEYS = "vga[0-9]*"


def write_video(domain: Domain, video: Video) -> None:
    node = domain.devices.add("video")
    model = node.add("model", type=MODELS[video.model or "VGA"])
    name = alias(video.key or "")
    if video.model in ("qxl-vga", "qxl"):
        _write_qxl(domain, video, model, name)
    elif video.vgamem is not None and video.model in ("VGA", "vmware-svga"):
        model.set("vram", str(video.vgamem * KIB))
    elif video.vgamem is not None:
        domain.set_override(name, "vgamem_mb", "unsigned", str(video.vgamem))
    if (video.model or "").startswith("virtio-") and domain.target.has("video_device"):
        model.set("device", video.model or "")
    if (video.model or "").endswith("-gl"):
        model.add("acceleration", accel3d="yes")
    if video.max_hostmem is not None:
        domain.set_override(name, "max_hostmem", "unsigned", str(video.max_hostmem))
    if video.edid is False and domain.target.has("video_edid"):
        model.set("edid", "off")
    elif video.edid is False:
        domain.set_override(name, "edid", "bool", "false")
    write_device(domain, node, video)


def _write_qxl(domain: Domain, video: Video, model: Node, name: str) -> None:
    for field, default in QXL_SIZES.items():
        model.set(field, str((getattr(video, field) or default) * KIB))
    model.set("heads", str(video.max_outputs or 1))
    if video.model == "qxl-vga":
        model.set("primary", "yes")
    if not video.max_outputs:
        domain.set_override(name, "max_outputs", "remove", None)
    domain.set_override(name, "vram64_size_mb", "remove", None)  # libvirt's 0 is QEMU's own value
    if video.vgamem and video.ram and video.vram:  # the config's `memory`: qemu-server sets the sizes in MiB, libvirt in bytes
        for field in ("ram", "vram"):
            domain.set_override(name, f"{field}_size_mb", "unsigned", str(getattr(video, field)))


def read_videos(domain: Domain, vm: VM) -> list[Video]:
    """The cards, the primary one first; `none` is not a card."""
    videos: list[Video] = []
    nodes = domain.devices.all("video")
    named = next((n for n, node in enumerate(nodes) if (model := node.peek("model")) and model.attrib.get("primary") == "yes"), 0)
    for n, node in enumerate(nodes):
        if (video := _read(domain, node, vm, n == named)) is not None:
            videos.append(video)
    return sorted(videos, key=lambda video: not video.primary)


_BACK = {"vga": "VGA", "cirrus": "cirrus-vga", "vmvga": "vmware-svga", "qxl": "qxl-vga", "virtio": "virtio-vga"}
_QEMU_NAME = {"bochs": "bochs-display", "ramfb": "ramfb", "vbox": "vbox", "xen": "xenfb", "gop": "gop"}


def _read(domain: Domain, node: Node, vm: VM, first: bool) -> Video | None:
    model = node.only("model")
    type_ = model.take("type") if model is not None else None
    said = read_device(domain, node, VIDEO_KEYS)
    host_state(domain, node)
    if model is None:
        return Video(model="cirrus-vga", primary=True, **said)
    if type_ == "none":
        model.expect("primary", "yes", "no")
        return None
    video = Video(model=_BACK.get(type_ or "", _QEMU_NAME.get(type_ or "", type_)), primary=first, **said)
    primary = model.attrib.get("primary")
    if primary in ("yes", "no"):
        video.primary = primary == "yes" or (first and primary != "no")
        model.take("primary")
    if type_ == "qxl":
        _read_qxl(domain, video, model)
    else:
        _read_plain(domain, video, model)
    if type_ == "virtio":
        _read_virtio(domain, video, model, vm)
    name = f"ua-{video.key}" if video.key else None
    if model.attrib.get("edid") == "off":
        model.claim_text("edid")
        video.edid = False
    if (edid := domain.override(name, "edid")) is not None:
        video.edid = edid[1] not in ("false", "off")
    if (size := _overridden(domain, name, "vgamem_mb")) is not None:
        video.vgamem = size
    for driver in node.all("driver"):
        lose_properties(domain, driver, node, VIRTIO, "graphics card")
    for resolution in model.all("resolution"):
        lose_properties(domain, resolution, node, {"x": "xres", "y": "yres"}, "graphics card")
    lose_properties(domain, model, node, {"blob": "blob"}, "graphics card")
    return video


def _overridden(domain: Domain, alias: str | None, prop: str) -> int | None:
    """Take a number of qemu:override; what is none stays and is reported."""
    _, text = domain.overrides.get(alias or "", {}).get(prop, ("", None))
    try:
        number = whole_number(text or "")
    except ValueError:
        return None
    domain.override(alias, prop)
    return number


def _mib(model: Node, field: str) -> int | None:
    """A size in KiB that is whole MiB; any other stays and is reported."""
    text = model.attrib.get(field)
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) % KIB or not int(text):
        return None
    model.take(field)
    return int(text) // KIB


def _heads(model: Node) -> int | None:
    text = model.attrib.get("heads")
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 3:
        return None
    model.take("heads")
    return INT.read(text)  # type: ignore[no-any-return]


def _read_qxl(domain: Domain, video: Video, model: Node) -> None:
    name = f"ua-{video.key}" if video.key else None
    for field, default in QXL_SIZES.items():
        size = _mib(model, field)
        setattr(video, field, None if size == default else size)
    heads = _heads(model)
    removed = domain.override(name, "max_outputs")
    video.max_outputs = None if removed is not None and removed[0] == "remove" else heads or 1
    for field in ("ram", "vram"):  # what QEMU really gets
        if (real := _overridden(domain, name, f"{field}_size_mb")) is not None:
            setattr(video, field, None if real == QXL_SIZES[field] else real)
    domain.expect_override(name, "vram64_size_mb", ("remove", None))
    if not model.expect("vram64", "0") and isinstance(video.where, Node) and (more := _mib(model, "vram64")) is not None:
        message = f"vram64 of {more} MiB has no place in a config"
        domain.report.set_properties("guest-lost", model, message, video.where, {"vram64_size_mb": str(more)})
    if not video.primary:
        video.model = "qxl"
        video.ram, video.vram = video.ram or QXL_SIZES["ram"], video.vram or QXL_SIZES["vram"]


_NO_SIZES = ("cirrus-vga", "virtio-vga", "ramfb")


def _read_plain(domain: Domain, video: Video, model: Node) -> None:
    """libvirt gives `vram` to VGA and VMware cards only; elsewhere it is a number without effect."""
    if video.model in ("VGA", "vmware-svga", "bochs-display"):
        size = _mib(model, "vram")
        video.vgamem = None if size == VGA_MEMORY else size
    else:
        model.expect("vram", str(VGA_MEMORY * KIB), "9216", "65536")
    model.expect("ram", "65536")
    model.expect("vgamem", str(VGA_MEMORY * KIB))
    for name in QXL_SIZES:
        if video.model in _NO_SIZES and (idle := model.take(name)) is not None:
            domain.report.add("normalised", model, f"{name}='{idle}' does nothing for this card")
    if (heads := _heads(model)) is not None and heads != 1:
        video.max_outputs = heads


_OTHER_PROCESS = ("vhost-user-vga", "vhost-user-gpu")
_VIRTIO_DEVICES = ("virtio-vga", "virtio-vga-gl", "virtio-gpu-pci", "virtio-gpu-gl-pci", "virtio-gpu", "virtio-gpu-gl")


def _read_virtio(domain: Domain, video: Video, model: Node, vm: VM) -> None:
    name = f"ua-{video.key}" if video.key else None
    if (size := _overridden(domain, name, "max_hostmem")) is not None:
        video.max_hostmem = size
    acceleration = model.only("acceleration")
    gl = False
    if acceleration is not None:
        accel3d = acceleration.attrib.get("accel3d")
        if accel3d in ("yes", "no"):
            acceleration.take("accel3d")
            gl = YES_NO.read(accel3d)
    if (device := model.attrib.get("device")) in _OTHER_PROCESS:
        model.claim_text("device")
        domain.report.add("guest-changed", model, f"device='{device}' is drawn by a process of its own: qemu-server's card by QEMU")
    bare = "gpu" if vm.machine.base == "virt" or not video.primary else "vga"
    if (device := model.attrib.get("device")) in _VIRTIO_DEVICES:  # libvirt 12.5
        model.claim_text("device")
        gl = device.endswith(("-gl", "-gl-pci"))
        if device.startswith("virtio-gpu") and bare == "vga":
            domain.report.add("guest-changed", model, f"device='{device}' becomes virtio-vga: a first card of qemu-server's has VGA, too")
        bare = "vga" if device.startswith("virtio-vga") else bare
    video.model = f"virtio-{bare}-gl" if gl else f"virtio-{bare}"
