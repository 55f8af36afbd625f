"""<input>: the USB tablet; aarch64's USB keyboard (mapping-devices 6.1, xml-paths display)."""

from __future__ import annotations

from msgspec.structs import replace

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.input import Tablet
from ..model.part import USBAddress
from ..model.vm import VM
from .device import alias, host_state, lose, read_device, refuse, write_usb_address
from .tree.domain import Domain

ROWS = (
    Row("present", "input[@type='tablet']", code=True),
    Row("keyboard", "input[@type='keyboard']", code=True),
    Row("address", "input/address", code=True),
)
TABLE = (Rows(Tablet, "devices", ROWS),)


def write(vm: VM, domain: Domain) -> None:
    tablet = vm.tablet
    if not tablet.present:
        return
    devices = [("tablet", tablet.address)]
    if tablet.keyboard and isinstance(tablet.address, USBAddress):
        devices.append(("keyboard", replace(tablet.address, port="2")))
    for type_, address in devices:
        node = domain.devices.add("input", type=type_, bus="usb")
        node.add("alias", name=alias(type_))
        write_usb_address(vm, node, address)


def read(domain: Domain, vm: VM) -> None:
    """No tablet in the XML means no tablet."""
    vm.tablet = Tablet(present=False, where=domain.devices)
    keyboard = None
    for node in domain.devices.all("input"):
        type_ = node.attrib.get("type")
        bus = node.attrib.get("bus")
        if bus == "ps2" and type_ in ("mouse", "keyboard"):
            node.take("type")
            node.take("bus")
            read_device(domain, node, type_)
            continue
        known = bus == "usb" and ((type_ == "tablet" and not vm.tablet.present) or (type_ == "keyboard" and vm.machine.base == "virt"))
        if not known:
            refuse(domain, node, "guest-lost", "a config has a USB tablet and the PS/2 mouse and keyboard only")
            continue
        node.take("type")
        node.take("bus")
        said = read_device(domain, node, type_ or "")
        host_state(domain, node)
        lose(domain, node, "guest-changed", "driver")
        if type_ == "tablet":
            vm.tablet = Tablet(present=True, **said)
        else:
            keyboard = True
    vm.tablet.keyboard = keyboard
