"""`virt-qm plan`: a move to another host as a script, or as JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.report import BridgeError, Finding, Report
from .files import CANNOT, complain, content, exit_code, guarded, keywords, located, print_several, say_held_back, write
from .options import Input as InputType
from .options import NewFile, clean_option, connect_option, format_options, host_options, report_options, stdout_if_dash, target_options

if TYPE_CHECKING:
    from ...operations.plan.given import Input, Refused
    from ...operations.plan.step import Plan, VMPlan


@click.command("plan")
@click.argument("files", nargs=-1, required=True, metavar="FILE|DOMAIN...", type=InputType())
@click.option("--to", type=click.Choice(["libvirt", "qemu-server"]), required=True, help="What runs the VMs over there.")
@connect_option
@click.option("--images", default="/var/lib/libvirt/images", show_default=True, help="To libvirt: the directory of the images there.")
@click.option("--via", help="The same directory as the script reaches it, if by another path; with --upload: for files on their way.")
@click.option("--upload", is_flag=True, help="To libvirt: send the images through libvirt, to a storage pool of a host that is far away.")
@click.option("--pool", help="To libvirt: define a storage pool of this name for the directory.")
@click.option(
    "--to-host", type=click.Path(exists=True, file_okay=False, path_type=Path), help="To qemu-server: directory with the node's facts."
)
@click.option("--to-storage", default="local", show_default=True, help="To qemu-server: the storage for the images.")
@click.option("--to-path", metavar="DIR", help="To qemu-server: add the storage, at this directory, if the node does not have it.")
@click.option("--config-dir", default="/etc/pve/qemu-server", show_default=True, help="To qemu-server: the directory of the configs.")
@click.option("--image-format", type=click.Choice(["raw", "qcow2"]), help="Format of all copied disks; as they are if left out.")
@click.option("--vmid-from", "first", type=click.IntRange(100, 999_999_999), help="To qemu-server: number VMs without a VMID from here on.")
@click.option("--swtpm-dir", default="/var/lib/libvirt/swtpm", show_default=True, help="To qemu-server: where libvirt keeps TPM states.")
@click.option("--keep-going", is_flag=True, help="Plan, and move, those that can be, instead of stopping at the first that cannot.")
@click.option("--copy", multiple=True, metavar="STORAGE", help="Copy volumes of this shared storage, which the other host does not reach.")
@click.option("--keep-layout", is_flag=True, help="To qemu-server: keep the guests' PCI places by `args`, as to-conf does.")
@click.option("--as", "form", type=click.Choice(["script", "json"]), default="script", show_default=True, help="What to print.")
@click.option("-o", "--output", type=NewFile(), callback=stdout_if_dash, help="File to write.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@format_options
@host_options
@target_options
@clean_option
@report_options
def command(**given: Any) -> None:
    """Plan a move: copy and convert images, firmware variables and TPM state, define what is missing, then the VMs.

    The script stops at the first error and can be run again: it goes on where it stopped, and overwrites nothing that it did not
    make. Volumes on shared storage that both hosts reach are not copied. To libvirt, -c names the host that the VMs move to, and it is
    asked what it can do; to qemu-server, -c names the host that DOMAINs come from. A directory stands for the *.conf and *.xml in it.
    A QEMU command line, or a script with one, moves to libvirt as the machine that it is, and to qemu-server by a config.

    \b
    Example:
      virt-qm plan --to libvirt -c qemu+ssh://root@host/system --upload /etc/pve/qemu-server/100.conf
      virt-qm plan --to qemu-server -c qemu:///system --vmid-from 200 web
    """
    unread: list[Refused] = []
    plan = guarded(lambda: _to_libvirt(given, unread) if given["to"] == "libvirt" else _to_qemu_server(given, unread))
    plan.refused[:0] = unread
    for refused in plan.refused:
        complain(refused.message)
    print_several([(vm.file, [*vm.findings, *_left_behind(vm)]) for vm in plan.vms], given)
    worst = max((exit_code(vm.findings, given["fail_on"]) for vm in plan.vms), default=0)
    if worst:
        say_held_back(given)
    if worst or not plan.vms:
        sys.exit(worst or CANNOT)
    text = _text(plan, "json" if given["output_format"] == "json" else given["form"])
    if given["output"] is None:
        sys.stdout.write(text)
    else:
        write(given["output"], text, given["force"])
    sys.exit(CANNOT if plan.refused else 0)


def _left_behind(vm: VMPlan) -> list[Finding]:
    """What the script says above its steps, and many a script is never looked at."""
    report = Report()
    for line in vm.stays:
        report.add("metadata-only", vm.file, f"not copied: {line}")
    return list(report)


def _files(given: dict[str, Any], files: list[str], unread: list[Refused]) -> list[Input]:
    """Files, and those in directories, as inputs; one that cannot be read ends the command, or is `unread` with --keep-going."""
    from ...fleet import inputs
    from ...operations.plan.given import Input, Refused

    found = []
    for file in inputs([file if file == "-" else located(file) for file in files], given["source"]):
        words = keywords(file, given)
        try:
            found.append(Input(words["file"], content(file), words))
        except BridgeError as error:
            if not given["keep_going"]:
                raise
            unread.append(Refused(words["file"], str(error)))
    return found


def _text(plan: Plan, form: str) -> str:
    from ...operations.plan.script import script
    from ...operations.plan.step import json

    return json(plan) if form == "json" else script(plan)


def _to_libvirt(given: dict[str, Any], unread: list[Refused]) -> Plan:
    from ...operations.plan.to_libvirt import Wish, plan

    inputs = _files(given, list(given["files"]), unread)
    wish = Wish(
        uri=given["uri"],
        images=given["images"],
        via=given["via"] if given["via"] is not None else ON_THEIR_WAY if given["upload"] else given["images"],
        form=given["image_format"],
        copy=frozenset(given["copy"]),
        pool=given["pool"],
        upload=given["upload"],
        keep_going=given["keep_going"],
    )
    if not given["uri"]:
        return plan(inputs, wish, None)
    from ...libvirt.host.connect import Connection
    from ...operations.define import Host

    with Connection(given["uri"]) as connection:
        return plan(inputs, wish, Host(connection))


ON_THEIR_WAY = "/var/tmp/virt-qm"  # noqa: S108  images have no place in /tmp; the script makes it
"""Directory for images that are uploaded."""


def _to_qemu_server(given: dict[str, Any], unread: list[Refused]) -> Plan:
    from ...host.facts import HostFacts
    from ...operations.plan.given import Refused, number
    from ...operations.plan.to_qemuserver import Wish, plan

    facts = HostFacts.load(given["to_host"])
    wish = Wish(
        storage=given["to_storage"],
        facts=facts,
        config_dir=given["config_dir"],
        path=given["to_path"],
        form=given["image_format"],
        copy=frozenset(given["copy"]),
        swtpm=given["swtpm_dir"],
        keep_going=given["keep_going"],
    )
    names = [file for file in given["files"] if given["uri"] and file != "-" and not Path(located(file)).exists()]
    inputs = _files(given, [file for file in given["files"] if file not in names], unread)
    for each in _domains(given, names) if names else []:
        if not isinstance(each, Refused):
            inputs.append(each)
        elif given["keep_going"]:
            unread.append(each)
        else:
            raise BridgeError(each.message, each.file)
    return plan(number(inputs, given["first"], _taken(Path(given["config_dir"]))), wish)


def _domains(given: dict[str, Any], names: list[str]) -> list[Any]:
    from ...libvirt.host.connect import Connection
    from ...operations.plan.given import domains

    with Connection(given["uri"]) as connection:
        return list(domains(connection, names, keywords("domain.xml", given)))


def _taken(directory: Path) -> frozenset[int]:
    """VMIDs that have a config in the directory, where the plan is made on the node itself."""
    return frozenset(int(file.stem) for file in directory.glob("*.conf") if file.stem.isdigit())
