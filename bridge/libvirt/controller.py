"""<controller>: bridges, root ports, USB, SCSI, SATA, IDE and virtio-serial adapters (mapping-devices 3, 4, 6 and 9)."""

from __future__ import annotations

import json
import re
from copy import copy
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple
from weakref import ref

from ..core.coverage import Rows
from ..core.report import Report
from ..core.rows import HEX, INT, ON_OFF, Codec, Row
from ..data.gates import machine_has
from ..model.controller import Controller
from ..model.part import PCIAddress
from ..model.vm import VM
from ..passes.place.usb import ich9_group
from .address import read_address
from .args import board
from .args.properties import VIRTIO, lose_children
from .device import alias, lose, lose_attributes, refuse
from .iommu import write_iommu
from .iothread import read_served_by, write_served_by
from .tree.domain import Domain
from .tree.node import Node, read_rows, write_rows
from .tree.serialise import lines_of

_PORT = Codec(HEX.read, hex)

ROWS = (
    Row("index", "@index", INT),
    Row("hardware", "model@name"),
    Row("chassis_nr", "target@chassisNr", INT),
    Row("chassis", "target@chassis", INT),
    Row("port", "target@port", _PORT),
    Row("ports", "@ports", INT),
    Row("startport", "master@startport", INT),
    Row("queues", "driver@queues", INT),
    Row("max_sectors", "driver@max_sectors", INT),
    Row("cmd_per_lun", "driver@cmd_per_lun", INT),
    Row("ioeventfd", "driver@ioeventfd", ON_OFF),
    Row("event_idx", "driver@event_idx", ON_OFF),
    Row("served_by", "driver/iothreads", code=True),
    Row("type", "@type", code=True),
    Row("model", "@model", code=True),
    Row("model", "qemu:override driver", code=True),
    Row("address", "address", code=True),
    Row("key", "alias@name", code=True),
)
KIND_ROWS = (Row("scsihw", "devices/controller@model", code=True),)
"""Of the VM: the one kind of SCSI adapter."""
TABLE = (Rows(Controller, "devices/controller", ROWS, ("master", "builtin", "iothread", "alias")), Rows(VM, "", KIND_ROWS))

SECOND = "ehci-2"
SECOND_EHCI = "ich9-ehci2"
"""q35's second EHCI: libvirt's ich9-ehci1 with another driver; its companions go by the command line (mapping-devices 4.3)."""
HDA = "ich9-intel-hda,id=audio0,bus=pcie.0,addr=0x1b"
"""The codec-less sound chip of every qemu-server q35; libvirt's own always has a codec, so it goes by the command line."""
ELSEWHERE = "piix3-uhci elsewhere"
"""One that stands where the board's own does not, which libvirt refuses by its name."""
_SWAPPED = {
    "lsi53c810": ("lsilogic", "lsi53c810"),
    SECOND_EHCI: ("ich9-ehci1", "ich9-usb-ehci2"),
    ELSEWHERE: ("piix4-uhci", "piix3-usb-uhci"),
}
"""Models that libvirt has no name for -> the one that it has, and QEMU's own device in its place (mapping-devices 9)."""
X_SPEED = (("x-speed", "16"), ("x-width", "32"))
"""qemu-server's on-demand root ports; QEMU's default from machine 4.0 on (mapping-devices 4.2)."""


def write(vm: VM, domain: Domain) -> None:
    for controller in vm.controllers:
        if controller.type == "pci":
            domain.bus_index[controller.key or ""] = controller.index or 0
    old = not domain.described and not machine_has(vm.machine.version or (), vm.machine.pve or 0, "pcie_root_port")
    for controller in vm.controllers:
        if controller.master == SECOND:
            domain.arguments += ["-device", _companions()[controller.key or ""]]
        else:
            _write(controller, domain, old)
    if vm.machine.base == "q35" and not domain.described:
        domain.arguments += ["-device", HDA]
    write_iommu(vm, domain)  # a device of the board that stands on these buses


