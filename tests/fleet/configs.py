"""Directories full of configs, and what must become of them."""

from __future__ import annotations

from pathlib import Path

from bridge.convert import convert
from bridge.core.literals import Format

PLAIN = """\
cores: {cores}
memory: {memory}
name: {name}
net0: virtio=BC:24:11:00:{high:02X}:{low:02X},bridge=vmbr0
ostype: l26
scsi0: local:{vmid}/vm-{vmid}-disk-0.raw,iothread=1,size=8G
scsihw: virtio-scsi-single
smbios1: uuid=1c4a8f5e-8f0e-4a7b-9d05-{vmid:012d}
"""
BROKEN = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\nmemory: lots\n[\nname: x\n"
REFUSED = PLAIN + "args: 'never closed\n"


def text(vmid: int, name: str | None = None, broken: bool = False) -> str:
    form = REFUSED if broken else PLAIN
    high, low = divmod(vmid & 0xFFFF, 256)
    return form.format(cores=1 + vmid % 4, memory=1024 * (1 + vmid % 3), name=name or f"vm-{vmid}-x", vmid=vmid, high=high, low=low)


def fill(directory: Path, vmids: range, broken: range = range(0), names: dict[int, str] | None = None) -> Path:
    """`VMID.conf` for each id; those of `broken` cannot be converted."""
    directory.mkdir(parents=True, exist_ok=True)
    for vmid in vmids:
        (directory / f"{vmid}.conf").write_text(text(vmid, (names or {}).get(vmid), vmid in broken))
    return directory


def converted(file: Path, to: Format = "xml") -> str:
    """What a conversion of its own makes of it."""
    return convert(file.read_bytes(), to, vmid=int(file.stem), file=str(file)).text
