"""hostpciN: PCI devices of the host, and mediated devices (qemu-server 9.2.6, PCI.pm; mapping-devices 14)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.hostpci import HostPCI
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

MAX_HOSTPCI_DEVICES = 16

ROWS = (
    Row("host", "host"),
    Row("mapping", "mapping"),
    Row("rombar", "rombar"),
    Row("romfile", "romfile"),
    Row("pcie", "pcie"),
    Row("x_vga", "x-vga"),
    Row("legacy_igd", "legacy-igd"),
    Row("mdev", "mdev"),
    Row("vendor_id", "vendor-id"),
    Row("device_id", "device-id"),
    Row("sub_vendor_id", "sub-vendor-id"),
    Row("sub_device_id", "sub-device-id"),
    Row("driver", "driver"),
)
TABLE = (Rows(HostPCI, "hostpciN", ROWS, ("ids", "multifunction", "mdev_uuid")),)


def read(section: ConfigSection, vm: VM) -> None:
    hostpcis = []
    for index, key in section.indexed("hostpci", MAX_HOSTPCI_DEVICES):
        said = section.props(key)
        if said is not None:
            hostpcis.append(HostPCI(key=key, index=index, where=section.line(key), **read_rows(said, ROWS)))
    vm.hostpcis = hostpcis


def write(vm: VM, lines: Lines) -> None:
    for device in vm.hostpcis:
        lines.props(device.key or f"hostpci{device.index}", write_rows(device, ROWS))
