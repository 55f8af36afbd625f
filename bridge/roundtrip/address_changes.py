"""What will stand elsewhere: the addresses of the XML against those that qemu-server will give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any, TypeVar

from msgspec.structs import replace

from ..core.report import Report, fields
from ..model.agent import Agent
from ..model.audio import Audio
from ..model.balloon import Balloon
from ..model.controller import Controller
from ..model.disk import Disk
from ..model.display import Video
from ..model.input import Tablet
from ..model.part import Address, Device, DriveAddress, PCIAddress, USBAddress
from ..model.rng import RNG
from ..model.serial import Parallel, Serial
from ..model.share import IVSHMEM
from ..model.vm import VM
from ..model.watchdog import Watchdog
from ..passes.place.drives import adapter_key

D = TypeVar("D", bound=Device)


def address_changes(before: VM, after: VM | None, report: Report, kept: frozenset[str] = frozenset()) -> None:
    """One finding per device whose address changes, one per controller that disappears.

    `before` has its keys already; `after` None: the config could not be placed, so no address is known to stay. `kept`: devices that
    `args` puts back."""
    if after is None:
        after = VM()
    before = _as_said(before, report)
    matched = _matched(before, after)
    names = {(c.type, f"#{c.index or 0}"): found.key or "" for c, found in matched if found is not None}
    for controller, here in matched:
        if here is None and (key := adapter_key(controller, before, after.scsihw)) is not None:
            names["scsi", f"#{controller.index or 0}"] = key  # told once, for the adapter; its drives keep their LUNs
    now = dict(_devices(after))
    for key, device in _devices(before):
        found = now.get(key) if key else None
        if found is None or device.address is None or found.address is None or device.address == found.address or key in kept:
            continue
        old, new = _text(device.address), _text(found.address)
        if old != new and _text(_renamed(device, names)) != new:
            hint = "match NICs by MAC address and disks by serial in the guest"
            places = f"{_named(device.address)} -> {_named(found.address)}"
            report.add("moved", device.where, f"{key}: {places}", hint, fields(device, "address"))
    _ports(before, after, report)
    _controllers(matched, _buses(before), report)


def _ports(before: VM, after: VM, report: Report) -> None:
    """qemu-server numbers the ports that there are, libvirt as it is told: the guest's COM3 may become COM1 (mapping-devices 16)."""
    ports: tuple[tuple[str, list[Serial | Parallel | Agent], list[Serial | Parallel | Agent]], ...] = (
        ("COM", [*before.serials, before.agent], [*after.serials, after.agent]),
        ("LPT", [*before.parallels], [*after.parallels]),
    )
    for name, old, new in ports:
        now = {device.key: device.port for device in new}
        for device in old:
            port = now.get(device.key)
            if device.port is not None and port is not None and device.port != port:
                report.add("moved", device.where, f"{device.key}: {name}{device.port + 1} -> {name}{port + 1}")


NAMES = {Balloon: "balloon0", Tablet: "tablet", Watchdog: "watchdog", RNG: "rng0", Audio: "audio0", IVSHMEM: "ivshmem"}
"""What qemu-server calls devices of which there is one."""
ELSEWHERE = (Controller, Serial, Parallel, Agent)
"""Compared by what they are, or by their ports."""


def _devices(vm: VM) -> Iterator[tuple[str | None, Device]]:
    """Devices by their keys, or by the ids that qemu-server gives them."""
    videos = count()
    for device in vm.devices():
        if isinstance(device, Video):
            yield f"vga{next(videos) or ''}", device
        elif not isinstance(device, ELSEWHERE):
            yield NAMES.get(type(device), device.key), device


def _text(address: Address) -> str:
    if isinstance(address, PCIAddress):
        domain = f" domain 0x{address.domain:04x}" if address.domain else ""
        shared = " multifunction" if address.multifunction else ""
        return f"{address.bus} slot 0x{address.slot:02x}.{address.function:x}{domain}{shared}"
    if isinstance(address, DriveAddress):
        return f"{address.controller} {address.bus}:{address.target}:{address.unit}"
    if isinstance(address, USBAddress):
        return f"{address.bus} port {address.port}"
    return f"{address.controller} port {address.port}"


def _named(address: Address) -> str:
    """The same for people: a bus or a controller without a name of qemu-server's is the one that libvirt numbers so."""
    kind = "PCI bus" if isinstance(address, PCIAddress) else "USB bus" if isinstance(address, USBAddress) else "controller"
    return re.sub(r"^#([0-9]+)", rf"{kind} \1", _text(address))


def _same(controller: Controller) -> tuple[object, ...]:
    """What the guest sees of a controller."""
    c, address = controller, controller.address
    if isinstance(address, PCIAddress):
        place = address.bus, address.slot, address.function, address.domain, bool(address.multifunction)
        return c.type, c.model, c.chassis_nr, c.chassis, c.port, place
    return c.type, c.model, c.chassis_nr, c.chassis, c.port, _text(address) if address else None


def _matched(before: VM, after: VM) -> list[tuple[Controller, Controller | None]]:
    """Each controller with the one that the guest takes for it. One that says no place stands where its kind always does."""
    left = list(after.controllers)
    same = [_same(controller) for controller in left]
    pairs: list[tuple[Controller, Controller | None]] = []
    for controller in before.controllers:
        own = _same(controller)
        at = same.index(own) if own in same else None
        if at is None and controller.type != "pci":
            at = next((n for n, other in enumerate(left) if _could_be(controller, other)), None)
        found = None
        if at is not None:
            found = left.pop(at)
            del same[at]
        elif (chipset := CHIPSET.get((after.machine.base or "", controller.type))) and _could_be(controller, chipset):
            found = chipset
        pairs.append((controller, found))
    return pairs


