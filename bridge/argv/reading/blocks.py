"""Drives behind devices: trees of -blockdev (throttle over format over protocol, by name or inside each other), and -drive."""

from __future__ import annotations

from typing import Any

import msgspec

from ...core.report import BridgeError
from ...model.disk import NetworkHost, Source, Throttle
from ..blockdev import ROWS as THROTTLE_ROWS
from .caching import Caching
from .line import Line
from .said import Said, number, spelled, switch
from .uri import of_url, portal_host

FORMATS = frozenset(("raw", "qcow2", "qcow", "qed", "vmdk", "vdi", "vhdx", "vpc", "parallels", "bochs", "cloop", "dmg", "luks"))
FILES = frozenset(("file", "host_device", "host_cdrom"))
NETWORK = frozenset(("rbd", "iscsi", "nbd", "gluster", "http", "https", "ftp", "ftps", "ssh", "nfs", "vxhs"))
DEEPEST = 64
HOST_SIDE = frozenset((
    *("aio-max-batch", "cache-clean-interval", "cache-size", "check-cache-dropped", "cookie", "cookie-secret", "debug", "drop-cache"),
    *("group", "host-key-check", "l2-cache-entry-size", "l2-cache-size", "lazy-refcounts", "locking", "logfile", "open-timeout"),
    *("overlap-check", "pass-discard-other", "pass-discard-request", "pass-discard-snapshot", "password-secret", "pr-manager"),
    *("proxy-password-secret", "proxy-username", "readahead", "reconnect-delay", "refcount-cache-size", "sslverify", "timeout"),
    *("tls-creds", "tls-hostname", "user", "username"),
))  # fmt: skip
"""Properties of block nodes about how the process gets at the image (QEMU 10.0, qapi/block-core.json)."""
Node = dict[str, Any]

_FIELDS = {row.place.removeprefix("-object "): row.field for row in THROTTLE_ROWS}
"""`bps-total-max` -> `mbps_max`."""
MIB = 1 << 20


class Image(msgspec.Struct, kw_only=True):
    """A drive's images and how they are opened; `left` are properties of nodes that nobody knows: (where, name, value)."""

    source: Source
    format: str | None = None
    caching: Caching = Caching()
    aio: str | None = None
    discard: str | None = None
    detect_zeroes: str | None = None
    read_only: bool | None = None
    snapshot: bool | None = None
    throttle: Throttle | None = None
    throttled: bool = False
    cache: str | None = None
    rerror: str | None = None
    werror: str | None = None
    media: str | None = None
    size: int | None = None
    serial: str | None = None
    name: str | None = None
    """Of the protocol node."""
    drive: str | None = None
    """The name of a -drive."""
    where: Said | None = None
    order: list[str] = []
    plain: bool = True
    """Whether a model of a drive can hold all this."""


def image_of(line: Line, name: str) -> Image | None:
    """What a device's `drive=` names; None if nothing has that name. Its nodes are taken.

    Raises BridgeError for a -drive of two devices."""
    if name in line.nodes:
        return Tree(line, fresh(line.nodes[name])).image()
    if name in line.drives:
        from .drive import of_drive

        if id(line.drives[name]) in line.used:
            raise BridgeError(f"two devices have the drive '{name[:40]}': QEMU refuses that", line.drives[name])
        line.used.add(id(line.drives[name]))
        return of_drive(line, line.drives[name])
    return None


def fresh(said: Said) -> Said:
    """A node that several stand on, as it was before the first of them took it."""
    return said.again() if said.claimed else said


