"""What the `file` of an old drive names: a path, or an image behind a protocol (QEMU 10.0, block/*.c, `bdrv_parse_filename`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from ...core.report import BridgeError
from ...model.disk import NetworkHost, Source
from .line import Line
from .said import Said

FORMS = {
    "ftp": "ftp://HOST[:PORT]/PATH",
    "ftps": "ftps://HOST[:PORT]/PATH",
    "gluster": "gluster://HOST[:PORT]/VOLUME/PATH",
    "http": "http://HOST[:PORT]/PATH",
    "https": "https://HOST[:PORT]/PATH",
    "iscsi": "iscsi://HOST[:PORT]/TARGET/LUN",
    "nbd": "nbd://HOST[:PORT]/EXPORT",
    "nfs": "nfs://HOST/PATH",
    "rbd": "rbd:POOL/IMAGE",
    "ssh": "ssh://HOST[:PORT]/PATH",
}
REMOVED = frozenset(("archipelago", "sheepdog", "vxhs"))
"""Protocols that QEMU had until 6.1."""
PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990}
NBD_PORT = 10809
_PROTOCOL = re.compile(r"([a-z][a-z0-9_-]*)(?:\+[a-z]+)?:", re.ASCII).match
_URL = re.compile(r"(https?|ftps?)://(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)(?::([0-9]{1,5}))?/(.*)", re.DOTALL).fullmatch
_USER = re.compile(r"[a-z+]+://([^@/]+)@", re.ASCII).match
_ISCSI = re.compile(r"iscsi://(?:[^@/]*@)?([^/]+)/([^/]+)/([0-9]{1,5})", re.ASCII).fullmatch
_NBD = re.compile(r"nbd(?:\+tcp)?://(\[[^\]]+\]|[^:/?\[]+)(?::([0-9]{1,5}))?(?:/([^?]*))?", re.ASCII | re.DOTALL).fullmatch
_NBD_OLD = re.compile(r"nbd:(\[[^\]]+\]|[^:/]+):([0-9]{1,5})(?::exportname=(.*))?", re.ASCII | re.DOTALL).fullmatch
_NBD_SOCKET = re.compile(r"nbd\+unix:///([^?]*)\?socket=([^&]+)|nbd:unix:([^:]+)(?::exportname=(.*))?", re.DOTALL).fullmatch
_SERVER = re.compile(
    r"(ssh|nfs|gluster)(?:\+tcp)?://(?:[^@/]*@)?(\[[^\]]+\]|[^:/?\[]+)(?::([0-9]{1,5}))?(/[^?]+)(?:\?(.*))?", re.ASCII | re.DOTALL
).fullmatch
_GLUSTER_SOCKET = re.compile(r"gluster\+unix:///([^/?]+/[^?]+)\?socket=([^&]+)", re.DOTALL).fullmatch


def source_of(line: Line, text: str, where: Said) -> Source | None:
    """What `text` names; None for a protocol that is QEMU's own business (`fat:`, `blkdebug:`).

    Raises BridgeError for a URI that QEMU would refuse. What it says beside the place of the image becomes a finding.
    """
    match = _PROTOCOL(text)
    protocol = match[1] if match is not None else "file"
    if protocol in REMOVED:
        raise BridgeError(f"'{text[:60]}': QEMU has removed the protocol {protocol}: copy the image to where QEMU reaches it", where)
    if protocol not in FORMS:
        path = text.removeprefix("file:")
        known = match is None or protocol == "file"
        return Source(kind="block" if path.startswith("/dev/") else "file", path=path, where=where) if known else None
    source = READERS.get(protocol, _of_server)(text, where)
    if source is None:
        raise BridgeError(f"'{text[:60]}' is not an image of {protocol} that QEMU knows: write {FORMS[protocol]}", where)
    if user := _USER(text):
        name = user[1].partition(":")[0].partition("%")[0]
        message = f"the user '{name}' of {protocol}, and a password with it, are left behind"
        line.report.add("secret-left-out", where, message, "libvirt keeps it in a secret; a storage of qemu-server has it in its own file")
    query = (_SERVER(text) or (None,) * 6)[5]
    if query:
        line.report.add("host-lost", where, f"'{str(query)[:60]}' of the URI has no counterpart here")
    return source


def of_url(text: str, where: Said) -> Source | None:
    """`https://host:port/name` and the like; None for another text."""
    match = _URL(text)
    if match is None:
        return None
    host = NetworkHost(name=match[2].strip("[]"), port=int(match[3]) if match[3] else PORTS[match[1]])
    return Source(kind="network", protocol=match[1], name=match[4], hosts=[host], where=where)


def portal_host(text: str) -> NetworkHost:
    name, colon, port = text.rpartition(":")
    if colon and port.isdigit() and "]" not in port:
        return NetworkHost(name=name.strip("[]"), port=int(port))
    return NetworkHost(name=text)


def _of_server(text: str, where: Said) -> Source | None:
    """ssh, nfs, gluster: a server and a path on it."""
    if match := _GLUSTER_SOCKET(text):
        host = NetworkHost(transport="unix", socket=unquote(match[2]))
        return Source(kind="network", protocol="gluster", name=unquote(match[1]), hosts=[host], where=where)
    match = _SERVER(text)
    if match is None:
        return None
    path = unquote(match[4])
    if match[1] == "gluster":
        path = path[1:]
        if not all(path.partition("/")[::2]):
            return None
    host = NetworkHost(name=match[2].strip("[]"), port=int(match[3]) if match[3] else None)
    return Source(kind="network", protocol=match[1], name=path, hosts=[host], where=where)


def _iscsi(text: str, where: Said) -> Source | None:
    match = _ISCSI(text)
    if match is None:
        return None
    return Source(kind="network", protocol="iscsi", name=f"{match[2]}/{match[3]}", hosts=[portal_host(match[1])], where=where)


def _nbd(text: str, where: Said) -> Source | None:
    """`nbd://host/export`, `nbd+unix:///export?socket=PATH`, and what they were before there were URIs (block/nbd.c)."""
    source = Source(kind="network", protocol="nbd", where=where)
    if match := _NBD_SOCKET(text):
        source.name = (match[1] or match[4]) or None
        source.hosts = [NetworkHost(transport="unix", socket=match[2] or match[3])]
        return source
    if match := _NBD(text) or _NBD_OLD(text):
        source.name = match[3] or None
        source.hosts = [NetworkHost(name=match[1].strip("[]"), port=int(match[2]) if match[2] else NBD_PORT)]
        return source
    return None


def _rbd(text: str, where: Said) -> Source | None:
    parts = re.split(r"(?<!\\):", text)
    source = Source(kind="network", protocol="rbd", name=parts[1], where=where)
    pieces = parts[1].split("/")
    if len(pieces) < 2 or not all(pieces):
        return None
    if len(pieces) == 3:
        source.namespace, source.name = pieces[1], f"{pieces[0]}/{pieces[2]}"
    for part in parts[2:]:
        key, _, value = part.partition("=")
        if key == "conf":
            source.conf = value
        elif key == "id":
            source.user = value
        elif key == "mon_host":
            source.hosts = [portal_host(host) for host in value.replace("\\:", ":").split(";")]
    return source


READERS: dict[str, Callable[[str, Said], Source | None]] = {
    "iscsi": _iscsi, "nbd": _nbd, "rbd": _rbd, **dict.fromkeys(("http", "https", "ftp", "ftps"), of_url)
}  # fmt: skip
