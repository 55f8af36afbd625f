"""virtiofsN and ivshmem (qemu-server 9.2.6, Virtiofs.pm, QemuServer.pm; mapping-devices 16)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Codec, Row
from ..model.share import IVSHMEM, VirtioFS
from ..model.vm import VM
from .section import ConfigSection, Lines, read_rows, write_rows

MAX_VIRTIOFS = 10

ROWS = (
    Row("dirid", "dirid"),
    Row("cache", "cache"),
    Row("direct_io", "direct-io"),
    Row("expose_xattr", "expose-xattr"),
    Row("expose_acl", "expose-acl"),
)
IVSHMEM_ROWS = (
    Row("size", "size", Codec(int, str)),
    Row("name", "name"),
)
TABLE = (Rows(IVSHMEM, "ivshmem", IVSHMEM_ROWS), Rows(VirtioFS, "virtiofsN", ROWS, ("path",)))


def read(section: ConfigSection, vm: VM) -> None:
    shares = []
    for index, key in section.indexed("virtiofs", MAX_VIRTIOFS):
        said = section.props(key)
        if said is not None:
            shares.append(VirtioFS(key=key, index=index, where=section.line(key), **read_rows(said, ROWS)))
    vm.virtiofs = shares
    said = section.props("ivshmem")
    if said is not None:
        vm.ivshmem = IVSHMEM(key="ivshmem", where=section.line("ivshmem"), **read_rows(said, IVSHMEM_ROWS))


def write(vm: VM, lines: Lines) -> None:
    for share in vm.virtiofs:
        lines.props(share.key or f"virtiofs{share.index}", write_rows(share, ROWS))
    if vm.ivshmem is not None:
        lines.props("ivshmem", write_rows(vm.ivshmem, IVSHMEM_ROWS))
