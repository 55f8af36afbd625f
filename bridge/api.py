"""What the commands do, for programs: check, compare, show, and work with a libvirt host. Each raises BridgeError where the command would
end with one line, prints nothing, and hands back findings as data.

`host` is a `HostFacts`, None: nobody told anything. Other keywords are those of `bridge.convert`. A text is a config, a domain XML or a
command line, as bytes or str; `source` says which, and is guessed if left out. `uri` is a libvirt host as virsh takes it, "" its default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from .core.literals import Format, Keywords, Reading, Stack, Wishes
from .core.report import BridgeError, Finding
from .host.facts import HostFacts

if TYPE_CHECKING:
    from .guest.diff import Comparison
    from .operations.define import Candidate
    from .operations.importing import Config
    from .operations.plan.step import Plan
    from .show.subject import Subject

Text = str | bytes


def _words(file: str, host: HostFacts | None, source: Format | None, keywords: Mapping[str, Any]) -> dict[str, Any]:
    return {"vmid": None, **keywords, "file": file, "host": host or HostFacts(), "source": source}


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def check(
    text: Text, source: Format | None = None, *, file: str = "the input", host: HostFacts | None = None, **keywords: Unpack[Keywords]
) -> list[Finding]:
    """What `virt-qm check` says: what a conversion would find, and what the schemas of libvirt (where it is installed) and of the bridge
    say.

    Gives: findings, in the order in which they were met; none: there is nothing to say. `bridge.SEVERITIES` sorts them.
    Units: none of its own; messages quote the text.
    Raises: BridgeError for what cannot be converted at all.
    Source: any text; `file` is its name in findings.
    """
    from .operations.check import problems

    return problems(_bytes(text), _words(file, host, source, keywords))


def diff(
    a: Text,
    b: Text,
    *,
    by: Reading = "model",
    backends: bool = False,
    emulator: str | None = None,
    host: HostFacts | None = None,
    files: tuple[str, str] = ("a", "b"),
    **keywords: Unpack[Keywords],
) -> Comparison:
    """What a guest would notice between two VMs.

    Both become command lines, and what their options show the guest is compared, with QEMU's defaults. `by`: XML as what qemu-server
    would run after its import (`model`), or as what libvirt here runs (`libvirt`). `backends` adds what no guest sees: iothreads, caches,
    images. `emulator` starts both with that QEMU, paused, under TCG, and compares what it shows (needs qemu.qmp).

    Gives: `.same`; `.differences`, the most important first, each with `.importance` (a `bridge.Importance`), `.what`, `.a`, `.b`;
        `.notes`, on how the two were read.
    Units: values are texts as QEMU's options have them: sizes in MiB or as they were written, addresses `0xSLOT.FUNCTION`.
    Raises: BridgeError for what cannot be read, what QEMU would refuse, and a machine that does not start.
    Source: any two texts, of different formats too; `files` are their names.
    """
    from .data.gates import qemu_version
    from .guest.diff import diff as compared
    from .guest.side import side

    facts = host or HostFacts()
    words = [_words(file, facts, None, keywords) for file in files]
    newest = qemu_version(facts.qemu_version, facts.qemu_server)

    def sides(libvirt: Any) -> Comparison:
        first, second = (side(_bytes(text), each, by, libvirt) for text, each in zip((a, b), words, strict=True))
        return compared(first, second, newest=newest, backends=backends, emulator=emulator)

    if by == "model":
        return sides(None)
    from .guest.native import Embedded

    with Embedded() as libvirt:
        return sides(libvirt)


def show(
    text: Text, source: Format | None = None, *, file: str = "the input", host: HostFacts | None = None, **keywords: Unpack[Keywords]
) -> Subject:
    """One VM at a glance; nothing is changed.

    Gives: `.picture` (threads, devices, who serves which queues), `.facts` ((what, its words) pairs), `.advice` (lines), `.findings`,
        `.slots` (both PCI trees), `.documents` (the VM in each format). `bridge.show.page.page` makes the HTML page of it,
        `bridge.show.drawing.alone` the drawing as SVG.
    Units: sizes and rates are words with their unit; CPUs are host CPU numbers as in `2-6`; queues count from 0.
    Raises: BridgeError for what is not a VM in any of the formats.
    Source: any text; `file` is its name.
    """
    from .show.subject import subject

    return subject(text, _words(file, host, source, keywords))


def probe(root: Path | None = None, node: str | None = None) -> HostFacts:
    """The facts of the Proxmox VE node that this runs on: storages, mappings, CPU models, QEMU, CPUs, bridges, PCI devices.

    `root`: a directory that holds a copy of its files, in place of /. `node`: another one of the cluster, of which only what the cluster
    shares is known.

    Gives: a `HostFacts`; facts that cannot be had are not told in it.
    Units: those of `HostFacts`: memory in MiB, CPUs counted, versions as texts.
    Raises: BridgeError for a file of the node that cannot be understood.
    Source: files under `root` (/etc/pve, /sys, /proc), and `qemu-system-x86_64 --version`.
    """
    from .host.probe import probe as probed

    return probed(root, node)


def define(
    uri: str,
    vms: Mapping[str, Text],
    *,
    replace: bool = False,
    dry_run: bool = False,
    host: HostFacts | None = None,
    **keywords: Unpack[Keywords],
) -> list[Candidate]:
    """Define VMs as domains of a libvirt host, converted for what that can do, all of them or none; autostart as `onboot` says.

    Gives: what was defined (with `dry_run`: would be), in the order of `vms`: `.file`, `.name`, `.uuid`, `.xml`, `.findings`.
    Units: none of its own.
    Raises: BridgeError for a VM that the host cannot run, and for one that is there already unless `replace`; `UnclearError`, a
        BridgeError, if libvirt died in the middle and it is not known what is defined.
    Source: `vms` maps the name of a file to its text; a name `100.conf` says the VM's id. The host is asked what it can do.
    """
    from .core.files import vmid_of
    from .libvirt.host.connect import Connection
    from .operations.define import Host, clashes, prepare

    with Connection(uri) as connection:
        asked = Host(connection)
        candidates = []
        for file, text in vms.items():
            words = {**_words(file, host, None, keywords), "vmid": keywords.get("vmid") or vmid_of(file)}
            candidates.append(prepare(asked, file, _bytes(text), words))
        for _, error in clashes(candidates, connection.domains(), replace):
            raise error
        if not dry_run:
            connection.define([candidate.definition(replace) for candidate in candidates])
    return candidates


def import_domains(
    uri: str,
    names: Sequence[str] = (),
    *,
    first_vmid: int | None = None,
    live: bool = False,
    into: Path | None = None,
    host: HostFacts | None = None,
    **keywords: Unpack[Wishes],
) -> list[Config]:
    """Domains of a libvirt host, by name or UUID, all without any, as configs. Nothing is written. `live`: as they run, not as they are
    defined.

    Gives: `.vmid`, `.text` (the config), `.domain` (`.name`, `.uuid`, `.active`, `.autostart`), `.findings` of each, in libvirt's order.
    Units: those of a config: memory in MiB.
    Raises: BridgeError for the first domain that cannot be had, or has no id.
    Source: the host's definitions. A VMID comes from the metadata that the bridge wrote, else from a config of the same UUID in the
        directory `into`, else from `first_vmid` on.
    """
    from .libvirt.host.connect import Connection
    from .operations.importing import config, dumped, ids_of, numbered, wanted

    words = {**keywords, "host": host or HostFacts()}
    with Connection(uri) as connection:
        found = [dumped(connection, domain, live) for domain in wanted(connection, names, live)]
    kept = ids_of(into)
    configs = []
    for each, vmid in numbered(found, first_vmid, frozenset(kept.values()), kept):
        if isinstance(vmid, BridgeError):
            raise vmid
        configs.append(config(each, vmid, words))
    return configs


def plan(
    vms: Mapping[str, Text],
    to: Stack,
    *,
    uri: str = "",
    images: str = "/var/lib/libvirt/images",
    storage: str = "local",
    host: HostFacts | None = None,
    node: HostFacts | None = None,
    keep_going: bool = False,
    **keywords: Unpack[Keywords],
) -> Plan:
    """A whole move, step by step; nothing is moved.

    To libvirt: `uri` is the host that they move to, "" asks none, `images` the directory of images there. To qemu-server: `node` is what
    is known of the node, `storage` its storage for images.

    Gives: `.vms`, each with `.steps`, `.findings` and what stays; `.refused`. `bridge.operations.plan.script.script` makes the shell
        script of it.
    Units: sizes of images are bytes.
    Raises: BridgeError for the first VM that cannot be planned, unless `keep_going`; ValueError for another `to`.
    Source: `vms` maps the name of a file to its text; a name `100.conf` says the VM's id.
    """
    from contextlib import ExitStack

    from .core.files import vmid_of
    from .operations.plan import to_libvirt, to_qemuserver
    from .operations.plan.given import Input

    inputs = [
        Input(file, _bytes(text), {**_words(file, host, None, keywords), "vmid": keywords.get("vmid") or vmid_of(file)})
        for file, text in vms.items()
    ]
    if to == "qemu-server":
        wish = to_qemuserver.Wish(storage, node or HostFacts(), "/etc/pve/qemu-server", keep_going=keep_going)
        return to_qemuserver.plan(inputs, wish)
    if to != "libvirt":
        raise ValueError("a plan is to libvirt or to qemu-server")
    from .libvirt.host.connect import Connection
    from .operations.define import Host

    with ExitStack() as stack:
        asked = Host(stack.enter_context(Connection(uri))) if uri else None
        return to_libvirt.plan(inputs, to_libvirt.Wish(uri, images, images, keep_going=keep_going), asked)
