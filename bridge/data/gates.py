"""Who can do what since when: the only place for version numbers.

`MACHINE`: features of qemu-server's command line by machine version (major, minor, pve revision), from the release of
qemu-server named in `QEMU_SERVER`. `BINARY`: by the version of the QEMU binary. `LIBVIRT` and `QEMU`: elements of domain XML by the
target's versions (mapping-devices 22, mapping-machine 22).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

QEMU_SERVER = "9.2.6"
"""The default release whose command line is written."""
RFC_IOTHREADS = "rfc-iothreads"
"""The tree of the shared-iothreads RFC (July 2025)."""

TARGET_LIBVIRT = (11, 3)
TARGET_QEMU = (10, 0)
"""Also the QEMU of a node of which nobody says what it runs: one default for all documents."""

Version = tuple[int, ...]

STREAM_SINCE: Version = (6, 0)
STREAM_UNTIL: Version = (11, 0)
"""Releases of QEMU whose migration stream is that of `bridge.move.stream` (migration/ram.c); moves were run with 10.0 alone."""

OLDEST_SERVER: Version = (8, 0)
"""Of older releases nobody asked what they run."""
SHIPPED_QEMU: tuple[tuple[Version, Version], ...] = (
    ((9, 2), (11, 0)),
    ((9, 1), (10, 1)),
    ((9, 0), (10, 0)),
    ((8, 4), (9, 2)),
    ((8, 3), (9, 0)),
    ((8, 1), (8, 1)),
    ((8, 0), (8, 0)),
)
"""Release of qemu-server from this one on -> the QEMU that Proxmox VE had beside it, for nodes whose QEMU is not said; youngest first."""
SERVER: dict[str, Version] = {
    # feature of qemu-server: since release (its history on GitHub, and the releases themselves, asked with configs of the corpora)
    "scripts_in_libexec": (8, 3, 11),
    "bridge_mtu": (9, 0, 3),
    "host_mtu": (9, 0, 20),
    "vmx_mbec": (9, 2, 0),
}
SAME_SINCE: Version = (9, 0, 20)
"""From this release on, what `SERVER` and `REVISIONS` hold is all that differs from `QEMU_SERVER`, for a QEMU that it knows."""


def version(text: str) -> Version:
    """`10.0.2` -> (10, 0, 2). Raises ValueError on anything else."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4 or not all(p.isascii() and p.isdigit() and len(p) <= 6 for p in parts):
        raise ValueError(f"'{text[:40]}' is not a version: write it as 10.0 or 10.0.2")
    return tuple(int(p) for p in parts)


@lru_cache(maxsize=64)  # without: 5 % more calls from a config to a command line
def qemu_version(text: str | None, qemu_server: str | None = None) -> Version:
    """A host's QEMU version as numbers. None: the one that came with that qemu-server, or the default."""
    if text is not None:
        return version(text)
    release = release_of(qemu_server)
    return TARGET_QEMU if release is None else next(qemu for since, qemu in SHIPPED_QEMU if release >= since)


@lru_cache(maxsize=64)  # without: 6 % more calls from a config to a command line
def release_of(qemu_server: str | None) -> Version | None:
    """The release as numbers; None if none is said, and for the RFC's tree. Raises ValueError for a word that is neither."""
    if qemu_server is None or qemu_server == RFC_IOTHREADS:
        return None
    try:
        release = version(qemu_server)
    except ValueError:
        release = ()
    if len(release) < MIN_RELEASE:
        raise ValueError(f"'{qemu_server[:40]}' is not a release of qemu-server: write it as {QEMU_SERVER}, or {RFC_IOTHREADS}")
    if release < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise ValueError(f"qemu-server {qemu_server} is older than {oldest}, and what it runs is not known: name a younger release")
    return release


MIN_RELEASE = 2
"""Numbers of a release."""


def server_has(qemu_server: str | None, name: str) -> bool:
    """Whether that qemu-server has the feature; one that is not said, and the RFC's tree, have all.

    KeyError for a name that is not a gate."""
    since, release = SERVER[name], release_of(qemu_server)
    return release is None or release >= since


def has_pool(qemu_server: str | None) -> bool:
    """Whether that qemu-server knows `iothreads`: no release does."""
    return release_of(qemu_server) is None


