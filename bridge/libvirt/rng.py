"""<rng> (mapping-devices 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import INT, Row
from ..data.options import option
from ..model.rng import RNG
from ..model.vm import VM
from .args.properties import lose_driver, plain_virtio
from .device import PLACE_ROWS, host_state, read_device, refuse, write_device
from .tree.domain import Domain
from .tree.node import Node, read_rows

ROWS = (
    Row("max_bytes", "rate@bytes", INT),
    Row("period", "rate@period", INT),
    Row("source", "backend", code=True),
    *PLACE_ROWS,
)
TABLE = (Rows(RNG, "devices/rng", ROWS),)

_RNG = option("rng0")
SOURCES = _RNG.fields["source"].enum if _RNG and _RNG.fields else ()
DEFAULT = "/dev/urandom"
MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")


def write(vm: VM, domain: Domain) -> None:
    rng = vm.rng
    if rng is None:
        return
    node = domain.devices.add("rng", model="virtio")
    if rng.max_bytes:
        node.add("rate", bytes=str(rng.max_bytes), period=str(rng.period))
    node.add("backend", rng.source or DEFAULT, model="random")
    write_device(domain, node, rng)


def read(domain: Domain, vm: VM) -> None:
    for node in domain.devices.all("rng"):
        if vm.rng is not None:
            refuse(domain, node, "guest-lost", "a config has one rng")
            continue
        plain_virtio(domain, node, "model", node, "rng")
        model = node.take("model")
        if model != "virtio":
            domain.report.add("guest-changed", node, f"the rng {model} becomes a plain virtio one")
        said = read_device(domain, node, "rng0") | {"max_bytes": 0} | read_rows(node, ROWS)
        vm.rng = RNG(source=_source(domain, node), **said)
        host_state(domain, node)
        lose_driver(domain, node, "rng")


def _source(domain: Domain, node: Node) -> str:
    backend = node.only("backend")
    if backend is None:
        return DEFAULT
    if backend.attrib.get("model") == "random":
        path = backend.text.strip(" \t\r\n")
        if path in SOURCES:
            backend.value()
            backend.take("model")
            return path
    domain.report.add("host-lost", backend, f"{backend.whole()}: a config takes entropy from a device of the host only: {DEFAULT}")
    return DEFAULT
