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

UBUNTU: dict[str, tuple[int, int]] = {
    "trusty": (2, 0), "utopic": (2, 1), "vivid": (2, 2), "wily": (2, 4), "xenial": (2, 5), "yakkety": (2, 6), "zesty": (2, 8),
    "artful": (2, 10), "bionic": (2, 11), "cosmic": (2, 12), "disco": (3, 1), "eoan": (4, 0), "focal": (4, 2), "groovy": (5, 0),
    "hirsute": (5, 2), "impish": (6, 0), "jammy": (6, 2), "kinetic": (7, 0), "lunar": (7, 2), "mantic": (8, 0), "noble": (8, 2),
    "oracular": (9, 0), "plucky": (9, 2), "questing": (10, 1),
}  # fmt: skip
"""Ubuntu's release -> the QEMU that it came with."""
RHEL: dict[tuple[int, int], tuple[int, int]] = {
    (7, 0): (1, 5), (7, 1): (2, 1), (7, 2): (2, 3), (7, 3): (2, 6), (7, 4): (2, 9), (7, 5): (2, 10), (7, 6): (2, 12),
    (8, 0): (3, 1), (8, 1): (4, 1), (8, 2): (4, 2), (8, 3): (5, 1), (8, 4): (5, 2), (8, 5): (6, 0), (8, 6): (6, 2),
    (9, 0): (6, 2), (9, 2): (7, 2), (9, 4): (8, 2), (9, 6): (9, 1), (9, 8): (10, 1), (10, 0): (9, 1), (10, 2): (10, 1),
}  # fmt: skip
"""RHEL's machine -> the QEMU whose machine it was made of (hw_compat_rhel_*)."""
_OF_UBUNTU = re.compile(rf"(pc|pc-i440fx|pc-q35|virt)-({'|'.join(UBUNTU)})(?:-hpb|-v[0-9])?", re.ASCII).fullmatch
_OF_RHEL = re.compile(r"(pc-i440fx|pc-q35|virt)-rhel([0-9]{1,2})\.([0-9]{1,2})\.[0-9]{1,2}", re.ASCII).fullmatch


def upstream(name: str) -> str | None:
    """The machine of QEMU's own that a distribution's was made of; None for a name that is not distribution's."""
    if match := _OF_UBUNTU(name):
        version: tuple[int, int] | None = UBUNTU[match[2]]
    elif match := _OF_RHEL(name):
        release = int(match[2]), int(match[3])
        older = [known for known in RHEL if known[0] == release[0] and known <= release]
        version = RHEL[max(older)] if older else None
    else:
        return None
    if version is None:
        return None
    board = "pc-i440fx" if match[1] == "pc" else match[1]
    return f"{board}-{version[0]}.{version[1]}"
