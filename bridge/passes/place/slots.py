"""PCI slots: devices whose place depends on their key alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from ...core.report import Report
from ...data.ostype import WINDOWS, windows_version
from ...data.pci import PCI, PCIE, PCIE_WIN7
from ...model.controller import Controller
from ...model.hostpci import HostPCI
from ...model.part import Device, PCIAddress
from ...model.vm import VM

D = TypeVar("D", bound=Device)


def conventional(base: str | None, key: str, function: int = 0, multifunction: bool | None = None) -> PCIAddress:
    """The key's slot on the conventional buses; aarch64's bus 0 is the PCI Express root itself."""
    bus, slot = PCI[key]
    if bus == "pci.0" and base == "virt":
        bus = "pcie.0"
    return PCIAddress(bus, slot, function, multifunction)


def at(vm: VM, device: D | None, key: str) -> D | None:
    """The device with its address; on q35 a few keys stand on PCI Express."""
    if device is None:
        return None
    if vm.machine.base == "q35" and key in PCIE:
        bus, slot = PCIE[key]
        return replace(device, key=key, address=PCIAddress(bus, slot))
    return replace(device, key=key, address=conventional(vm.machine.base, key))


def _hostpci(vm: VM, device: HostPCI) -> HostPCI:
    multifunction = True if device.multifunction else None
    key = f"hostpci{device.index}"
    if device.pcie:
        table = PCIE_WIN7 if windows_version(vm.meta.ostype) == WINDOWS["win7"] else PCIE
        bus, slot = table[key]
        return replace(device, key=key, address=PCIAddress(bus, slot, 0, multifunction))
    return replace(device, key=key, address=conventional(vm.machine.base, "legacy-igd" if device.legacy_igd else key, 0, multifunction))


def place(vm: VM, report: Report) -> VM:
    display, balloon = vm.display, vm.balloon
    if display.videos:
        videos = [at(vm, video, f"vga{n or ''}") for n, video in enumerate(display.videos)]
        display = replace(display, videos=videos)
    if balloon.present:
        balloon = replace(balloon, key="balloon0", address=conventional(vm.machine.base, "balloon0"))
    hostpcis = [_hostpci(vm, device) for device in vm.hostpcis]
    for device in hostpcis:
        _warn_invisible(device, hostpcis, report)
    return replace(
        vm,
        display=display,
        balloon=balloon,
        hostpcis=hostpcis,
        nets=[replace(net, key=f"net{net.index}", address=conventional(vm.machine.base, f"net{net.index}")) for net in vm.nets],
        watchdog=at(vm, vm.watchdog, "watchdog"),
        rng=at(vm, vm.rng, "rng0"),
        audio=at(vm, vm.audio, "audio0"),
        ivshmem=at(vm, vm.ivshmem, "ivshmem"),
    )


def _warn_invisible(device: HostPCI, devices: list[HostPCI], report: Report) -> None:
    """Root ports 5..12 and 13..16 are functions of one slot: without function 0 no firmware scans the slot (mapping-devices 4.2)."""
    n, address = device.index or 0, device.address
    first = 4 if n < 12 else 12
    behind_port = isinstance(address, PCIAddress) and address.bus.startswith("ich9-pcie-port-")
    if behind_port and n > first and not any(other.index == first and other.pcie for other in devices):
        report.add(
            "invisible",
            device.where,
            f"{device.key} stands behind a root port that the guest never finds, as there is no hostpci{first} with pcie=1",
            f"use hostpci{first} for it",
        )


def virtio_serial(vm: VM) -> list[Controller]:
    """The serial controllers of the guest agent and of the SPICE agent."""
    found = []
    if vm.agent.enabled and vm.agent.type == "virtio":
        found.append(Controller(type="virtio-serial", key="qga0", address=conventional(vm.machine.base, "qga0")))
    if vm.display.vdagent:
        found.append(Controller(type="virtio-serial", key="spice", address=conventional(vm.machine.base, "spice")))
    return [replace(controller, index=n) for n, controller in enumerate(found)]


def buses(vm: VM, *more: Iterable[Controller]) -> set[str]:
    """The conventional buses that some device stands on."""
    return {d.address.bus for devices in (vm.devices(), *more) for d in devices if isinstance(d.address, PCIAddress)}
