"""<hostdev> for PCI and mediated devices (mapping-devices 14)."""

from __future__ import annotations

import re
import shlex
from typing import Any

from ..core.coverage import Rows
from ..core.rows import Codec, Row
from ..data.pci import LAST_SLOT
from ..host.mapping import LAST_DOMAIN, LAST_FUNCTION, HostFunction, host_function
from ..host.volid import path_problem
from ..model.hostpci import HostPCI
from ..model.part import PCIAddress
from ..model.vm import VM
from .address import number
from .device import BOOT, PLACE_ROWS, alias, host_state, lose, lose_attributes, read_device, refuse, write_device
from .tree.domain import Domain
from .tree.node import Node, read_rows, write_rows

ROM_DIRECTORY = "/usr/share/kvm/"
"""`romfile` is the name of a file there; on a libvirt host AppArmor lets QEMU read it, too."""


def _rom(path: str) -> str:
    name = path.removeprefix(ROM_DIRECTORY)
    if name == path or "/" in name or not name or set(name) & set(",; \t"):
        raise ValueError(f"'{path[:60]}' is not below {ROM_DIRECTORY}")
    return name


def _rom_elsewhere(path: str) -> str | None:
    """The name of a ROM in another directory; None if a config cannot hold it (security-rules S8)."""
    name = path.rpartition("/")[2]
    return name if path.isprintable() and path_problem(path) is None and _ROM_NAME(name) else None


_ROM_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,200}", re.ASCII).fullmatch

ROWS = (
    Row("rombar", "rom@bar", Codec({"on": True, "off": False}.__getitem__, lambda on: "on" if on else "off"), code=True),
    Row("romfile", "rom@file", Codec(_rom, lambda name: ROM_DIRECTORY + name), finding="import-needed"),
    BOOT,
    Row("ids", "source/address", code=True),
    Row("host", "source/address", code=True, finding="no-live-move"),
    Row("mapping", "source/address", code=True, finding="no-live-move"),
    Row("multifunction", "address@multifunction", code=True),
    Row("mdev", "", code=True, finding="not-applied"),
    Row("mdev_uuid", "source/address@uuid", code=True),
    Row("pcie", "address@bus", code=True),
    Row("legacy_igd", "address", code=True),
    Row("driver", "@managed", code=True),
    Row("x_vga", "qemu:override x-vga", code=True),
    Row("enable_migration", "qemu:override enable-migration", code=True),
    *(
        Row(field, f"qemu:override x-pci-{field.replace('_', '-')}", code=True)
        for field in ("vendor_id", "device_id", "sub_vendor_id", "sub_device_id")
    ),
    *PLACE_ROWS,
)
TABLE = (Rows(HostPCI, "devices/hostdev", ROWS),)
ID_FIELDS = ("vendor_id", "device_id", "sub_vendor_id", "sub_device_id")


def write(vm: VM, domain: Domain) -> None:
    for device in vm.hostpcis:
        if device.mdev_uuid and domain.described:
            _write_described_mdev(vm, domain, device)
        elif not device.ids:
            said = device.mapping or device.host
            domain.report.add("guest-lost", device.where, f"{device.key}: the device {said} is not known: left out")
        elif device.mdev_uuid:
            _write_mdev(vm, domain, device)
        else:
            for n, function in enumerate(_possible(domain, device)):
                _write_function(vm, domain, device, n, function)


def _write_described_mdev(vm: VM, domain: Domain, device: HostPCI) -> None:
    """One that is there already: whose it is the host knows."""
    node = domain.devices.add("hostdev", mode="subsystem", type="mdev", managed="no", model="vfio-pci")
    node.add("source").add("address", uuid=device.mdev_uuid or "")
    _write_options(vm, domain, node, device)


def _write_mdev(vm: VM, domain: Domain, device: HostPCI) -> None:
    node = domain.devices.add("hostdev", mode="subsystem", type="mdev", managed="no", model="vfio-pci")
    node.add("source").add("address", uuid=device.mdev_uuid or "")
    _write_options(vm, domain, node, device)
    domain.report.add(
        "not-applied",
        device.where,
        f"{device.key}: libvirt makes no mediated device: {device.mdev} at {(device.ids or ['?'])[0]} must exist as {device.mdev_uuid}",
        f"mdevctl define --auto --uuid {device.mdev_uuid} --parent {(device.ids or ['?'])[0]} --type {device.mdev}",
    )


