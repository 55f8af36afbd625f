"""USB controllers and devices (qemu-server 9.2.6, USB.pm)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import Row
from ..host.facts import HostFacts
from ..host.mapping import missing
from ..model.part import USBAddress
from ..model.usb import USB
from ..model.vm import VM
from ..passes.place.usb import ports_named
from .emit import Command, pci

ROWS = (
    *(Row(field, place, code=True) for field in ("host", "mapping") for place in ("hostbus", "vendorid")),
    Row("vendor", "vendorid", code=True),
    Row("product", "productid", code=True),
    Row("hostbus", "hostbus", code=True),
    Row("hostport", "hostport", code=True),
    Row("usb3", "bus", code=True),
    Row("spice", "driver", code=True),
    Row("bootindex", "bootindex", code=True),
)
TABLE = (Rows(USB, "", ROWS),)

PVE_USB = "/usr/share/qemu-server/pve-usb.cfg"
"""EHCI with its companions, for USB devices of old machines."""


def controllers(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    """The controllers that no file of the board brings."""
    for controller in vm.controllers:
        if controller.type != "usb":
            continue
        if controller.model == "ehci":
            command.device(f"usb-ehci,id=ehci{pci(controller.address)}")
        elif controller.model == "piix3-uhci":
            command.device(f"piix3-usb-uhci,id=uhci{pci(controller.address, function=True)}")
        elif controller.model == "ich9-ehci1" and vm.machine.base == "i440fx":
            command.devices += ("-readconfig", PVE_USB)
        elif controller.model == "qemu-xhci":
            command.device(f"qemu-xhci,p2={controller.ports},p3={controller.ports},id=xhci{pci(controller.address)}")
        elif controller.model == "nec-xhci":
            command.device(f"nec-usb-xhci,id=xhci{pci(controller.address)}")


def write(vm: VM, command: Command, host: HostFacts) -> None:
    numbered = ports_named(vm)
    for usb in vm.usbs:
        bus, port = (usb.address.bus, usb.address.port) if isinstance(usb.address, USBAddress) else ("", "")
        at = f",port={port}" if numbered else ""
        if usb.spice:
            command.devices += ("-chardev", f"spicevmc,id=usbredirchardev{usb.index},name=usbredir")
            command.device(f"usb-redir,chardev=usbredirchardev{usb.index},id=usbredirdev{usb.index},bus={bus}.0{at}")
            continue
        text = "usb-host"
        if usb.usb3 or numbered:
            text += f",bus=xhci.0{at}"
        text += f"{_source(usb, host)},id={usb.key}"
        if usb.bootindex:
            text += f",bootindex={usb.bootindex}"
        command.device(text)


def _source(usb: USB, host: HostFacts) -> str:
    if usb.vendor and usb.product:
        return f",vendorid=0x{usb.vendor},productid=0x{usb.product}"
    if usb.hostbus is not None and usb.hostport:
        return f",hostbus={usb.hostbus},hostport={usb.hostport}"
    if usb.mapping:
        message = f"{usb.key}: the USB device mapping '{usb.mapping}' is not in the host facts"
        cure = missing(host, "usb", usb.mapping)
        raise BridgeError(f"{message}: {cure}" if cure else message, usb.where)
    raise BridgeError("no usb id or path given", usb.where)
