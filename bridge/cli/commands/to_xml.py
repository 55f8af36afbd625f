"""`virt-qm to-xml`."""

from __future__ import annotations

from typing import Any

import click

from .conversion import run
from .options import clean_option, fleet_options, host_options, output_options, process_options, target_options


@click.command("to-xml")
@process_options
@host_options
@target_options
@output_options
@fleet_options
@click.option("--no-metadata", is_flag=True, help="Leave out what only qemu-server understands.")
@clean_option
@click.option("--snapshot", metavar="NAME", help="The VM as it was at this snapshot.")
def command(**given: Any) -> None:
    """Domain XML for libvirt, of a config or of a QEMU command line.

    A command line may be text for a shell, a script with one call of QEMU, a JSON array of words, or (--pid) what a running QEMU was
    started with.

    Several inputs, or directories of them, are a fleet: one that cannot be converted does not keep the others from it, and names that
    clash get the VM's id appended.

    \b
    Example:
      virt-qm to-xml samples/iothreads.conf
      virt-qm to-xml 100 -o 100.xml
      virt-qm to-xml samples/web.sh
      virt-qm to-xml --pid 4711
      virt-qm to-xml --clean 100
      virt-qm to-xml /etc/pve/qemu-server -o domains --report losses.json
    """
    run("xml", given)
