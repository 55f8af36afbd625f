"""`virt-qm plan`: a move to another host as a script, or as JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .files import exit_code, guarded, keywords, print_findings, read, write
from .options import connect_option, format_options, host_options, report_options, stdout_if_dash, target_options

if TYPE_CHECKING:
    from ..plan.step import Plan


@click.command("plan")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--to", type=click.Choice(["libvirt", "qemu-server"]), required=True, help="What runs the VMs over there.")
@connect_option
@click.option("--images", default="/var/lib/libvirt/images", show_default=True, help="To libvirt: the directory of the images there.")
@click.option("--via", help="The same directory as the script reaches it, if by another path.")
@click.option("--pool", help="To libvirt: define a storage pool of this name for the directory.")
@click.option(
    "--to-host", type=click.Path(exists=True, file_okay=False, path_type=Path), help="To qemu-server: directory with the node's facts."
)
@click.option("--to-storage", default="local", show_default=True, help="To qemu-server: the storage for the images.")
@click.option("--to-path", metavar="DIR", help="To qemu-server: add the storage, at this directory, if the node does not have it.")
@click.option("--config-dir", default="/etc/pve/qemu-server", show_default=True, help="To qemu-server: the directory of the configs.")
@click.option("--image-format", type=click.Choice(["raw", "qcow2"]), help="Format of all copied disks; as they are if left out.")
@click.option("--copy", multiple=True, metavar="STORAGE", help="Copy volumes of this shared storage, which the other host does not reach.")
@click.option("--as", "form", type=click.Choice(["script", "json"]), default="script", show_default=True, help="What to print.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), callback=stdout_if_dash, help="File to write.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@format_options
@host_options
@target_options
@report_options
def command(**given: Any) -> None:
    """Plan a move: copy and convert images, firmware variables and TPM state, define what is missing, then the VMs.

    The script stops at the first error and can be run again: it goes on where it stopped, and overwrites nothing that it did not
    make. Volumes on shared storage that both hosts reach are not copied. With -c the libvirt host is asked what it can do.

    \b
    Example:
      virt-qm plan --to libvirt -c qemu+ssh://root@host/system /etc/pve/qemu-server/100.conf
    """
    inputs = [(words["file"], read(file), words) for file in given["files"] for words in [keywords(file, given)]]
    plan = guarded(lambda: _to_libvirt(inputs, given) if given["to"] == "libvirt" else _to_qemu_server(inputs, given))
    worst = 0
    for vm in plan.vms:
        print_findings(vm.findings, given["report_form"], vm.file)
        worst = max(worst, exit_code(vm.findings, given["fail_on"]))
    if worst:
        sys.exit(worst)
    text = _text(plan, given["form"])
    if given["output"] is None:
        sys.stdout.write(text)
    else:
        write(given["output"], text, given["force"])


def _text(plan: Plan, form: str) -> str:
    from ..plan.script import script
    from ..plan.step import json

    return json(plan) if form == "json" else script(plan)


def _to_libvirt(inputs: list[tuple[str, bytes, dict[str, Any]]], given: dict[str, Any]) -> Plan:
    from ..plan.to_libvirt import Wish, plan

    wish = Wish(
        uri=given["uri"],
        images=given["images"],
        via=given["via"] or given["images"],
        form=given["image_format"],
        copy=frozenset(given["copy"]),
        pool=given["pool"],
    )
    if not given["uri"]:
        return plan(inputs, wish, None)
    from ..define import Host
    from ..libvirt.connect import Connection

    with Connection(given["uri"]) as connection:
        return plan(inputs, wish, Host(connection))


def _to_qemu_server(inputs: list[tuple[str, bytes, dict[str, Any]]], given: dict[str, Any]) -> Plan:
    from ..host.facts import HostFacts
    from ..plan.to_qemuserver import Wish, plan

    facts = HostFacts.load(given["to_host"])
    wish = Wish(
        storage=given["to_storage"],
        facts=facts,
        config_dir=given["config_dir"],
        path=given["to_path"],
        form=given["image_format"],
        copy=frozenset(given["copy"]),
    )
    return plan(inputs, wish)
