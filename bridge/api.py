"""What the commands do, for programs: check, compare, show, and work with a libvirt host. Each raises BridgeError where the command would
end with one line, prints nothing, and hands back findings as data.

`host` is a `HostFacts`, None: nobody told anything. Other keywords are those of `bridge.convert`. A text is a config, a domain XML or a
command line, as bytes or str; `source` says which, and is guessed if left out. `uri` is a libvirt host as virsh takes it, "" its default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.report import BridgeError, Finding
from .host.facts import HostFacts

if TYPE_CHECKING:
    from .guest.diff import Comparison
    from .operations.define import Candidate
    from .operations.importing import Config
    from .operations.plan.step import Plan
    from .show.subject import Subject

Text = str | bytes


def _words(file: str, host: HostFacts | None, source: str | None, keywords: Mapping[str, Any]) -> dict[str, Any]:
    return {"vmid": None, **keywords, "file": file, "host": host or HostFacts(), "source": source}


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def check(
    text: Text, source: str | None = None, *, file: str = "the input", host: HostFacts | None = None, **keywords: Any
) -> list[Finding]:
    """What `virt-qm check` says: what a conversion would find, and what the schemas of libvirt (where it is installed) and of the bridge
    say. An empty list: nothing. Raises BridgeError for what cannot be converted at all."""
    from .operations.check import problems

    return problems(_bytes(text), _words(file, host, source, keywords))


def diff(
    a: Text,
    b: Text,
    *,
    by: str = "model",
    backends: bool = False,
    emulator: str | None = None,
    host: HostFacts | None = None,
    files: tuple[str, str] = ("a", "b"),
    **keywords: Any,
) -> Comparison:
    """What a guest would notice between two VMs: `.same`, `.differences` (what, a, b, importance), `.notes`.

    Both become command lines, and what their options show the guest is compared, with QEMU's defaults. `by`: XML as what qemu-server
    would run after its import (`model`), or as what libvirt here runs (`libvirt`). `backends` adds what no guest sees: iothreads, caches,
    images. `emulator` starts both with that QEMU, paused, under TCG, and compares what it shows (needs qemu.qmp).
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


def show(text: Text, source: str | None = None, *, file: str = "the input", host: HostFacts | None = None, **keywords: Any) -> Subject:
    """One VM at a glance: `.picture` (threads, devices, who serves what), `.facts`, `.advice`, `.findings`, `.slots` (both PCI trees),
    `.documents`. `bridge.show.page.page` makes the HTML page of it, `bridge.show.drawing.alone` the drawing as SVG."""
    from .show.subject import subject

    return subject(text, _words(file, host, source, keywords))


def probe(root: Path | None = None, node: str | None = None) -> HostFacts:
    """The facts of the Proxmox VE node that this runs on: storages, mappings, CPU models, QEMU, CPUs, bridges, PCI devices.

    `root`: a directory that holds a copy of its files, in place of /. `node`: another one of the cluster, of which only what the cluster
    shares is known. Reads files, and asks `qemu-system-x86_64 --version`. Facts that cannot be had are not told.
    """
    from .host.probe import probe as probed

    return probed(root, node)


def define(
    uri: str, vms: Mapping[str, Text], *, replace: bool = False, dry_run: bool = False, host: HostFacts | None = None, **keywords: Any
) -> list[Candidate]:
    """Define VMs as domains of a libvirt host, converted for what that can do, all of them or none; autostart as `onboot` says.

    `vms`: name of the file -> text; a name `100.conf` says the VM's id. Hands back what was defined (with `dry_run`: would be), each with
    `.name`, `.uuid`, `.xml`, `.findings`. Raises BridgeError for a VM that the host cannot run, for one that is there already unless
    `replace`, and `UnclearError` if libvirt died in the middle and it is not known what is defined.
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
    **keywords: Any,
) -> list[Config]:
    """Domains of a libvirt host, by name or UUID, all without any, as configs: `.vmid`, `.text`, `.domain`, `.findings`.

    A VMID comes from the metadata that the bridge wrote, else from a config of the same UUID in the directory `into`, else from
    `first_vmid` on. Nothing is written. `live`: as they run, not as they are defined. Raises BridgeError for the first that cannot be had.
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
    to: str,
    *,
    uri: str = "",
    images: str = "/var/lib/libvirt/images",
    storage: str = "local",
    host: HostFacts | None = None,
    node: HostFacts | None = None,
    keep_going: bool = False,
    **keywords: Any,
) -> Plan:
    """A whole move, `to` libvirt or qemu-server, step by step: `.vms`, each with `.steps`, `.findings` and what stays; `.refused`.

    `vms`: name of the file -> text. To libvirt: `uri` is the host that they move to, "" asks none, `images` the directory of images there.
    To qemu-server: `node` is what is known of the node, `storage` its storage for images. `bridge.operations.plan.script.script` makes the
    shell script of a plan. Raises BridgeError for the first VM that cannot be planned, unless `keep_going`.
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
