"""One of two VMs to compare: a config, a domain XML or a command line, brought to a command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from ..argv.read import CommandLine, read
from ..convert import DEFAULT_VMID, convert, detect
from ..core.literals import Format, Reading
from ..core.report import BridgeError, Finding
from ..data.options import DRIVES
from ..host.facts import HostFacts
from ..host.storage import hint
from ..host.storagecfg import Storage
from ..host.volid import volume_id
from ..host.volume import rbd_path, split_volume_id
from ..libvirt.tree.parse import tree
from ..model.disk import NetworkHost, Source
from ..qemuserver.text import parse

if TYPE_CHECKING:
    from .native import Embedded

PROVES = {
    "conf": "the command line that qemu-server would run on the host of the given facts",
    "argv": "the command line as it is",
    "model": "what qemu-server would run once the domain is imported, devices at qemu-server's places; not what libvirt runs",
    "libvirt": "the command line that libvirt here runs for this domain",
}
"""How a side became a command line -> what the comparison then says."""


class Side(NamedTuple):
    """`by` is a key of PROVES, `line` what is compared, `findings` what its conversion had to say."""

    file: str
    format: Format
    by: str
    line: CommandLine
    findings: list[Finding]


def side(text: bytes, keywords: dict[str, Any], by: Reading | None, libvirt: Embedded | None) -> Side:
    """`keywords` are those of `bridge.convert`. `by`: `model` or `libvirt` for XML; None takes libvirt's if it can be had.

    Raises BridgeError for what cannot be read or converted, and for `libvirt` where there is none.
    """
    file = keywords["file"]
    source = keywords.get("source") or detect(text)
    if source == "argv":
        return Side(file, source, "argv", read(text, file), [])
    if source == "xml" and by != "model" and libvirt is not None:
        try:
            native = libvirt.native(text)
            changed = [Finding("not-applied", "host", file, what, "compared as if it were here") for what in native.changed]
            return Side(file, source, "libvirt", read(native.words + native.plugged, file), changed)
        except BridgeError as error:
            if by == "libvirt":
                raise
            made = _model(text, source, keywords)
            note = Finding("not-applied", "host", file, f"libvirt did not give its command line: {error}", "the model's is compared")
            return made._replace(findings=[*made.findings, note])
    return _model(text, source, keywords)


def _model(text: bytes, source: Format, keywords: dict[str, Any]) -> Side:
    file, host = keywords["file"], keywords["host"]
    keywords = {**keywords, "source": source, "args": True}  # they are compared, whoever wrote them
    pools = _pools(text, host) if source == "xml" else {}
    keywords["host"] = replace(host, storages={**host.storages, **pools})
    config = convert(text, "conf", **keywords)
    there = {**pools, **_stand_ins(config.text, keywords["host"])}
    if there:
        keywords["host"] = replace(host, storages={**host.storages, **there})
    result = convert(text, "argv", **keywords)
    line = read(result.argv or [], file)
    told = [_of_stand_in(storage, host, file) for storage in there.values()]
    return Side(file, source, "conf" if source == "conf" else "model", line, [*result.findings, *told])


def _of_stand_in(storage: Storage, host: HostFacts, file: str) -> Finding:
    """Where the host's storages are known, qemu-server would not start the VM; no conversion says so any more."""
    if storage.type == "rbd":
        pool = rbd_path(storage, "").rstrip("/")
        message = f"storage '{storage.id}' stands in for the Ceph pool '{pool}': no guest sees where its images are"
        return Finding("assumed", "note", file, message, f"--storage {pool}=STORAGE")
    if not host.storages_known:
        message = f"storage '{storage.id}' is a stand-in: no guest sees where its volumes are"
        return Finding("assumed", "note", file, message, hint(host, storage.id))
    message = f"storage '{storage.id}' does not exist on the host: a stand-in is compared, as no guest sees where its volumes are"
    return Finding("storage-unknown", "data", file, message, hint(host, storage.id))


def _pools(xml: bytes, host: HostFacts) -> dict[str, Storage]:
    """A storage for each Ceph pool of the XML for which there is none, under the name that a map gives it, or under one of its own."""
    found: dict[str, Storage] = {}
    for source in _ceph(xml):
        path = (source.name or "").rpartition("/")[0]
        pool, _, namespace = path.partition("/")
        mapped = host.storage_map.get(path) or host.storage_map.get(pool)
        name = mapped or re.sub(r"[^A-Za-z0-9]", "-", f"stand-in-{path}").rstrip("-")
        if pool and name not in host.storages and (mapped or not _is_held(source, host)):
            found.setdefault(name, Storage(id=name, type="rbd", pool=pool, namespace=namespace or None, content=frozenset(("images",))))
    return found


def _ceph(xml: bytes) -> Iterator[Source]:
    """The images of an XML that Ceph has, each with its servers."""
    devices = tree(xml).peek("devices")
    for disk in devices.children if devices is not None else ():
        node = disk.peek("source") if disk.tag == "disk" else None
        if node is not None and node.attrib.get("protocol") == "rbd":
            servers = [NetworkHost(name=child.attrib.get("name")) for child in node.children if child.tag == "host"]
            yield Source(kind="network", protocol="rbd", name=node.attrib.get("name"), hosts=servers)


def _is_held(image: Source, host: HostFacts) -> bool:
    """Whether a storage of the facts holds the image."""
    found = volume_id(host, image, DEFAULT_VMID)
    return found is not None and found.volid is not None


def _stand_ins(config: str, host: HostFacts) -> dict[str, Storage]:
    """Storages that nobody told of, of a kind that has volumes of these names."""
    found = {}
    for key, entry in parse(config).main.entries.items():
        parts = split_volume_id(entry.value.split(",")[0].removeprefix("file=").removeprefix("volume=")) if key in DRIVES else None
        if parts is None or parts[0] in host.storages:
            continue
        name, volume = parts
        if IN_DIRECTORY(volume):
            found[name] = Storage(id=name, type="dir", path=f"/stand-in/{name}", content=frozenset(("images", "iso")))
        else:
            found.setdefault(name, Storage(id=name, type="zfspool", pool=name, content=frozenset(("images",))))
    return found


IN_DIRECTORY = re.compile(r"(?:[0-9]+|iso|import)/").match
"""How a volume's name begins on a storage of files; on others it may be a clone: base-9-disk-0/vm-100-disk-0."""
