"""`virt-qm diff`: what the guest would notice between two VMs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from .document import print_json
from .files import guarded, keywords, print_findings, read
from .options import format_options, host_options, output_format_option, report_option

if TYPE_CHECKING:
    from ...core.literals import Reading
    from ...guest.diff import Comparison

SAME, DIFFERS, TROUBLE = 0, 1, 2
"""Exit codes, as diff's."""


@click.command("diff")
@click.argument("a")
@click.argument("b")
@format_options
@host_options
@click.option(
    "--by",
    type=click.Choice(["model", "libvirt"]),
    help="XML is compared as what qemu-server would run after its import (model), or as what libvirt here runs.",
)
@click.option("--run", "start", is_flag=True, help="Start both, paused, without their host's parts, and compare what QEMU itself shows.")
@click.option("--emulator", default="qemu-system-x86_64", show_default=True, metavar="PROGRAM", help="The QEMU for --run.")
@click.option("--backends", is_flag=True, help="Compare what no guest sees, too: iothreads, caches, images, memory backends.")
@click.option("--json", "as_json", is_flag=True, help="The same as --output-format json.")
@output_format_option
@report_option
def command(**given: Any) -> None:
    """What a guest would notice between two VMs, each a config, a domain XML or a command line (qemu-server's or libvirt's).

    Both become command lines, and what their options show the guest is compared, with the defaults that are known. Ids, aliases and
    backends do not count: slots, ports, LUNs, chassis numbers, serials, CPU, memory, firmware and the order of booting do.

    \b
    What the result is about:
      config                 the command line that qemu-server would run on the host of the given facts
      XML, --by model        what qemu-server would run once the domain is imported, devices at qemu-server's places:
                             whether the import is good, not what libvirt runs
      XML, --by libvirt      what libvirt here runs: whether the domain is the machine that it should be
      command line           just that
      --run                  besides: both start, paused, under TCG, with stand-ins for images, networks and cards; QEMU's own
                             device trees, CPUs, memory devices, and the buses, ACPI and SMBIOS tables that the firmware makes of
                             them are compared. Firmware images, TPM, passed-through devices and what only KVM gives a CPU are
                             compared from the options still. XML is taken as libvirt runs it if libvirt is here.

    Exit codes: 0 the guest cannot tell, 1 it can, 2 one of them cannot be compared.

    \b
    Example:
      virt-qm diff samples/iothreads.conf samples/iothreads.conf
    """
    if given["as_json"]:
        given["output_format"] = "json"
    with _trouble():
        comparison = _compared(given)
    for side in (comparison.a, comparison.b):
        print_findings(side.findings, given, side.file)
    (_print_json if given["output_format"] == "json" else _print_table)(comparison)
    sys.exit(SAME if comparison.same else DIFFERS)


@contextmanager
def _trouble() -> Iterator[None]:
    """Where another command ends with 1, which means a difference here."""
    try:
        yield
    except SystemExit:
        sys.exit(TROUBLE)


def _compared(given: dict[str, Any]) -> Comparison:
    if given["a"] == given["b"] == "-":
        raise click.UsageError("only one of the two can be stdin")
    words = [keywords(given[name], given) for name in ("a", "b")]
    texts = [read(given[name]) for name in ("a", "b")]

    def compared() -> Comparison:
        from ...data.gates import qemu_version
        from ...guest.diff import diff
        from ...guest.side import side

        by: Reading | None = given["by"] or (None if given["start"] else "model")
        with _libvirt(by) as libvirt:
            a, b = (side(text, each, by, libvirt) for text, each in zip(texts, words, strict=True))
        host = words[0]["host"]
        newest = qemu_version(host.qemu_version, host.qemu_server)
        return diff(a, b, newest=newest, backends=given["backends"], emulator=given["emulator"] if given["start"] else None)

    return guarded(compared)


def _libvirt(by: Reading | None) -> AbstractContextManager[Any]:
    """libvirt, or nothing where it is not asked."""
    if by == "model":
        return nullcontext()
    from ...guest.native import Embedded

    return Embedded()


def _proofs(comparison: Comparison) -> Iterator[tuple[str, str, str]]:
    from ...guest.side import PROVES

    for name, side in (("A", comparison.a), ("B", comparison.b)):
        yield name, side.file, PROVES[side.by]


def _print_json(comparison: Comparison) -> None:
    from ...guest.side import PROVES

    sides = {
        name: {"file": side.file, "format": side.format, "by": side.by, "is": PROVES[side.by]}
        for name, side in (("a", comparison.a), ("b", comparison.b))
    }
    document = {
        "same": comparison.same,
        **sides,
        "ran": comparison.ran,
        "differences": [difference._asdict() for difference in comparison.differences],
        "notes": comparison.notes,
        "findings": {name: [each._asdict() for each in side.findings] for name, side in (("a", comparison.a), ("b", comparison.b))},
    }
    print_json(document)


def _print_table(comparison: Comparison) -> None:
    from rich.console import Console
    from rich.text import Text

    from ..differences import WIDTH, difference_table

    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    for name, file, proves in _proofs(comparison):
        console.print(Text(f"{name}: {file}: {proves}", style="dim"))
    for note in comparison.notes:
        console.print(Text(f"note: {note}", style="dim"))
    if comparison.same:
        console.print("The guest cannot tell A and B apart.")
        return
    console.print(difference_table(comparison.differences))
