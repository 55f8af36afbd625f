"""<hostdev type='usb'>, <redirdev>, <hub>: USB devices (mapping-devices 6).

A device of the host goes by the command line: libvirt finds a device once, when the domain starts, and knows no ports; QEMU
follows an id or a port whenever something is plugged in, as under qemu-server.
"""

from __future__ import annotations

import json
import re
from itertools import count, pairwise
from typing import Any

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.part import USBAddress
from ..model.usb import USB
from ..model.vm import VM
from ..passes.place.usb import NEC_PORTS, ports_named, usb_port
from .device import BOOT, PLACE_ROWS, alias, host_state, lose, lose_attributes, read_device, refuse, write_device, write_usb_address
from .tree.domain import Domain, Property
from .tree.node import Node, read_rows

ROWS = (
    BOOT,
    *(Row(field, f"qemu:commandline {field}id", code=True) for field in ("vendor", "product")),
    *(Row(field, "qemu:commandline usb-host", code=True, finding="not-applied") for field in ("host", "mapping")),
    *(Row(field, "", code=True, finding="no-live-move") for field in ("host", "mapping")),
    *(Row(field, "qemu:commandline usb-host", code=True) for field in ("usb3", "key", "address", "bootindex")),
    Row("hostbus", "qemu:commandline hostbus", code=True),
    Row("hostport", "qemu:commandline hostport", code=True),
    Row("spice", "@type", code=True),
    Row("spice", "qemu:commandline usb-redir", code=True),
    *PLACE_ROWS,
)
TABLE = (Rows(USB, "devices/*", ROWS),)


def write(vm: VM, domain: Domain) -> None:
    """Where qemu-server names no port, neither does the domain: QEMU gives the next free one, to what stands on its command line last,
    and puts a hub in front of the last one.
    """
    named = ports_named(vm)
    late: set[str] = set()
    """The buses with a device on the command line: what comes after it takes a later port, and so stands there too."""
    for usb in vm.usbs:
        bus, port = (usb.address.bus, usb.address.port) if isinstance(usb.address, USBAddress) else ("", "")
        unnamed = bus not in late and "." not in port and domain.target.has("override")
        if usb.spice and vm.display.spice and (named or domain.target.clean or unnamed):
            _write_redirdev(vm, domain, usb, named)
            continue
        late.add(bus)
        if usb.spice:  # without SPICE libvirt refuses the element; for QEMU it is a device that nothing is ever plugged into
            chardev = f"usbredirchardev{usb.index}"
            properties = {"driver": "usb-redir", "chardev": chardev, **_place(usb, named)}
            domain.arguments += ("-chardev", f"spicevmc,id={chardev},name=usbredir", "-device", _json(properties))
        elif usb.vendor and usb.product and domain.target.clean:
            _write_hostdev(vm, domain, usb)
        elif usb.hostport or usb.vendor:
            _write_host(domain, usb, named)
        else:
            domain.report.add("guest-lost", usb.where, f"{usb.key}: the device behind '{usb.mapping}' is not known: left out")


UNNAMED: Property = ("remove", None)


def _write_redirdev(vm: VM, domain: Domain, usb: USB, named: bool) -> None:
    node = domain.devices.add("redirdev", bus="usb", type="spicevmc")
    write_device(domain, node, usb)
    write_usb_address(vm, node, usb.address)
    if not named and not domain.target.clean:
        domain.set_override(alias(usb.key or ""), "port", *UNNAMED)


def _write_hostdev(vm: VM, domain: Domain, usb: USB) -> None:
    """libvirt's own way, which looks for the device once."""
    node = domain.devices.add("hostdev", mode="subsystem", type="usb", managed="yes")
    source = node.add("source", startupPolicy="optional")
    source.add("vendor", id=f"0x{usb.vendor}")
    source.add("product", id=f"0x{usb.product}")
    write_device(domain, node, usb)
    write_usb_address(vm, node, usb.address)
    domain.report.add("host-lost", usb.where, f"{usb.key}: libvirt looks for the device once, when the domain starts")


