"""-drive, the old form of a drive."""

from __future__ import annotations

import re

import msgspec

from ...core.report import BridgeError
from ...model.disk import Source, Throttle
from .blocks import FORMATS, Image, Tree, drop, limits_of, mebibytes
from .caching import mode_of, take_caching
from .line import Line
from .said import Said, size
from .uri import source_of


def of_drive(line: Line, said: Said) -> Image:
    """The old form. `file` may be a path, a URI, `rbd:…`, or JSON."""
    said.claim()
    own = said.take("id")
    properties = said.properties
    said.expect("if", "none")
    for name in ("index", "bus", "unit"):
        if (place := said.take(name)) is not None:
            line.report.add("normalised", said, f"{name}={place} says nothing of a drive that a device names")
    image = Image(source=Source(kind="empty", where=said), where=said, order=said.order)
    if (caching := take_caching(said)) is not None:
        image.caching, image.cache = caching, mode_of(line, said, caching)
    for name, words in WORDS.items():
        setattr(image, name, _word(said, name, words))
    image.format = _word(said, "format", tuple(sorted(FORMATS)))
    image.snapshot, image.read_only = said.flag("snapshot"), said.flag("readonly")
    if image.read_only is None:
        image.read_only = said.flag("read-only")
    if (discard := said.peek("discard")) in ("ignore", "off", "on", "unmap"):
        said.take("discard")
        image.discard = "on" if discard in ("on", "unmap") else "ignore"
    if said.peek("detect-zeroes") in ("on", "off", "unmap"):
        image.detect_zeroes = said.take("detect-zeroes")
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
    image.size = size(said.take("size"))
    image.serial = said.take("serial")
    image.drive = _name(own or "", image)
    _drive_source(line, said, image)
    return image


def _name(name: str, image: Image) -> str | None:
    """That of a drive without one is QEMU's own (blockdev.c, drive_new)."""
    match = _UNNAMED(name)
    return f"{match[1]}0-{'cd' if image.media == 'cdrom' else 'hd'}{match[2]}" if match else name or None


_UNNAMED = re.compile(r"(ide|scsi)([0-9]+)-drive").fullmatch


POLICIES = ("enospc", "ignore", "report", "stop", "auto")
WORDS = {"aio": ("native", "threads", "io_uring"), "media": ("disk", "cdrom"), "rerror": POLICIES, "werror": POLICIES}


def _word(said: Said, name: str, words: tuple[str, ...]) -> str | None:
    """Take a word that QEMU knows. Raises BridgeError for another."""
    value = said.take(name)
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
    text = said.take("file")
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
    source = source_of(line, text, said)
    if source is None:
        image.plain = False
        said.properties["file"] = text
        return
    image.source = source
    image.source.format = image.format
