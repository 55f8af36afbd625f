"""`virt-qm move`: a running VM to the other stack."""

from __future__ import annotations

import math
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ...core.report import BridgeError
from .files import CANNOT, complain, fail, guarded, keywords, print_findings, read
from .options import Input, connect_option, format_options, host_options, report_option

if TYPE_CHECKING:
    from ...guest.compare import Difference
    from ...operations.move.prepare import Prepared, Wanted
    from ...operations.move.step import Outcome


@click.command("move")
@click.argument("vm", metavar="VM|DOMAIN", type=Input())
@click.option("--to", required=True, metavar="URI|FILE", help="The libvirt that VM goes to; or what DOMAIN goes to: a config, or a line.")
@connect_option
@click.option("--qmp", type=click.Path(path_type=Path), help="QMP socket of VM's QEMU, /var/run/qemu-server/VMID.qmp if left out.")
@click.option("--xml", "xml_file", metavar="FILE", help="Into libvirt: the domain to be, in place of the one made of VM's config.")
@click.option("--way", type=click.Choice(["protocol3", "restore"]), help="Into libvirt: by its migration protocol, or its public restore.")
@click.option("--suspend", is_flag=True, help="Not live: the guest stands still while its state is saved, moved and loaded.")
@click.option("--offline", is_flag=True, help="Not running: print the script of `virt-qm plan`.")
@click.option("--dry-run", is_flag=True, help="Look, compare, and print every step; do nothing.")
@click.option("--timeout", type=click.FloatRange(1), default=3600.0, show_default=True, help="Seconds, after which all is as it was.")
@click.option("--max-downtime", type=click.IntRange(1, 2_000_000), default=300, show_default=True, help="Milliseconds of standing still.")
@click.option("--bandwidth", type=click.IntRange(0, 1 << 20), default=0, metavar="MIB", help="MiB a second for the memory; no limit if 0.")
@click.option("--copy-disks", is_flag=True, help="Copy images that the two sides do not share into those that are there.")
@click.option("--shared-images", is_flag=True, help="Over hosts: both have the same images, though that is not to be seen from here.")
@click.option("--allow-differences", is_flag=True, help="Move although the guest would see what the table shows.")
@format_options
@host_options
@report_option
def command(**given: Any) -> None:
    """Move a running VM between qemu-server's QEMU and libvirt, live, on one host, with images that both use, or
    that are copied; to a libvirt on another host through ssh (qemu+ssh://root@HOST/system), which asks for nothing.

    VM is the config of a VM that runs in a QEMU outside of libvirt, or its id on a Proxmox VE node: --to names the libvirt. DOMAIN is
    one of the libvirt that -c names: --to names a config, or a file with the command line of the QEMU to start, which has to make a
    QMP socket (-qmp, or -mon with its -chardev). The running machine is compared with the one to be first, and a difference that the
    guest would see ends the move. Until the guest runs on the other side, any failure, and Ctrl-C, leads back: it runs on where it was.

    \b
    Example:
      virt-qm move 100 --to qemu:///system --dry-run
      virt-qm move web -c qemu:///system --to /etc/pve/qemu-server/100.conf
    """
    if given["offline"]:
        _offline(given)
        return
    if not math.isfinite(given["timeout"]):
        raise click.UsageError("--timeout is a number of seconds")
    if _into(given) and click.get_current_context().get_parameter_source("uri") is ParameterSource.COMMANDLINE:
        raise click.UsageError("from one libvirt to another `virsh migrate` moves a domain: leave out -c to move a VM of qemu-server's")
    if given["way"] == "restore" and given["suspend"]:
        raise click.UsageError("--way is about a live move: leave one of the two out")
    if given["copy_disks"] and given["shared_images"]:
        raise click.UsageError("--shared-images says that there is nothing to copy: leave one of the two out")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    prepared = guarded(lambda: _prepared(given))
    print_findings(prepared.findings, given, given["vm"])
    if prepared.differences:
        _print_differences(prepared.differences)
    if prepared.request is None:
        fail("the guest would see this: move it with --offline, or with --allow-differences if it may")
    if given["dry_run"]:
        _print_steps(prepared)
        return
    outcome = guarded(lambda: _moved(prepared))
    _tell(outcome)


