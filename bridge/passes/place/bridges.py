"""PCI bridges and root ports (mapping-devices 3.2, 4.2, 4.3)."""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from ...data.gates import machine_has
from ...data.pci import PCI, Q35_BRIDGES, Q35_PCIDMI, Q35_PORTS, ROOT_PORTS
from ...model.controller import Controller
from ...model.part import PCIAddress
from ...model.vm import VM


def place(vm: VM, used: set[str]) -> tuple[Controller, ...]:
    """All PCI controllers, indexes without gaps (libvirt fills gaps with bridges of its own: rule R2)."""
    return _on_q35(vm, used) if vm.machine.base == "q35" else _on_root_bus(vm, used)


def _numbered(controllers: list[Controller]) -> tuple[Controller, ...]:
    return tuple(replace(controller, index=n) for n, controller in enumerate(controllers))


def _bridge(key: str, chassis_nr: int, bus: str, slot: int) -> Controller:
    return Controller(type="pci", model="pci-bridge", key=key, chassis_nr=chassis_nr, address=PCIAddress(bus, slot))


def _on_root_bus(vm: VM, used: set[str]) -> tuple[Controller, ...]:
    """i440fx and virt: bridges on the root bus."""
    machine = vm.machine
    numbers = {1, *(int(bus[4:]) for bus in used if bus.startswith("pci."))}  # an xhci that is not there has its place on pci.1
    if machine_has(machine.version or (), machine.pve or 0, "pci_bridges"):
        numbers.add(2)
    if vm.scsihw == "virtio-scsi-single":
        numbers.add(3)
    legacy_igd = any(device.legacy_igd for device in vm.hostpcis)
    return _flat(machine.base == "virt", frozenset(numbers - {0}), legacy_igd)


@lru_cache(maxsize=256)  # 8 of the 870 µs from a config of i440fx to its command line
def _flat(virt: bool, numbers: frozenset[int], legacy_igd: bool) -> tuple[Controller, ...]:
    root = "pcie.0" if virt else "pci.0"
    controllers = [Controller(type="pci", model="pcie-root" if virt else "pci-root", key=root, builtin=True)]
    for n in sorted(numbers):
        bus, slot = PCI["pci.2-igd" if n == 2 and legacy_igd else f"pci.{n}"]
        controllers.append(_bridge(f"pci.{n}", n, root if bus == "pci.0" else bus, slot))
    return _numbered(controllers)


def _on_q35(vm: VM, used: set[str]) -> tuple[Controller, ...]:
    """The tree of pve-q35.cfg, and on demand more ports, and pci.4."""
    machine = vm.machine
    native = machine_has(machine.version or (), machine.pve or 0, "pcie_root_port")
    ports = []
    for device in vm.hostpcis:
        n, address = device.index or 0, device.address
        if n in ROOT_PORTS and isinstance(address, PCIAddress) and address.bus == f"ich9-pcie-port-{n + 1}":
            ports.append(n)
    return _q35(native, "pci.4" in used, tuple(ports))


@lru_cache(maxsize=256)  # 25 of the 870 µs from a config of q35 to its command line
def _q35(native: bool, fourth: bool, ports: tuple[int, ...]) -> tuple[Controller, ...]:
    """Four root ports, and four bridges behind a DMI-to-PCI bridge; `ports` and `fourth` are on demand. The same objects each time."""
    controllers = [Controller(type="pci", model="pcie-root", key="pcie.0", builtin=True)]
    for n, (slot, function) in Q35_PORTS.items():
        controllers.append(_port(n, slot, function, "pcie-root-port" if native else "ioh3420"))
    controllers.append(
        Controller(type="pci", model="dmi-to-pci-bridge", hardware="i82801b11-bridge", key="pcidmi", address=PCIAddress(*Q35_PCIDMI))
    )
    for n, (key, (bus, slot)) in enumerate(Q35_BRIDGES.items()):
        controllers.append(_bridge(key, n + 1, bus, slot))
    if fourth:
        controllers.append(_bridge("pci.4", 4, *PCI["pci.4"]))
    controllers += [_port(n, *ROOT_PORTS[n], "pcie-root-port") for n in ports]
    return _numbered(controllers)


def _port(n: int, slot: int, function: int, hardware: str) -> Controller:
    """The root port of hostpciN: port and chassis are N+1."""
    return Controller(
        type="pci",
        model="pcie-root-port",
        hardware=hardware,
        key=f"ich9-pcie-port-{n + 1}",
        chassis=n + 1,
        port=n + 1,
        address=PCIAddress("pcie.0", slot, function, True),
    )