class Tree:
    """Walks down from a node; each Said on the way is claimed, and loses what is known."""

    def __init__(self, line: Line, top: Said) -> None:
        self.line = line
        self.top = top
        self.image_ = Image(source=Source(kind="empty", where=top), where=top)
        self.met = {top.peek("node-name")}
        """Names of the nodes on the way down."""

    def image(self) -> Image:
        self.top.claim()
        self.walk(self.top.properties, self.top, 0, top=True)
        return self.image_

    def _child(self, node: Node, key: str, where: Said, depth: int) -> tuple[Node, Said] | None:
        child = node.get(key)
        if depth > DEEPEST:
            raise BridgeError("block nodes are nested too deep", where)
        if isinstance(child, dict):
            return child, where
        if isinstance(child, str) and child in self.line.nodes:
            del node[key]
            if child in self.met:
                raise BridgeError(f"the block node '{child[:40]}' stands on itself", where)
            self.met.add(child)
            below = fresh(self.line.nodes[child])
            below.claim()
            return below.properties, below
        return None

    def walk(self, node: Node, where: Said, depth: int, top: bool = False) -> None:
        image = self.image_
        driver = node.pop("driver", None)
        name = node.pop("node-name", None)
        if driver in FILES or driver in NETWORK:
            image.name = name if isinstance(name, str) else None
        self._common(node, top)
        if driver == "copy-on-read" and "bottom" not in node:
            self.line.copy_on_read.add(id(self.top))
            below = self._child(node, "file", where, depth)
            if below is not None:
                self.walk(*below, depth + 1)
                drop(node, "file")
        elif driver == "throttle":
            limits = self._limits(node, where)
            if image.throttled:
                message = "a second throttle group of the drive: one alone has a form here, that on top"
                self.line.report.add("host-lost", where, message)
            else:
                image.throttle = limits
            image.throttled = True
            below = self._child(node, "file", where, depth)
            if below is not None:
                self.walk(*below, depth + 1)
                drop(node, "file")
        elif driver in FORMATS:
            self._format(node, where, str(driver), depth)
        elif driver in FILES:
            self._file(node, where, str(driver))
        elif driver in NETWORK:
            self._network(node, where, str(driver))
        else:
            node["driver"] = driver
            image.plain = False
        if image.plain:
            self._host_side(node, where)
        image.format = image.format or "raw"

    def _host_side(self, node: Node, where: Said) -> None:
        """How the process opens the image."""
        for name in [name for name in node if name in HOST_SIDE]:
            message = f"{name}={spelled(node.pop(name))} of the block node: how the host opens the image is not kept"
            self.line.report.add("host-lost", where, message)

    def _common(self, node: Node, top: bool) -> None:
        image = self.image_
        cache = node.get("cache")
        if isinstance(cache, dict):
            direct, no_flush = (switch(cache.pop(name, False)) for name in ("direct", "no-flush"))
            known = image.caching
            image.caching = known._replace(direct=known.direct or bool(direct), no_flush=known.no_flush or bool(no_flush))
            drop(node, "cache")
        read_only = node.get("read-only")
        if switch(read_only) is not None:
            del node["read-only"]
            if top or image.read_only is None:
                image.read_only = switch(read_only)
        if switch(node.get("auto-read-only")):
            del node["auto-read-only"]
        if node.get("discard") in ("unmap", "ignore", "on", "off"):
            image.discard = "on" if node.pop("discard") in ("unmap", "on") else "ignore"
        if node.get("detect-zeroes") in ("on", "off", "unmap"):
            image.detect_zeroes = image.detect_zeroes or node.pop("detect-zeroes")
            node.pop("detect-zeroes", None)

    def _limits(self, node: Node, where: Said) -> Throttle | None:
        name = node.pop("throttle-group", None)
        group = self.line.objects.get(str(name))
        if group is None:
            raise BridgeError(f"there is no throttle group '{str(name)[:40]}'", where)
        group.claim()
        group.get("qom-type")
        group.get("id")
        limits = group.properties.get("limits")
        for known in (limits, group.properties):
            if isinstance(known, dict) and number(known.get("iops-size")) == 0:
                del known["iops-size"]  # no size, as if it were not said
        return limits_of(limits if isinstance(limits, dict) else group.properties, "", self.line.is_pve)

    def _format(self, node: Node, where: Said, driver: str, depth: int) -> None:
        image = self.image_
        image.format = driver
        if driver == "raw" and self.line.is_pve and (limit := number(node.get("size"))) is not None:
            image.size = limit
            del node["size"]
        below = self._child(node, "file", where, depth)
        if below is not None:
            self.walk(*below, depth + 1)
            image.format = driver
            drop(node, "file")
        if driver == "qcow2" and switch(node.get("discard-no-unref")):
            del node["discard-no-unref"]
            image.source.discard_no_unref = True
        self._encrypted(node, where)
        self._backing(node, where, depth)

    def _encrypted(self, node: Node, where: Said) -> None:
        """The key is in a secret of the process."""
        if node.pop("encrypt", None) is None and node.pop("key-secret", None) is None:
            return
        message = "the image is encrypted, and its key is not carried over"
        self.line.report.add("guest-lost", where, message, "libvirt: define a secret, and add <encryption>; else decrypt it by qemu-img")

    def _backing(self, node: Node, where: Said, depth: int) -> None:
        """Layers of plain qcow2 images; others are left to what the image's header says."""
        if "backing" in node and node["backing"] is None:
            del node["backing"]
            self.image_.source.chain = []
            return
        chain: list[str] = []
        names: list[str] = []
        at, place, plain = node, where, True
        while (below := self._child(at, "backing", place, depth + len(chain))) is not None:
            at.pop("backing", None)
            path, name = self._layer(*below, depth + len(chain))
            plain = plain and path is not None
            chain.append(path or "")
            names.append(name)
            at, place = below
        if chain and plain:
            self.image_.source.chain = chain
        elif chain:
            message = f"the images below are not all plain qcow2 files, and taken from the header of the image: {', '.join(names)}"
            self.line.report.add("ambiguous", where, message, "check with qemu-img info --backing-chain that it says the same")

    def _layer(self, node: Node, where: Said, depth: int) -> tuple[str | None, str]:
        """The path of a plain qcow2 image below, whose node is taken but for its own `backing`, None for another one; and its name."""
        layer = Tree(self.line, where)
        layer.met = self.met
        backing = {"backing": node.pop("backing")} if node.get("backing") is not None else {}
        layer.walk(node, where, depth + 1)
        node |= backing
        source, form = layer.image_.source, layer.image_.format
        usual = form == "qcow2" or (form == "raw" and self.line.is_pve)
        path = source.path if usual and layer.image_.plain and source.kind in ("file", "block") else None
        return path, f"{form} {source.path or source.name or 'of another kind'}"

    def _file(self, node: Node, where: Said, driver: str) -> None:
        image = self.image_
        path = node.get("filename")
        if not isinstance(path, str):
            image.plain = False
            node["driver"] = driver
            return
        del node["filename"]
        if node.get("aio") in ("native", "threads", "io_uring"):
            image.aio = node.pop("aio")
        kind = "file" if driver == "file" else "block"
        chain, unref = image.source.chain, image.source.discard_no_unref
        image.source = Source(kind=kind, path=path, where=where, chain=chain, discard_no_unref=unref)

    def _network(self, node: Node, where: Said, driver: str) -> None:
        source = network_source(node, driver, where)
        self._encrypted(node, where)
        if source is None:
            self.image_.plain = False
            node["driver"] = driver
            return
        source.chain, source.discard_no_unref = self.image_.source.chain, self.image_.source.discard_no_unref
        self.image_.source = source


