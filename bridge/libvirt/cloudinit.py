"""cloud-init: libvirt has no place for it; the image on its drive stays as it was last built (mapping-machine 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..data.options import SECRETS
from ..model.cloudinit import CloudInit
from ..model.vm import VM
from .tree.domain import Domain

ROWS = (Row("keys", "", code=True, finding="not-applied"),)
TABLE = (Rows(CloudInit, "", ROWS),)


def write(vm: VM, domain: Domain) -> None:
    keys = vm.cloudinit.keys or {}
    if keys:
        domain.report.add(
            "not-applied", vm.cloudinit.where, f"{', '.join(sorted(keys))}: libvirt does not rebuild the cloud-init image from them",
            "the drive's present content is used",
        )  # fmt: skip
    for key in SECRETS:
        if key in keys:
            domain.report.add("secret-left-out", vm.cloudinit.where, f"{key} is not written into the XML")


def read(domain: Domain, vm: VM) -> None:
    """Nothing in a domain says what cloud-init was told."""
    del domain, vm
