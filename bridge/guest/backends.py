"""Drives behind devices: what of them the guest sees (is it read-only, is a medium in it), and the host's part."""

from __future__ import annotations

from typing import Any

from .said import DEEPEST, Fields, Said
from .values import plain, word

FORMATS = frozenset(
    ("bochs", "cloop", "copy-on-read", "dmg", "luks", "parallels", "qcow", "qcow2", "qed", "raw", "vdi", "vhdx", "vmdk", "vpc")
)
FILTERS = frozenset(("throttle",))
DRIVE_GUEST = frozenset(("file", "id", "if", "media", "readonly", "rerror", "werror"))
UNCACHED = frozenset(("directsync", "writethrough"))
"""-drive cache= that makes a disk say it has no write cache."""


def chain(said: Said, name: str) -> list[Fields]:
    """A node and what it stands on, from the top; backing files are not part of it."""
    found: list[Fields] = []
    node: Any = said.nodes.get(name)
    while isinstance(node, dict) and len(found) < DEEPEST:
        found.append(node)
        below = node.get("file")
        node = said.nodes.get(below) if isinstance(below, str) else below
    return found


def visible(said: Said, name: str, cd: bool) -> Fields:
    """The properties that a drive gives to its device where the device itself says nothing."""
    found: Fields = {"medium": "in"}
    drive = said.drives.get(name)
    if drive is not None:
        if not drive.get("file"):
            found["medium"] = "none"
        if plain(drive.get("readonly", drive.get("read-only", "off"))) == "on" and not cd:
            found["read-only"] = "on"
        if drive.get("cache") in UNCACHED and not cd:
            found["write-cache"] = "off"
        found |= {key: drive[key] for key in ("rerror", "werror") if key in drive}
        return found
    if not cd and any(plain(node.get("read-only", "off")) == "on" for node in chain(said, name)):
        found["read-only"] = "on"
    return found


def hidden(said: Said, name: str) -> dict[str, str]:
    """The host's part: what holds the image and how it is opened."""
    drive = said.drives.get(name)
    if drive is not None:
        file = word(drive.get("file", ""))
        found = {key: plain(value) for key, value in drive.items() if key not in DRIVE_GUEST}
        return found | {"file": file, "format": word(drive.get("format", "raw")), "cache": word(drive.get("cache", "writeback"))}
    found = {"format": "raw"}
    for node in chain(said, name):
        driver = word(node.get("driver", ""))
        if driver in FORMATS:
            found["format"] = driver
        elif driver not in FILTERS:
            found["protocol"] = "host_device" if driver == "host_cdrom" else driver
            found |= {key: plain(value) for key, value in node.items() if key not in ("driver", "node-name", "read-only", "file")}
        for key in ("cache", "discard", "detect-zeroes"):
            if key in node:
                found[key] = plain(node[key])
        group = said.objects.get(word(node.get("throttle-group", "")), {})
        limits = group.get("limits") or {key.removeprefix("x-"): value for key, value in group.items() if key.startswith("x-")}
        if limits:
            found["throttle"] = plain(limits)
    return found


def file_of(said: Said, name: str) -> tuple[str, Any]:
    """(path or other name of the image, size that the node is cut to or None) of a node."""
    path, cut = "", None
    for node in chain(said, name):
        cut = node.get("size", cut)
        path = word(node.get("filename", node.get("image", path)))
    return path, cut
