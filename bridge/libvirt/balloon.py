"""<memballoon> (mapping-devices 14)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import INT, ON_OFF, Row
from ..model.balloon import Balloon
from ..model.vm import VM
from .address import read_address
from .args.properties import BALLOON, lose_driver, lose_properties, plain_virtio
from .device import alias, read_alias
from .tree.domain import Domain
from .tree.node import read_rows, write_rows

ROWS = (
    Row("target", "/currentMemory", code=True),
    Row("present", "@model", code=True),
    Row("free_page_reporting", "@freePageReporting", ON_OFF),
    Row("stats_period", "stats@period", INT),
    Row("address", "address", code=True),
)
TABLE = (Rows(Balloon, "devices/memballoon", ROWS),)
KEY = "balloon0?"
"""What `write` calls it."""


def write(vm: VM, domain: Domain) -> None:
    balloon = vm.balloon
    if not balloon.present:
        domain.devices.add("memballoon", model="none")
        return
    node = domain.devices.add("memballoon", model="virtio")
    write_rows(node, balloon, ROWS)
    if not domain.target.has("free_page_reporting"):
        node.take("freePageReporting")
    if domain.described and balloon.key is not None:
        node.add("alias", name=alias(balloon.key))
    if balloon.address is not None:
        domain.pci_address(node, balloon.address)  # type: ignore[arg-type]


def read(domain: Domain, vm: VM) -> None:
    balloon = vm.balloon
    node = domain.devices.only("memballoon")
    balloon.present = node is not None
    if node is None:
        return
    balloon.where = node
    plain_virtio(domain, node, "model", node, "balloon")
    model = node.attrib.get("model")
    if model == "none":
        node.take("model")
        read_alias(domain, node, KEY)
        balloon.present = False
        if balloon.target is not None:
            domain.report.add("normalised", node, f"without a balloon the guest has all its memory, not {balloon.target} MiB")
            balloon.target = None
        return
    if model == "virtio":
        node.take("model")
    for field, value in read_rows(node, ROWS).items():
        setattr(balloon, field, value)
    balloon.address = read_address(node, domain)
    lose_properties(domain, node, node, BALLOON, "balloon")
    lose_driver(domain, node, "balloon")
    read_alias(domain, node, KEY)
