"""-blockdev trees: throttle over format over protocol node (qemu-server 9.2.6, Blockdev.pm; machine 10.0 and later).

The tree of the shared-iothreads RFC says less on the upper nodes (rfc-iothreads.md); `rfc` asks for that form.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ..core.report import BridgeError
from ..core.rows import Row
from ..host.facts import HostFacts
from ..host.storage import Location, blockdev_options, hint
from ..model.disk import Throttle

AIO_DRIVERS = ("file", "host_cdrom", "host_device")
"""Protocol drivers that have an aio setting."""

_WAYS = (("", "-total"), ("_rd", "-read"), ("_wr", "-write"))

ROWS = tuple(
    Row(f"{field}{way}{end}", f"-object {name}{word}{what}", code=True)
    for way, word in _WAYS
    for field, name, end, what in (
        ("mbps", "bps", "", ""),
        ("mbps", "bps", "_max", "-max"),
        ("bps", "bps", "_max_length", "-max-length"),
        ("iops", "iops", "", ""),
        ("iops", "iops", "_max", "-max"),
        ("iops", "iops", "_max_length", "-max-length"),
    )
)
"""Limits, in a throttle group."""


def must_be_known(location: Location, host: HostFacts, key: str, where: object) -> None:
    """Raises BridgeError for a volume that nobody knows the place of: there is nothing to open."""
    if location.kind == "volume":
        doubt = location.doubt or f"the place of '{location.volid}' is not known"
        raise BridgeError(f"{key}: {doubt}: {hint(host, location.volid)}", where)


class Tree:
    """A drive's nodes. `key` and `volid` make the node names; `cache` and `discard` are the drive's words."""

    def __init__(
        self, key: str, location: Location, *, format: str, cache: str | None, aio: str, discard: str | None,  # noqa: A002
        detect_zeroes: str, cdrom: bool = False, read_only: bool = False, rfc: bool = False,
    ) -> None:  # fmt: skip
        self.key = key
        self.location = location
        self.format = format
        self.cdrom = cdrom
        self.rfc = rfc
        self.aio = aio
        self.cache = {"direct": cache in ("none", "directsync"), "no-flush": cache == "unsafe"}
        read = {"read-only": read_only or cdrom}
        self.common: dict[str, Any] = read
        if not cdrom:
            self.common = {"detect-zeroes": detect_zeroes, "discard": "unmap" if discard == "on" else "ignore", **read}
        self.upper = read if rfc else self.common

    def file(self, snapshot: str | None = None, path: str | None = None) -> dict[str, Any]:
        node = blockdev_options(self.location, self.cdrom)
        if path is not None:
            node["filename"] = path
        if node["driver"] in AIO_DRIVERS:
            node["aio"] = self.aio
        node["cache"] = self.cache
        node["node-name"] = node_name("e", self.key, self.location.volid, snapshot)
        node |= self.common
        return node

    def formatted(self, child: dict[str, Any], snapshot: str | None = None, size: int | None = None) -> dict[str, Any]:
        node = {
            "node-name": node_name("f", self.key, self.location.volid, snapshot),
            "driver": self.format,
            "file": child,
            "cache": self.cache,
            **self.upper,
        }
        if size is not None:
            node["size"] = size
        if self.location.volume_chain and not self.rfc:
            node["discard-no-unref"] = True
        return node

    def below_throttle(self, size: int | None = None) -> dict[str, Any]:
        """The protocol node and the format node on it, with the chain of snapshot volumes."""
        child = self.file()
        if self.location.protocol == "nbd":
            return child
        top = self.formatted(child, size=size)
        above = top
        for snapshot, path in self.location.chain:
            layer = self.formatted(self.file(snapshot, path), snapshot)
            above["backing"] = layer
            above = layer
        return top

    def throttled(self, size: int | None = None) -> dict[str, Any]:
        """The whole tree, with the name that the device uses on top."""
        node = {
            "driver": "throttle",
            "node-name": f"drive-{self.key}",
            "throttle-group": f"throttle-drive-{self.key}",
            "file": self.below_throttle(size),
        }
        return node if self.rfc else node | self.common

    def bare(self) -> dict[str, Any]:
        """Without throttle: what scsi-block needs for its ioctls."""
        return self.below_throttle() | {"node-name": f"drive-{self.key}"}


def node_name(prefix: str, key: str, volid: str, snapshot: str | None = None) -> str:
    """`e` (protocol) or `f` (format) and 30 digits of a hash over drive, snapshot and volume."""
    info = f"drive={key},volid={volid}" if snapshot is None else f"drive={key},snap={snapshot},volid={volid}"
    return prefix + sha256(info.encode()).hexdigest()[:30]


def throttle_group(key: str, limits: Throttle | None) -> dict[str, Any]:
    return {"id": f"throttle-drive-{key}", "limits": {} if limits is None else group_limits(limits), "qom-type": "throttle-group"}


def group_limits(limits: Throttle) -> dict[str, int]:
    """The limits in QEMU's words and units: {bps-total-max: bytes, iops-read: operations, ...}."""
    return {name + what: value for name, what, value, _ in said_limits(limits)}


def said_limits(limits: Throttle) -> list[tuple[str, str, int, str]]:
    """[(`bps` or `iops`, `-total-max`, value, text)], in qemu-server's order; a plain 0 is no limit."""
    found = []
    for way, word in _WAYS:
        for field, name, end in (
            (f"mbps{way}", "bps", ""),
            (f"mbps{way}_max", "bps", "-max"),
            (f"bps{way}_max_length", "bps", "-max-length"),
            (f"iops{way}", "iops", ""),
            (f"iops{way}_max", "iops", "-max"),
            (f"iops{way}_max_length", "iops", "-max-length"),
        ):
            text = getattr(limits, field)
            if text is not None and text != "0":
                value = int(float(text) * 1024 * 1024) if field[0] == "m" else int(text)
                found.append((name, word + end, value, str(value) if field[0] == "m" else text))
    return found
