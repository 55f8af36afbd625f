"""The TPM: swtpm on a socket (qemu-server 9.2.6, add_tpm_device)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.tpm import TPM
from ..model.vm import VM
from .emit import Command

ROWS = (Row("model", "driver", code=True), Row("source", "-tpmdev emulator", code=True))
"""swtpm, a process of its own, has the state and the version."""
TABLE = (Rows(TPM, "", ROWS),)


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001
    if vm.tpm is None or vm.meta.template:
        return
    command.devices += (
        "-chardev",
        f"socket,id=tpmchar,path=/var/run/qemu-server/{command.vmid}.swtpm",
        "-tpmdev",
        "emulator,id=tpmdev,chardev=tpmchar",
    )
    command.device("tpm-tis,tpmdev=tpmdev")
