"""Graphics cards of a command line as <video>, with every size as it was said (mapping-devices 15)."""

from __future__ import annotations

from typing import Any

from ..tree.node import Node

MODELS = {
    "VGA": "vga", "secondary-vga": "vga", "cirrus-vga": "cirrus", "vmware-svga": "vmvga", "qxl-vga": "qxl", "qxl": "qxl",
    "virtio-vga": "virtio", "virtio-vga-gl": "virtio", "virtio-gpu-pci": "virtio", "virtio-gpu-gl-pci": "virtio",
    "virtio-gpu": "virtio", "bochs-display": "bochs", "ramfb": "ramfb",
}  # fmt: skip
"""QEMU's device -> libvirt's model."""
FIRST = {"virtio": "virtio-vga", "qxl": "qxl-vga"}
"""What libvirt makes of the first card of a model; of a further one the other device."""
KIB, MIB = 1 << 10, 1 << 20
QXL = {"ram": 64 * MIB, "vram": 64 * MIB, "vgamem": 16 * MIB}
"""QEMU's own sizes."""
QXL_VRAM64 = 0xFFFFFFFF
"""QEMU's own: as much as vram."""
Properties = dict[str, Any]


def write_card(node: Node, driver: str, said: Properties, first: bool) -> str | None:
    """Fill <video>. The device that libvirt has to be told to take instead of its own; None if it takes the right one."""
    model = node.add("model", type=MODELS[driver])
    if driver in ("qxl-vga", "qxl"):
        _qxl(model, said)
    elif driver in ("VGA", "secondary-vga", "vmware-svga", "bochs-display"):
        size = bytes_of(said, "vgamem_mb", MIB) or bytes_of(said, "vgamem", 1)
        if size:
            model.set("vram", str(size // KIB))
    if first and driver != "ramfb":
        model.set("primary", "yes")
    if MODELS[driver] == "virtio":
        _virtio(model, driver, said)
    else:
        if (heads := said.pop("max_outputs", None)) is not None:
            model.set("heads", str(heads))
    if "xres" in said and "yres" in said:
        model.add("resolution", x=str(said.pop("xres")), y=str(said.pop("yres")))
    own = FIRST.get(MODELS[driver]) if first else {"virtio": "virtio-gpu-pci", "qxl": "qxl"}.get(MODELS[driver])
    plain = driver.replace("-gl", "").replace("virtio-gpu-pci", "virtio-gpu")
    return driver if own is not None and plain not in (own, own.removesuffix("-pci")) else None


def _virtio(model: Node, driver: str, said: Properties) -> None:
    if (heads := said.pop("max_outputs", None)) is not None:
        model.set("heads", str(heads))
    if (blob := said.pop("blob", None)) is not None:
        model.set("blob", "on" if blob in (True, "on") else "off")
    if "-gl" in driver:
        model.add("acceleration", accel3d="yes")


def _qxl(model: Node, said: Properties) -> None:
    """libvirt writes all sizes; those that nobody says are QEMU's."""
    for field, default in QXL.items():
        size = bytes_of(said, f"{field}_size_mb" if field != "vgamem" else "vgamem_mb", MIB) or bytes_of(said, f"{field}_size", 1)
        model.set(field, str((size or default) // KIB))
    size = bytes_of(said, "vram64_size_mb", MIB)
    model.set("vram64", str((size or 0) // KIB))
    if size is None:
        said["vram64_size_mb"] = QXL_VRAM64
    heads = said.pop("max_outputs", None)
    model.set("heads", str(heads or 1))
    if heads is None:
        said["max_outputs"] = 0


def bytes_of(said: Properties, name: str, unit: int) -> int | None:
    """Take a size."""
    value = str(said.get(name, ""))
    if not value.isdigit():
        number = value[:-1]
        if value[-1:].lower() in ("k", "m") and number.isdigit():
            del said[name]
            return int(number) * (KIB if value[-1:].lower() == "k" else MIB)
        return None
    if int(value) * unit % KIB:
        return None
    del said[name]
    return int(value) * unit
