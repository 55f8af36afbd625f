"""`qm create`: a config as a shell command, which also imports images (qemu-server 9.2.6: `qm` takes every key as an option).

A file would be taken as it is; the command goes through the API, which checks it, and copies what is on no storage of the VM's.
"""

from __future__ import annotations

import re
import shlex

from ..data.gates import has_pool
from ..data.options import option
from ..host.facts import HostFacts
from ..host.volid import mapped_storage
from ..report import Report
from .text import parse

DRIVE = re.compile(r"(?:ide|sata|scsi|virtio)[0-9]+|efidisk0|tpmstate0")
AFTER = {
    "template": "qm template {vmid}",
    "lock": "qm set {vmid} --lock {value}",
    "unused": "qm set {vmid} --{key} {value}",
}
"""Keys that a VM gets when it is there."""
SECRETS = ("cipassword", "sshkeys")
"""Never in a command line, which others on the host can read."""
_OWNER = re.compile(r"[^:]+:(?:([0-9]+)/|(?:vm|base|subvol)-([0-9]+)-)")
_TARGET_ONLY = ("format", "size")
"""Of an imported image: the storage decides them."""


def command(text: str, vmid: int, host: HostFacts, report: Report) -> str:
    """The command for a config, one option a line, for a POSIX shell. What no such command says is a finding."""
    config = parse(text, vmid=vmid, name="the config")
    lines = [f"qm create {vmid}"]
    if config.main.description is not None:
        lines.append(_option("description", config.main.description))
    for key, entry in config.main.entries.items():
        value = _taken(key, entry.value, vmid, host, report)
        if value is not None:
            lines.append(_option(key, _imported(value, vmid, host) if DRIVE.fullmatch(key) else value))
    for name in (*config.snapshots, *config.special):
        report.add("host-lost", None, f"qm create makes a VM without the section [{name}]", "take the file")
    if config.pending is not None:
        report.add("host-lost", None, "qm create makes a VM without pending changes", "take the file")
    return " \\\n  ".join(lines) + "\n"


def _option(key: str, text: str) -> str:
    """A value that begins with a dash could be taken for an option."""
    return f"--{key}={shlex.quote(text)}" if text.startswith("-") else f"--{key} {shlex.quote(text)}"


def _taken(key: str, text: str, vmid: int, host: HostFacts, report: Report) -> str | None:
    if key in SECRETS:
        report.add("secret-left-out", None, f"{key} is not written into a command line", f"qm set {vmid} --{key} ...")
        return None
    if key == "iothreads" and not has_pool(host.qemu_server):
        return None  # told already; the API refuses the whole command
    later = AFTER.get(key.rstrip("0123456789"))
    if later is not None:
        report.add("not-applied", None, f"{key} is for a VM that is there", later.format(vmid=vmid, key=key, value=shlex.quote(text)))
        return None
    known = option(key)
    if known is not None and known.internal:
        report.add("normalised", None, f"{key} is qemu-server's own: it writes a new one")
        return None
    return text


def _imported(text: str, vmid: int, host: HostFacts) -> str:
    """A drive whose image is not the VM's own is copied: `STORAGE:0,import-from=...`; a CD-ROM stays where it is."""
    file, *rest = text.split(",")
    file = file.removeprefix("file=")
    if "media=cdrom" in rest:
        return text
    if file.startswith("/"):
        storage = mapped_storage(host, file)
    else:
        owner = _OWNER.match(file)
        storage = file.partition(":")[0] if owner and int(owner[1] or owner[2]) != vmid else None
    if storage is None:
        return text
    kept = [part for part in rest if part.partition("=")[0] not in _TARGET_ONLY]
    return ",".join((f"{storage}:0", f"import-from={file}", *kept))
