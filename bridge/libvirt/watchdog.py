"""<watchdog> (mapping-devices 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..data.gates import machine_has
from ..model.machine import Machine
from ..model.vm import VM
from ..model.watchdog import Watchdog
from .device import PLACE_ROWS, host_state, read_device, refuse, write_device
from .tree.domain import Domain
from .tree.node import Node

ROWS = (Row("model", "@model", code=True), Row("action", "@action", code=True), *PLACE_ROWS)
TABLE = (Rows(Watchdog, "devices/watchdog", ROWS),)

ACTIONS = ("reset", "shutdown", "poweroff", "pause", "none")
"""Of both sides; libvirt has no `debug`."""
NEAR = {"dump": "pause", "inject-nmi": "none"}
DEFAULT = "reset"
"""QEMU's own, and libvirt's."""


def write(vm: VM, domain: Domain) -> None:
    watchdog = vm.watchdog
    if watchdog is None:
        return
    if watchdog.model == "ib700" and vm.machine.base != "i440fx":
        domain.report.add("guest-lost", watchdog.where, "the ib700 stands on the ISA bus of a pc machine only: left out")
        return
    node = domain.devices.add("watchdog", model=watchdog.model or "i6300esb")
    if watchdog.action in ACTIONS:
        node.set("action", watchdog.action)
    elif watchdog.action:
        domain.report.add("host-lost", watchdog.where, f"libvirt has no watchdog action '{watchdog.action}': it resets the VM")
    if watchdog.model == "ib700":  # on the ISA bus
        domain.report.add("guest-changed", watchdog.where, "the ib700 does not start as qemu-server gives it; libvirt's does")
        node.add("alias", name="ua-watchdog")
    else:
        write_device(domain, node, watchdog)


def _is_own(node: Node) -> bool:
    """Whether this is what `write` made of `watchdog: ib700`."""
    name = node.peek("alias")
    return name is not None and name.attrib.get("name") == "ua-watchdog"


def _arm(domain: Domain, node: Node, machine: Machine) -> None:
    """libvirt lets the chipset's watchdog reset the guest; QEMU by itself does so from machine 8.0 on."""
    if machine.itco is None and machine.version is not None and not machine_has(machine.version, machine.pve or 0, "itco_armed"):
        message = "the chipset's watchdog (itco) resets the guest there; with this machine type qemu-server's does nothing"
        domain.report.mend("guest-changed", node, message, ["-global", "ICH9-LPC.noreboot=off"])
    machine.itco = None


def read(domain: Domain, vm: VM) -> None:
    nodes = domain.devices.all("watchdog")
    others = [node.attrib.get("action", DEFAULT) for node in nodes if node.attrib.get("model") != "itco"]
    for node in nodes:
        model = node.attrib.get("model")
        if model == "itco":  # every q35 has it
            node.take("model")
            read_device(domain, node, "itco")
            _arm(domain, node, vm.machine)
            if not node.expect("action", others[0] if others else DEFAULT):
                action = node.take("action")
                domain.report.add("host-lost", node, f"the chipset's watchdog does action='{action}': a config has none for it")
            continue
        if model not in ("i6300esb", "ib700") or vm.watchdog is not None:
            refuse(domain, node, "guest-lost", "a config has one watchdog: i6300esb or ib700")
            continue
        if model == "ib700" and not _is_own(node):
            refuse(domain, node, "guest-lost", "QEMU does not start with the ib700 as qemu-server gives it: an i6300esb would do")
            continue
        node.take("model")
        action = node.attrib.get("action")
        if action in NEAR:
            domain.report.add("host-lost", node, f"the watchdog's action {action} becomes {NEAR[action]}")
        if action in ACTIONS or action in NEAR:
            node.take("action")
        action = NEAR.get(action or "", action)
        own = action if action in ACTIONS else None
        vm.watchdog = Watchdog(model=model, action=own, **read_device(domain, node, "watchdog"))
        host_state(domain, node)
