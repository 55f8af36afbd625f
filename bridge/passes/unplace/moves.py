"""What will stand elsewhere: the addresses of the XML against those that qemu-server will give."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ...model.agent import Agent
from ...model.controller import Controller
from ...model.disk import Disk
from ...model.part import Address, Device, DriveAddress, PCIAddress, USBAddress
from ...model.serial import Parallel, Serial
from ...model.vm import VM
from ...report import Report


def moves(before: VM, after: VM | None, report: Report, kept: frozenset[str] = frozenset()) -> None:
    """One finding per device whose address changes, one per controller that disappears.

    `before` has its keys already; `after` None: the config could not be placed, so no address is known to stay. `kept`: devices that
    `args` puts back."""
    if after is None:
        after = VM()
    matched = _matched(before, after)
    names = {(c.type, f"#{c.index or 0}"): found.key or "" for c, found in matched if found is not None}
    now = {device.key: device for device in _devices(after) if device.key}
    for device in _devices(before):
        found = now.get(device.key or "")
        if found is None or device.address is None or found.address is None or device.key in kept:
            continue
        old, new = _text(device.address), _text(found.address)
        if old != new and _text(_renamed(device, names)) != new:
            report.add("moved", device.where, f"{device.key}: {old} -> {new}", "match NICs by MAC address and disks by serial in the guest")
    _ports(before, after, report)
    _controllers(matched, report)


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


def _devices(vm: VM) -> Iterator[Device]:
    yield from vm.disks
    yield from vm.nets
    yield from vm.hostpcis
    yield from vm.usbs
    yield from vm.virtiofs
    for n, video in enumerate(vm.display.videos or ()):
        yield replace(video, key=f"vga{n or ''}")
    for key, device in (
        ("balloon0", vm.balloon),
        ("tablet", vm.tablet),
        ("watchdog", vm.watchdog),
        ("rng0", vm.rng),
        ("audio0", vm.audio),
        ("ivshmem", vm.ivshmem),
    ):
        if device is not None:
            yield replace(device, key=key)


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


def _same(controller: Controller) -> tuple[object, ...]:
    """What the guest sees of a controller."""
    address = _text(controller.address) if controller.address else None
    return controller.type, controller.model, controller.chassis_nr, controller.chassis, controller.port, address


def _matched(before: VM, after: VM) -> list[tuple[Controller, Controller | None]]:
    """Each controller with the one that the guest takes for it. One that says no place stands where its kind always does."""
    left = list(after.controllers)
    pairs: list[tuple[Controller, Controller | None]] = []
    for controller in before.controllers:
        same = _same(controller)
        found = next((other for other in left if _same(other) == same), None)
        if found is None and controller.type != "pci":
            found = next((other for other in left if _could_be(controller, other)), None)
        if found is not None:
            left.remove(found)
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


def _controllers(matched: list[tuple[Controller, Controller | None]], report: Report) -> None:
    for controller, found in matched:
        name = f"{controller.type} controller {controller.index if controller.index is not None else ''}".strip()
        if found is not None:
            if controller.index not in (None, found.index):
                report.add("normalised", controller.where, f"{name} becomes number {found.index}; the guest does not see it")
            _hardware(name, controller, found, report)
            continue
        report.add("moved", controller.where, f"{name} ({_describe(controller)}) is not kept: qemu-server brings its own tree of buses")


SERIAL_PORTS = 31
"""QEMU's own number, for a virtio-serial that says none."""


def _hardware(name: str, before: Controller, after: Controller, report: Report) -> None:
    """A device of another kind at the same place, or with more ports."""
    for field, old, new in (
        ("device", before.hardware, after.hardware or after.model),
        ("ports", before.ports, after.ports or SERIAL_PORTS if after.type == "virtio-serial" else after.ports),
    ):
        if old is not None and new is not None and old != new:
            report.add("guest-changed", before.where, f"{name}: {field} {old} there, {new} here")


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
        words.append(_text(controller.address))
    return ", ".join(words)
