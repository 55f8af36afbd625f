"""Where qemu-server puts every device (qemu-server 9.2.6, PCI.pm; mapping-devices 3 and 4).

A place is (bus, slot). Guests know their devices by these slots: a NIC in slot 0x12 is `ens18`.
"""

from __future__ import annotations

Place = tuple[str, int]
LAST_SLOT = 0x1F
"""Of any bus."""

PCI: dict[str, Place] = {
    "piix3": ("pci.0", 0x01),
    "ehci": ("pci.0", 0x01),
    "vga": ("pci.0", 0x02),
    "legacy-igd": ("pci.0", 0x02),
    "balloon0": ("pci.0", 0x03),
    "watchdog": ("pci.0", 0x04),
    "scsihw0": ("pci.0", 0x05),
    "pci.3": ("pci.0", 0x05),
    "scsihw1": ("pci.0", 0x06),
    "ahci0": ("pci.0", 0x07),
    "qga0": ("pci.0", 0x08),
    "spice": ("pci.0", 0x09),
    **{f"virtio{n}": ("pci.0", 0x0A + n) for n in range(6)},
    **{f"hostpci{n}": ("pci.0", 0x10 + n) for n in range(2)},
    **{f"net{n}": ("pci.0", 0x12 + n) for n in range(6)},
    **{f"vga{n}": ("pci.0", 0x17 + n) for n in range(1, 4)},
    **{f"hostpci{n}": ("pci.0", 0x19 + n) for n in range(2, 4)},
    "pci.1": ("pci.0", 0x1E),
    "pci.2": ("pci.0", 0x1F),
    **{f"net{n}": ("pci.1", n - 5) for n in range(6, 32)},
    "xhci": ("pci.1", 0x1B),
    "pci.4": ("pci.1", 0x1C),
    "rng0": ("pci.1", 0x1D),
    "pci.2-igd": ("pci.1", 0x1E),
    **{f"virtio{n}": ("pci.2", n - 5) for n in range(6, 16)},
    "ivshmem": ("pci.2", 0x0B),
    "audio0": ("pci.2", 0x0C),
    **{f"hostpci{n}": ("pci.2", 0x09 + n) for n in range(4, 16)},
    **{f"virtioscsi{n}": ("pci.3", n + 1) for n in range(31)},
    "scsihw2": ("pci.4", 0x01),
    "scsihw3": ("pci.4", 0x02),
    "scsihw4": ("pci.4", 0x03),
}
"""Key -> place on the conventional buses; the same slots on i440fx, q35 (pci.0..3 behind pcidmi) and virt (pci.0 is pcie.0 there)."""

PCIE: dict[str, Place] = {
    "vga": ("pcie.0", 0x01),
    "ivshmem": ("pcie.0", 0x14),
    **{f"hostpci{n}": (f"ich9-pcie-port-{n + 1}", 0) for n in range(16)},
}
"""q35: devices on PCI Express (hostpciN with pcie=1)."""

PCIE_WIN7: dict[str, Place] = {
    **{f"hostpci{n}": ("pcie.0", 0x10 + n) for n in range(4)},
    **{f"hostpci{n}": ("pcie.0", 0x05 + n) for n in range(4, 11)},
    **{f"hostpci{n}": ("pcie.0", 0x0A + n) for n in range(11, 16)},
}
"""q35, ostype win7: PCI Express devices stand on the root bus."""

ROOT_PORTS: dict[int, tuple[int, int]] = {n: (0x10 + (n - 4) // 8, (n - 4) % 8) for n in range(4, 16)}
"""hostpciN -> (slot, function) on pcie.0 of its root port; ports of N = 0..3 are always there."""

Q35_PORTS = {n: (0x1C, n) for n in range(4)}
Q35_PCIDMI = ("pcie.0", 0x1E)
Q35_BRIDGES = {f"pci.{n}": ("pcidmi", n + 1) for n in range(4)}
Q35_EHCI = (0x1D, 0x1A)
"""Slots of the two EHCI groups: ehci with uhci-1..3, ehci-2 with uhci-4..6 (functions 7 and 0..2)."""
Q35_HDA = 0x1B
PVE_USB_SLOT = 0x1D
"""i440fx: EHCI group of pve-usb.cfg."""
