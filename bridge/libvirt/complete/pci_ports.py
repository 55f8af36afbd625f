"""What bridges and ports say of themselves (libvirt 11.3, the end of qemuDomainAssignPCIAddresses)."""

from __future__ import annotations

from ..tree.node import Node
from .draft import Draft, add, child, default
from .pci_buses import NoPlaceError
from .pci_devices import place

PORTS = ("pcie-root-port", "pcie-switch-downstream-port")


def defaults(draft: Draft) -> None:
    """Chassis and port. Of several devices of QEMU that could be a root port libvirt takes the generic one."""
    for node in draft.of_type("pci"):
        model = node.attrib.get("model")
        if model == "pci-bridge":
            _say(node, "chassisNr", node.attrib.get("index", ""))
        elif model in PORTS:
            if model == "pcie-root-port" and node.peek("model") is None:
                add(node, "model", name=model)
            _say(node, "chassis", node.attrib.get("index", ""))
            if (port := _port(node)) is not None:
                _say(node, "port", hex(port))


def _say(node: Node, name: str, value: str) -> None:
    target = node.peek("target")
    if target is None or name not in target.attrib:
        default(child(node, "target"), name, value)


def _port(node: Node) -> int | None:
    try:
        at = place(node)
    except (NoPlaceError, ValueError):
        return None
    if at is None:
        return None
    return (at[1] << 3) + at[2] if node.attrib.get("model") == "pcie-root-port" else at[1]
