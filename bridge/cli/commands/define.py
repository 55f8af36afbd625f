"""`virt-qm define`: VMs as domains of a libvirt host, all of them or none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .files import CANNOT, complain, exit_code, guarded, keywords, print_findings, read
from .options import connect_option, host_options, input_options, report_options, target_options

if TYPE_CHECKING:
    from ...libvirt.host.connect import Connection, UnclearError
    from ...operations.define import Candidate, Host


@click.command("define")
@input_options
@connect_option
@host_options
@target_options
@report_options
@click.option("--dry-run", is_flag=True, help="Print the XML, and what would be done; define nothing.")
@click.option("--replace", is_flag=True, help="Redefine a domain that has the same UUID.")
@click.option("--keep-going", is_flag=True, help="Define those that can be, instead of all or none.")
def command(**given: Any) -> None:
    """Define VMs as domains of a libvirt host, converted for what that host can do; autostart as onboot says.

    Nothing is defined unless every FILE can be. A domain that is there already is left alone, but for --replace.

    \b
    Example:
      virt-qm define -c qemu+ssh://root@host/system /etc/pve/qemu-server/100.conf
    """
    from ...libvirt.host.connect import Connection

    connection = guarded(Connection(given["uri"]).__enter__)
    with connection:
        from ...operations.define import Host

        candidates, failed = _prepared(guarded(lambda: Host(connection)), given)
        candidates, clash = _without_clashes(candidates, connection, given)
        failed = failed or clash
        if failed and not given["keep_going"]:
            click.echo("nothing was defined", err=True)
            sys.exit(CANNOT)
        worst = max((exit_code(candidate.findings, given["fail_on"]) for candidate in candidates), default=0)
        if worst:
            click.echo("nothing was defined", err=True)
            sys.exit(worst)
        if given["dry_run"]:
            _show(candidates)
        elif not _defined(candidates, connection, given):
            failed = True
    sys.exit(CANNOT if failed else 0)


def _prepared(host: Host, given: dict[str, Any]) -> tuple[list[Candidate], bool]:
    """The VMs that this host can run; what keeps the others from it is printed."""
    from ...core.report import BridgeError
    from ...operations.define import prepare

    candidates, failed = [], False
    for file in given["files"]:
        words = keywords(file, given)
        try:
            candidate = prepare(host, words["file"], read(file), words)
        except BridgeError as error:
            complain(error if error.where else f"{file}: {error}")
            failed = True
        else:
            print_findings(candidate.findings, given["report_form"], file)
            candidates.append(candidate)
    return candidates, failed


def _without_clashes(candidates: list[Candidate], connection: Connection, given: dict[str, Any]) -> tuple[list[Candidate], bool]:
    from ...operations.define import clashes

    there = guarded(connection.domains)
    refused = clashes(candidates, there, given["replace"])
    for _, error in refused:
        complain(error)
    clashing = {id(candidate) for candidate, _ in refused}
    return [candidate for candidate in candidates if id(candidate) not in clashing], bool(refused)


def _show(candidates: list[Candidate]) -> None:
    from ...core.report import shown

    for candidate in candidates:
        click.echo(candidate.xml, nl=False)
        autostart = ", started with the host" if candidate.autostart else ""
        click.echo(f"would define {shown(candidate.name)} ({candidate.uuid}) from {shown(candidate.file)}{autostart}", err=True)


def _defined(candidates: list[Candidate], connection: Connection, given: dict[str, Any]) -> bool:
    """Define in one go, or one by one with --keep-going; whether all are."""
    from ...core.report import BridgeError, shown
    from ...libvirt.host.connect import UnclearError

    complete = True
    for group in [[each] for each in candidates] if given["keep_going"] else [candidates]:
        try:
            connection.define([candidate.definition(given["replace"]) for candidate in group])
        except BridgeError as error:
            complete = False
            refused = next((candidate for candidate in group if candidate.name == error.where), None)
            where = refused.where(error.message) if refused else error.where
            complain(f"{where}: {error.message}" if where else error)
            if isinstance(error, UnclearError):
                _say_what_is_known(error)
            elif not given["keep_going"]:
                click.echo("nothing was defined", err=True)
            continue
        for candidate in group:
            autostart = ", started with the host" if candidate.autostart else ""
            click.echo(f"defined {shown(candidate.name)} ({candidate.uuid}) from {shown(candidate.file)}{autostart}")
    return complete


def _say_what_is_known(error: UnclearError) -> None:
    """What a definition that was broken off left behind."""
    from ...core.report import shown

    for what, names in (("defined", error.defined), ("not defined", error.not_defined), ("not known to be defined", error.unknown)):
        if names:
            click.echo(f"{what}: {', '.join(map(shown, names))}", err=True)
    if error.unknown:
        click.echo("libvirt does not answer any more: `virsh list --all` will tell", err=True)
