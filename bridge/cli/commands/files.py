"""A command's files: inputs read, keywords of `bridge.convert` for them, findings printed, documents written whole or not at all."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from ...core.files import NotRegularError, bounded, place, vmid_of
from ...core.files import read as read_file
from ...core.report import BridgeError

if TYPE_CHECKING:
    from ...core.literals import Severity
    from ...core.report import Finding
    from ...host.facts import HostFacts

CANNOT, USAGE, FAILED_ON = 1, 2, 3
"""Exit codes: the input cannot be converted; usage; done, but a finding is at or above --fail-on and nothing was written."""

T = TypeVar("T")


def fail(message: object) -> NoReturn:
    """End the command with one line."""
    complain(message)
    sys.exit(CANNOT)


def complain(message: object) -> None:
    """One line on stderr, whatever names are in it (security-rules F2)."""
    from ...core.report import shown

    click.echo(f"error: {shown(str(message))}", err=True)


def guarded(action: Callable[[], T]) -> T:
    """Run it; what cannot be converted ends the command with one line."""
    try:
        return action()
    except BridgeError as error:
        fail(error)


def content(file: str) -> bytes:
    """The bytes of an input; `-` is stdin, a number the config of that VM on a Proxmox VE node. Raises BridgeError."""
    try:
        return bounded(sys.stdin.buffer, "stdin") if file == "-" else read_file(located(file))
    except OSError as error:
        message = f"{error.strerror}: name a file that can be read, - for stdin, or a VM's id on a Proxmox VE node"
        raise BridgeError(message, file) from None


def read(file: str) -> bytes:
    """`content`; what cannot be read ends the command with one line."""
    return guarded(lambda: content(file))


def expanded(given: dict[str, Any]) -> list[str]:
    """The files that were named, and those in directories that were."""
    from ...fleet import inputs

    return guarded(lambda: inputs([file if file == "-" else located(file) for file in given["files"]], given.get("source")))


def located(file: str) -> str:
    """The config of a VM that is named by its id, as `qm` takes it; all else as it is."""
    if not (file.isascii() and file.isdigit()) or Path(file).exists():
        return file
    from ...host.probe import find_config

    found = find_config(file)
    return file if found is None else str(found)


def name_of(file: str) -> str:
    """An input as messages name it."""
    return "stdin" if file == "-" else located(file)


def keywords(file: str, given: dict[str, Any]) -> dict[str, Any]:
    """The keywords of `bridge.convert` for one input."""
    return {
        "source": given.get("source"),
        "vmid": given.get("vmid") or vmid_of(file),
        "host": host(given, [located(file)]),
        "libvirt": given.get("libvirt"),
        "qemu": given.get("qemu"),
        "machine": given.get("machine"),
        "metadata": not given.get("no_metadata"),
        "trust_metadata": bool(given.get("trust_metadata")),
        "args": given.get("args"),
        "snapshot": given.get("snapshot"),
        "keep_layout": bool(given.get("keep_layout")),
        "node_paths": bool(given.get("node_paths")),
        "clean": bool(given.get("clean")),
        "started_in": given.get("started_in"),
        "create": given.get("form") == "qm-create",
        "file": name_of(file),
    }


def host(given: dict[str, Any], files: Iterable[str] = ()) -> Any:
    """The `HostFacts` that the options name; on a Proxmox VE node those of the node, for configs of another one the cluster's."""
    from ...host import maps
    from ...host.facts import HostFacts
    from ...host.probe import is_node

    def load() -> HostFacts:
        own = given["host_dir"] is None and is_node()
        facts = _of_node(files, given) if own else HostFacts.load(given["host_dir"])
        file = given.get("map_file")
        if file is not None:
            facts = maps.with_pairs(facts, maps.of_file(content(str(file)), str(file)))
        if given["host_facts"]:
            facts = facts.with_facts(given["host_facts"])
        options = maps.of_option("--storage", "storages", given["storages"]), maps.of_option("--bridge", "bridges", given["bridges"])
        return maps.with_pairs(facts, chain(*options))

    return guarded(load)


