"""`virt-qm to-argv`."""

from __future__ import annotations

from typing import Any

import click

from .conversion import run
from .options import fleet_options, host_options, input_options, output_options, target_options


@click.command("to-argv")
@input_options
@host_options
@target_options
@output_options
@fleet_options
@click.option("--pretty", is_flag=True, help="Add a comment with what no command line can carry (pins).")
@click.option("--snapshot", metavar="NAME", help="The VM as it was at this snapshot.")
@click.option("--by", type=click.Choice(["qemu-server", "libvirt"]), default="qemu-server", show_default=True, help="Whose command line.")
def command(**given: Any) -> None:
    """The command line that qemu-server would run, or with --by libvirt the one that libvirt here runs.

    libvirt is asked in a process of its own, which starts no VM and touches nothing of the host; network cards are in its answer as
    libvirt starts them, though `virsh domxml-to-native` forgets what they say. A config becomes XML first.

    \b
    Example:
      virt-qm to-argv --host-fact qemu_server=rfc-iothreads samples/iothreads.conf
    """
    if given.pop("by") == "libvirt":
        from .native import run as run_libvirt

        run_libvirt(given)
    else:
        run("argv", given)