def network_source(node: Node, driver: str, where: Said) -> Source | None:
    """The model's form of a network node; what it takes is gone. None for a form it does not know."""
    source = Source(kind="network", protocol=driver, where=where)
    if driver == "rbd":
        pool, image = node.pop("pool", None), node.pop("image", None)
        source.name = f"{pool}/{image}"
        source.namespace = node.pop("namespace", None)
        source.conf = node.pop("conf", None)
        source.user = node.pop("user", None)
        servers = node.pop("server", None)
        node.pop("auth-client-required", None)
        node.pop("key-secret", None)
        if isinstance(servers, list):
            source.hosts = [_host(server) for server in servers if isinstance(server, dict)]
    elif driver == "iscsi":
        target, lun, portal = node.pop("target", None), node.pop("lun", 0), node.pop("portal", None)
        if node.get("transport") == "tcp":
            del node["transport"]
        source.name = f"{target}/{number(lun) or 0}"
        source.initiator = node.pop("initiator-name", None)
        if isinstance(portal, str):
            source.hosts = [portal_host(portal)]
    elif driver == "nbd":
        server = node.get("server")
        if not isinstance(server, dict):
            return None
        source.name = node.pop("export", None)
        source.hosts = [_host(server)]
        del node["server"]
    elif driver == "gluster":
        return _of_gluster(source, node)
    elif driver in ("http", "https", "ftp", "ftps"):
        found = of_url(str(node.get("url", "")), where)
        if found is not None:
            del node["url"]
        return found
    elif driver in ("ssh", "nfs"):
        return _of_server(source, node)
    else:
        return None
    return source


def _of_gluster(source: Source, node: Node) -> Source | None:
    servers, path, volume = node.get("server"), node.get("path"), node.get("volume")
    if not isinstance(servers, list) or not isinstance(path, str) or not isinstance(volume, str):
        return None
    del node["server"], node["path"], node["volume"]
    source.hosts, source.name = [_host(server) for server in servers if isinstance(server, dict)], f"{volume}/{path}"
    return source


def _of_server(source: Source, node: Node) -> Source | None:
    server, path = node.get("server"), node.get("path")
    if not isinstance(server, dict) or not isinstance(path, str):
        return None
    del node["server"], node["path"]
    source.hosts, source.name = [_host(server)], path
    return source


def _host(server: Node) -> NetworkHost:
    if server.get("type") == "unix" or ("path" in server and "host" not in server):
        return NetworkHost(transport="unix", socket=str(server.get("path")))
    port = number(server.get("port"))
    return NetworkHost(name=str(server.get("host")), port=port)


def limits_of(limits: Node, prefix: str, zero: bool = False) -> Throttle | None:
    """Limits by QEMU's names, which are taken; 0 is no limit, which qemu-server writes where the config says it so (`zero`)."""
    found: dict[str, str] = {}
    for name, field in _FIELDS.items():
        value = _limit(limits.get(prefix + name)) if prefix + name in limits else None
        if value is None:
            continue
        del limits[prefix + name]
        if value or zero:
            found[field] = mebibytes(value) if field[0] == "m" else str(value or "00")
    return Throttle(**found) if found else None


def _limit(value: Any) -> int | None:
    """qemu-server writes negative numbers where the config has them."""
    if isinstance(value, str) and value[:1] == "-" and value[1:].isdigit() and len(value) < 20:
        return int(value)
    return number(value)


def mebibytes(value: int) -> str:
    """The shortest number of MiB that gives these bytes again, as qemu-server counts."""
    if not value:
        return f"{0:.1f}"  # qemu-server leaves out a bare 0
    for digits in range(10):
        for text in (f"{value / MIB:.{digits}f}", f"{(value + 0.5) / MIB:.{digits}f}"):
            if int(float(text) * 1024 * 1024) == value:
                return text
    return f"{value / MIB:.10f}"


def drop(node: Node, key: str) -> None:
    """A nested object that is used up."""
    if node.get(key) == {}:
        del node[key]
