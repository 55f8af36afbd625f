"""Domain XML -> the VM that it describes. What no kind claims becomes a finding."""

from __future__ import annotations

import re

from ..model.vm import VM
from . import acpi, boot, implied, inert, raw
from .args import translate as args
from .args.devices import NAMELESS
from .complete import complete
from .device import refuse
from .kinds import READING
from .tree.domain import Domain
from .tree.node import Node

PROPERTY_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII).fullmatch


def read(domain: Domain) -> VM:
    """The VM as the XML says it; addresses name buses as `#INDEX`. Raises BridgeError on what is not a sane domain."""
    vm = VM()
    domain.root.claim()
    domain.devices.claim()
    draft = complete(domain.root, domain.devices)
    domain.disks, domain.controllers = draft.disks, draft.controllers
    for note in draft.notes:
        domain.report.add(*note)
    inert.take_defaults(domain)
    overridden = _take_escapes(domain)
    for kind in READING:
        kind.read(domain, vm)
    boot.read_classes(domain, vm)
    acpi.read_acpi(domain)
    if domain.report.enabled:
        for node in domain.devices.children:
            if node.tag in NAMELESS and not node.claimed:
                refuse(domain, node, "guest-lost", f"a config has no <{node.tag}>")
        _mark_placed(domain, vm)
        implied.claim(domain, vm)
        if left := domain.root.unclaimed():
            inert.take_host_only(domain, left)
            _report_unclaimed(domain)
        _report_overrides(domain, overridden)
    return vm


def _mark_placed(domain: Domain, vm: VM) -> None:
    """Addresses that the document leaves to libvirt are `filled`: nobody was promised them."""
    if not any(node.implied or _is_placed(node) for node in domain.devices.children):
        return
    for device in vm.devices():
        node = device.where
        if isinstance(node, Node) and (node.implied or _is_placed(node)):
            device.filled |= {"address", "type"} if node.implied else {"address"}


def _is_placed(node: Node) -> bool:
    address = node.peek("address")
    return address is not None and address.implied


def _take_escapes(domain: Domain) -> dict[str, Node]:
    """qemu:commandline and qemu:override into lists that the kinds take from. The devices that are overridden, by their alias."""
    for commandline in domain.root.all("qemu:commandline"):
        domain.arguments += [node.need("value") for node in commandline.all("qemu:arg")]
    for override in domain.root.all("qemu:override"):
        for device in override.all("qemu:device"):
            properties = domain.overrides.setdefault(device.need("alias"), {})
            for frontend in device.all("qemu:frontend"):
                for node in frontend.all("qemu:property"):
                    properties[node.need("name")] = (node.need("type"), node.take("value"))
    raw.take_remembered(domain)
    if not domain.overrides:
        return {}
    return {child.attrib.get("name", ""): node for node in domain.devices.children for child in node.children if child.tag == "alias"}


def _report_unclaimed(domain: Domain) -> None:
    add = domain.report.add
    for node, what in domain.root.unclaimed():
        add("unknown", node, f"{what} has no counterpart in a qemu-server config and is left out", "remove it, or set it up by hand")


def _report_overrides(domain: Domain, overridden: dict[str, Node]) -> None:
    add = domain.report.add
    for alias, properties in domain.overrides.items():
        for name, (type_, value) in properties.items():
            message = f"qemu:override {alias} {name}={value} has no counterpart in a config and is left out"
            device = overridden.get(alias)
            text = args.override_text(type_, value) if device is not None else None
            if text is None or not PROPERTY_NAME(name):
                add("unknown", domain.root, message)
            else:
                domain.report.set_properties("unknown", domain.root, message, device, {name: text})
