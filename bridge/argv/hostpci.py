"""PCI devices of the host (qemu-server 9.2.6, print_hostpci_devices)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import Row
from ..data.pci import ROOT_PORTS
from ..host.facts import HostFacts
from ..host.mapping import missing
from ..model.hostpci import HostPCI
from ..model.part import PCIAddress
from ..model.vm import VM
from .emit import Command, escaped, pci, properties

ROM_DIRECTORY = "/usr/share/kvm"

ROWS = (
    Row("bootindex", "bootindex"),
    Row("vendor_id", "x-pci-vendor-id"),
    Row("device_id", "x-pci-device-id"),
    Row("sub_vendor_id", "x-pci-sub-vendor-id"),
    Row("sub_device_id", "x-pci-sub-device-id"),
    Row("ids", "host", code=True),
    Row("host", "host", code=True),
    Row("mapping", "host", code=True),
    Row("mdev", "sysfsdev", code=True),
    Row("mdev_uuid", "sysfsdev", code=True),
    Row("enable_migration", "enable-migration", code=True),
    Row("rombar", "rombar", code=True),
    Row("x_vga", "x-vga", code=True),
    Row("multifunction", "multifunction", code=True),
    Row("romfile", "romfile", code=True),
    Row("pcie", "bus", code=True),
    Row("legacy_igd", "addr", code=True),
)
TABLE = (Rows(HostPCI, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:
    for device in vm.hostpcis:
        if not device.ids and device.mapping:
            message = f"{device.key}: the PCI device mapping '{device.mapping}' is not in the host facts"
            cure = missing(host, "pci", device.mapping)
            raise BridgeError(f"{message}: {cure}" if cure else message, device.where)
        if not device.ids:
            continue  # told: all functions of a device that nobody described
        address = device.address
        if device.pcie and isinstance(address, PCIAddress) and address.bus.startswith("ich9-") and device.index in ROOT_PORTS:
            command.device(_root_port(device.index))
        for n in range(len(device.ids) if device.multifunction else 1):
            command.device(_function(vm, device, n))


def _root_port(index: int) -> str:
    slot, function = ROOT_PORTS[index]
    number = index + 1
    return (
        f"pcie-root-port,id=ich9-pcie-port-{number},addr={slot:x}.{function:x},x-speed=16,x-width=32,multifunction=on,bus=pcie.0"
        f",port={number},chassis={number}"
    )


def _function(vm: VM, device: HostPCI, n: int) -> str:
    """Function n of the guest's device; the options belong to function 0."""
    assert device.ids
    source = f"sysfsdev=/sys/bus/mdev/devices/{device.mdev_uuid}" if device.mdev_uuid else f"host={device.ids[n]}"
    function = f".{n}" if device.multifunction else ""
    text = f"vfio-pci,{source}"
    if device.enable_migration:
        text += ",enable-migration=on"
    text += f",id={device.key}{function}{pci(device.address)}{function}"
    if n:
        return text
    if device.rombar is False:
        text += ",rombar=0"
    if device.x_vga and vm.firmware.bios != "ovmf":
        text += ",x-vga=on"
    if device.multifunction:
        text += ",multifunction=on"
    if device.romfile:
        text += f",romfile={ROM_DIRECTORY}/{escaped(device.romfile)}"
    return text + properties(device, ROWS)
