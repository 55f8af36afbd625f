"""args and a saved state to load (qemu-server 9.2.6, config_to_command)."""

from __future__ import annotations

from ..core.rows import Row
from ..host.facts import HostFacts
from ..host.storage import drive_file, locate
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


def write(vm: VM, command: Command, host: HostFacts) -> list[str]:  # noqa: ARG001  the signature of every step
    """The words behind everything else."""
    words: list[str] = []
    if vm.raw.vmstate:
        words += ("-loadstate", drive_file(locate(host, vm.raw.vmstate)))
    if vm.meta.template:
        words.append("-snapshot")
    return words + (vm.raw.words or [])