def _write_host(domain: Domain, usb: USB, named: bool) -> None:
    properties: dict[str, Any] = {"driver": "usb-host"}
    if usb.vendor and usb.product:
        properties |= {"vendorid": int(usb.vendor, 16), "productid": int(usb.product, 16)}
    else:
        properties |= {"hostbus": usb.hostbus, "hostport": usb.hostport}
    properties |= _place(usb, named)
    if usb.bootindex is not None:
        properties["bootindex"] = usb.bootindex
    domain.arguments += ("-device", _json(properties))
    if domain.target.clean:
        return  # it is left out, which is told
    domain.report.add(
        "not-applied",
        usb.where,
        f"{usb.key}: libvirt gives QEMU no access to a USB device that stands on the command line",
        "let the QEMU user open /dev/bus/usb, or put a <hostdev type='usb'> there, which is found once, at start",
    )


def _json(properties: dict[str, Any]) -> str:
    return json.dumps(properties, separators=(",", ":"))


def _place(usb: USB, named: bool) -> dict[str, Any]:
    address = usb.address
    if not isinstance(address, USBAddress):
        return {"id": usb.key}
    return {"id": usb.key, "bus": f"{alias(address.bus)}.0"} | ({"port": address.port} if named else {})


def read(domain: Domain, vm: VM) -> None:
    usbs = [_read_redirdev(domain, node) for node in domain.devices.all("redirdev")]
    hostdevs = [node for node in domain.devices.children if node.tag == "hostdev" and not node.claimed]
    usbs += [_read_hostdev(domain, node) for node in hostdevs if node.attrib.get("type") == "usb"]
    usbs += _read_arguments(domain, vm)
    vm.usbs = [usb for usb in usbs if usb is not None]
    _give_ports(vm)
    for node in domain.devices.all("hub"):
        _read_hub(domain, node, vm)
    lose(domain, domain.devices, "host-lost", "redirfilter")


def _give_ports(vm: VM) -> None:
    """QEMU's own choice for the devices that name no port: the next free one of an old machine's bus (`write`)."""
    nec = {f"#{controller.index or 0}" for controller in vm.controllers if controller.model == "nec-xhci"}
    said = [device.address for device in (vm.tablet, *vm.usbs)]
    taken = {(address.bus, address.port) for address in said if isinstance(address, USBAddress)}
    for usb in vm.usbs:
        if not isinstance(usb.address, USBAddress) or usb.address.port:
            continue
        bus = usb.address.bus
        ports = (usb_port(number, "xhci" if bus in nec else "ehci") for number in count(1))
        usb.address = USBAddress(bus, next(port for port in ports if (bus, port) not in taken))
        taken.add((bus, usb.address.port))


def _read_redirdev(domain: Domain, node: Node) -> USB | None:
    if node.attrib.get("bus", "usb") != "usb":
        refuse(domain, node, "guest-lost", "only USB devices can be redirected in a config")
        return None
    node.take("bus")
    if (type_ := node.take("type")) != "spicevmc":
        domain.report.add("host-lost", node, f"the redirection by {type_} becomes one by SPICE")
    name = written.attrib.get("name") if (written := node.peek("alias")) is not None else None
    usb = USB(spice=True, host="spice", **read_device(domain, node, r"usb[0-9]+|usbredirdev[0-9]+"), **read_rows(node, ROWS))
    if isinstance(usb.address, USBAddress) and domain.expect_override(name, "port", UNNAMED):
        usb.address = USBAddress(usb.address.bus, "")
    if usb.key:
        usb.key = usb.key.replace("redirdev", "")
    if usb.bootindex is not None:
        domain.report.add("guest-changed", node, f"boot order {usb.bootindex}: qemu-server boots from no redirected device")
        usb.bootindex = None
    host_state(domain, node)
    lose(domain, node, "host-lost", "source", "protocol", "guest")
    return usb


_ID = re.compile(r"0x[0-9A-Fa-f]{4}")


def _read_hostdev(domain: Domain, node: Node) -> USB | None:
    source = node.peek("source")
    if source is not None and source.peek("vendor") is None and (found := _read_port(domain, node, source)) is not None:
        return found
    vendor = source.peek("vendor") if source is not None else None
    product = source.peek("product") if source is not None else None
    ids = [part.attrib.get("id", "") if part is not None else "" for part in (vendor, product)]
    if source is None or vendor is None or product is None or not all(_ID.fullmatch(text) for text in ids):
        why = "which USB device is it? Its number changes with every plug; add usbN: host=VENDOR:PRODUCT, as lsusb shows them"
        refuse(domain, node, "resource-unknown", why)
        return None
    for part in (node, source, vendor, product):
        part.claim("id")
    node.take("type")
    node.expect("mode", "subsystem")
    node.expect("managed", "no", "yes")
    lose_attributes(domain, source, "host-lost", "guestReset")
    said = read_device(domain, node, r"usb[0-9]+") | read_rows(node, ROWS)
    usb = USB(vendor=ids[0][2:], product=ids[1][2:], **said)
    host_state(domain, node)
    lose(domain, source, "host-state", "address")
    return usb


