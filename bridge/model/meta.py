"""Who the VM is, and what only the management layer uses."""

from __future__ import annotations

from .part import Part


class SMBIOS(Part, kw_only=True):
    """SMBIOS type 1, decoded texts."""

    uuid: str | None = None
    manufacturer: str | None = None
    product: str | None = None
    version: str | None = None
    serial: str | None = None
    sku: str | None = None
    family: str | None = None
    base64: bool | None = None


class Meta(Part, kw_only=True):
    vmid: int | None = None
    name: str | None = None
    description: str | None = None
    title: str | None = None
    ostype: str | None = None
    smbios1: SMBIOS | None = None
    uuid: str | None = None
    """The domain's UUID; the guest sees it as its system UUID."""
    vmgenid: str | None = None
    onboot: bool | None = None
    template: bool | None = None
    creation_qemu: str | None = None
    keys: dict[str, str] | None = None
    """Keys without any effect on the guest or the command line, as text: tags, startup, protection, lock, unusedN, ..."""
