"""Which device of the host a usbN is (qemu-server 9.2.6, USB.pm; mapping-devices 6)."""

from __future__ import annotations

import re
from typing import Any

from ...core.report import BridgeError, Report
from ...host.facts import HostFacts
from ...host.mapping import missing, usb_host
from ...model.part import USBAddress
from ...model.usb import USB
from ...model.vm import VM
from ..fill import change, fill, forget
from ..place.usb import xhci_era

OLD_MAX_USB = 5
"""usbN that every machine has; more need the one controller of newer machines."""

USB_ID = re.compile(r"(?:0x)?([0-9A-Fa-f]{4}):(?:0x)?([0-9A-Fa-f]{4})")
USB_PATH = re.compile(r"([0-9]+)-([0-9]+(?:\.[0-9]+)*)")


def resolve(vm: VM, host: HostFacts, report: Report) -> VM:
    """Law: every device is either SPICE, an id or a port. Raises BridgeError for what qemu-server refuses."""
    return change(vm, usbs=[_resolve(usb, host, report) for usb in vm.usbs]) if vm.usbs else vm


def check_numbers(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001  the signature of every pass
    """Law: the VM stays as it is; numbers that need the one controller of newer machines are refused with the controllers."""
    last = max((usb.index or 0 for usb in vm.usbs), default=0)
    if last < OLD_MAX_USB or xhci_era(vm):
        return vm
    first = next(usb for usb in vm.usbs if (usb.index or 0) >= OLD_MAX_USB)
    raise BridgeError(f"using usb{first.index} is only possible with machine type >= 7.1 and ostype l26 or windows > 7", first.where)


def _resolve(usb: USB, host: HostFacts, report: Report) -> USB:
    text = usb.host
    if text == "spice":  # qemu-server looks at the case here, though its grammar does not
        return fill(usb, spice=True)
    if usb.mapping and not text:
        hint = missing(host, "usb", usb.mapping)
        if hint:
            report.add("resource-unknown", usb.where, f"the mapping '{usb.mapping}' of {usb.key} is not in the host facts", hint)
            return usb
        text = usb_host(host, usb.mapping)
    elif usb.mapping:
        text = None
    found = parts(text or "")
    if not found:
        raise BridgeError("no usb id or path given", usb.where)
    return fill(usb, **found)


def parts(text: str) -> dict[str, Any]:
    """`1234:5678` or `1-4.2` as fields of the model; nothing for any other text."""
    if match := USB_ID.fullmatch(text):
        return {"vendor": match[1], "product": match[2]}
    if match := USB_PATH.fullmatch(text):
        return {"hostbus": int(match[1]), "hostport": match[2]} if len(match[1]) < 6 else {}
    return {}


def unresolve(vm: VM, host: HostFacts, report: Report) -> VM:  # noqa: ARG001
    """Law: resolve finds the same device again, on a bus of the same kind."""
    if not vm.usbs:
        return vm
    era = xhci_era(vm)
    return change(vm, usbs=[_unresolve(usb, era) for usb in vm.usbs])


def _unresolve(usb: USB, era: bool) -> USB:
    text = usb.host
    if usb.spice:
        text = "spice"
    elif not usb.mapping and usb.vendor and usb.product:
        text = f"{usb.vendor}:{usb.product}"
    elif not usb.mapping and usb.hostport:
        text = f"{usb.hostbus}-{usb.hostport}"
    usb3 = usb.usb3
    if usb3 is None and not era and isinstance(usb.address, USBAddress) and usb.address.bus == "xhci":
        usb3 = True
    return change(forget(usb, "spice", "vendor", "product", "hostbus", "hostport"), host=text, usb3=usb3)
