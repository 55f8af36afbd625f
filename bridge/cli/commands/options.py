"""Options that several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    ParamType = click.ParamType[str]
else:  # a generic class from click 8.4 on only; Debian 13 has 8.1.8
    ParamType = click.ParamType

F = TypeVar("F", bound=Callable[..., Any])


def together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several click decorators as one, in the order in which the help shows them."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def stdout_if_dash(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:  # noqa: ARG001
    """`-o -` is stdout, as everywhere."""
    return None if value == Path("-") else value


def file_or_directory(context: click.Context, parameter: click.Parameter, value: str | None) -> Path | None:
    """The same; `-o DIR/` is a directory though there is none yet, as for cp: the command's parameter `into` says so."""
    if value == "":
        raise click.BadParameter("name a file, a directory, or - for stdout", context, parameter)
    context.params["into"] = value is not None and value.endswith("/")
    return stdout_if_dash(context, parameter, None if value is None else Path(value))


class NewFile(click.Path):
    """A file to write. A name that ends with / is a directory's."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            self.fail("name a file, or - for stdout.", param, ctx)
        if str(value).endswith("/"):
            self.fail(f"'{value}' is a directory: name a file in it.", param, ctx)
        return super().convert(value, param, ctx)


host_options = together(
    click.option(
        "--host",
        "host_dir",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Directory with the host's facts: storage.cfg, cpu-models.conf, mapping/*.cfg, host.toml.",
    ),
    click.option(
        "--host-fact",
        "host_facts",
        multiple=True,
        metavar="KEY=VALUE",
        help="One fact: qemu_version=10.0.2; wins over --host. The manual lists them.",
    ),
    click.option("--storage", "storages", multiple=True, metavar="PATH-OR-POOL=STORAGE", help="Which storage a path or pool is."),
    click.option("--bridge", "bridges", multiple=True, metavar="A=B", help="Which bridge stands for a network or bridge of the input."),
    click.option(
        "--map",
        "map_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="TOML with tables storages, bridges, networks, firmware and pools, of A = B. --storage and --bridge win over it.",
    ),
)
target_options = together(
    click.option("--libvirt", metavar="VERSION", help="libvirt of the target host, e.g. 11.3."),
    click.option("--qemu", metavar="VERSION", help="QEMU of the target host, e.g. 10.0."),
    click.option("--node-paths", is_flag=True, help="XML for a libvirt on a Proxmox VE node: its sockets, firmware and ROM files stay."),
    click.option("--machine", metavar="TYPE", help="Machine type in place of the VM's own, where the target lacks that: pc-q35-VERSION."),
)
vmid_from_option = click.option(
    "--vmid-from",
    "first",
    type=click.IntRange(100, 999_999_999),
    metavar="N",
    help="Number VMs without a VMID from here on; in -o DIR, files are VMID.conf, and a VM that has one there, by its UUID, keeps its id.",
)
clean_option = click.option(
    "--clean", is_flag=True, help="libvirt's own elements only, no qemu:commandline or qemu:override: what is lost by that is told."
)
verbosity_options = together(
    click.option("-v", "--verbose", is_flag=True, help="Every finding with its place, not a digest of them."),
    click.option("-q", "--quiet", is_flag=True, help="No findings on stderr; errors are still there."),
)
report_option = together(
    click.option(
        "--report",
        "report_form",
        type=click.Choice(["text", "json", "none"]),
        default="text",
        show_default=True,
        help="How findings are printed on stderr.",
    ),
    verbosity_options,
)
output_format_option = click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one JSON document on stdout with everything, findings too, in place of all else.",
)
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(["guest", "data", "host", "note"]),
    help="Write nothing and exit with 3 if a finding is this severe, or more.",
)
report_options = together(report_option, fail_on_option, output_format_option)


class Input(ParamType):
    """A file, a directory, `-`, or a VM's id: what it is shows when it is read. Shells complete the names of files."""

    name = "FILE"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class ReportForm(ParamType):
    """`text`, `json`, `none`, or the name of a file for the report."""

    name = "text|json|none|FILE.json"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in ("text", "json", "none") and not value.endswith(".json"):
            self.fail("say text, json, none, or a file that ends in .json", param, ctx)
        return value


fleet_options = together(
    click.option(
        "--report",
        "report_form",
        type=ReportForm(),
        default="text",
        show_default=True,
        help="How findings are printed on stderr; with FILE.json, text there and all of it in that file, as one JSON document.",
    ),
    fail_on_option,
    verbosity_options,
    output_format_option,
    click.option("--resume", is_flag=True, help="Leave out what is up to date in -o DIR, replace what is not any more."),
    click.option("-j", "--jobs", type=click.IntRange(1, 1024), metavar="N", help="Processes for many inputs; one a CPU if left out."),
)
output_options = together(
    click.option(
        "-o",
        "--output",
        type=click.Path(),
        callback=file_or_directory,
        help="File to write, `-` for stdout; DIR/, or for several inputs DIR, is a directory, made if need be.",
    ),
    click.option("--force", is_flag=True, help="Replace an existing file."),
)
trust_option = click.option(
    "--trust-metadata",
    is_flag=True,
    help="Take all that the XML's metadata remembers, programs that the node runs as root among it: only for files of your own.",
)
format_options = together(
    click.option("--from", "source", type=click.Choice(["conf", "xml", "argv"]), help="Format of the input; guessed if left out."),
    click.option("--vmid", type=click.IntRange(1, 999_999_999), help="The VM's id; taken from the file name or the metadata if left out."),
    click.option("--args/--no-args", "args", default=None, help="Carry raw QEMU arguments (from XML only on request)."),
    trust_option,
)


def _whole(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001  a callback's signature
    """A directory as the script would find it; one that is named in full may be of another host."""
    if value == "":
        raise click.BadParameter("is empty: name a directory, `.` for this one")
    return value if value is None or value.startswith("/") else str(Path(value).resolve())


input_options = together(format_options, click.argument("files", nargs=-1, required=True, metavar="FILE...", type=Input()))
process_options = together(
    format_options,
    click.option("--pid", metavar="PID", type=click.IntRange(1, 1 << 22), help="In place of a file: the line of this running QEMU."),
    click.option(
        "--started-in", metavar="DIR", callback=_whole, help="The directory in which a script starts QEMU: its relative paths are below it."
    ),
    click.argument("files", nargs=-1, metavar="FILE...", type=Input()),
)
"""`input_options`, where a process may stand for the inputs."""

connect_option = click.option(
    "-c",
    "--connect",
    "uri",
    default="",
    envvar="LIBVIRT_DEFAULT_URI",
    metavar="URI",
    help="The libvirt host, as virsh takes it: qemu:///system, qemu+ssh://HOST/system. Left out: LIBVIRT_DEFAULT_URI.",
)