MACHINE: dict[str, Version] = {
    # feature of the machine: since (major, minor, pve revision)
    "pci_bridges": (2, 3, 0),
    "kvm_pv_flags": (2, 3, 0),
    "hv_base": (2, 3, 0),
    "efi_pxe_roms": (2, 4, 0),
    "hv_vpindex": (2, 6, 0),
    "cpu_hotplug": (2, 7, 0),
    "std_vga": (2, 9, 0),
    "qmp_event": (2, 12, 0),
    "hv_synic": (2, 12, 0),
    "hv_ipi": (3, 1, 0),
    "pcie_root_port": (4, 0, 0),
    "mpx_gone": (4, 0, 0),
    "edid": (4, 0, 0),
    "spice_usb3": (4, 0, 0),
    "audio": (4, 0, 0),
    "qxl_max_outputs": (4, 1, 0),
    "iscsi_scsi_hd": (4, 1, 0),
    "scsi_more_than_14": (4, 1, 2),
    "rng": (4, 1, 2),
    "efidisk_size": (4, 1, 2),
    "audiodev": (4, 2, 0),
    "queue_per_vcpu": (5, 2, 0),
    "acpi_hotplug": (6, 1, 0),
    "free_page_reporting": (6, 2, 0),
    "prefer_cores": (6, 2, 0),
    "usb_xhci": (7, 1, 0),
    "net_queue_sizes": (7, 1, 0),
    "itco_armed": (8, 0, 0),
    "power_states_off": (9, 2, 1),
    "blockdev": (10, 0, 0),
    "host_mtu": (10, 0, 1),
    "l26_hpet_off": (10, 1, 0),
    "host_tunnel": (10, 2, 0),
    "host_tunnel_off": (11, 0, 1),
    "vmx_mbec": (11, 0, 0),
    "hv_evmcs": (11, 0, 2),
}

REVISIONS: dict[Version, tuple[Version, ...]] = {
    (4, 1): (OLDEST_SERVER, OLDEST_SERVER),
    (9, 2): ((8, 3, 10),),
    (10, 0): ((9, 0, 20),),
    (11, 0): ((9, 1, 18), (9, 2, 0)),
}
"""Machine version -> the releases of qemu-server that its +pve revisions 1, 2, ... came with; all others have none (Machine.pm)."""


def highest_revision(machine_version: Version, qemu_server: str | None = None) -> int:
    """The highest +pve revision that this release of qemu-server knows of a machine version (major, minor)."""
    release = release_of(qemu_server)
    return sum(1 for since in REVISIONS.get(machine_version, ()) if release is None or release >= since)


WINDOWS_PIN: Version = (5, 1)
"""The machine version of Windows VMs that name none and have no younger `creation-qemu` (qemu-server 9.2.6, get_vm_machine)."""

OLDEST_BINARY: Version = (6, 0)
"""qemu-server 9.2.6 starts nothing older."""
RELEASE_CANDIDATE = 90
"""From this micro version on a QEMU is a release candidate."""

BINARY: dict[str, Version] = {
    # what qemu-server asks of the QEMU binary: since
    "bridge_hotplug_default": (6, 1),
    "windows_pin_to_creation": (9, 1),
    "reconnect_ms": (9, 2),
    "debug_threads_always": (11, 0),
    "cet": (11, 0),
    "vmx_mbec": (11, 0),
}


def machine_has(machine_version: Version, pve: int, name: str) -> bool:
    """Whether a machine of this (major, minor) and +pve revision has the feature. KeyError for a name that is not a gate."""
    return (*machine_version[:2], pve) >= MACHINE[name]


def binary_has(qemu_version: Version, name: str) -> bool:
    """Whether QEMU of this version has the feature. KeyError for a name that is not a gate."""
    return qemu_version >= BINARY[name]


class Element(NamedTuple):
    """An element or attribute of domain XML: since which libvirt, and which QEMU behind it."""

    libvirt: Version
    qemu: Version = (0,)