def _possible(domain: Domain, device: HostPCI) -> list[HostFunction]:
    """The host's functions, but for those that libvirt would refuse and no host has."""
    found = []
    for text in device.ids or ():
        function = host_function(text)
        if function is None:
            domain.report.add("guest-lost", device.where, f"{device.key}: {text} is not an address that a PCI bus can have: left out")
        else:
            found.append(function)
    return found


def _write_function(vm: VM, domain: Domain, device: HostPCI, n: int, function: HostFunction) -> None:
    """Function n of the guest's device; the options belong to function 0."""
    keep = device.driver == "keep" or device.mdev is not None
    node = domain.devices.add("hostdev", mode="subsystem", type="pci", managed="no" if keep else "yes")
    node.add("driver", name="vfio")
    node.add("source").add("address", **_at(function))
    if device.mdev:
        domain.report.add(
            "not-applied", device.where, f"{device.key}: {function} must be set up as vGPU type {device.mdev} before the start"
        )
    if n == 0:
        _write_options(vm, domain, node, device)
        return
    address = device.address
    node.add("alias", name=alias(f"{device.key}-{n}"))
    if isinstance(address, PCIAddress):
        domain.pci_address(node, PCIAddress(address.bus, address.slot, n))
    if device.enable_migration:
        domain.set_override(alias(f"{device.key}-{n}"), "enable-migration", "string", "on")


def _at(function: HostFunction) -> dict[str, str]:
    """The attributes of <address>."""
    digits = (f"{function.domain:04x}", f"{function.bus:02x}", f"{function.slot:02x}", f"{function.function or 0:x}")
    return dict(zip(("domain", "bus", "slot", "function"), (f"0x{number}" for number in digits), strict=True))


def _write_options(vm: VM, domain: Domain, node: Node, device: HostPCI) -> None:
    name = alias(device.key or "")
    if device.rombar is False:
        node.ensure("rom").set("bar", "off")
    write_rows(node, device, ROWS)
    if device.romfile and not domain.target.node:
        message = f"{device.key}: the card's ROM is the node's file {ROM_DIRECTORY}{device.romfile}"
        domain.report.add("import-needed", device.where, message, "copy it to the same place on the other host")
    write_device(domain, node, device)
    if device.x_vga and vm.firmware.bios != "ovmf":
        domain.set_override(name, "x-vga", "bool", "true")
    if device.enable_migration:
        domain.set_override(name, "enable-migration", "string", "on")
    for field in ID_FIELDS:
        value = getattr(device, field)
        if value is not None:
            domain.set_override(name, f"x-pci-{field.replace('_', '-')}", "unsigned", str(int(value, 16)))


def read(domain: Domain, vm: VM) -> None:
    vm.hostpcis = []
    for node in sorted(domain.devices.children, key=lambda node: node.tag != "interface"):  # libvirt has the cards before the others
        if node.claimed or node.tag not in ("hostdev", "interface"):
            continue
        type_ = node.attrib.get("type")
        if (address := node.peek("address")) is not None and address.attrib.get("type") == "unassigned":
            domain.report.add("host-lost", node, f"the guest does not get a device that is unassigned: {node.whole()}")
            continue
        if node.tag == "interface" and type_ == "hostdev":
            found = _read_interface(domain, node)
        elif node.tag == "hostdev" and type_ in ("pci", "mdev"):
            found = _read_pci(domain, node) if type_ == "pci" else _read_mdev(domain, node)
        elif node.tag == "hostdev" and type_ != "usb":
            refuse(domain, node, "guest-lost", f"a config has no host devices of type {type_}")
            continue
        else:
            continue
        if found is not None:
            vm.hostpcis.append(found)


def _function(node: Node) -> str | None:
    """The host's function; None if it says none."""
    source = node.peek("source")
    address = source.peek("address") if source is not None else None
    if source is None or address is None:
        return None
    try:
        parts = [number(address.attrib.get(name)) for name in ("domain", "bus", "slot", "function")]
    except ValueError:
        return None
    if "bus" not in address.attrib or parts[0] > LAST_DOMAIN or parts[1] > 0xFF or parts[2] > LAST_SLOT or parts[3] > LAST_FUNCTION:
        return None
    source.claim()
    address.claim()
    for name in ("domain", "bus", "slot", "function"):
        address.take(name)
    address.expect("type", "pci")
    return str(HostFunction(*parts))


