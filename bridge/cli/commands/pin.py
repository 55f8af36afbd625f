"""`virt-qm pin`: iothreads of a running VM on the host CPUs of their affinity, at once or as a hookscript."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import click

from ...core.files import vmid_of
from .files import fail, guarded, read

MOST_DIGITS = 10
HOOKSCRIPT = """\
#!/bin/sh
# hookscript of a Proxmox VE VM: after its start, its iothreads go to the host CPUs of `iothreads: N,affinity=SET`.
# Put it on a storage for snippets, make it executable, then: qm set VMID --hookscript local:snippets/pin-iothreads
set -eu
[ "$2" = post-start ] || exit 0
exec {command} pin "/etc/pve/qemu-server/$1.conf" --qmp "/var/run/qemu-server/$1.qmp"
"""


@click.command("pin")
@click.argument("file", required=False)
@click.option("--qmp", "socket", type=click.Path(path_type=Path), help="QMP socket; /var/run/qemu-server/VMID.qmp if left out.")
@click.option("--vmid", type=click.IntRange(1, 999_999_999), help="The VM's id; taken from the file name if left out.")
@click.option("--print", "only_print", is_flag=True, help="Pin nothing, print the taskset lines that would.")
@click.option("--set", "sets", multiple=True, metavar="THREAD=CPUS", help="In place of affinity: an iothread's id, vcpuN or emulator.")
@click.option("--hookscript", is_flag=True, help="Print a hookscript that pins a VM's iothreads whenever it starts.")
def command(file: str | None, socket: Path | None, vmid: int | None, only_print: bool, sets: tuple[str, ...], hookscript: bool) -> None:
    """Put the iothreads of a running VM on the host CPUs of its affinity.

    FILE is the config of a VM that qemu-server started, or its id. Each thread's CPUs are read back after they were set. Of the released
    qemu-servers none has `iothreads`: there each disk with iothread=1 has a thread of its own, which --set names.

    \b
    Example:
      virt-qm pin /etc/pve/qemu-server/100.conf --qmp /var/run/qemu-server/100.qmp
      virt-qm pin 100 --set iothread-virtio0=2-3 --set iothread-virtioscsi1=4
    """
    if hookscript:
        own = shutil.which(sys.argv[0]) or "virt-qm"
        click.echo(HOOKSCRIPT.format(command=shlex.quote(str(Path(own).resolve()) if own != "virt-qm" else own)), nl=False)
        return
    if file is None and not sets:
        raise click.UsageError("name the config of the VM, or pass --set or --hookscript")
    from ...core.report import shown
    from ...operations.pin import cpu_list, named, pin, wanted

    number = vmid or (None if file is None else int(file) if sets and file.isdecimal() and len(file) < MOST_DIGITS else vmid_of(file))
    if socket is None:
        if number is None:
            raise click.UsageError("pass --qmp SOCKET, or --vmid")
        socket = Path(f"/var/run/qemu-server/{number}.qmp")
    path = socket
    if sets or file is None:
        to = guarded(lambda: named(sets))
    else:
        text, name = read(file), file
        to = guarded(lambda: wanted(text, number or 100, name))
    if not to:
        click.echo(f"{file}: no iothreads with affinity, nothing to pin", err=True)
        return
    if not path.exists():
        fail(f"{path}: no QMP socket: is the VM running?")
    for each in guarded(lambda: pin(path, to, apply=not only_print)):
        click.echo(each.taskset() if only_print else f"{shown(each.id)}: thread {each.thread_id} runs on host CPU {cpu_list(each.cpus)}")
