"""Character devices for raw arguments: the guest's end is kept, the host's becomes a socket as qemu-server's own ports have
(security-rules S12: no backend of XML is ever opened)."""

from __future__ import annotations

from .tree.domain import Domain

DIRECTORY = "/var/run/qemu-server"


def socket(domain: Domain, name: str, listen: bool = True) -> list[str]:
    """A socket called `name` that QEMU listens on, or that somebody else does."""
    return ["-chardev", f"socket,id=char{name},path={DIRECTORY}/{domain.vmid}.{name}" + (",server=on,wait=off" if listen else "")]
