"""Who can do what since when: the only place for version numbers.

`MACHINE`: features of qemu-server's command line by machine version (major, minor, pve revision), from the release of
qemu-server named in `QEMU_SERVER`. `BINARY`: by the version of the QEMU binary. `LIBVIRT` and `QEMU`: elements of domain XML by the
target's versions (mapping-devices 22, mapping-machine 22).
"""

from __future__ import annotations

from typing import NamedTuple

QEMU_SERVER = "9.2.6"
"""The default release whose command line is written."""
RFC_IOTHREADS = "rfc-iothreads"
"""The tree of the shared-iothreads RFC (July 2025)."""

TARGET_LIBVIRT = (11, 3)
TARGET_QEMU = (10, 0)

Version = tuple[int, ...]


def version(text: str) -> Version:
    """`10.0.2` -> (10, 0, 2). Raises ValueError on anything else."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4 or not all(p.isascii() and p.isdigit() and len(p) <= 6 for p in parts):
        raise ValueError(f"'{text[:40]}' is not a version: write it as 10.0 or 10.0.2")
    return tuple(int(p) for p in parts)


MACHINE: dict[str, Version] = {
    # feature of the machine: since (major, minor, pve revision)
    "pci_bridges": (2, 3, 0),
    "pcie_root_port": (4, 0, 0),
    "spice_usb3": (4, 0, 0),
    "scsi_more_than_14": (4, 1, 2),
    "usb_xhci": (7, 1, 0),
    "itco_armed": (8, 0, 0),
    "blockdev": (10, 0, 0),
}


def machine_has(machine_version: Version, pve: int, name: str) -> bool:
    """Whether a machine of this (major, minor) and +pve revision has the feature. KeyError for a name that is no gate."""
    return (*machine_version[:2], pve) >= MACHINE[name]


class Element(NamedTuple):
    """An element or attribute of domain XML: since which libvirt, and which QEMU behind it."""

    libvirt: Version
    qemu: Version = (0,)


ELEMENTS: dict[str, Element] = {
    "iothread_mapping_blk": Element((10, 0), (9, 0)),
    "iothread_mapping_scsi": Element((11, 2), (10, 0)),
    "product_ide": Element((11, 1)),
    "rotation_rate": Element((7, 3)),
    "nvram_source": Element((8, 5)),
    "nvram_format": Element((9, 2)),
    "nvram_block": Element((10, 10)),
    "tpm_source": Element((10, 10)),
    "tpm_external": Element((9, 0)),
    "vlan_bridge": Element((11, 0)),
    "discard_no_unref": Element((9, 5), (8, 1)),
    "rbd_namespace": Element((11, 6)),
    "sev_snp": Element((10, 5)),
    "maxphysaddr_bits_optional": Element((9, 2)),
    "cpu_versioned": Element((10, 10)),
    "itco_always": Element((9, 1)),
    "override": Element((8, 2)),
    "throttlefilters": Element((11, 2)),
    "tdx": Element((11, 10)),
}


class Target(NamedTuple):
    """What the receiving host can do."""

    libvirt: Version = TARGET_LIBVIRT
    qemu: Version = TARGET_QEMU

    def has(self, name: str) -> bool:
        """Whether the element of this name is known there. Raises KeyError for a name that is no gate."""
        element = ELEMENTS[name]
        return self.libvirt >= element.libvirt and self.qemu >= element.qemu
