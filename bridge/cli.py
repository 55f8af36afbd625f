"""The command. It reads and writes files; everything behind it is pure."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import __version__

if TYPE_CHECKING:
    from .convert import Result
    from .report import Finding

F = TypeVar("F", bound=Callable[..., Any])

CANNOT, USAGE, FAILED_ON = 1, 2, 3
"""Exit codes: the input cannot be converted; usage; done, but a finding is at or above --fail-on and nothing was written."""
SUFFIX = {"xml": ".xml", "conf": ".conf", "argv": ".cmd"}


def _options(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


host_options = _options(
    click.option(
        "--host",
        "host_dir",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Directory with the host's facts: storage.cfg, cpu-models.conf, mapping/*.cfg, host.toml.",
    ),
    click.option("--host-fact", "host_facts", multiple=True, metavar="KEY=VALUE", help="One fact: qemu_version=10.0.2; wins over --host."),
    click.option("--storage", "storages", multiple=True, metavar="PATH-OR-POOL=STORAGE", help="Which storage a path or pool is."),
    click.option("--bridge", "bridges", multiple=True, metavar="A=B", help="Which bridge stands for a network or bridge of the XML."),
)
target_options = _options(
    click.option("--libvirt", metavar="VERSION", help="libvirt of the target host, e.g. 11.3."),
    click.option("--qemu", metavar="VERSION", help="QEMU of the target host, e.g. 10.0."),
)
report_options = _options(
    click.option(
        "--report",
        "report_form",
        type=click.Choice(["text", "json", "none"]),
        default="text",
        show_default=True,
        help="How findings are printed on stderr.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["guest", "data", "host", "note"]),
        help="Write nothing and exit with 3 if a finding is this severe, or more.",
    ),
)
output_options = _options(
    click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write, or directory for several inputs."),
    click.option("--force", is_flag=True, help="Replace an existing file."),
)
input_options = _options(
    click.option("--from", "source", type=click.Choice(["conf", "xml", "argv"]), help="Format of the input; guessed if left out."),
    click.option("--vmid", type=click.IntRange(1, 999_999_999), help="The VM's id; taken from the file name or the metadata if left out."),
    click.option("--args/--no-args", "args", default=None, help="Carry raw QEMU arguments (from XML only on request)."),
    click.argument("files", nargs=-1, required=True, metavar="FILE..."),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="virt-qm")
def main() -> None:
    """Translate virtual machines between Proxmox VE's qemu-server, libvirt and QEMU, so that the guest cannot tell.

    FILE is a VMID.conf, a domain XML or `-` for stdin. Findings go to stderr: nothing is dropped without one.
    """


@main.command("to-xml")
@input_options
@host_options
@target_options
@output_options
@report_options
@click.option("--no-metadata", is_flag=True, help="Leave out what only qemu-server understands.")
@click.option("--snapshot", metavar="NAME", help="The VM as it was at this snapshot.")
def to_xml(**given: Any) -> None:
    """Domain XML for libvirt.

    \b
    Example:
      virt-qm to-xml samples/iothreads.conf
    """
    _run("xml", given)


@main.command("to-conf")
@input_options
@host_options
@target_options
@output_options
@report_options
@click.option("--as", "form", type=click.Choice(["file", "qm-create"]), default="file", help="A VMID.conf, or a `qm create` command line.")
def to_conf(**given: Any) -> None:
    """A qemu-server config.

    \b
    Example:
      virt-qm to-xml samples/iothreads.conf | virt-qm to-conf -
    """
    _run("conf", given)


@main.command("to-argv")
@input_options
@host_options
@target_options
@output_options
@report_options
@click.option("--pretty", is_flag=True, help="Add a comment with what no command line can carry (pins).")
@click.option("--snapshot", metavar="NAME", help="The VM as it was at this snapshot.")
def to_argv(**given: Any) -> None:
    """The command line that qemu-server would run.

    \b
    Example:
      virt-qm to-argv --host-fact qemu_server=rfc-iothreads samples/iothreads.conf
    """
    _run("argv", given)


@main.command()
@input_options
@host_options
@target_options
@report_options
def check(**given: Any) -> None:
    """Check configs and XML: grammar, schemas, and what hardly was meant.

    \b
    Example:
      virt-qm check samples/iothreads.conf
    """
    from .check import problems

    worst = 0
    for file in given["files"]:
        findings = _guarded(partial(problems, _read(file), _keywords(file, given)))
        _print_findings(findings, given["report_form"], file)
        worst = max(worst, _code(findings, given["fail_on"]))
    sys.exit(worst)


def _run(to: str, given: dict[str, Any]) -> None:
    """Convert the inputs one by one; several need -o DIR."""
    files, output = given["files"], given["output"]
    if len(files) > 1 and (output is None or not output.is_dir()):
        raise click.UsageError("several inputs need -o DIR (an existing directory)")
    worst = 0
    for file in files:
        result = _guarded(partial(_convert, _read(file), to, _keywords(file, given)))
        _print_findings(result.findings, given["report_form"], file)
        code = _code(result.findings, given["fail_on"])
        worst = max(worst, code)
        if code == 0:
            _deliver(_document(result, to, given), file, to, output, given["force"])
    sys.exit(worst)


def _convert(text: bytes, to: str, keywords: dict[str, Any]) -> Result:
    from .convert import convert

    return convert(text, to, **keywords)


def _document(result: Result, to: str, given: dict[str, Any]) -> str:
    if to == "argv" and given.get("pretty"):
        notes = [f"# {finding.message}" for finding in result.findings if finding.kind == "pins"]
        return result.text + "".join(note + "\n" for note in notes)
    return result.text


def _keywords(file: str, given: dict[str, Any]) -> dict[str, Any]:
    """The keywords of `bridge.convert` for one input."""
    return {
        "source": given.get("source"),
        "vmid": given.get("vmid") or _vmid(file),
        "host": _host(given),
        "libvirt": given.get("libvirt"),
        "qemu": given.get("qemu"),
        "metadata": not given.get("no_metadata"),
        "args": given.get("args"),
        "snapshot": given.get("snapshot"),
        "file": "stdin" if file == "-" else file,
    }


def _vmid(file: str) -> int | None:
    """`.../8006.conf` names VM 8006, as on a node."""
    stem = Path(file).name.split(".")[0]
    return int(stem) if stem.isascii() and stem.isdigit() and len(stem) < 10 else None


def _host(given: dict[str, Any]) -> Any:
    from .host.facts import HostFacts

    def load() -> HostFacts:
        facts = HostFacts.load(given["host_dir"])
        facts = facts.with_facts(given["host_facts"])
        pairs = [f"storage_map.{pair}" for pair in given["storages"]] + [f"bridge_map.{pair}" for pair in given["bridges"]]
        return facts.with_facts(pairs)

    return _guarded(load)


T = TypeVar("T")


def _guarded(action: Callable[[], T]) -> T:
    """Run it; what cannot be converted ends the command with one line."""
    from .report import BridgeError

    try:
        return action()
    except BridgeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(CANNOT)


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        click.echo(f"error: {file}: {error.strerror}: name a file that can be read, or - for stdin", err=True)
        sys.exit(CANNOT)


def _deliver(text: str, file: str, to: str, output: Path | None, force: bool) -> None:
    """Print, or write beside the target and rename, so that nothing half-written is ever there."""
    if output is None:
        sys.stdout.write(text)
        return
    target = output / (Path(file).stem + SUFFIX[to]) if output.is_dir() else output
    if target.exists() and not force:
        click.echo(f"error: {target} is there already: pass --force to replace it", err=True)
        sys.exit(CANNOT)
    import os
    import tempfile

    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        click.echo(f"error: {target}: {error.strerror}", err=True)
        sys.exit(CANNOT)


def _code(findings: list[Finding], fail_on: str | None) -> int:
    from .report import SEVERITIES, worst

    found = worst(findings)
    if fail_on is None or found is None:
        return 0
    return FAILED_ON if SEVERITIES.index(found) <= SEVERITIES.index(fail_on) else 0


def _print_findings(findings: list[Finding], form: str, file: str) -> None:
    if form == "none":
        return
    if form == "json":
        import msgspec

        rows = [finding._asdict() for finding in findings]
        click.echo(msgspec.json.encode({"file": file, "findings": rows}).decode(), err=True)
        return
    from .render import print_findings

    print_findings(findings)


if __name__ == "__main__":
    main()
