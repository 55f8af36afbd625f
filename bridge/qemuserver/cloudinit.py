"""What cloud-init would be told: kept as text (mapping-machine 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..model.cloudinit import CloudInit
from ..model.vm import VM
from .section import ConfigSection, Lines

TEXTS = ("cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "nameserver", "searchdomain", "sshkeys")
IPCONFIGS = 32

ROWS = tuple(Row("keys", key, code=True) for key in (*TEXTS, "ipconfigN"))
TABLE = (Rows(CloudInit, "", ROWS),)


def read(section: ConfigSection, vm: VM) -> None:
    names = [key for key in TEXTS if key in section.entries]
    names += [key for _, key in section.indexed("ipconfig", IPCONFIGS)]
    if names:
        vm.cloudinit = CloudInit(keys={key: section.text(key) or "" for key in names})


def write(vm: VM, lines: Lines) -> None:
    for key, value in (vm.cloudinit.keys or {}).items():
        lines.put(key, value)
