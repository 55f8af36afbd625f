"""SMBIOS and generation id (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.boot import Boot
from ..model.meta import SMBIOS, Meta
from ..model.vm import VM
from .emit import Command, escaped

SMBIOS_FIELDS = ("family", "manufacturer", "product", "serial", "sku", "uuid", "version")
"""In the order in which they are written."""
ROWS = (Row("name", "-name", code=True), Row("vmid", "-id", code=True), Row("vmgenid", "guid", code=True))
BOOT_ROWS = tuple(Row(field, "bootindex", code=True) for field in ("order", "legacy", "bootdisk"))
"""Of every device that boots."""
SMBIOS_ROWS = tuple(Row(field, f"-smbios {field}", code=True) for field in SMBIOS_FIELDS)
TABLE = (Rows(Boot, "", BOOT_ROWS), Rows(Meta, "", ROWS), Rows(SMBIOS, "", SMBIOS_ROWS))


def smbios(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    """A value of `0` is dropped, as Perl takes it for nothing."""
    said = vm.meta.smbios1
    if said is None:
        return
    values = {key: getattr(said, key) for key in SMBIOS_FIELDS}
    command.options += ("-smbios", "type=1" + "".join(f",{key}={escaped(v)}" for key, v in values.items() if v and v != "0"))


def vmgenid(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every step
    guid = vm.meta.vmgenid
    if guid and guid != "0":
        command.device(f"vmgenid,guid={guid}")