ELEMENTS: dict[str, Element] = {
    "iothread_mapping_blk": Element((10, 0), (9, 0)),
    "iothread_mapping_scsi": Element((11, 2), (10, 0)),
    "product_ide": Element((11, 1)),
    "rotation_rate": Element((7, 3)),
    "clock_absolute": Element((8, 4)),
    "nvram_source": Element((8, 5)),
    "nvram_format": Element((9, 2)),
    "nvram_block": Element((10, 10)),
    "tpm_persistent": Element((7, 0)),
    "tpm_source": Element((10, 10)),
    "vlan_bridge": Element((11, 0)),
    "discard_no_unref": Element((9, 5), (8, 1)),
    "rbd_namespace": Element((11, 6)),
    "sev_snp": Element((10, 5)),
    "cpu_versioned": Element((10, 10)),
    "cpu_cet": Element((0,), (11, 0)),
    "cpu_later": Element((11, 3)),  # or a little earlier: not in 9.0's cpu_map
    "cpu_later_features": Element((0,), (10, 0)),  # or a little earlier: not in 7.2
    "hyperv_later": Element((10, 7)),
    "guest_phys_bits": Element((0,), (9, 1)),
    "viommu_width": Element((0,), (9, 0)),
    "vfio_migration": Element((8, 2), (8, 1)),
    "tdx_object": Element((0,), (10, 1)),
    "tdx": Element((11, 6), (10, 1)),
    "sev_snp_object": Element((0,), (9, 1)),
    "maxphysaddr": Element((8, 7)),
    "free_page_reporting": Element((6, 9)),
    "itco_always": Element((9, 1)),
    "override": Element((8, 2)),
    "qemu_vdagent": Element((8, 4)),
    "host_tunnel": Element((8, 2), (10, 2)),
    "video_device": Element((12, 5)),
    "video_edid": Element((12, 8)),  # or a little earlier: not in 12.5
    "poll_weight": Element((12, 8), (11, 1)),  # the same
}


CPU_MODELS: dict[str, Version] = {
    # model: since QEMU; where the release is not certain the later one
    **dict.fromkeys(("EPYC-v4", "EPYC-Rome-v3", "EPYC-Milan-v2", "EPYC-Genoa", "SapphireRapids"), (8, 1)),
    **dict.fromkeys(("EPYC-Rome-v4", "Icelake-Server-v7", "SapphireRapids-v2", "GraniteRapids"), (8, 2)),
    "SierraForest": (9, 1),
    **dict.fromkeys(("SapphireRapids-v3", "GraniteRapids-v2", "SierraForest-v2", "ClearwaterForest"), (10, 0)),
    **dict.fromkeys(("EPYC-v5", "EPYC-Rome-v5", "EPYC-Milan-v3", "EPYC-Genoa-v2", "EPYC-Turin"), (10, 1)),
    **dict.fromkeys(("SapphireRapids-v4", "GraniteRapids-v3", "SierraForest-v3"), (10, 1)),
}
"""CPU models that QEMU 7.2 does not have yet (7.2 and 10.0 asked with -cpu help)."""

MACHINE_YEARS = 6
"""From `MACHINES_EXPIRE` on QEMU drops a machine of version M.N with its own version M+6.N (include/hw/core/boards.h)."""
MACHINES_EXPIRE: Version = (10, 1)
RELEASES_A_YEAR = 3
OLDEST_MACHINES: dict[str, tuple[tuple[Version, Version], ...]] = {
    # base: (QEMU from this version on, its oldest machine), youngest first; before that nobody asks
    "i440fx": (((10, 0), (2, 4)), ((8, 2), (2, 0)), ((6, 0), (1, 4))),
    "q35": (((4, 0), (2, 4)),),
    "virt": (((2, 12), (2, 6)),),
}


def machine_range(base: str, qemu: Version) -> tuple[Version, Version]:
    """The oldest and the newest (major, minor) of machines with a version that a QEMU has."""
    major, minor = qemu[0], qemu[1] if len(qemu) > 1 else 0
    if len(qemu) > 2 and qemu[2] >= RELEASE_CANDIDATE:
        major, minor = (major, minor + 1) if minor + 1 < RELEASES_A_YEAR else (major + 1, 0)
    if (major, minor) >= MACHINES_EXPIRE:
        dropped = major - MACHINE_YEARS
        oldest = (dropped, minor + 1) if minor + 1 < RELEASES_A_YEAR else (dropped + 1, 0)
    else:
        oldest = next((first for since, first in OLDEST_MACHINES[base] if qemu >= since), (0, 0))  # type: ignore[assignment]
    return oldest, (major, minor)


class Target(NamedTuple):
    """What the receiving host can do."""

    libvirt: Version = TARGET_LIBVIRT
    qemu: Version = TARGET_QEMU
    node: bool = False
    """It is a node of Proxmox VE, and has the files of one."""
    clean: bool = False
    """Its XML has libvirt's own elements only: no <qemu:commandline>, no <qemu:override>."""

    def has(self, name: str) -> bool:
        """Whether the element of this name is known there. Raises KeyError for a name that is not a gate."""
        element = ELEMENTS[name]
        if self.clean and name == "override":
            return False
        return self.libvirt >= element.libvirt and self.qemu >= element.qemu