def _options(domain: Domain, node: Node) -> dict[str, Any]:
    said = read_rows(node, ROWS)
    rom = node.peek("rom")
    if rom is not None and rom.attrib.get("bar") in ("on", "off"):
        said["rombar"] = False if rom.take("bar") == "off" else None
        rom.claim()
    if rom is not None and rom.attrib.get("enabled") == "no":  # an empty file: nothing to map
        said["rombar"] = False
        rom.claim_text("enabled")
    if rom is not None and (path := rom.attrib.get("file")) and (name := _rom_elsewhere(path)) is not None:
        said["romfile"] = name
        rom.claim_text("file")
        message = f"the ROM {path} is to be {ROM_DIRECTORY}{name}, the only directory that qemu-server takes ROMs from"
        domain.report.add("import-needed", rom, message, shlex.join(["cp", path, ROM_DIRECTORY]))
    said |= read_device(domain, node, r"hostpci[0-9]+(?:-[0-9]+)?")
    name = alias(said["key"]) if said["key"] else None
    if domain.override(name, "x-vga") is not None:
        said["x_vga"] = True
    if domain.override(name, "enable-migration") is not None:
        said["enable_migration"] = True
    for field in ID_FIELDS:
        if (value := domain.override(name, f"x-pci-{field.replace('_', '-')}")) is not None and (value[1] or "").isdigit():
            said[field] = f"0x{int(value[1] or 0):04x}"
    host_state(domain, node)
    return said


def _binding(domain: Domain, node: Node) -> dict[str, Any]:
    """Whether libvirt gives the device to the vfio driver, as qemu-server does, or whoever prepared the host did."""
    driver = node.peek("driver")
    if driver is not None and driver.expect("name", "vfio"):
        driver.claim()
        lose_attributes(domain, driver, "host-lost", "model")
    managed = node.attrib.get("managed")
    if managed in ("yes", "no"):
        node.take("managed")
    return {"driver": None if managed == "yes" else "keep"}


def _read_pci(domain: Domain, node: Node) -> HostPCI | None:
    function = _function(node)
    if function is None:
        refuse(domain, node, "guest-lost", "a PCI device of the host needs its address")
        return None
    node.claim("type")
    node.expect("mode", "subsystem")
    said = _binding(domain, node) | _options(domain, node)
    domain.report.add("ambiguous", node, f"the VM takes the device {function} of the host it runs on", "is it the right one there?")
    device = HostPCI(ids=[function], **said)
    lose_attributes(domain, node, "guest-changed", "display", "ramfb", "model")
    lose(domain, node, "host-lost", "teaming")
    return device


def _read_mdev(domain: Domain, node: Node) -> HostPCI | None:
    source = node.peek("source")
    address = source.peek("address") if source is not None else None
    uuid = address.attrib.get("uuid", "") if address is not None else ""
    own = re.fullmatch(r"([0-9]{8})-0000-0000-0000-[0-9]{12}", uuid)
    if not own or source is None or address is None:
        refuse(domain, node, "guest-lost", "qemu-server makes mediated devices itself: give device and type as hostpciN")
        return None
    # Ours: device and type stand in the residue only; without them there is nothing to say.
    for part in (node, source, address):
        part.claim()
    address.take("uuid")
    node.take("type")
    for name, value in (("mode", "subsystem"), ("managed", "no"), ("model", "vfio-pci")):
        node.expect(name, value)
    lose_attributes(domain, node, "guest-changed", "display", "ramfb")
    said = _options(domain, node)
    if domain.residue is None:
        message = "which device and type this mediated device is of stood in the metadata, which is gone: the device is left out"
        domain.report.add("guest-lost", node, message, "add hostpciN: DEVICE,mdev=TYPE")
    return HostPCI(mdev_uuid=uuid, **said)


def _read_interface(domain: Domain, node: Node) -> HostPCI | None:
    """A network card of the host, with an address and a VLAN that libvirt sets on it."""
    function = _function(node)
    if function is None:
        refuse(domain, node, "guest-lost", "a network card of the host needs its PCI address")
        return None
    node.claim("type")
    said = _binding(domain, node) | _options(domain, node)
    for tag, what in (("mac", "MAC address"), ("vlan", "VLAN")):
        for child in node.all(tag):
            message = f"the guest gets the {what} that the function {function} has on its host: {child.whole()} is not set"
            domain.report.add("guest-changed", child, message, "set it there before the start: ip link set DEVICE vf N mac ADDRESS vlan ID")
    lose(domain, node, "host-lost", "virtualport", "teaming", "model", "target")
    return HostPCI(ids=[function], **said)
