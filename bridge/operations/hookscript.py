"""A hookscript for Proxmox VE that gives a VM's threads the host CPUs that they had one by one under libvirt (`to-conf --hook`)."""

from __future__ import annotations

import shlex

from ..core.report import shown

SCRIPT = """\
#!/bin/sh
# hookscript of VM {vmid}: after its start, its threads go to the host CPUs that they had under libvirt.
# Put it on a storage for snippets, make it executable, then: qm set {vmid} --hookscript local:snippets/{name}
set -eu
[ "$1 $2" = "{vmid} post-start" ] || exit 0
exec virt-qm pin --qmp "/var/run/qemu-server/$1.qmp"{options}
"""


def script(pins: dict[str, str], vmid: int, name: str) -> str:
    """`pins`: thread -> CPUs, as `Result.pins` has them; `name` is the file's. Law: whatever these hold, no line but ours is a command."""
    options = "".join(f" \\\n  --set {shlex.quote(f'{thread}={cpus}')}" for thread, cpus in pins.items())
    return SCRIPT.format(vmid=vmid, name=shown(shlex.quote(name)), options=options)