def _wanted(given: dict[str, Any]) -> Wanted:
    from ...operations.move.prepare import Wanted

    way = "saved" if given["suspend"] else given["way"]
    limits = {"timeout": given["timeout"], "max_downtime": given["max_downtime"], "bandwidth": given["bandwidth"] << 20}
    may = {"allowed": given["allow_differences"], "copy_disks": given["copy_disks"], "shared_images": given["shared_images"]}
    return Wanted(given["to"] if _into(given) else given["uri"], way, **may, **limits)


def _into(given: dict[str, Any]) -> bool:
    """Whether --to is a libvirt."""
    return "://" in given["to"] or given["to"] == "test"


def _prepared(given: dict[str, Any]) -> Prepared:
    from ...convert import detect
    from ...operations.move import prepare

    if not _into(given):
        return _out(given)
    words = keywords(given["vm"], given)
    socket = given["qmp"] or _socket_of(words["vmid"])
    if not socket.exists():
        raise BridgeError("no QMP socket: is the VM running?", socket)
    text = read(given["vm"])

    def domain(about: Any, machine: str) -> tuple[str, list[Any]]:
        from ...convert import convert

        if given["xml_file"] is not None:
            return read(given["xml_file"]).decode("utf-8", "replace"), []
        made = convert(text, "xml", **{**words, "libvirt": about.libvirt, "qemu": about.qemu, "machine": machine})
        return made.text, made.findings

    onboot = (words["source"] or detect(text)) == "conf" and prepare.starts_with_host(text, words["vmid"])
    return prepare.into_libvirt(_wanted(given), socket, domain, onboot)


def _socket_of(vmid: int | None) -> Path:
    if vmid is None:
        raise click.UsageError("pass --qmp SOCKET, or --vmid")
    return Path(f"/var/run/qemu-server/{vmid}.qmp")


def _out(given: dict[str, Any]) -> Prepared:
    """The target is a config or a command line."""
    from ...argv.read import words as split
    from ...convert import convert, detect
    from ...operations.move import prepare
    from ...operations.move.line import qmp_of
    from ...operations.pin import wanted as pins_of

    file = given["to"]
    text, words = read(file), keywords(file, given)
    if (words["source"] or detect(text)) == "argv":
        argv, pins = split(text, file), {}
    else:
        argv = convert(text, "argv", **words).argv or []
        pins = pins_of(text, words["vmid"] or 100, file)
    socket = given["qmp"] or qmp_of(argv, file)
    return prepare.out_of_libvirt(_wanted(given), given["vm"], argv, socket, pins)


def _offline(given: dict[str, Any]) -> None:
    from .plan import command as plan

    into = ["--to", "libvirt", "-c", given["to"]] if _into(given) else ["--to", "qemu-server", "-c", given["uri"]]
    plan.main([*into, given["vm"]], prog_name="virt-qm plan")


def _print_steps(prepared: Prepared) -> None:
    import shutil

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ...operations.move.node import by_hand
    from ...operations.move.ways import listed

    assert prepared.request is not None
    shutil.rmtree(prepared.request.directory, ignore_errors=True)
    table = Table(box=None, pad_edge=False, show_header=False)
    for column in ("number", "what", "shell"):
        table.add_column(column, overflow="fold")
    for number, (what, shell, final) in enumerate(listed(prepared.request), 1):
        table.add_row(str(number), Text(what + (" (no way back from here)" if final else "")), Text(shell, style="dim"))
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=160)).print(table)
    if commands := by_hand(prepared.request):
        click.echo("\nThis is a node of Proxmox VE, of which qemu-server is not told; by hand:")
        for when, command in commands:
            click.echo(f"  {when:16} {command}")


def _print_differences(found: list[Difference]) -> None:
    from rich.console import Console

    from ..differences import WIDTH, difference_table

    console = Console(stderr=True, highlight=False)
    wide = console if console.is_terminal else Console(stderr=True, highlight=False, width=WIDTH)
    wide.print(difference_table(found, "running", "to be"))


def _moved(prepared: Prepared) -> Outcome:
    from ...operations.move.front import move
    from ...operations.move.watch import Watch

    assert prepared.request is not None
    with Watch(prepared.request) as watch:
        return move(prepared.request, watch.told, watch.stopping)


def _tell(outcome: Outcome) -> None:
    """One line says where the VM runs, whatever happened."""
    for trouble in outcome.troubles:
        complain(trouble)
    if not outcome.moved:
        complain(f"not moved: {outcome.error}")
        click.echo(outcome.where, err=True)
        sys.exit(CANNOT)
    downtime = "" if outcome.downtime is None else f", downtime {outcome.downtime} ms as QEMU says it"
    click.echo(f"{outcome.where}{downtime}")