def _of_node(files: Iterable[str], given: dict[str, Any]) -> HostFacts:
    """The node's facts, for configs of other nodes the cluster's; a line on stderr says so."""
    from ...host.probe import node_of, nodename, probe

    nodes = {node_of(Path(file)) for file in files if file != "-"} or {None}
    own = nodes == {None}
    facts = probe(node=nodes.pop() if len(nodes) == 1 else nodename())
    if given.get("report_form") not in ("json", "none"):
        whose = f"this node, {facts.nodename}" if own else "the cluster: those of the VM's own node are not known here"
        click.echo(f"host facts of {whose} (--host DIR takes others)", err=True)
    return facts


def write(target: Path, text: str, force: bool, mode: int | None = None) -> None:
    """Write a file at once: whoever looks, whenever the command is ended, sees the old file, the new one or none."""
    try:
        place(target, text.encode("utf-8", "surrogateescape"), force, mode=mode)
    except FileExistsError:
        fail(f"{target} is there already: pass --force to replace it")
    except NotRegularError as error:
        fail(f"{target}: {error.strerror}: name another")
    except FileNotFoundError:
        fail(f"{target}: there is no directory {target.parent}: make it first")
    except OSError as error:
        fail(f"{target}: {error.strerror}")


def made(directory: Path) -> Path:
    """The directory, which is made if need be."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{directory}: {error.strerror}: name another directory")
    return directory


def exit_code(findings: list[Finding], fail_on: Severity | None) -> int:
    """The exit code that the findings ask for."""
    from ...core.report import SEVERITIES, worst

    found = worst(findings)
    if fail_on is None or found is None:
        return 0
    return FAILED_ON if SEVERITIES.index(found) <= SEVERITIES.index(fail_on) else 0


def say_held_back(given: dict[str, Any], what: str = "nothing was written") -> None:
    """To stderr: why there is no output, where neither JSON nor the summary of a fleet says so."""
    if given["output_format"] != "json" and given["report_form"] != "json":
        click.echo(f"{what}: a finding is at or above --fail-on {given['fail_on']}", err=True)


def report_file(given: dict[str, Any]) -> Path | None:
    """The file that --report names. One that cannot be there ends the command, before anything else is written."""
    form = given["report_form"]
    if form in ("text", "json", "none"):
        return None
    file = Path(form)
    if file.is_dir():
        fail(f"{file}: is a directory")
    if not file.parent.is_dir():
        fail(f"{file}: there is no directory {file.parent}: make it first")
    return file


_NOT_ASCII = re.compile(r"[^\x00-\x7e]")


def ascii_json(document: bytes) -> str:
    """JSON for a terminal: what it might act on, as C1 controls or marks of direction, is an escape (security-rules F2)."""
    text = document.decode()
    return text if text.isascii() and text.isprintable() else _NOT_ASCII.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def form_of(given: dict[str, Any]) -> str:
    """How findings are printed: `none`, `json`, `text` (a digest) or `all` (every one of them)."""
    form = given["report_form"]
    if given.get("quiet") or given.get("output_format") == "json":
        return "none"
    if form in ("json", "none"):
        return str(form)
    return "all" if given.get("verbose") else "text"


def print_findings(findings: list[Finding], given: dict[str, Any], file: str, error: str | None = None) -> None:
    """To stderr: text, one line of JSON for the file, or nothing."""
    form = form_of(given)
    if form == "json":
        _print_json(findings, file, error)
    elif form != "none":
        from .. import render

        render.print_findings(findings, name_of(file), form == "all")


def print_several(vms: list[tuple[str, list[Finding]]], given: dict[str, Any]) -> None:
    """To stderr: those of several VMs, as (name, findings); what is said of several is text once."""
    form = form_of(given)
    if form == "json":
        for name, findings in vms:
            _print_json(findings, name)
    elif form != "none":
        from .. import render

        render.print_several(vms, form == "all")


def _print_json(findings: list[Finding], file: str, error: str | None = None) -> None:
    import msgspec

    rows = [finding._asdict() for finding in findings]
    said = {"file": file, "findings": rows} | ({"error": error} if error else {})
    click.echo(ascii_json(msgspec.json.encode(said)), err=True)
