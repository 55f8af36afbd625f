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
def command(**given: Any) -> None:
    """The command line that qemu-server would run.

    \b
    Example:
      virt-qm to-argv --host-fact qemu_server=rfc-iothreads samples/iothreads.conf
    """
    run("argv", given)
