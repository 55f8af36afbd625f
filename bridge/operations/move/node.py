"""What a node of Proxmox VE has to be told of a move, by its own commands. They are printed, never run: qemu-server's locks and HA are its
administrator's.

`qm set --lock`, `--skiplock` (root's alone, PVE/API2/Qemu.pm) and `qm unlock` (PVE/CLI/qm.pm) are qemu-server's, `ha-manager` is
pve-ha-manager's. A VM with a lock is not started (PVE::QemuConfig->check_lock). When its QEMU has ended, qmeventd has `qm cleanup` do
the rest by itself.
"""

from __future__ import annotations

import re

from .request import Request

SOCKET = re.compile(r"(?:/var)?/run/qemu-server/([1-9][0-9]{2,8})\.qmp").fullmatch
BEFORE, AFTER, ELSE = "before", "after the move", "if it fails"


def by_hand(request: Request) -> list[tuple[str, str]]:
    """(when, command); none where the QEMU outside of libvirt is not a node's."""
    found = SOCKET(request.qmp)
    if found is None:
        return []
    vmid = found[1]
    ignored, started = (f"ha-manager set vm:{vmid} --state {state}  # where HA manages it" for state in ("ignored", "started"))
    before = [(BEFORE, ignored), (BEFORE, f"qm set {vmid} --lock migrate")]
    unlock = f"qm unlock {vmid}"
    if request.into:
        gone = f"qm set {vmid} --onboot 0 --skiplock  # its lock stays: nobody starts the old copy"
        removed = f"ha-manager remove vm:{vmid}  # where HA manages it"
        return [*before, (AFTER, gone), (AFTER, removed), (ELSE, unlock), (ELSE, started)]
    return [*before, (AFTER, unlock), (AFTER, started), (ELSE, unlock)]
