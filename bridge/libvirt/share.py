"""<filesystem> by virtiofs, and <shmem> (mapping-devices 16, xml-paths passthrough)."""

from __future__ import annotations

import re

from ..core.coverage import Rows
from ..core.rows import INT, ON_OFF, Row, whole_number
from ..model.share import IVSHMEM, VirtioFS
from ..model.vm import VM
from ..passes.resolve.small import check_shares
from .args.properties import plain_virtio
from .device import PLACE_ROWS, host_state, lose, lose_attributes, read_device, refuse, write_device
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("dirid", "target@dir", code=True, finding="no-live-move"),
    Row("path", "source@dir", code=True),
    Row("cache", "binary/cache@mode", code=True),
    Row("expose_xattr", "binary@xattr", ON_OFF, code=True),
    Row("direct_io", "", code=True, finding="guest-changed"),
    Row("expose_acl", "", code=True, finding="guest-changed"),
    *PLACE_ROWS,
)
IVSHMEM_ROWS = (
    Row("name", "@name", code=True),
    Row("size", "size", INT, code=True, finding="no-live-move"),
    *PLACE_ROWS,
)
TABLE = (Rows(IVSHMEM, "devices/shmem", IVSHMEM_ROWS), Rows(VirtioFS, "devices/filesystem", ROWS))

QUEUE = "1024"
CACHES = {"always": "always", "never": "none"}
"""qemu-server's cache -> libvirt's; `auto` is the daemon's own."""
PREFIX = "pve-shm-"
MIB = 1 << 20
CONFIG_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]+")
UNITS = {"b": 1, "bytes": 1, "K": 1 << 10, "KiB": 1 << 10, "KB": 1000, "M": MIB, "MiB": MIB, "MB": 10**6, "G": 1 << 30, "GiB": 1 << 30}


def write(vm: VM, domain: Domain) -> None:
    check_shares(vm)
    tags: set[str | None] = set()
    for share in vm.virtiofs:
        if share.dirid in tags:
            domain.report.add("guest-lost", share.where, f"{share.key}: libvirt shares a mount tag ({share.dirid}) once: left out")
        else:
            _write_share(domain, share)
        tags.add(share.dirid)
    if vm.ivshmem is not None:
        _write_shmem(domain, vm.ivshmem)


def _write_share(domain: Domain, share: VirtioFS) -> None:
    add = domain.report.add
    if share.path is None:
        add("guest-lost", share.where, f"{share.key}: the directory behind '{share.dirid}' is not known: left out")
        return
    node = domain.devices.add("filesystem", type="mount", accessmode="passthrough")
    node.add("driver", type="virtiofs", queue=QUEUE)
    if share.expose_xattr:
        node.ensure("binary").set("xattr", "on")
    if share.cache in CACHES:
        node.ensure("binary").add("cache", mode=CACHES[share.cache])
    elif share.cache == "metadata":
        add("guest-changed", share.where, f"{share.key}: libvirt has no cache=metadata: the daemon chooses")
    node.add("source", dir=share.path)
    node.add("target", dir=share.dirid or "")
    write_device(domain, node, share)
    for field, word in (("direct_io", "direct-io"), ("expose_acl", "expose-acl")):
        if getattr(share, field):
            add("guest-changed", share.where, f"{share.key}: libvirt has no {word}", "run virtiofsd yourself, with <source socket=>")


def _write_shmem(domain: Domain, memory: IVSHMEM) -> None:
    size = memory.size or 1
    if size & (size - 1):
        domain.report.add("guest-lost", memory.where, f"ivshmem: {size} MiB is not a power of two, which a PCI region must be: left out")
        return
    node = domain.devices.add("shmem", name=PREFIX + (memory.name or ""))
    node.add("model", type="ivshmem-plain")
    node.add("size", str(size), unit="M")
    write_device(domain, node, memory)


def read(domain: Domain, vm: VM) -> None:
    for node in domain.devices.all("filesystem"):
        if (share := _read_share(domain, node)) is not None:
            vm.virtiofs.append(share)
    for node in domain.devices.all("shmem"):
        if vm.ivshmem is None:
            vm.ivshmem = _read_shmem(domain, node)
        else:
            refuse(domain, node, "guest-lost", "a config has one shared memory device")


