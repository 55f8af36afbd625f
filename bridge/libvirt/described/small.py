"""Entropy, watchdogs, TPM, panic devices, shares, cards, vIOMMU: devices of a few attributes each."""

from __future__ import annotations

from ...host.volid import path_problem
from ...model.raw import Backend
from ..device import alias
from ..tree.node import Node
from .cards import write_card
from .chardevs import write_chardev
from .writer import Builder, Properties, Writer, memory_size, spelled, whole, write_boot


def rng(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("rng")
    if backend is None and "rng" in said:
        return None
    node = writer.add("rng", model=_model(writer))
    limit, period = said.pop("max-bytes", None), said.pop("period", None)
    if limit is not None:
        rate = node.add("rate", bytes=str(limit))
        if period is not None:
            rate.set("period", str(period))
    kind = backend.properties.get("qom-type") if backend is not None else "rng-builtin"
    said.pop("rng", None)
    if backend is not None and kind == "rng-random":
        node.add("backend", str(backend.properties.get("filename", "/dev/urandom")), model="random")
    elif kind == "rng-builtin":
        node.add("backend", model="builtin")
    elif backend is not None and kind == "rng-egd" and (socket := backend.below.get("chardev")) is not None:
        inner = node.add("backend", model="egd")
        if not write_chardev(writer.domain, inner, socket):
            return None
    else:
        return None
    return node


def _model(writer: Writer, base: str = "virtio") -> str:
    driver = writer.other.driver or ""
    return base + ("-non-transitional" if "-non-transitional" in driver else "-transitional" if "-transitional" in driver else "")


def watchdog(writer: Writer, said: Properties) -> Node:
    node = writer.add("watchdog", model=writer.other.driver or "")
    if (action := said.pop("action", None)) is not None:
        node.set("action", {"debug": "none"}.get(str(action), str(action)))
    return node


def tpm(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("tpmdev")
    kind = backend.properties.get("type") if backend is not None else None
    if backend is None or kind not in ("emulator", "passthrough"):
        return None
    said.pop("tpmdev", None)
    node = writer.add("tpm", model=writer.other.driver or "")
    inner = node.add("backend", type=str(kind))
    if kind == "passthrough":
        inner.add("device", path=str(backend.properties.get("path", "/dev/tpm0")))
    elif (socket := backend.below.get("chardev")) is None or socket.properties.get("backend") != "socket":
        return None
    else:
        inner.set("version", "2.0")
        message = "the state and the version of the TPM are swtpm's, and not on the command line: libvirt starts one of version 2.0 afresh"
        writer.domain.report.add("tpm-state", writer.other.where, message)
    return node


def panic(model: str) -> Builder:
    def build(writer: Writer, said: Properties) -> Node:
        node = writer.add("panic", model=model)
        if model == "isa":
            port = whole(said.pop("ioport", 0x505))
            node.add("address", type="isa", iobase=f"0x{port:x}")
        return node

    return build


def vsock(writer: Writer, said: Properties) -> Node:
    node = writer.add("vsock", model=_model(writer))
    node.add("cid", auto="no", address=str(said.pop("guest-cid", "3")))
    said.pop("vhostfd", None)
    return node


def crypto(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("cryptodev")
    kind = str(backend.properties.get("qom-type", "")) if backend is not None else ""
    if backend is None or kind != "cryptodev-backend-builtin":
        return None
    said.pop("cryptodev", None)
    node = writer.add("crypto", model="virtio", type="qemu")
    inner = node.add("backend", model="builtin")
    if "queues" in backend.properties:
        inner.set("queues", str(backend.properties["queues"]))
    return node


def share(writer: Writer, said: Properties) -> Node | None:
    """virtiofsd is a process of its own; libvirt takes the socket of one that runs."""
    backend = writer.other.backends.get("chardev")
    if backend is None or "path" not in backend.properties or backend.properties.get("backend") != "socket":
        return None
    node = writer.add("filesystem", type="mount")
    driver = node.add("driver", type="virtiofs")
    if (size := said.pop("queue-size", None)) is not None:
        driver.set("queue", str(size))
    node.add("source", socket=str(backend.properties["path"]))
    node.add("target", dir=str(said.pop("tag", "")))
    write_boot(node, said)
    return node


NINEP = ("fsdriver", "id", "path", "readonly", "security_model")
SECURITY = {"mapped": "mapped", "mapped-xattr": "mapped", "passthrough": "passthrough", "none": "squash"}


def ninep(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("fsdev")
    path = str(backend.properties.get("path", "")) if backend is not None else ""
    model = str(backend.properties.get("security_model", "none")) if backend is not None else ""
    if backend is None or backend.properties.get("fsdriver") != "local" or model not in SECURITY or path_problem(path):
        return None
    node = writer.add("filesystem", type="mount", accessmode=SECURITY[model])
    node.add("source", dir=path)
    node.add("target", dir=str(said.pop("mount_tag", "")))
    if spelled(backend.properties.get("readonly", "off")) == "on":
        node.add("readonly")
    said.pop("fsdev", None)
    _ninep_host(writer, node, backend)
    return node


def _ninep_host(writer: Writer, node: Node, backend: Backend) -> None:
    """How the host serves the directory."""
    rest = {name: value for name, value in backend.properties.items() if name not in NINEP}
    for name in ("multidevs", "fmode", "dmode"):
        if name in rest:
            node.set(name, str(rest.pop(name)))
    if rest.get("writeout") == "immediate":
        del rest["writeout"]
        node.ensure("driver").attrib |= {"type": "path", "wrpolicy": "immediate"}
    for name, value in rest.items():
        writer.domain.report.add("host-lost", backend.where, f"-fsdev {backend.key}: {name}={spelled(value)} has no form in a domain")


def card(writer: Writer, said: Properties) -> Node:
    driver = writer.other.driver or ""
    first = not any(child.tag == "video" for child in writer.domain.devices.children)
    node = writer.add("video")
    instead = write_card(node, driver, said, first)
    if instead is not None:
        writer.domain.set_override(alias(writer.other.key or ""), "driver", "string", instead)
    return node


IOMMU = {
    "aw-bits": "aw_bits", "caching-mode": "caching_mode", "device-iotlb": "iotlb", "dma-translation": "dma_translation", "eim": "eim",
    "intremap": "intremap", "granule": "granule",
}  # fmt: skip


def iommu(writer: Writer, said: Properties) -> Node:
    node = writer.add("iommu", model="intel" if writer.other.driver == "intel-iommu" else "virtio")
    driver = {name: spelled(said.pop(prop)) for prop, name in IOMMU.items() if prop in said}
    if driver:
        node.add("driver").attrib = driver
    return node


def fdc(writer: Writer, said: Properties) -> Node:
    for name in ("driveA", "driveB", "bootindexA", "bootindexB"):
        said.pop(name, None)
    return writer.add("controller", type="fdc", index="0")


def vmcoreinfo(writer: Writer, said: Properties) -> Node:
    del said
    writer.inside = True
    return writer.domain.root.ensure("features").add("vmcoreinfo", state="on")


SHARED_MEMORY = "/dev/shm/"  # noqa: S108  where libvirt looks for it


def shmem(writer: Writer, said: Properties) -> Node | None:
    """Memory that several processes share by its name."""
    backend = writer.other.backends.get("memdev")
    if backend is None:
        return None
    end = dict(backend.properties)
    path, size = str(end.pop("mem-path", "")), memory_size(end.pop("size", None))
    name = path.removeprefix(SHARED_MEMORY)
    shared = spelled(end.pop("share", "off")) in ("on", "true", "yes")
    usual = end == {"id": backend.key, "qom-type": "memory-backend-file"}
    if name in ("", path) or "/" in name or size is None or size % MIB or not shared or not usual:
        return None
    said.pop("memdev", None)
    node = writer.add("shmem", name=name)
    node.add("model", type="ivshmem-plain")
    node.add("size", str(size // MIB), unit="M")
    return node


MIB = 1 << 20


def erst(writer: Writer, said: Properties) -> Node | None:
    backend = writer.other.backends.get("memdev")
    if backend is None or "mem-path" not in backend.properties:
        return None
    said.pop("memdev", None)
    node = writer.add("pstore", backend="acpi-erst")
    node.add("path", str(backend.properties["mem-path"]))
    node.add("size", str((whole(backend.properties.get("size", 65536)) or 65536) // 1024), unit="KiB")
    return node