def _write(controller: Controller, domain: Domain, old: bool) -> None:
    """`old`: the machine's root ports are ioh3420; others are on-demand ones."""
    if controller.model in _SWAPPED:
        domain.set_override(alias(controller.key or ""), "driver", "string", _SWAPPED[controller.model][1])
    if old and controller.model == controller.hardware == "pcie-root-port":
        for prop, value in X_SPEED:
            domain.set_override(alias(controller.key or ""), prop, "string", value)
    address = controller.address
    bus = domain.bus_index[address.bus] if isinstance(address, PCIAddress) else None
    # to an element of a described machine more may be added, so that it is nobody else's
    said = None if controller.served_by or domain.described else (bus, _values(controller))
    known = _KNOWN.get(said)
    node = domain.devices.add("controller")
    if known is None:
        _write_element(node, controller, domain)
        if said is not None:
            _keep(said, node, domain)
    else:
        _copy(known, node)


def _write_element(node: Node, controller: Controller, domain: Domain) -> None:
    node.set("type", controller.type)
    write_rows(node, controller, ROWS)
    model = controller.model
    if model:
        node.set("model", _SWAPPED[model][0] if model in _SWAPPED else model)
    write_served_by(node, controller.served_by, domain)
    if not controller.builtin and controller.startport is None:
        node.add("alias", name=alias(controller.key or ""))
    if isinstance(controller.address, PCIAddress):
        domain.pci_address(node, controller.address)


class _Known(NamedTuple):
    """An element as it was written before: nearly all machines have the same few controllers, many of them."""

    attrib: dict[str, str]
    children: list[Node]
    written: tuple[str, int] | None


_KNOWN: dict[tuple[int | None, tuple[Any, ...]] | None, _Known] = {}
"""By the index of the bus, and what the controller says."""
_READ: dict[tuple[str, int], Controller] = {}
"""What such an element says when it is read, with no override and no finding."""
MOST_KNOWN = 1024
_values = attrgetter(*(name for name in Controller.__struct_fields__ if name not in ("where", "filled", "served_by", "alias")))


def _keep(said: tuple[int | None, tuple[Any, ...]], node: Node, domain: Domain) -> None:
    if len(_KNOWN) >= MOST_KNOWN:
        return
    lines = lines_of(node, 2)
    twin, report = Node("controller", node.attrib, written=lines), Report()
    twin.children = node.children
    _KNOWN[said] = _Known(*_own(twin), lines)
    twin.attrib, twin.children = _own(twin)
    found = _read_element(twin, Domain(Node("domain"), report, domain.target))
    if lines is not None and not (len(report) or report.lost_properties or twin.unclaimed()):
        found.where = None
        _READ[lines] = found


def _copy(known: _Known, node: Node) -> None:
    """What is read at once is shared, and stays as it is; all else may be taken apart."""
    node.attrib, node.children, node.written = known.attrib, known.children, known.written
    if known.written not in _READ:
        node.attrib, node.children = _own(node)


def _own(node: Node) -> tuple[dict[str, str], list[Node]]:
    """Attributes and children that are nobody else's."""
    return node.attrib.copy(), [Node(child.tag, child.attrib.copy(), ref(node)) for child in node.children]


@cache  # 74 µs for each machine of q35
def _companions() -> dict[str, str]:
    """The UHCIs of the second EHCI group, which libvirt has no model for: key -> JSON, as they sit on libvirt's own EHCI (rule R8)."""
    return {controller.key or "": _companion(controller) for controller in ich9_group(SECOND)[1:]}


def _companion(controller: Controller) -> str:
    address = controller.address
    assert isinstance(address, PCIAddress)
    return json.dumps(
        {
            "driver": (controller.model or "").replace("ich9-", "ich9-usb-"),
            "id": controller.key,
            "bus": address.bus,
            "addr": f"0x{address.slot:x}.0x{address.function:x}",
            "multifunction": True,
            "masterbus": f"{alias(SECOND)}.0",
            "firstport": controller.startport,
        },
        separators=(",", ":"),
    )


NO_KEY = ("nvme",)
"""Types of controllers that no device of a config stands on."""


