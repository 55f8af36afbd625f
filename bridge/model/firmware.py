"""Firmware: SeaBIOS or OVMF, and where its variables live."""

from __future__ import annotations

from .disk import Source
from .part import Part


class Firmware(Part, kw_only=True):
    bios: str | None = None
    """`seabios` or `ovmf`."""
    code: str | None = None
    """Path of the read-only firmware image."""
    code_format: str | None = None
    rom: bool | None = None
    """True: loaded with `-bios` (SEV-SNP, TDX), no flash."""
    secure: bool | None = None
    """libvirt's `secure='yes'`; qemu-server never sets it."""
    template: str | None = None
    """Path of the variables template."""
    target_code: str | None = None
    target_template: str | None = None
    """The two on the receiving host, where its files have other paths (host facts: `firmware_map`)."""
    fresh: bool | None = None
    """The variables are not there yet: libvirt makes them from the template."""
    vars: Source | None = None
    """efidisk0: where the variables are. None with `ovmf`: a temporary copy of the template."""
    vars_size: int | None = None
    """Bytes that the flash must have; raw volumes may be larger."""
    efitype: str | None = None
    pre_enrolled_keys: bool | None = None
    ms_cert: str | None = None
    size: str | None = None
    """efidisk0's `size=` as text."""
    format: str | None = None
