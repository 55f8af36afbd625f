"""`virt-qm import`: domains of a libvirt host as configs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .files import CANNOT, complain, exit_code, fail, guarded, host, print_findings, write
from .options import connect_option, host_options, report_options, trust_option

if TYPE_CHECKING:
    from ...libvirt.host.connect import Connection
    from ...operations.importing import Config


@click.command("import")
@click.argument("domains", nargs=-1, metavar="[DOMAIN...]")
@click.option("--all", "everything", is_flag=True, help="All domains of the host.")
@connect_option
@click.option("-o", "--output", type=click.Path(file_okay=False, exists=True, path_type=Path), help="Directory for the configs, VMID.conf.")
@click.option("--force", is_flag=True, help="Replace existing files.")
@click.option("--vmid-from", "first", type=click.IntRange(100, 999_999_999), help="Number domains without a VMID from here on.")
@click.option("--live", is_flag=True, help="As the domains run now, not as they are defined.")
@click.option("--keep-going", is_flag=True, help="Import those that can be, instead of all or none.")
@click.option("--args/--no-args", "args", default=None, help="Carry raw QEMU arguments.")
@trust_option
@host_options
@report_options
def command(**given: Any) -> None:
    """Turn domains of a libvirt host into qemu-server configs.

    Their persistent definition is taken, autostart becomes onboot, the VMID comes from the metadata that virt-qm wrote or from
    --vmid-from. Nothing is written unless every domain can be imported. One domain goes to stdout without -o.

    \b
    Example:
      virt-qm import --all -c qemu+ssh://root@host/system --vmid-from 200 -o /tmp
    """
    if bool(given["domains"]) == given["everything"]:
        raise click.UsageError("name domains, or pass --all")
    if given["output"] is None and len(given["domains"]) != 1:
        raise click.UsageError("several domains need -o DIR")
    from ...libvirt.host.connect import Connection

    with guarded(Connection(given["uri"]).__enter__) as connection:
        configs, failed = _configs(connection, given)
    worst = 0
    for each in configs:
        print_findings(each.findings, given["report_form"], each.domain.name)
        worst = max(worst, exit_code(each.findings, given["fail_on"]))
    if worst or (failed and not given["keep_going"]):
        click.echo("nothing was written", err=True)
        sys.exit(CANNOT if failed else worst)
    _deliver(configs, given)
    sys.exit(CANNOT if failed else 0)


def _configs(connection: Connection, given: dict[str, Any]) -> tuple[list[Config], bool]:
    from ...core.report import BridgeError
    from ...operations.importing import config, dumped, numbered, wanted

    words = {"host": host(given), "args": given["args"], "trust_metadata": given["trust_metadata"]}
    found, configs, failed = [], [], False
    for domain in guarded(lambda: wanted(connection, given["domains"], given["live"])):
        try:
            found.append(dumped(connection, domain, given["live"]))
        except BridgeError as error:
            complain(error)
            failed = True
    for each, vmid in numbered(found, given["first"], _taken(given["output"])):
        try:
            if isinstance(vmid, BridgeError):
                raise vmid
            configs.append(config(each, vmid, words))
        except BridgeError as error:
            complain(error if error.where else f"{each.domain.name}: {error}")
            failed = True
    return configs, failed


def _taken(output: Path | None) -> frozenset[int]:
    """VMIDs that have a config in the directory."""
    names = [path.stem for path in output.glob("*.conf")] if output is not None else []
    return frozenset(int(name) for name in names if re.fullmatch(r"[0-9]{1,9}", name))


def _deliver(configs: list[Config], given: dict[str, Any]) -> None:
    from ...core.report import shown

    output = given["output"]
    if output is None:
        sys.stdout.write("".join(each.text for each in configs))
        return
    targets = [output / f"{each.vmid}.conf" for each in configs]
    there = [str(target) for target in targets if target.exists()]
    if there and not given["force"]:
        fail(f"{', '.join(there)} is there already: pass --force to replace it; nothing was written")
    for target, each in zip(targets, configs, strict=True):
        write(target, each.text, given["force"])
        click.echo(shown(f"{each.domain.name} is {target}"))
