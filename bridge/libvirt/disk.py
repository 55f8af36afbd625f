"""<disk> (mapping-devices 7, 8 and 11)."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import Row, choice, whole_number
from ..model.disk import Disk, Source, Throttle
from ..model.part import DriveAddress, PCIAddress
from ..model.vm import VM
from . import iotune, source
from .address import read_address, write_drive
from .args.properties import BLOCK_IO, DISK, GEOMETRY, lose_children, lose_properties, plain_virtio
from .identity import ROWS as IDENTITY_ROWS
from .identity import is_cdrom, read_identity, write_identity
from .iothread import read_served_by, write_served_by
from .iotune import read_iotune, write_iotune
from .source import read_source, type_of, write_source
from .tree.domain import Domain
from .tree.node import Node, read_rows, write_rows

_WORDS = {word: word for word in ("none", "writeback", "writethrough", "directsync", "unsafe")}

CDROM_CACHE = "writeback"
"""What QEMU does where nothing is said."""

ROWS = (
    Row("cache", "driver@cache", choice(_WORDS)),
    Row("aio", "driver@io", choice({word: word for word in ("native", "threads", "io_uring")})),
    Row("discard", "driver@discard", choice({"ignore": "ignore", "unmap": "on"})),
    Row("detect_zeroes", "driver@detect_zeroes", choice({word: word for word in ("off", "on", "unmap")})),
    Row("werror", "driver@error_policy", choice({"enospace": "enospc", "stop": "stop", "report": "report", "ignore": "ignore"})),
    Row("rerror", "driver@rerror_policy", choice({word: word for word in ("stop", "report", "ignore")})),
    Row("target", "target@dev"),
    Row("format", "driver@type", code=True),
    Row("media", "@device", code=True),
    Row("bus", "target@bus", code=True),
    Row("source", "source", code=True),
    Row("served_by", "driver@iothread", code=True),
    Row("served_by", "driver/iothreads", code=True),
    Row("iothread", "driver@iothread", code=True),
    Row("iothread", "/devices/controller/driver@iothread", code=True),
    Row("queues", "/devices/controller/driver@queues", code=True),
    Row("address", "address", code=True),
    Row("ro", "readonly", code=True),
    Row("snapshot", "transient", code=True),
    Row("scsiblock", "@device", code=True),
    Row("bootindex", "boot@order", code=True),
    Row("key", "alias@name", code=True),
    *IDENTITY_ROWS,
)
TABLE = (
    Rows(Disk, "devices/disk", ROWS, ("write_cache", "size", "cloudinit", "outline")),
    Rows(
        Source,
        "devices/disk",
        source.ROWS,
        ("kind", "volid", "storage_type", "namespace", "chain_snapshots", "discard_no_unref", "is_iso", "importing", "location"),
    ),
    Rows(Throttle, "devices/disk", iotune.ROWS),
)


# --- writing


def write(vm: VM, domain: Domain) -> None:
    index = {c.key: c.index or 0 for c in vm.controllers if c.type in ("ide", "sata", "scsi")}
    for disk in vm.disks:
        _write(vm, disk, index, domain)


def write_disk(vm: VM, disk: Disk, domain: Domain) -> Node:
    """A single disk, with no address."""
    _write(vm, disk, {}, domain)
    return domain.devices.children[-1]


def _write(vm: VM, disk: Disk, index: dict[str | None, int], domain: Domain) -> None:
    source = disk.source or Source(kind="empty")
    cdrom = is_cdrom(disk)
    lun = disk.bus == "scsi" and not cdrom and disk.device_id is None and bool(disk.scsiblock)
    node = domain.devices.add("disk", type=type_of(source), device="cdrom" if cdrom else "lun" if lun else "disk")
    bus = "sata" if disk.bus == "ide" and vm.machine.base == "q35" else disk.bus or ""
    _write_driver(node, disk, source, domain)
    write_source(node, source, domain)
    target = node.add("target", dev=disk.target or "", bus=bus)
    write_identity(node, target, disk, bus, lun, domain)
    write_iotune(node, disk.throttle, disk.where, domain)
    if disk.ro or cdrom:
        node.add("readonly")
    if disk.snapshot and not cdrom and not disk.ro:
        _write_transient(node, disk, source, domain)
    if disk.bootindex:
        node.add("boot", order=str(disk.bootindex))
    node.add("alias", name=f"ua-{disk.key}")
    if isinstance(disk.address, PCIAddress):
        domain.pci_address(node, disk.address)
    elif isinstance(disk.address, DriveAddress):
        write_drive(node, disk.address, index[disk.address.controller])
    if disk.cloudinit:
        message = f"{disk.key}: qemu-server builds its cloud-init image at each start, libvirt uses the one that is there"
        domain.report.add("host-lost", disk.where, message, "start the VM once under qemu-server, or build the image by hand")


def _write_transient(node: Node, disk: Disk, source: Source, domain: Domain) -> None:
    if type_of(source) == "file":
        node.add("transient")
    else:
        message = f"{disk.key}: snapshot=1 works on image files only in libvirt; here what the guest writes stays"
        domain.report.add("guest-changed", disk.where, message, "put an overlay over the image by hand")


def _write_driver(node: Node, disk: Disk, source: Source, domain: Domain) -> None:
    driver = node.add("driver", name="qemu")
    if source.kind == "empty":
        return
    driver.set("type", disk.format or _format_of_name(source))
    shown = disk
    if disk.aio is not None and type_of(source) not in ("file", "block"):
        shown = _without(shown, "aio")
    elif disk.aio == "native" and disk.cache not in ("none", "directsync"):
        message = f"{disk.key}: QEMU refuses aio=native without cache=none or directsync (here {disk.cache}): threads instead"
        domain.report.add("lint", disk.where, message)
        shown = _without(shown, "aio")
        driver.set("io", "threads")
    if disk.media == "cdrom":
        shown = _without(shown, "cache", "detect_zeroes", "discard")
        _write_cdrom_cache(driver, disk, domain)
    write_rows(node, shown, _DRIVER_ROWS)
    if disk.werror is not None and disk.rerror is None and disk.werror != "enospc":
        driver.set("rerror_policy", "report")  # libvirt would take the word for reads too
    if source.discard_no_unref and domain.target.has("discard_no_unref"):
        driver.set("discard_no_unref", "on")
    if disk.bus != "scsi":
        write_served_by(node, disk.served_by, domain)


NO_WRITE_CACHE = ("remove", None)


def _write_cdrom_cache(driver: Node, disk: Disk, domain: Domain) -> None:
    """Of a CD-ROM QEMU's own cache mode is meant. Said, it makes libvirt give the drive a write-cache, which qemu-server's has not."""
    if domain.target.has("override"):
        driver.set("cache", disk.cache or CDROM_CACHE)
        domain.set_override(f"ua-{disk.key}", "write-cache", *NO_WRITE_CACHE)


_DRIVER_ROWS = tuple(row for row in ROWS if row.place.startswith("driver@") and not row.code)


def _without(disk: Disk, *names: str) -> Disk:
    return replace(disk, **dict.fromkeys(names))


def _format_of_name(source: Source) -> str:
    """Of a volume on a storage that is not known: what its name ends in."""
    ending = (source.volume or "").rpartition(".")[2]
    return ending if ending in ("qcow2", "vmdk", "qcow", "qed") else "raw"


# --- reading

BUSES = ("ide", "sata", "scsi", "virtio")
TYPES = ("file", "block", "network", "volume")
FORMATS = ("raw", "qcow2", "qcow", "qed", "vmdk", "cloop")
"""Of qemu-server."""
OF_LIBVIRT = (*FORMATS, "bochs", "dmg", "vdi", "vpc")
"""Those of libvirt that QEMU opens (storagecommon.rng, storageFormat)."""

HOST_ATTRIBUTES = ("snapshot", "rawio", "sgio")
DRIVER_HOST = ("copy_on_read", "discard_no_unref")
CHILDREN = {"encryption": "guest-lost", "throttlefilters": "host-lost", "shareable": "host-lost", "auth": "host-lost"}
"""Elements that no config can say."""


def read(domain: Domain, vm: VM) -> None:
    vm.disks = []
    seen: set[str] = set()
    for node in domain.disks:
        node.claim()
        disk = _read(node, domain)
        if disk is None:
            continue
        if disk.target in seen:
            raise BridgeError(f"target dev '{disk.target}' is there twice", node)
        seen.add(disk.target or "")
        vm.disks.append(disk)


def _read(node: Node, domain: Domain) -> Disk | None:
    type_, device = node.take("type") or "file", node.take("device") or "disk"
    target = node.only("target")
    if target is None:
        raise BridgeError("<disk> has no <target>: add it", node)
    if node.peek("mirror") is not None:
        raise BridgeError("a block job runs on this disk: finish or abort it first", node)
    bus = target.take("bus") or ""
    if bus not in BUSES or type_ not in TYPES or device not in ("disk", "cdrom", "lun"):
        _hide_secrets(node)
        domain.report.add(
            "guest-lost",
            node,
            f"no config has a {device} of type '{type_}' on bus '{bus}', target {target.attrib.get('dev')}: {node.whole()}",
            "attach its image as a scsi or virtio disk",
        )
        return None
    cdrom = device == "cdrom"
    outline = None
    if type_ in ("network", "volume"):
        _hide_secrets(node)
        outline = node.outline()
    driver = node.peek("driver")
    form = _read_driver(node, driver, domain) if driver is not None else None
    fields = read_rows(node, ROWS)
    source = read_source(node, type_, form, domain)
    if cdrom and fields.get("cache") == CDROM_CACHE:
        del fields["cache"]
    disk = Disk(
        key=None,
        bus=bus,
        media="cdrom" if cdrom else None,
        source=source,
        format=_format(node, form, source, cdrom, domain),
        served_by=read_served_by(node),
        throttle=read_iotune(node, domain),
        scsiblock=True if device == "lun" else None,
        address=read_address(node),
        outline=outline,
        where=node,
        **fields,
    )
    _check_place(disk, domain)
    _fill_libvirt_defaults(disk, type_, node, domain)
    _read_switches(disk, node, domain)
    name = _read_alias(disk, node, domain)
    if cdrom:
        domain.expect_override(name, "write-cache", NO_WRITE_CACHE)
    read_identity(disk, node, target, name, domain)
    return disk


def _check_place(disk: Disk, domain: Domain) -> None:
    """IDE and SATA have no targets, and a PC has one IDE controller."""
    address = disk.address
    if isinstance(address, DriveAddress) and (
        (disk.bus in ("ide", "sata") and address.target) or (disk.bus == "ide" and address.controller != "#0")
    ):
        where = f"controller {address.controller[1:]} bus {address.bus} target {address.target} unit {address.unit}"
        domain.report.add("moved", disk.where, f"there is no place {where} on bus {disk.bus}")


def _hide_secrets(node: Node) -> None:
    """Cookies of http sources are credentials: no finding may show them."""
    for child in node.children:
        if child.tag == "cookie":
            child.text = f"({len(child.text.strip())} characters)"
        if child.children:
            _hide_secrets(child)


def _read_driver(node: Node, driver: Node, domain: Domain) -> str | None:
    driver.claim()
    driver.expect("name", "qemu")
    for name in DRIVER_HOST:
        if (value := driver.take(name)) is not None and (name, value) != ("discard_no_unref", "on"):
            domain.report.add("host-lost", driver, f"{name}='{value}' of the disk has no place in a config")
    lose_properties(domain, driver, node, DISK, "disk")
    for child in driver.all("metadata_cache"):
        domain.report.add("host-lost", child, f"{child.whole()} has no place in a config")
    return driver.take("type")


def _format(node: Node, form: str | None, source: Source, cdrom: bool, domain: Domain) -> str | None:
    """The image's format; never guessed from the image (security-rules S8)."""
    if source.kind == "empty":
        if not cdrom:
            raise BridgeError("the disk has no source", node)
        if form not in (None, "raw"):
            domain.report.add("normalised", node, f"an empty drive has no format, '{form}' is left out")
        return None
    if form is None:
        if source.kind == "file" and not cdrom:
            return None  # `unresolve` asks the storage
        if not cdrom:  # a volume of a pool, which knows
            domain.report.add("ambiguous", node, "the disk does not say its volume's format: raw is taken")
        return "raw"
    if form not in FORMATS:
        domain.report.add("import-needed", node, f"qemu-server cannot use images of format '{form}'", "convert it with qemu-img")
        return None
    if cdrom and form != "raw":
        domain.report.add("import-needed", node, f"a CD-ROM of qemu-server is raw, not '{form}'", "convert it with qemu-img")
    return form


