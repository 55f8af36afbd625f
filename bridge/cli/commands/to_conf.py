"""`virt-qm to-conf`."""

from __future__ import annotations

from typing import Any

import click

from .conversion import run
from .options import NewFile, fleet_options, host_options, output_options, process_options, target_options, vmid_from_option


@click.command("to-conf")
@process_options
@host_options
@target_options
@output_options
@fleet_options
@click.option("--as", "form", type=click.Choice(["file", "qm-create"]), default="file", help="A VMID.conf, or a `qm create` command line.")
@vmid_from_option
@click.option("--keep-layout", is_flag=True, help="Keep the guest's PCI places by `args`: its network cards keep their names.")
@click.option("--hook", type=NewFile(), help="Also write a hookscript that puts single threads on the CPUs that they had.")
def command(**given: Any) -> None:
    """A qemu-server config, of a domain XML or of a QEMU command line.

    A command line may be text for a shell, a script with one call of QEMU, a JSON array of words, or (--pid) what a running QEMU was
    started with.

    \b
    Example:
      virt-qm to-xml samples/iothreads.conf | virt-qm to-conf -
      virt-qm to-conf --pid 4711
      virt-qm to-conf --vmid-from 200 domains -o configs
    """
    run("conf", given)