def read(domain: Domain, vm: VM) -> None:
    """All controllers; PCI buses are called `#INDEX` until `assign_keys` finds out which of qemu-server's they are."""
    nodes = [node for node in domain.controllers if node.attrib.get("type") not in NO_KEY]
    for node in domain.controllers:
        if node.attrib.get("type") in NO_KEY and not node.implied:
            refuse(domain, node, "guest-lost", f"a config has no controller of type {node.attrib.get('type')}")
    for node in nodes:
        node.claim()
        if (hole := node.peek("pcihole64")) is not None:
            message = f"{hole.outline()} has no counterpart in a config"
            board.mend(domain, hole, message, lambda child: board.hole64(child, vm.machine.base))
    vm.controllers = [_read(node, domain) for node in nodes]
    if any(controller.model == SECOND_EHCI for controller in vm.controllers):
        vm.controllers += [c for c in ich9_group(SECOND)[1:] if domain.take_arguments("-device", _companions()[c.key or ""])]
    domain.take_arguments("-device", HDA)


def _read(node: Node, domain: Domain) -> Controller:
    known = _READ.get(node.written) if node.written is not None else None
    if known is None:
        return _read_element(node, domain)
    if (known.alias or "") in domain.overrides:
        node.attrib, node.children = _own(node)
        node.named = None
        return _read_element(node, domain)
    node.claimed, node.attrib, node.children = True, {}, []
    found = copy(known)
    found.where = node
    return found


def _read_element(node: Node, domain: Domain) -> Controller:
    type_ = node.take("type") or "ide"  # as libvirt takes it
    said = read_rows(node, ROWS)
    model = node.take("model")
    alias_node = node.only("alias")
    name = alias_node.take("name") if alias_node else None
    if (name or "") in domain.overrides:
        if (driver := domain.override(name, "driver")) is not None:
            model = next((own for own, (_, there) in _SWAPPED.items() if there == driver[1]), model)
        for prop, value in X_SPEED:
            domain.expect_override(name, prop, ("string", value))
    lose_attributes(domain, node, "guest-lost", "vectors")
    if (target := node.peek("target")) is not None and target.attrib:
        _read_hotplug(target, domain)
        lose_attributes(domain, target, "guest-lost", "busNr", "memReserve")
        if not target.attrib:
            target.claim()
        lose(domain, target, "guest-lost", "node")
    said["served_by"] = read_served_by(node)
    if type_ in ("scsi", "virtio-serial"):
        lose_children(domain, node, "driver", VIRTIO, f"{type_} controller")
    key = name[3:] if name and name.startswith("ua-") else None
    if name and not (_is_key(key) if key is not None else _is_generated(name)):
        domain.report.add("normalised", node, f"the alias '{name}' is not kept: qemu-server names its controllers itself")
    if type_ == "pci":
        key = f"#{said.get('index', 0)}"
    return Controller(type=type_, model=model, key=key, alias=name, address=read_address(node, domain), where=node, **said)


_is_key = re.compile(
    r"ahci[0-9]+|ehci(?:-[0-9]+)?|uhci(?:-[0-9]+)?|xhci|ich9-pcie-port-[0-9]+|pcidmi|pci-[0-9]+|qga0|spice|scsihw[0-9]+|virtioscsi[0-9]+"
).fullmatch
"""Names of qemu-server's controllers, as `alias` writes them."""
_is_generated = re.compile(r"(?:usb|pci\.|pcie\.|scsi|sata|ide|virtio-serial|fdc|ccid|isa|nvme)[0-9]{0,4}").fullmatch
"""libvirt's own aliases of a running domain."""


def _read_hotplug(target: Node, domain: Domain) -> None:
    """`target@hotplug`: qemu-server leaves every bus pluggable, as is libvirt's default."""
    if target.attrib.get("hotplug") not in ("on", "off"):
        return
    target.claim()
    if target.need("hotplug") == "off":
        domain.report.add("added", target, "hotplug='off': devices can be plugged into this bus under qemu-server")