def _fill_libvirt_defaults(disk: Disk, type_: str, node: Node, domain: Domain) -> None:
    """What libvirt means where it says nothing, as qemu-server would assume something else (mapping-devices 18.3)."""
    if disk.media != "cdrom":
        if disk.cache is None:
            disk.cache = "writeback"
        if disk.aio is None and type_ in ("file", "block"):
            disk.aio = "threads"
        if disk.detect_zeroes is None:
            disk.detect_zeroes = "off"
        elif disk.detect_zeroes == "on" and disk.discard == "on":
            message = "detect_zeroes='on' with discard='unmap': qemu-server then unmaps zeroes too"
            domain.report.add("host-lost", node, message)
            disk.detect_zeroes = "unmap"
    if disk.detect_zeroes == "unmap" and disk.discard != "on":
        disk.detect_zeroes = "on"
    if disk.rerror is None and disk.werror in ("stop", "ignore", "report"):
        disk.rerror = disk.werror
    if disk.rerror == "report" and disk.source is not None and disk.source.kind == "empty":
        disk.rerror = None  # QEMU's own


def _read_switches(disk: Disk, node: Node, domain: Domain) -> None:
    if node.flag("readonly") and disk.media != "cdrom":
        if disk.bus in ("scsi", "virtio"):
            disk.ro = True
        else:
            domain.report.add("guest-lost", node, f"<readonly/>: bus {disk.bus} has no read-only disks in a config")
    transient = node.only("transient")
    if transient is not None:
        disk.snapshot = True
    boot = node.only("boot")
    if boot is not None:
        try:
            disk.bootindex = whole_number(boot.attrib.get("order", ""))
            boot.need("order")
        except ValueError:
            boot.unclaim()
    if node.attrib:
        plain_virtio(domain, node, "model", node, "disk")
        node.expect("model", "virtio")
        for name in HOST_ATTRIBUTES:
            if (value := node.take(name)) is not None:
                domain.report.add("host-lost", node, f"{name}='{value}' of the disk has no place in a config")
    if node.holds(CHILDREN):
        for tag, kind in CHILDREN.items():
            for child in node.all(tag):
                domain.report.add(kind, child, f"{child.whole()} of the disk has no place in a config")
    lose_children(domain, node, "geometry", GEOMETRY, "disk")
    lose_children(domain, node, "blockio", BLOCK_IO, "disk")


_is_key = re.compile(r"ua-(?:ide|sata|scsi|virtio)[0-9]{1,2}").fullmatch
_is_generated = re.compile(r"(?:virtio-disk|scsi|ide|sata)[0-9]+(?:-[0-9]+)*").fullmatch
"""libvirt's own aliases of a running domain."""


def _read_alias(disk: Disk, node: Node, domain: Domain) -> str | None:
    alias = node.only("alias")
    name = alias.take("name") if alias is not None else None
    if alias is None or name is None:
        return None
    if _is_key(name):
        disk.key = name[3:]
    elif not _is_generated(name):
        domain.report.add("normalised", alias, f"the alias '{name}' is not kept: a config names its disks by bus and number")
    return name