CHIPSET = {
    ("i440fx", "ide"): Controller(type="ide", index=0, key="ide", address=PCIAddress("pci.0", 1, 1)),
    ("q35", "sata"): Controller(type="sata", index=0, key="ide", address=PCIAddress("pcie.0", 0x1F, 2)),
}
"""Adapters of the board, which are there with or without drives."""


def _could_be(there: Controller, here: Controller) -> bool:
    """Whether the one says nothing that the other is not."""
    if there.type != here.type or there.model not in (None, here.model):
        return False
    return there.address is None or (here.address is not None and _text(there.address) == _text(here.address))


def _renamed(device: Device, names: dict[tuple[str, str], str]) -> Address:
    """The drive's address on the controller that stands for its own; for the guest that is the same place."""
    address = device.address
    assert address is not None
    if not isinstance(device, Disk) or not isinstance(address, DriveAddress):
        return address
    key = next((names[bus, address.controller] for bus in (device.bus or "", "sata") if (bus, address.controller) in names), None)
    return address if key is None else replace(address, controller=key)


def _as_said(vm: VM, report: Report) -> VM:
    """The VM with the places that its XML says. Those that libvirt would choose were promised to nobody, unless the guest has run there."""
    if not any(device.filled for device in vm.devices()):
        return vm  # as of each domain that libvirt has printed

    def one(device: D) -> D:
        return replace(device, address=None) if "address" in device.filled and device.address is not None else device

    changed: dict[str, Any] = {}
    for name in VM.__struct_fields__:
        held = getattr(vm, name)
        if isinstance(held, list):
            changed[name] = [one(device) for device in held]
        elif isinstance(held, Device):
            changed[name] = one(held)
    changed["controllers"] = [controller for controller in changed["controllers"] if "type" not in controller.filled]
    if vm.display.videos:
        changed["display"] = replace(vm.display, videos=[one(video) for video in vm.display.videos])
    unsaid = sum(isinstance(d.address, PCIAddress) and "address" in d.filled for d in vm.devices() if not isinstance(d, Controller))
    if unsaid:
        many, whose = ("1 device has", "its place") if unsaid == 1 else (f"{unsaid} devices have", "their places")
        report.add(
            "ambiguous",
            vm.machine.where,
            f"{many} no PCI address: libvirt would choose {whose}, qemu-server has its own",
            "a guest that has run there knows libvirt's: convert what virsh dumpxml says of it to see what moves",
        )
    return replace(vm, **changed)


def _buses(vm: VM) -> set[str]:
    """The buses that a device stands on."""
    return {device.address.bus for device in vm.devices() if isinstance(device.address, PCIAddress)}


EMPTY_PORTS = ("pcie-root-port", "pcie-switch-downstream-port")


def _controllers(matched: list[tuple[Controller, Controller | None]], used: set[str], report: Report) -> None:
    for controller, found in matched:
        if found is not None and controller.index in (None, found.index) and _is_plain(controller, found):
            continue
        name = f"{controller.type} controller {controller.index if controller.index is not None else ''}".strip()
        if found is not None:
            if controller.index not in (None, found.index):
                report.add("normalised", controller.where, f"{name} becomes number {found.index}; the guest does not see it")
            _hardware(name, controller, found, report)
            continue
        if (controller.type, controller.model) == ("usb", "none"):
            report.add("added", controller.where, f"{name}: there is no USB there; qemu-server gives every guest a controller")
            continue
        if controller.model in EMPTY_PORTS and (controller.key or "") not in used:
            report.add("normalised", controller.where, f"{name} ({_describe(controller)}) is not kept: no device stands on it")
            continue
        report.add("moved", controller.where, f"{name} ({_describe(controller)}) is not kept: qemu-server brings its own tree of buses")


def _is_plain(before: Controller, after: Controller) -> bool:
    """Whether `_hardware` would have nothing to say, as of most."""
    return before.hardware is None and before.ports is None and before.startport in (None, after.startport)


SERIAL_PORTS = 31
"""QEMU's own number, for a virtio-serial that says none."""


def _hardware(name: str, before: Controller, after: Controller, report: Report) -> None:
    """A device of another kind at the same place, or with more ports."""
    for field, old, new in (
        ("first port", before.startport, after.startport),
        ("device", before.hardware, after.hardware or after.model),
        ("ports", before.ports, after.ports or SERIAL_PORTS if after.type == "virtio-serial" else after.ports),
    ):
        if old is not None and new is not None and old != new:
            report.add("guest-changed", before.where, f"{name}: {field} was {old}, under qemu-server it is {new}")


_DESCRIBED = (
    "model", "hardware", "chassis_nr", "chassis", "port", "ports", "startport", "max_sectors", "cmd_per_lun", "ioeventfd", "event_idx",
)  # fmt: skip


def _describe(controller: Controller) -> str:
    words = []
    for field in _DESCRIBED:
        value = getattr(controller, field)
        if value is not None:
            words.append(f"{field} {value}")
    if controller.address is not None:
        words.append(_named(controller.address))
    return ", ".join(words)
