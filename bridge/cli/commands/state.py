"""`virt-qm state`: a saved state from the form of one stack to that of the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .files import fail, guarded, read
from .options import NewFile

if TYPE_CHECKING:
    from ...operations.move.convert import Done


@click.command("state")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("-o", "--output", required=True, type=NewFile(), help="File to write; it must not be there.")
@click.option("--xml", metavar="FILE", help="Into a save image: the domain that the state is of.")
@click.option("--rename", multiple=True, metavar="A=B", help="A block of memory that has another name there: mem-dimm0=memdimm0.")
@click.option("--paused", is_flag=True, help="Into a save image: the guest is to stand still after `virsh restore`.")
def command(file: str, output: Path, xml: str | None, rename: tuple[str, ...], paused: bool) -> None:
    """Turn the saved state of a VM into what the other stack restores.

    With --xml, FILE is the state that qemu-server saved (a `vmstate` volume, after qm suspend VMID --todisk), and the output a save image
    for `virsh restore`. Without, FILE is a save image of libvirt's (virsh save), and the output QEMU's stream, filled up to whole KiB, for
    a volume that `vmstate:` names. The section of Proxmox's QEMU that no other one knows is left out.

    \b
    Example:
      virt-qm state /dev/pve/vm-100-state-suspend --xml 100.xml -o /var/tmp/100.save
    """
    from ...operations.move.convert import to_image, to_stream

    names = {}
    for pair in rename:
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise click.UsageError(f"--rename '{pair}' is not A=B, as mem-dimm0=memdimm0")
        names[old] = new
    if output.exists():
        fail(f"{output} is there already: name another")

    def converted() -> Done:
        if xml is None:
            return to_stream(Path(file), output, names)
        return to_image(Path(file), output, read(xml).decode("utf-8", "replace"), names, running=not paused)

    done = guarded(converted)
    section = ", without the section pbs-state" if done.removed else ""
    click.echo(f"{output}: {done.size:,} bytes{section}")
