"""UEFI images: which file for which VM (qemu-server 9.2.6, OVMF.pm; mapping-machine 9)."""

from __future__ import annotations

import re

BASE = "/usr/share/pve-edk2-firmware/"
TEMPORARY_VARS = "/run/qemu-server/efidisk/{}-ovmf.fd"
"""Where qemu-server puts the variables of a VM without efidisk0, by VMID."""

PICTURE = "/usr/share/qemu-server/bootsplash.jpg"
"""What the firmware shows; the guest finds it as a file of fw_cfg (mapping-machine 13)."""
PICTURE_THERE = "/usr/share/qemu/bootsplash.jpg"
"""Where it may stand on a host of libvirt: in QEMU's own directory, which AppArmor lets it read."""
PICTURES = (PICTURE, PICTURE_THERE)

IMAGES: dict[tuple[str, str], tuple[str, str | None]] = {
    ("x86_64", "4m-no-smm"): ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    ("x86_64", "4m-no-smm-ms"): ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.ms.fd"),
    ("x86_64", "4m"): ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.fd"),
    ("x86_64", "4m-ms"): ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"),
    ("x86_64", "4m-sev"): ("OVMF_SEV_CODE_4M.fd", "OVMF_SEV_VARS_4M.fd"),
    ("x86_64", "4m-snp"): ("OVMF_SEV_4M.fd", None),
    ("x86_64", "4m-tdx"): ("OVMF_TDX_4M.ms.fd", None),
    ("x86_64", "default"): ("OVMF_CODE.fd", "OVMF_VARS.fd"),
    ("aarch64", "ms"): ("AAVMF_CODE.secboot.fd", "AAVMF_VARS.ms.fd"),
    ("aarch64", "default"): ("AAVMF_CODE.fd", "AAVMF_VARS.fd"),
}
"""(architecture, variant) -> code and template of the variables; without a template the image is loaded with -bios."""


def variant(arch: str, q35: bool, efitype: str | None, keys: bool, confidential: str | None) -> str:
    """The variant that qemu-server takes. `confidential`: the type of amd-sev or intel-tdx."""
    if arch != "x86_64":
        return "ms" if keys else "default"
    if confidential in ("snp", "tdx"):
        return f"4m-{confidential}"
    if confidential in ("std", "es"):
        return "4m-sev"
    if efitype == "4m":
        return ("4m" if q35 else "4m-no-smm") + ("-ms" if keys else "")
    return "default"


_STOCK = {"x86_64": "/usr/share/OVMF/", "aarch64": "/usr/share/AAVMF/"}
_STOCK_NAMES = {
    "OVMF_SEV_CODE_4M.fd": "/usr/share/OVMF/OVMF_CODE_4M.fd",
    "OVMF_SEV_VARS_4M.fd": "/usr/share/OVMF/OVMF_VARS_4M.fd",
    "OVMF_SEV_4M.fd": "/usr/share/ovmf/OVMF.amdsev.fd",
    "OVMF_TDX_4M.ms.fd": "/usr/share/ovmf/OVMF.inteltdx.ms.fd",
}
"""Images of confidential guests, which distributions build under other names."""


def stock(path: str) -> str | None:
    """The same image on a host of libvirt: Debian's, whose names qemu-server's have; None for what is not an image of qemu-server."""
    name = path.removeprefix(BASE)
    if name == path or "/" in name:
        return None
    return _STOCK_NAMES.get(name) or _STOCK["aarch64" if name.startswith("AAVMF") else "x86_64"] + name


NVRAM = "/var/lib/libvirt/qemu/nvram/"
"""libvirt's own directory of variables."""


def own_vars(vmid: int | None) -> str:
    """The variables of a VM that has them where libvirt starts with none."""
    return f"{NVRAM}vm-{vmid}-efidisk0.fd"


SECURE_NAMES = (".secboot.", ".ms.", "secure", "_ms")
"""Parts of other distributions' file names that tell firmware with Secure Boot keys."""
_OVMF = re.compile(
    r"/usr/share/(?:[A-Za-z0-9_.-]+/)*"
    r"(?:OVMF|AAVMF|QEMU_EFI|edk2-(?:x86_64|i386|aarch64)|ovmf-x86_64|aavmf-aarch64)[A-Za-z0-9_.-]*\.(?:fd|bin|raw|qcow2)",
    re.ASCII,
)
"""Where Debian, Fedora, SUSE, Arch, Gentoo and QEMU itself have their builds."""
_OTHER_FIRMWARE = ("MICROVM", "amdsev", "inteltdx", ".cc.", "_SEV", "_TDX", "Xen")


def is_ovmf(path: str) -> bool:
    """Whether the path is a distribution's build of what qemu-server has a build of as well."""
    return _OVMF.fullmatch(path) is not None and not any(part in path for part in _OTHER_FIRMWARE)


def is_small(name: str) -> bool:
    """Whether the name is of a build with 2 MiB of flash, whose variables have 128 KiB."""
    return name.startswith(("OVMF", "ovmf-x86_64")) and "4m" not in name.lower()
