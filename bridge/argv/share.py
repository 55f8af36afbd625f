"""Shared memory and directories (qemu-server 9.2.6, config_to_command, Virtiofs.pm)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..host.facts import HostFacts
from ..model.share import IVSHMEM, VirtioFS
from ..model.vm import VM
from ..passes.resolve.small import check_shares
from .emit import Command, pci

ROWS = (Row("dirid", "tag", code=True),)
"""The directory and the other options are virtiofsd's, a process of its own."""
IVSHMEM_ROWS = (Row("size", "-object size", code=True), Row("name", "-object mem-path", code=True))
TABLE = (Rows(IVSHMEM, "", IVSHMEM_ROWS), Rows(VirtioFS, "", ROWS))

SOCKETS = "/run/qemu-server/virtiofsd"
QUEUE_SIZE = 1024


def ivshmem(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001  the signature of every kind
    memory = vm.ivshmem
    if memory is None:
        return
    command.device(f"ivshmem-plain,memdev=ivshmem{pci(memory.address)},")
    command.devices += (
        "-object",
        f"memory-backend-file,id=ivshmem,share=on,mem-path=/dev/shm/pve-shm-{memory.name},size={memory.size}M",
    )


def write(vm: VM, command: Command, host: HostFacts) -> None:  # noqa: ARG001
    """virtiofsd runs beside QEMU; the devices have no address of their own, QEMU takes the next free slot."""
    check_shares(vm)
    for share in vm.virtiofs:
        command.devices += ("-chardev", f"socket,id={share.key},path={SOCKETS}/vm{command.vmid}-fs{share.index}")
        command.device(f"vhost-user-fs-pci,queue-size={QUEUE_SIZE},chardev={share.key},tag={share.dirid}")
