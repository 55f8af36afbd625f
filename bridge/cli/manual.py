"""The man page virt-qm(1), made from the commands themselves: what --help says, as roff."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import click

from .. import __version__
from ..core.explain import MEANING
from ..core.report import KINDS
from ..data.facts import FACTS

FIXED = "\b\n"
"""Starts a paragraph that keeps its lines, as click has it."""


COMMON = 3
"""An option of so many commands is described once."""

ENVIRONMENT = {
    "LIBVIRT_DEFAULT_URI": "The libvirt host of define, import and plan where -c names none, as for virsh.",
    "XDG_STATE_HOME": "Directory of the user's state, in place of ~/.local/state.",
    "NO_COLOR": "Set to anything: no colours on terminals.",
    "COLUMNS": "Width of tables, in place of the terminal's.",
}
FILES = {
    "/etc/pve/qemu-server/VMID.conf": "Configs of a Proxmox VE node, named by the VM's id; those of others are in /etc/pve/nodes.",
    "/etc/pve/storage.cfg": "With mapping/*.cfg and virtual-guest/cpu-models.conf beside it: what a node knows, read there by itself.",
    "DIR/host.toml": "Of --host DIR: the keys of HOST FACTS, beside a storage.cfg, mapping/*.cfg and cpu-models.conf.",
    "/var/run/qemu-server/VMID.qmp": "The socket of a running VM, for pin.",
    "DIR/.virt-qm-fleet.jsonl": "What fleets wrote into -o DIR, for --resume.",
    "~/.local/state/virt-qm/fleet.key": "The key that seals those records.",
}
EXAMPLES = {
    "virt-qm to-xml 100 -o 100.xml": "On a node: VM 100 as a domain.",
    "virt-qm define -c qemu+ssh://root@host/system --dry-run /etc/pve/qemu-server": "What a libvirt host would get, and what is lost.",
    "virt-qm plan --to libvirt -c qemu+ssh://root@host/system --upload 100 -o move.sh": "A move with images, as a script.",
    "virt-qm import --all -c qemu:///system --vmid-from 200 --map map.toml -o configs": "All domains of a host as configs.",
    "virt-qm to-xml --pid 4711": "A running QEMU as a domain.",
    "virt-qm diff 100.conf 100.xml": "What a guest would notice.",
    "virt-qm check configs --output-format json": "Findings for a script.",
    "virt-qm show 100 --html 100.html": "Which iothread serves what, as a page.",
}

_ROFF = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "~": r"\(ti", "^": r"\(ha"})

Options = dict[str, str]
"""Option with its value -> what it does."""


def page(main: click.Group) -> str:
    """The whole page."""
    context = click.Context(main, info_name="virt-qm", **main.context_settings)
    contexts = [
        click.Context(command, info_name=name, parent=context)
        for name in main.list_commands(context)
        if (command := main.get_command(context, name))
    ]
    options = [_options(each) for each in contexts]
    count = Counter(option for each in options for option in each.items())
    common = dict(option for option, times in count.items() if times >= COMMON)
    first, *rest = _paragraphs(main.help or "")
    lines = [
        f'.TH VIRT-QM 1 "" "virt-qm {__version__}" "User Commands"',
        *(".SH NAME", rf"virt-qm \- {_text(first[0].lower() + first[1:].rstrip('.'))}"),
        *(".SH SYNOPSIS", r".B virt-qm", r"\fICOMMAND\fR [\fIOPTION\fR]... [\fIARGUMENT\fR]..."),
        *(".SH DESCRIPTION", *_body([first, *rest])),
        ".SH COMMANDS",
    ]
    for each, own in zip(contexts, options, strict=True):
        lines += _command(each, own, common)
    lines += [".SH COMMON OPTIONS", *_terms((common | _options(context)).items())]
    lines += [".SH HOST FACTS", "Keys of --host-fact and of host.toml. On a Proxmox VE node they are read from its files."]
    lines += _terms(FACTS.items())
    lines += [".SH FINDINGS", "What a conversion has to say beside its document. Each kind has a severity:", *_terms(MEANING.items())]
    lines += [".PP", "The kinds, which", r".B virt-qm explain", "tells more about:"]
    lines += _terms((kind, f"({severity}) {meaning}") for kind, (severity, meaning) in KINDS.items())
    for title, entries in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES), ("EXAMPLES", EXAMPLES)):
        lines += [f".SH {title}", *_terms(entries.items())]
    return "\n".join([*lines, ".SH SEE ALSO", r".BR qm (1), virsh (1), qemu\-system\-x86_64 (1)"]) + "\n"


def _command(context: click.Context, options: Options, common: Options) -> Iterator[str]:
    command = context.command
    yield f".SS virt\\-qm {_text(context.info_name or '')} {_text(' '.join(command.collect_usage_pieces(context)))}"
    yield from _body(_paragraphs(command.help or ""))
    yield from _terms((option, text) for option, text in options.items() if common.get(option) != text)
    shared = [option.split(" ")[0].rstrip(",") for option, text in options.items() if common.get(option) == text]
    if shared:
        yield from (".PP", _text(f"Common options: {', '.join(shared)}."))


def _options(context: click.Context) -> Options:
    """Options but --help, which stands with the common ones; arguments are in the usage."""
    params = [param for param in context.command.get_params(context) if isinstance(param, click.Option)]
    if context.parent is not None:
        params = [param for param in params if "--help" not in param.opts]
    return dict(record for param in params if (record := param.get_help_record(context)))


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of a docstring, without its indent; those that keep their lines start with `FIXED`."""
    from inspect import cleandoc

    return [paragraph for paragraph in re.split(r"\n\s*\n", cleandoc(text)) if paragraph.strip()]


def _body(paragraphs: list[str]) -> Iterator[str]:
    for paragraph in paragraphs:
        yield ".PP"
        if paragraph.startswith(FIXED):
            yield from (".nf", *map(_text, paragraph.removeprefix(FIXED).split("\n")), ".fi")
        else:
            yield _text(" ".join(paragraph.split()))


def _terms(terms: Iterable[tuple[str, str]]) -> Iterator[str]:
    """(term, what it is) as tagged paragraphs."""
    for term, text in terms:
        yield from (".TP", rf"\fB{_text(term)}\fR", _text(" ".join(text.split())))


def _text(text: str) -> str:
    """Text without meaning to roff."""
    return (r"\&" if text.startswith((".", "'")) else "") + text.translate(_ROFF)
