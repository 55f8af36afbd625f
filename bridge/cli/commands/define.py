"""`virt-qm define`: VMs as domains of a libvirt host, all of them or none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ...core.report import BridgeError
from .document import emit, entry
from .files import CANNOT, complain, content, exit_code, expanded, guarded, keywords, print_several
from .options import clean_option, connect_option, host_options, input_options, report_options, target_options

if TYPE_CHECKING:
    from ...libvirt.host.connect import Connection, UnclearError
    from ...operations.define import Candidate, Host


@click.command("define")
@input_options
@connect_option
@host_options
@target_options
@clean_option
@report_options
@click.option("--dry-run", is_flag=True, help="Print the XML, and what would be done; define nothing.")
@click.option("--replace", is_flag=True, help="Redefine a domain that has the same UUID.")
@click.option("--print-diff", "show_diff", is_flag=True, help="Print what --replace changes in the domains that are there.")
@click.option("--keep-going", is_flag=True, help="Define those that can be, instead of all or none.")
def command(**given: Any) -> None:
    """Define VMs as domains of a libvirt host, converted for what that host can do; autostart as onboot says.

    Nothing is defined unless every FILE can be. A domain that is there already is left alone, but for --replace. A directory stands
    for the *.conf and *.xml in it.

    \b
    Example:
      virt-qm define -c qemu+ssh://root@host/system /etc/pve/qemu-server/100.conf
    """
    from ...libvirt.host.connect import Connection

    connection = guarded(Connection(given["uri"]).__enter__)
    with connection:
        code, entries = _run(connection, given)
    if given["output_format"] == "json":
        emit("define", entries)
    sys.exit(code)


def _run(connection: Connection, given: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """(exit code, what became of each VM)."""
    from ...operations.define import Host

    candidates, refused = _prepared(guarded(lambda: Host(connection)), given)
    print_several([(candidate.file, candidate.findings) for candidate in candidates], given)
    candidates, clashing = _without_clashes(candidates, connection, given)
    entries = refused + clashing
    if given["show_diff"]:
        _print_changes(candidates, connection)
    worst = max((exit_code(candidate.findings, given["fail_on"]) for candidate in candidates), default=0)
    if (entries and not given["keep_going"]) or worst:
        click.echo("nothing was defined", err=True)
        return CANNOT if entries else worst, entries + [_entry(candidate, "held-back") for candidate in candidates]
    if given["dry_run"]:
        _show(candidates, given)
        return CANNOT if entries else 0, entries + [_entry(candidate, "would", document=candidate.xml) for candidate in candidates]
    entries += _defined(candidates, connection, given)
    return CANNOT if any(each["error"] for each in entries) else 0, entries


def _entry(candidate: Candidate, status: str, error: BridgeError | None = None, **more: Any) -> dict[str, Any]:
    return entry(candidate.file, status, candidate.findings, error=error, name=candidate.name, uuid=candidate.uuid, **more)


def _prepared(host: Host, given: dict[str, Any]) -> tuple[list[Candidate], list[dict[str, Any]]]:
    """The VMs that this host can run; what keeps the others from it is printed."""
    from ...operations.define import prepare

    candidates, refused = [], []
    for file in expanded(given):
        words = keywords(file, given)
        try:
            candidates.append(prepare(host, words["file"], content(file), words))
        except BridgeError as error:
            complain(error.within(words["file"]))
            refused.append(entry(file, "refused", error=error))
    return candidates, refused


def _without_clashes(
    candidates: list[Candidate], connection: Connection, given: dict[str, Any]
) -> tuple[list[Candidate], list[dict[str, Any]]]:
    from ...operations.define import clashes

    there = guarded(connection.domains)
    refused = clashes(candidates, there, given["replace"])
    for _, error in refused:
        complain(error)
    clashing = {id(candidate) for candidate, _ in refused}
    left = [candidate for candidate in candidates if id(candidate) not in clashing]
    return left, [_entry(candidate, "refused", error) for candidate, error in refused]


def _print_changes(candidates: list[Candidate], connection: Connection) -> None:
    """To stderr: for domains that are there, what their definitions say now and will say; libvirt fills the new ones in."""
    from ...core.report import shown
    from ...operations.define import changes

    for candidate in candidates:
        for line in guarded(lambda each=candidate: changes(connection, each)):  # type: ignore[misc]
            click.echo(shown(line), err=True)


def _show(candidates: list[Candidate], given: dict[str, Any]) -> None:
    from ...core.report import shown

    for candidate in candidates:
        if given["output_format"] == "text":
            click.echo(candidate.xml, nl=False)
        autostart = ", started with the host" if candidate.autostart else ""
        click.echo(f"would define {shown(candidate.name)} ({candidate.uuid}) from {shown(candidate.file)}{autostart}", err=True)


def _defined(candidates: list[Candidate], connection: Connection, given: dict[str, Any]) -> list[dict[str, Any]]:
    """Define in one go, or one by one with --keep-going; what became of each."""
    from ...core.report import shown

    entries = []
    for group in [[each] for each in candidates] if given["keep_going"] else [candidates]:
        try:
            connection.define([candidate.definition(given["replace"]) for candidate in group])
        except BridgeError as error:
            _say_why(error, group, given)
            entries += [_entry(candidate, "refused", error) for candidate in group]
            continue
        for candidate in group:
            autostart = ", started with the host" if candidate.autostart else ""
            said = f"defined {shown(candidate.name)} ({candidate.uuid}) from {shown(candidate.file)}{autostart}"
            click.echo(said, err=given["output_format"] == "json")
            entries.append(_entry(candidate, "done"))
    return entries


def _say_why(error: BridgeError, group: list[Candidate], given: dict[str, Any]) -> None:
    from ...libvirt.host.connect import UnclearError

    refused = next((candidate for candidate in group if candidate.name == error.where), None)
    where = refused.where(error.message) if refused else error.where
    complain(f"{where}: {error.message}" if where else error)
    if isinstance(error, UnclearError):
        _say_what_is_known(error)
    elif not given["keep_going"]:
        click.echo("nothing was defined", err=True)


def _say_what_is_known(error: UnclearError) -> None:
    """What a definition that was broken off left behind."""
    from ...core.report import shown

    for what, names in (("defined", error.defined), ("not defined", error.not_defined), ("not known to be defined", error.unknown)):
        if names:
            click.echo(f"{what}: {', '.join(map(shown, names))}", err=True)
    if error.unknown:
        click.echo("libvirt does not answer any more: `virsh list --all` will tell", err=True)
