"""<controller>: indexes, models, and those that nobody names (libvirt 11.3, domain_postparse.c, qemu_postparse.c, domain_conf.c)."""

from __future__ import annotations

from collections.abc import Iterable

from ..tree.node import Node
from .draft import MOST_INDEX, Draft, add, address_of, default, index_of, own, told
from .pci_kinds import USB2

COMPANIONS = {"ich9-uhci1": "0", "ich9-uhci2": "2", "ich9-uhci3": "4"}
"""Model -> first port of the EHCI that it serves."""
MOST = 512
"""More stay as they are: no machine has them."""
CONTROLLER_OF = {"scsi": "scsi", "fdc": "fdc", "ide": "ide", "sata": "sata"}
"""Bus of a disk -> type of its controller, in libvirt's order."""


def index(draft: Draft) -> None:
    """All that are named, in libvirt's order; each has an index (virDomainAssignControllerIndexes)."""
    for node in draft.of("controller"):
        if node.attrib.get("model") in COMPANIONS and node.attrib.get("type") == "usb" and node.peek("master") is None:
            add(node, "master", startport=COMPANIONS[node.attrib["model"]])
        draft.by_type.setdefault(_type(node), []).append(node)
    if len(draft.of("controller")) > MOST:
        return
    for type_, nodes in draft.by_type.items():
        if not _ordered(nodes):
            draft.by_type[type_] = _inserted(nodes)
            if _numbered(draft.by_type[type_]):
                draft.by_type[type_] = _inserted(draft.by_type[type_])


def _ordered(nodes: list[Node]) -> bool:
    """Whether all have an index, and stand by it, masters first."""
    last = -1
    for node in nodes:
        number = index_of(node)
        if number is None or number < last or (number == last and node.peek("master") is None):
            return False
        last = number
    return True


def _inserted(nodes: list[Node]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        insert(found, node)
    return found


def insert(controllers: list[Node], node: Node) -> None:
    """Put one among its like: behind those of lower index, a master before its companions (virDomainControllerInsertPreAlloced)."""
    number = index_of(node)
    at = len(controllers)
    if number is not None:
        for n, other in enumerate(controllers):
            there = index_of(other)
            if there is None or there < number:
                continue
            if there > number or (node.peek("master") is None and other.peek("master") is not None):
                at = n
                break
    controllers.insert(at, node)


def _numbered(controllers: list[Node]) -> bool:
    """Give an index to those without one. True if a USB 2 controller is among them: then all are put in order again."""
    again = False
    for at, node in enumerate(controllers):
        if "index" not in node.attrib:
            usb2 = at > 0 and _is_usb2(node)
            again = again or usb2
            known = _group(controllers, at) if usb2 else None
            own(node).attrib["index"] = str(known if known is not None else _unused(controllers))
    return again


def _type(node: Node) -> str:
    return node.attrib.get("type", "ide")


def _is_usb2(node: Node) -> bool:
    return _type(node) == "usb" and node.attrib.get("model") in USB2


def _group(controllers: list[Node], at: int) -> int | None:
    """The index of the USB 2 group that a controller joins, as it follows one of another model."""
    before, model = controllers[at - 1], controllers[at].attrib.get("model")
    number = index_of(before)
    if not _is_usb2(before) or any(index_of(node) == number and node.attrib.get("model") == model for node in controllers):
        return None
    return number


def _unused(controllers: list[Node]) -> int:
    used = {index_of(node) for node in controllers}
    return next(n for n in range(len(used) + 1) if n not in used)


def maybe_add(draft: Draft, type_: str, number: int, model: str | None = None) -> None:
    add_all(draft, type_, (number,), model)


def add_all(draft: Draft, type_: str, numbers: Iterable[int], model: str | None = None) -> None:
    """Those of these indexes that are not there yet, in this order."""
    known = {index_of(node) for node in draft.of_type(type_)}
    highest = max((number for number in known if number is not None), default=-1)
    for number in numbers:
        if number > MOST_INDEX or number in known:
            continue
        known.add(number)
        node = draft.add("controller", type=type_, index=str(number))
        if model is not None:
            node.attrib["model"] = model
        there = draft.by_type.setdefault(type_, [])
        if number > highest:
            there.append(node)
            highest = number
        else:
            insert(there, node)


def board(draft: Draft) -> None:
    """What the machine always has (qemuDomainDefAddDefaultDevices)."""
    if draft.base in ("q35", "i440fx"):
        maybe_add(draft, "usb", 0, "qemu-xhci" if draft.base == "q35" else "piix3-uhci")
    if draft.base == "q35":
        maybe_add(draft, "sata", 0)
    if draft.base:
        maybe_add(draft, "pci", 0, "pcie-root" if draft.express else "pci-root")


def implied(draft: Draft) -> None:
    """Those that devices stand on (virDomainDefAddImplicitControllers)."""
    highest: dict[str, int] = {}
    for disk in draft.disks:
        bus = told(disk.peek("target"), "bus")
        address = address_of(disk, "drive")
        if bus in CONTROLLER_OF and address is not None:
            highest[bus] = max(highest.get(bus, -1), index_of(address, "controller") or 0)
    for bus, type_ in CONTROLLER_OF.items():
        add_all(draft, type_, range(min(highest.get(bus, -1), MOST_INDEX) + 1))
    ports = [node for tag in ("channel", "console") for node in draft.of(tag) if told(node.peek("target"), "type") == "virtio"]
    add_all(draft, "virtio-serial", [_controller(node, "virtio-serial") for node in ports])
    _for_smartcards(draft)
    _for_scsi_hosts(draft)


def _for_smartcards(draft: Draft) -> None:
    add_all(draft, "ccid", [_controller(node, "ccid") for node in draft.of("smartcard")])


def _controller(node: Node, type_: str) -> int:
    """The index of the controller that a device stands on."""
    address = address_of(node, type_)
    return 0 if address is None else index_of(address, "controller") or 0


def _for_scsi_hosts(draft: Draft) -> None:
    """All SCSI devices of the host hang on controllers of one model."""
    highest, model = -1, None
    for node in draft.of("hostdev"):
        address = address_of(node, "drive")
        if node.attrib.get("type") != "scsi" or address is None:
            continue
        number = index_of(address, "controller") or 0
        if number > highest:
            highest = number
            found = next((c for c in draft.of_type("scsi") if index_of(c) == number), None)
            model = told(found, "model") or model
    add_all(draft, "scsi", range(min(highest, MOST_INDEX) + 1), model)


def models(draft: Draft) -> None:
    """The model of those that say none (qemuDomainControllerDefPostParse)."""
    for node in draft.of_type("scsi"):
        if node.attrib.get("model", "auto") == "auto":
            own(node).attrib["model"] = "lsilogic"
        if node.attrib["model"] == "ibmvscsi" and node.peek("address") is None:
            add(node, "address", type="spapr-vio")
    for node in draft.of_type("usb"):
        default(node, "model", "piix3-uhci" if draft.base != "virt" else "qemu-xhci")
