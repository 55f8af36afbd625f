"""Graphics card, VNC, SPICE, clipboard."""

from __future__ import annotations

from .part import Device, Part


class Video(Device, kw_only=True):
    """One card. Sizes in MiB."""

    model: str | None = None
    """QEMU's device: VGA, cirrus-vga, vmware-svga, qxl-vga, qxl, virtio-vga, virtio-vga-gl, virtio-gpu."""
    vgamem: int | None = None
    ram: int | None = None
    vram: int | None = None
    max_outputs: int | None = None
    max_hostmem: int | None = None
    """Bytes."""
    edid: bool | None = None
    primary: bool | None = None


class Display(Part, kw_only=True):
    type: str | None = None
    """qemu-server's `vga` type: std, cirrus, vmware, qxl, qxl2..4, virtio, virtio-gl, none, serial0..3."""
    memory: int | None = None
    clipboard: str | None = None
    videos: list[Video] | None = None
    vnc: bool | None = None
    vnc_socket: str | None = None
    spice: bool | None = None
    spice_port: int | None = None
    spice_address: str | None = None
    egl: bool | None = None
    vdagent: str | None = None
    """`spicevmc` or `qemu-vdagent`."""
    foldersharing: bool | None = None
    videostreaming: str | None = None
    keyboard: str | None = None
