"""Entropy (qemu-server 9.2.6, RNG.pm)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.rng import RNG
from ..model.vm import VM
from .emit import Command, pci

ROWS = (Row("source", "-object filename", code=True), Row("max_bytes", "max-bytes", code=True), Row("period", "period", code=True))
TABLE = (Rows(RNG, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    rng = vm.rng
    if rng is None:
        return
    limit = f",max-bytes={rng.max_bytes},period={rng.period}" if rng.max_bytes else ""
    command.devices += ("-object", f"rng-random,filename={rng.source},id=rng0")
    command.device(f"virtio-rng-pci,rng=rng0{limit}{pci(rng.address)}")
