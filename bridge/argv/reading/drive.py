"""-drive, the old form of a drive."""

from __future__ import annotations

import re

import msgspec

from ...core.report import BridgeError
from ...model.disk import NetworkHost, Source, Throttle
from .blocks import FORMATS, Image, Tree, drop, limits_of, mebibytes, of_url, portal_host
from .line import Line
from .said import Said, size, switch

_URI = re.compile(r"(iscsi|nbd|http|https|ftp|ftps|ssh|gluster|sheepdog)(?:\+[a-z]+)?:.*", re.DOTALL).fullmatch
_ISCSI = re.compile(r"iscsi://(?:[^@/]*@)?([^/]+)/([^/]+)/([0-9]{1,5})", re.ASCII).fullmatch


def of_drive(line: Line, said: Said) -> Image:
    """The old form. `file` may be a path, a URI, `rbd:…`, or JSON."""
    said.claimed = True
    said.get("id")
    properties = said.properties
    said.expect("if", "none")
    for name in ("index", "bus", "unit"):
        if (place := said.get(name)) is not None:
            line.report.add("normalised", said, f"{name}={place} says nothing of a drive that a device names")
    image = Image(source=Source(kind="empty", where=said), where=said, order=said.order)
    image.cache = _word(said, "cache", CACHES)
    image.cache = {"off": "none"}.get(image.cache or "", image.cache)
    image.direct = image.cache in ("none", "directsync", "off")
    image.no_flush = image.cache == "unsafe"
    cache = properties.get("cache")
    if isinstance(cache, dict):
        image.direct, image.no_flush = bool(switch(cache.pop("direct", None))), bool(switch(cache.pop("no-flush", None)))
        image.cache = "unsafe" if image.no_flush else "none" if image.direct else "writeback"
        drop(properties, "cache")
    for name, words in WORDS.items():
        setattr(image, name, _word(said, name, words))
    image.format = _word(said, "format", tuple(sorted(FORMATS)))
    image.snapshot, image.read_only = said.flag("snapshot"), said.flag("readonly")
    if image.read_only is None:
        image.read_only = said.flag("read-only")
    if (discard := said.peek("discard")) in ("ignore", "off", "on", "unmap"):
        said.get("discard")
        image.discard = "on" if discard in ("on", "unmap") else "ignore"
    if said.peek("detect-zeroes") in ("on", "off", "unmap"):
        image.detect_zeroes = said.get("detect-zeroes")
    limits = properties.get("throttling")
    if isinstance(limits, dict):
        image.throttle = limits_of(limits, "", line.is_pve)
        drop(properties, "throttling")
    for name in _OLD_LIMITS:
        if name in properties:
            value = said.number(name)
            if value:
                image.throttle = image.throttle or Throttle()
                field = _OLD_LIMITS[name]
                setattr(image.throttle, field, mebibytes(value) if field[0] == "m" else str(value))
    image.size = size(said.get("size"))
    image.serial = said.get("serial")
    _drive_source(line, said, image)
    return image


CACHES = ("none", "writeback", "writethrough", "directsync", "unsafe", "off")
POLICIES = ("enospc", "ignore", "report", "stop", "auto")
WORDS = {"aio": ("native", "threads", "io_uring"), "media": ("disk", "cdrom"), "rerror": POLICIES, "werror": POLICIES}


def _word(said: Said, name: str, words: tuple[str, ...]) -> str | None:
    """Take a word that QEMU knows. Raises BridgeError for another."""
    value = said.get(name)
    if value is not None and value not in words:
        raise BridgeError(f"-drive {name}={value[:40]}: QEMU knows {', '.join(words)}", said)
    return value


_OLD_LIMITS = {
    **{f"bps{way}": f"mbps{way}" for way in ("", "_rd", "_wr")},
    **{f"bps{way}_max": f"mbps{way}_max" for way in ("", "_rd", "_wr")},
    **{f"iops{way}{end}": f"iops{way}{end}" for way in ("", "_rd", "_wr") for end in ("", "_max")},
}
"""Names of limits that QEMU still takes at -drive."""


def _drive_source(line: Line, said: Said, image: Image) -> None:
    file = said.properties.get("file")
    if isinstance(file, dict):  # file.driver=…
        tree = Tree(line, said)
        tree.image_ = image
        form = image.format
        tree.walk(file, said, 1)
        image.format = form or image.format
        drop(said.properties, "file")
        return
    text = said.get("file")
    if not text:
        return
    if text.startswith("json:"):
        try:
            node = msgspec.json.decode(text[5:].encode())
        except msgspec.DecodeError:
            node = None
        if isinstance(node, dict):
            said.properties["file"] = node
            _drive_source(line, said, image)
            return
    image.source = source_of(text, said)
    image.source.format = image.format


def source_of(text: str, where: Said) -> Source:
    """What the `file` of an old drive names: `/path`, `rbd:pool/image:…`, `iscsi://…`, `cdrom` of the host."""
    if text.startswith("rbd:"):
        return _rbd(text, where)
    if match := _ISCSI(text):
        return Source(kind="network", protocol="iscsi", name=f"{match[2]}/{match[3]}", hosts=[portal_host(match[1])], where=where)
    if (found := _nbd(text, where)) or (found := of_url(text, where)):
        return found
    if match := _URI(text):
        return Source(kind="network", protocol=match[1], name=text, where=where)
    path = text.removeprefix("file:")
    return Source(kind="block" if path.startswith("/dev/") else "file", path=path, where=where)


_NBD = re.compile(r"nbd(?:\+tcp)?://(\[[^\]]+\]|[^:/?\[]+)(?::([0-9]{1,5}))?(?:/([^?]*))?", re.ASCII | re.DOTALL).fullmatch
_NBD_OLD = re.compile(r"nbd:(\[[^\]]+\]|[^:/]+):([0-9]{1,5})(?::exportname=(.*))?", re.ASCII | re.DOTALL).fullmatch
_NBD_SOCKET = re.compile(r"nbd\+unix:///([^?]*)\?socket=([^&]+)|nbd:unix:([^:]+)(?::exportname=(.*))?", re.DOTALL).fullmatch
NBD_PORT = 10809


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


def _rbd(text: str, where: Said) -> Source:
    parts = re.split(r"(?<!\\):", text)
    source = Source(kind="network", protocol="rbd", name=parts[1], where=where)
    pieces = parts[1].split("/")
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
