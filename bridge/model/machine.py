"""The machine: chipset, version, accelerator and the switches of the board."""

from __future__ import annotations

from .part import Part, PCIAddress


class Machine(Part, kw_only=True):
    type: str | None = None
    """As said: `q35`, `pc`, `pc-i440fx-9.2+pve1`, `virt`, ... None: the host's newest."""
    running: str | None = None
    """`runningmachine` of a snapshot: the full type it was taken with, in place of `type`."""
    base: str | None = None
    """`i440fx`, `q35` or `virt`."""
    version: tuple[int, int] | None = None
    """QEMU machine version (major, minor)."""
    pve: int | None = None
    """The +pve revision that counts for this VM (the highest known one for an unversioned machine)."""
    pinned: str | None = None
    """The full type that the guest gets, with the revision that a used feature needs: `pc-i440fx-5.1+pve0`, `q35+pve1`."""
    pxe: bool | None = None
    arch: str | None = None
    kvm: bool | None = None
    acpi: bool | None = None
    enable_s3: bool | None = None
    enable_s4: bool | None = None
    hpet: bool | None = None
    smm: bool | None = None
    graphics: bool | None = None
    """False: the firmware uses the serial console (QEMU's `-nographic`)."""
    pci_hotplug_bridge: bool | None = None
    """q35's ACPI hotplug on bridges (`acpi-pci-hotplug-with-bridge-support`); False only for old l26 VMs (qemu-server)."""
    viommu: str | None = None
    """`intel` or `virtio`."""
    aw_bits: int | None = None
    viommu_address: PCIAddress | None = None
    irqchip_split: bool | None = None
    allow_ksm: bool | None = None
    reboot: bool | None = None
    freeze: bool | None = None
    hotplug: str | None = None
    """As said, e.g. `network,disk,usb,memory,cpu`."""
    itco: bool | None = None
    """q35's watchdog timer armed (QEMU default from machine 8.0 on; libvirt arms it always)."""
    emulator: str | None = None
