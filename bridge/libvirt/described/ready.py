"""A machine that was described whole (of a command line), made ready for the writers: names of buses, numbers, targets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from ...data.cpus import AMD
from ...model.agent import Agent
from ...model.boot import Boot
from ...model.controller import Controller
from ...model.cpu import CPU
from ...model.disk import Disk
from ...model.display import Display
from ...model.input import Tablet
from ...model.iothread import IOThreads
from ...model.part import Address, Device, DriveAddress, PCIAddress, SerialAddress, USBAddress
from ...model.raw import Other
from ...model.vm import VM
from ...passes.resolve.disk import PREFIXES, letters
from ..controller import ELSEWHERE

D = TypeVar("D", bound=Device)
_ID = re.compile(r"[^A-Za-z0-9_-]")
NO_USB = Controller(type="usb", index=0, model="none", builtin=True)
"""libvirt gives a machine a USB controller where none is named."""


def ready(vm: VM, others: list[Other]) -> tuple[VM, list[Other]]:
    """Law: every device has a key of its own (its id, as an alias can hold it) and stands on a controller that is there by its key.

    `others` hold the small devices whole, so that the parts that a config has for them are not there."""
    names = _Names()
    controllers, buses = _controllers(vm, names)
    place = _Places(buses)
    display = Display(keyboard=vm.display.keyboard, where=vm.display.where)
    vm = replace(
        vm,
        controllers=controllers,
        display=display,
        disks=_targets(vm, [place.drive(names.named(disk, "disk")) for disk in vm.disks]),
        nets=[place.one(names.named(net, "net")) for net in vm.nets],
        hostpcis=[place.one(names.named(device, "hostpci")) for device in vm.hostpcis],
        usbs=[],
        serials=[],
        parallels=[],
        virtiofs=[],
        agent=Agent(),
        tablet=Tablet(),
        watchdog=None,
        rng=None,
        audio=None,
        ivshmem=None,
        tpm=None,
        balloon=place.one(names.named(vm.balloon, "balloon")) if vm.balloon.present else vm.balloon,
        machine=replace(vm.machine, viommu=None, aw_bits=None, viommu_address=None),
        cpu=_cpu(vm),
    )
    return _threads(vm), [place.one(names.named(other, other.driver or "option")) for other in others]


def _cpu(vm: VM) -> CPU:
    """KVM takes nested virtualization away from every named model, which an explicit word makes independent of the accelerator."""
    cpu = vm.cpu
    features = cpu.features or {}
    nested = cpu.model == "qemu64" or cpu.model in AMD
    if not vm.machine.kvm or not nested or "svm" in features or vm.machine.arch != "x86_64":
        return cpu
    return replace(cpu, features={**features, "svm": False})


def unspoken(vm: VM) -> VM:
    """The VM without what no config says, and the writers write of a machine that was described whole."""
    return replace(
        vm,
        boot=Boot(),
        cpu=replace(vm.cpu, threads=None, dies=None),
        machine=replace(vm.machine, itco=None),
        memory=replace(vm.memory, pages=None, source=None),
    )


class _Names:
    """Keys, each used once."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.first: dict[str, int] = {}

    def key(self, wanted: str | None, kind: str) -> str:
        name = _ID.sub("-", (wanted or "").removeprefix("ua-"))
        if not name or name in self.taken:
            first = self.first.get(kind, 0)  # all before are taken
            n = next(n for n in range(first, first + len(self.taken) + 1) if f"{kind}{n}" not in self.taken)
            self.first[kind], name = n + 1, f"{kind}{n}"
        self.taken.add(name)
        return name

    def named(self, device: D, kind: str) -> D:
        return replace(device, key=self.key(device.key, kind))


def _controllers(vm: VM, names: _Names) -> tuple[list[Controller], dict[tuple[str, str], str]]:
    """The controllers by type and number, without gaps, and (type, `#NUMBER`) -> key."""
    buses: dict[tuple[str, str], str] = {}
    found: list[Controller] = []
    ranks: dict[tuple[str, int], int] = {}
    pci = sorted((c for c in vm.controllers if c.type == "pci"), key=lambda c: c.index or 0)
    others = sorted((c for c in vm.controllers if c.type != "pci"), key=lambda c: not c.builtin)
    for controller in [*pci, *others]:
        old = controller.type, controller.index or 0
        master = buses.get((controller.type, f"#{old[1]}")) if controller.master is not None else None
        if old not in ranks:
            ranks[old] = sum(kind == controller.type for kind, _ in ranks)
            if controller.type == "sata" and vm.machine.base == "q35" and not any(c.type == "sata" and c.builtin for c in vm.controllers):
                ranks[old] += 1  # the board's own is there, with or without drives
        name = names.key(controller.alias or (controller.key if controller.builtin else None), controller.type)
        if master is None:
            buses[controller.type, f"#{old[1]}"] = name
        hardware = None if _usual(controller) else controller.hardware
        if moved_piix3(vm, controller):
            controller = replace(controller, model=ELSEWHERE)
        found.append(replace(controller, key=name, index=ranks[old], master=master, hardware=hardware))
    ordered = [replace(c, address=_pci(c.address, buses)) for c in found]
    if not any(c.type == "usb" for c in ordered):
        ordered.append(NO_USB)
    return ordered, buses


def moved_piix3(vm: VM, controller: Controller) -> bool:
    """Whether libvirt would insist on the board's own place for this one."""
    at = controller.address
    usual = isinstance(at, PCIAddress) and at.slot == 1 and at.function == 2
    return controller.model == "piix3-uhci" and vm.machine.base == "i440fx" and not usual


def _usual(controller: Controller) -> bool:
    """Whether libvirt takes this device for the model anyway."""
    return controller.hardware in ("i82801b11-bridge", "x3130-upstream", "xio3130-downstream", "pcie-pci-bridge", "pxb", "pxb-pcie")


def _pci(address: Address | None, buses: dict[tuple[str, str], str]) -> PCIAddress | None:
    if not isinstance(address, PCIAddress):
        return None
    return replace(address, bus=buses.get(("pci", address.bus), address.bus))


class _Places:
    def __init__(self, buses: dict[tuple[str, str], str]) -> None:
        self.buses = buses

    def _moved(self, address: Address | None, kind: str) -> Address | None:
        if isinstance(address, PCIAddress):
            return _pci(address, self.buses)
        if isinstance(address, USBAddress):
            return replace(address, bus=self.buses.get(("usb", address.bus), address.bus))
        if isinstance(address, SerialAddress):
            return replace(address, controller=self.buses.get(("virtio-serial", address.controller), address.controller))
        if isinstance(address, DriveAddress):
            return replace(address, controller=self.buses.get((kind, address.controller), address.controller))
        return None

    def one(self, device: D) -> D:
        return replace(device, address=self._moved(device.address, "scsi")) if device.address is not None else device

    def drive(self, disk: Disk) -> Disk:
        return replace(disk, address=self._moved(disk.address, disk.bus or ""))


def _targets(vm: VM, disks: Iterable[Disk]) -> list[Disk]:
    """`vda`, `sda`, … in the order of the command line."""
    del vm
    count: dict[str, int] = {}
    named = []
    for disk in disks:
        prefix = PREFIXES.get(disk.bus or "", "sd")
        n = count[prefix] = count.get(prefix, -1) + 1
        named.append(replace(disk, target=prefix + letters(n)))
    return named


def _threads(vm: VM) -> VM:
    """libvirt's threads count from 1."""
    threads = vm.iothreads.threads
    if not threads:
        return vm
    return replace(vm, iothreads=IOThreads(threads=threads, pool=len(threads), where=vm.iothreads.where))
