"""args and a saved state to load (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..host.storage import drive_file, locate
from ..model.meta import Meta
from ..model.raw import Raw
from ..model.vm import VM
from .emit import Command

AS_THEY_ARE = "..."
"""The place of words that stand by themselves."""
ROWS = (
    Row("words", AS_THEY_ARE, code=True),
    Row("args", AS_THEY_ARE, code=True),
    Row("vmstate", "-loadstate", code=True),
)
TEMPLATE_ROWS = (Row("template", "-snapshot", code=True),)
TABLE = (Rows(Meta, "", TEMPLATE_ROWS), Rows(Raw, "", ROWS))


def write(vm: VM, command: Command, host: HostFacts) -> None:
    """The words behind everything else."""
    if vm.raw.vmstate:
        command.raw += ("-loadstate", drive_file(locate(host, vm.raw.vmstate)))
    if vm.meta.template:
        command.raw.append("-snapshot")
    command.raw += vm.raw.words or ()
