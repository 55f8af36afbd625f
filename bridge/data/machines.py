"""Names of machine types: `pc`, `pc-q35-9.2+pve1`, `virt-8.0`, `pc-i440fx-2.1.pxe` (qemu-server 9.2.6, Machine.pm)."""

from __future__ import annotations

import re
from functools import lru_cache

_VERSIONED = re.compile(r"(?:pc(?:-i440fx|-q35)?|virt)-([0-9]+)\.([0-9]+)(?:\.[0-9]+)?(?:\+pve([0-9]+))?(?:\.pxe)?", re.ASCII)
_REVISION = re.compile(r"\+pve[0-9]+(?:\.pxe)?$", re.ASCII)

_remembered = lru_cache(maxsize=256)
"""A fleet has few machine types, and each is asked for many times."""

UNVERSIONED = frozenset({"pc", "q35", "virt"})
"""They mean the newest version that the host has."""
VERSIONED = {"i440fx": "pc-i440fx", "q35": "pc-q35", "virt": "virt"}
"""Base -> what stands before the version."""
SHORT = {"i440fx": "pc", "q35": "q35", "virt": "virt"}
"""Base -> name without a version."""
DEFAULT = {"x86_64": "pc", "aarch64": "virt"}
"""Architecture -> the machine of a VM that names none."""
BINARY = {"x86_64": "/usr/bin/qemu-system-x86_64", "aarch64": "/usr/bin/qemu-system-aarch64"}
"""Architecture -> QEMU where it is not the host's own; there it is `/usr/bin/kvm`."""
NATIVE_BINARY = "/usr/bin/kvm"
POWER_OBJECT = {"i440fx": "PIIX4_PM", "q35": "ICH9-LPC"}
"""Base -> the device whose properties switch S3 and S4 off."""


@_remembered
def base_of(name: str) -> str | None:
    """`i440fx`, `q35` or `virt`; None for a machine that qemu-server does not know."""
    if "q35" in name:
        return "q35"
    if name.startswith("pc"):
        return "i440fx"
    return "virt" if name.startswith("virt") else None


@_remembered
def version_of(name: str) -> tuple[int, int, int] | None:
    """(major, minor, +pve revision); None for a name without a version."""
    match = _VERSIONED.match(name)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


@_remembered
def with_revision(name: str) -> str:
    """The name with a +pve revision: one that has none counts as +pve0."""
    if _REVISION.search(name):
        return name
    return f"{name[:-4]}+pve0.pxe" if name.endswith(".pxe") else f"{name}+pve0"


@_remembered
def without_revision(name: str) -> str:
    """The name as QEMU upstream and libvirt know it, without `+pveN` and `.pxe`."""
    return name.removesuffix(".pxe").partition("+pve")[0]