OURS = ('{"driver":"usb-host"', '{"driver":"usb-redir"')
MOST_USB = 14
"""qemu-server's keys are usb0 to usb13: it has no more to write."""


def _read_port(domain: Domain, node: Node, source: Node) -> USB | None:
    """Whatever is plugged into a port of the host (libvirt 11.5: <address bus= port=>); None if the source names none."""
    address = source.peek("address")
    said = address.attrib if address is not None else {}
    bus, port = said.get("bus", ""), said.get("port", "")
    if address is None or not (bus.isascii() and bus.isdigit() and len(bus) < 4) or not _PORTS.fullmatch(port) or len(port) > 31:
        return None
    source.claim()
    address.claim_text("bus", "port")
    node.take("type")
    node.claim()
    node.expect("mode", "subsystem")
    node.expect("managed", "no", "yes")
    lose_attributes(domain, source, "host-lost", "guestReset")
    lose_attributes(domain, address, "host-state", "device")
    usb = USB(hostbus=int(bus), hostport=port, **(read_device(domain, node, r"usb[0-9]+") | read_rows(node, ROWS)))
    host_state(domain, node)
    return usb


_HOST = {"driver", "vendorid", "productid", "hostbus", "hostport", "chardev", "id", "bus", "port", "bootindex"}
_KEY = re.compile(r"usb([0-9]+)")
_PORTS = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def _read_arguments(domain: Domain, vm: VM) -> list[USB]:
    """The devices that `_write_host` and `_write_redirdev` wrote."""
    found = []
    ours = [word for before, word in pairwise(domain.arguments) if before == "-device" and word.startswith(OURS)]
    for word in ours[:MOST_USB]:
        try:
            properties = json.loads(word)
            usb = _from_json(properties, vm, domain)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        chardev = properties.get("chardev")
        before = ("-chardev", f"spicevmc,id={chardev},name=usbredir") if chardev else ()
        if usb is not None and domain.take_arguments(*before, "-device", word):
            found.append(usb)
    return found


def _from_json(properties: dict[str, Any], vm: VM, domain: Domain) -> USB | None:
    """None for what we would not write."""
    key = _KEY.fullmatch(properties["id"])
    bootindex = properties.get("bootindex")
    if not key or not set(properties) <= _HOST or not isinstance(bootindex, int | None):
        return None
    usb = USB(key=key[0], bootindex=bootindex, where=domain.root)
    if properties["driver"] == "usb-redir":
        if properties["chardev"] != f"usbredirchardev{key[1]}":
            return None
        usb.spice = True
    elif "vendorid" in properties:
        usb.vendor, usb.product = f"{properties['vendorid']:04x}", f"{properties['productid']:04x}"
    else:
        usb.hostbus, usb.hostport = int(properties["hostbus"]), properties["hostport"]
        if not _PORTS.fullmatch(usb.hostport or ""):
            return None
    if "bus" in properties:
        name = properties["bus"].removesuffix(".0")
        known = next((c for c in vm.controllers if c.alias == name and c.master is None), None)
        usb.address = USBAddress(f"#{known.index or 0}" if known else name.removeprefix("ua-"), properties.get("port", ""))
    return usb


def _read_hub(domain: Domain, node: Node, vm: VM) -> None:
    """A hub that QEMU would add by itself says nothing; any other is lost."""
    said = read_device(domain, node, "hub[0-9]+")
    address = said["address"]
    if isinstance(address, USBAddress) and node.attrib.get("type") == "usb":
        nec = any(c.type == "usb" and c.model == "nec-xhci" and f"#{c.index or 0}" == address.bus for c in vm.controllers)
        behind = any(isinstance(u.address, USBAddress) and u.address.bus == address.bus and "." in u.address.port for u in vm.usbs)
        if nec and behind and address.port == str(NEC_PORTS):
            node.take("type")
            return
    place = f" (bus {address.bus.removeprefix('#')} port {address.port})" if isinstance(address, USBAddress) else ""
    refuse(domain, node, "guest-lost", f"a config has no USB hubs{place}")
