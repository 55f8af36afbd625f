"""`virt-qm import`: domains of a libvirt host as configs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.report import BridgeError
from .document import emit, entry
from .files import CANNOT, complain, exit_code, fail, guarded, host, made, print_several, write
from .options import connect_option, host_options, report_options, trust_option

if TYPE_CHECKING:
    from ...libvirt.host.connect import Connection
    from ...operations.importing import Config


@click.command("import")
@click.argument("domains", nargs=-1, metavar="[DOMAIN...]")
@click.option("--all", "everything", is_flag=True, help="All domains of the host.")
@connect_option
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="Directory for the configs, VMID.conf; made if need be."
)
@click.option("--force", is_flag=True, help="Replace existing files.")
@click.option("--vmid-from", "first", type=click.IntRange(100, 999_999_999), help="Number domains without a VMID from here on.")
@click.option("--live", is_flag=True, help="As the domains run now, not as they are defined.")
@click.option("--keep-going", is_flag=True, help="Import those that can be, instead of all or none.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and what there is to know; write nothing.")
@click.option("--keep-layout", is_flag=True, help="Keep the guests' PCI places by `args`: their network cards keep their names.")
@click.option("--args/--no-args", "args", default=None, help="Carry raw QEMU arguments.")
@trust_option
@host_options
@report_options
def command(**given: Any) -> None:
    """Turn domains of a libvirt host into qemu-server configs.

    Their persistent definition is taken, autostart becomes onboot, the VMID comes from the metadata that virt-qm wrote or from
    --vmid-from; a domain that has a config in -o DIR already, by its UUID, keeps that one's. Nothing is written unless every domain can
    be imported. One domain goes to stdout without -o.

    \b
    Example:
      virt-qm import --all -c qemu+ssh://root@host/system --vmid-from 200 -o configs
    """
    if bool(given["domains"]) == given["everything"]:
        raise click.UsageError("name domains, or pass --all")
    if given["output"] is None and len(given["domains"]) != 1:
        raise click.UsageError("several domains need -o DIR")
    from ...libvirt.host.connect import Connection

    with guarded(Connection(given["uri"]).__enter__) as connection:
        configs, refused = _configs(connection, given)
    print_several([(each.domain.name, each.findings) for each in configs], given)
    worst = max((exit_code(each.findings, given["fail_on"]) for each in configs), default=0)
    entries = list(refused)
    if worst or (refused and not given["keep_going"]):
        click.echo("nothing was written", err=True)
        entries += [_entry(each, "held-back", None, given) for each in configs]
        code = CANNOT if refused else worst
    else:
        entries += _deliver(configs, given)
        code = CANNOT if refused else 0
    if given["output_format"] == "json":
        emit("import", entries)
    sys.exit(code)


def _entry(each: Config, status: str, target: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    more: dict[str, Any] = {"document": each.text} if given["output"] is None else {}
    return entry(each.domain.name, status, each.findings, target, uuid=each.domain.uuid, vmid=each.vmid, **more)


def _configs(connection: Connection, given: dict[str, Any]) -> tuple[list[Config], list[dict[str, Any]]]:
    from ...fleet.numbers import taken_in
    from ...operations.importing import config, dumped, ids_of, numbered, wanted

    words = {name: given[name] for name in ("args", "trust_metadata", "keep_layout")} | {"host": host(given)}
    found, configs, refused = [], [], []

    errors: dict[str, list[str]] = {}
    """What is wrong -> the domains of which it is; told once."""

    def refuse(name: str, error: BridgeError) -> None:
        errors.setdefault(error.message, []).append(str(error.within(name).where))
        refused.append(entry(name, "refused", error=error))

    for domain in guarded(lambda: wanted(connection, given["domains"], given["live"])):
        try:
            found.append(dumped(connection, domain, given["live"]))
        except BridgeError as error:
            refuse(domain.name, error)
    for each, vmid in numbered(found, given["first"], taken_in(given["output"]), ids_of(given["output"])):
        try:
            if isinstance(vmid, BridgeError):
                raise vmid
            configs.append(config(each, vmid, words))
        except BridgeError as error:
            refuse(each.domain.name, error)
    for message, places in errors.items():
        complain(f"{places[0]}{f' and {len(places) - 1:,} more' if len(places) > 1 else ''}: {message}")
    return configs, refused


def _deliver(configs: list[Config], given: dict[str, Any]) -> list[dict[str, Any]]:
    """Print or write them; what became of each."""
    from ...core.report import shown

    output, as_json = given["output"], given["output_format"] == "json"
    if output is None:
        if not as_json:
            sys.stdout.write("".join(each.text for each in configs))
        return [_entry(each, "done", None, given) for each in configs]
    targets = [output / f"{each.vmid}.conf" for each in configs]
    there = [str(target) for target in targets if target.exists()]
    if there and not given["force"]:
        fail(f"{', '.join(there)} is there already: pass --force to replace it; nothing was written")
    if not given["dry_run"]:
        made(output)
    for target, each in zip(targets, configs, strict=True):
        if not given["dry_run"]:
            write(target, each.text, given["force"])
        click.echo(shown(f"{each.domain.name} {'would be' if given['dry_run'] else 'is'} {target}"), err=as_json)
    status = "would" if given["dry_run"] else "done"
    return [_entry(each, status, None if given["dry_run"] else target, given) for target, each in zip(targets, configs, strict=True)]
