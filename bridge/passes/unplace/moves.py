"""What will stand elsewhere: the addresses of the XML against those that qemu-server will give."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ...model.agent import Agent
from ...model.controller import Controller
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
    now = {device.key: device for device in _devices(after) if device.key}
    for device in _devices(before):
        found = now.get(device.key or "")
        if found is None or device.address is None or found.address is None or device.key in kept:
            continue
        old, new = _text(device.address), _text(found.address)
        if old != new:
            report.add("moved", device.where, f"{device.key}: {old} -> {new}", "match NICs by MAC address and disks by serial in the guest")
    _ports(before, after, report)
    _controllers(before, after, report)


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


def _controllers(before: VM, after: VM, report: Report) -> None:
    left = [(_same(controller), controller) for controller in after.controllers]
    for controller in before.controllers:
        same = _same(controller)
        found = next((pair for pair in left if pair[0] == same), None)
        name = f"{controller.type} controller {controller.index if controller.index is not None else ''}".strip()
        if found is not None:
            left.remove(found)
            if controller.index not in (None, found[1].index):
                report.add("normalised", controller.where, f"{name} becomes number {found[1].index}; the guest does not see it")
            _hardware(name, controller, found[1], report)
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