def _read_share(domain: Domain, node: Node) -> VirtioFS | None:
    driver, source, target = node.peek("driver"), node.peek("source"), node.peek("target")
    tag = target.attrib.get("dir", "") if target is not None else ""
    path = source.attrib.get("dir", "") if source is not None else ""
    if driver is None or driver.attrib.get("type") != "virtiofs":
        refuse(domain, node, "guest-lost", "a config shares directories by virtiofs only")
        return None
    if source is None or target is None or not path or not CONFIG_ID.fullmatch(tag):
        refuse(domain, node, "guest-lost", "a config needs a directory, and a mount tag of letters, digits, - and _")
        return None
    for part in (driver, source, target):
        part.claim()
    driver.take("type")
    source.take("dir")
    target.take("dir")
    node.expect("type", "mount")
    node.expect("accessmode", "passthrough")
    plain_virtio(domain, node, "model", node, "shared directory")
    node.expect("model", "virtio")
    queue = driver.take("queue")
    if queue != QUEUE:
        domain.report.add(_kind_of_queue(queue), driver, f"the queue's size was {queue or 'unset'}, under qemu-server it is {QUEUE}")
    share = VirtioFS(dirid=tag, path=path, **read_device(domain, node, "virtiofs[0-9]"))
    _read_binary(domain, node, share)
    host_state(domain, node)
    lose_attributes(domain, node, "host-lost", "accessmode", "multidevs", "fmode", "dmode")
    lose(domain, node, "guest-lost", "boot")
    lose(domain, node, "host-lost", "idmap", "readonly", "space_hard_limit", "space_soft_limit")
    return share


def _kind_of_queue(text: str | None) -> str:
    """Of the finding for a queue of this length: qemu-server's is the longest that QEMU starts with, and it takes powers of two only."""
    if text is None:
        return "added"
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        return "guest-changed"
    size = int(text)
    return "normalised" if size > int(QUEUE) or size & (size - 1) else "added"


def _read_binary(domain: Domain, node: Node, share: VirtioFS) -> None:
    binary = node.only("binary")
    if binary is None:
        return
    xattr = binary.attrib.get("xattr")
    if xattr in ("on", "off"):
        share.expose_xattr = binary.take("xattr") == "on" or None
    cache = binary.peek("cache")
    back = {there: here for here, there in CACHES.items()}
    if cache is not None and cache.attrib.get("mode") in back:
        share.cache = back[cache.take("mode") or ""]
        cache.claim()
    lose_attributes(domain, binary, "host-lost", "path")
    lose(domain, binary, "host-lost", "lock", "sandbox", "thread_pool", "cache", "openfiles")


def _read_shmem(domain: Domain, node: Node) -> IVSHMEM | None:
    model = node.peek("model")
    name = node.attrib.get("name", "")
    if model is None or model.attrib.get("type") != "ivshmem-plain" or not re.fullmatch(r"(?:pve-shm-)?[A-Za-z0-9-]+", name):
        refuse(domain, node, "guest-lost", "a config has plain shared memory only, with a name of letters, digits and -")
        return None
    size = _size(node)
    if size is None:
        refuse(domain, node, "guest-lost", "a config has shared memory in whole MiB only")
        return None
    model.claim("type")
    node.take("name")
    if not name.startswith(PREFIX):
        domain.report.add("host-lost", node, f"the host's file was called {name}, under qemu-server {PREFIX}{name}")
    lose_attributes(domain, node, "guest-changed", "role")
    return IVSHMEM(name=name.removeprefix(PREFIX), size=size, **read_device(domain, node, "ivshmem"))


def _size(node: Node) -> int | None:
    """MiB."""
    size = node.peek("size")
    if size is None:
        return None
    unit = UNITS.get(size.attrib.get("unit", "b"))
    try:
        number = whole_number(size.text.strip(" \t\r\n"))
    except ValueError:
        return None
    if unit is None or (number * unit) % MIB or not number:
        return None
    size.claim_text("unit")
    return number * unit // MIB
