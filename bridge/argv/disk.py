"""Drives, their adapters and their iothreads, as qemu-server walks them (qemu-server 9.2.6, config_to_command, DriveDevice.pm).

With `iothreads` set, or in the RFC's tree, drive devices and adapters are JSON, as there.
"""

from __future__ import annotations

from typing import Any

from ..core.coverage import Rows
from ..core.rows import Row
from ..data import gates
from ..host.facts import HostFacts
from ..host.storage import Location, drive_file
from ..model.controller import Controller
from ..model.disk import Disk, Throttle
from ..model.iothread import ServedBy
from ..model.part import DriveAddress, PCIAddress
from ..model.vm import VM
from ..passes.iothreads import names
from ..passes.resolve.disk import era_of, scsi_type
from .blockdev import ROWS as THROTTLE_ROWS
from .blockdev import Tree, must_be_known, said_limits, throttle_group
from .emit import Command, escaped, json_text

ROWS = (
    Row("key", "id", code=True),
    Row("bus", "driver", code=True),
    Row("media", "driver", code=True),
    Row("scsiblock", "driver", code=True),
    Row("address", "bus", code=True),
    Row("bootindex", "bootindex", code=True),
    Row("source", "-blockdev filename", code=True),
    Row("format", "-blockdev driver", code=True),
    Row("cache", "-blockdev cache", code=True),
    Row("cache", "write-cache", code=True),
    Row("aio", "-blockdev aio", code=True),
    Row("discard", "-blockdev discard", code=True),
    Row("detect_zeroes", "-blockdev detect-zeroes", code=True),
    Row("ro", "-blockdev read-only", code=True),
    Row("snapshot", "-drive snapshot", code=True),
    Row("ssd", "rotation_rate", code=True),
    *(Row(field, field, code=True) for field in ("serial", "wwn", "vendor", "product", "model", "device_id", "rerror", "werror")),
    Row("write_cache", "write-cache", code=True),
    Row("queues", "num_queues", code=True),
    *(Row(field, place, code=True) for field in ("iothread", "served_by") for place in ("iothread", "iothread-vq-mapping")),
)
TABLE = (Rows(Disk, "", ROWS), Rows(Throttle, "", THROTTLE_ROWS))

Properties = list[tuple[str, Any]]
"""A device's properties in qemu-server's order: text, number, True for `on`, or the list of iothread-vq-mapping."""

SCSI_DRIVERS = {"virtio-scsi-single": "virtio-scsi-pci"}
"""scsihw whose adapter has another name in QEMU."""


class _Dialect:
    """How this command line spells drives."""

    def __init__(self, vm: VM, host: HostFacts) -> None:
        self.rfc = host.qemu_server == gates.RFC_IOTHREADS
        self.json = self.rfc or vm.iothreads.pool is not None
        self.era = era_of(vm)
        self.blockdev = self.era.blockdev
        self.template = bool(vm.meta.template)
        self.scsihw = vm.scsihw or "lsi"
        self.q35 = vm.machine.base == "q35"
        self.threads = names(vm)

    def device(self, command: Command, properties: Properties) -> None:
        if self.json:
            command.device(json_text(dict(properties)))
            return
        text = str(properties[0][1])
        for name, value in properties[1:]:
            text += f",{name}={'on' if value is True else value}"
        command.device(text)

    def served_by(self, served_by: list[ServedBy] | None, pool: bool) -> Properties:
        if not served_by:
            return []
        if pool:
            return [("iothread-vq-mapping", [{"iothread": self.threads[by.iothread]} for by in served_by])]
        return [("iothread", self.threads[served_by[0].iothread])]


def write(vm: VM, command: Command, host: HostFacts) -> None:
    if host.iscsi_initiator_name:
        command.devices += ("-iscsi", f"initiator-name={host.iscsi_initiator_name}")
    if not vm.disks:
        return
    dialect = _Dialect(vm, host)
    adapters = {c.key: c for c in vm.controllers if c.type in ("scsi", "sata") and not c.builtin}
    for disk in vm.disks:
        assert disk.source is not None
        location = disk.source.location
        assert isinstance(location, Location)
        pool = vm.iothreads.pool is not None
        if disk.bus == "virtio" and disk.served_by and not pool:
            _own_iothread(dialect, disk.served_by, command)
        address = disk.address
        if isinstance(address, DriveAddress):
            adapter = adapters.pop(address.controller, None)
            if adapter is not None:
                _adapter(dialect, adapter, command, pool)
        if disk.bus == "scsi":
            type_ = scsi_type(dialect.era, disk, location, host)
        else:
            type_ = "cd" if disk.media == "cdrom" or dialect.template else "hd"
        must_be_known(location, host, disk.key or "", disk.where)
        _backend(dialect, disk, location, command)
        dialect.device(command, _device(dialect, disk, location, type_, pool))


def _own_iothread(dialect: _Dialect, served_by: list[ServedBy], command: Command) -> None:
    name = dialect.threads[served_by[0].iothread]
    command.options += ("-object", json_text({"id": name, "qom-type": "iothread"}) if dialect.rfc else f"iothread,id={name}")


def _adapter(dialect: _Dialect, adapter: Controller, command: Command, pool: bool) -> None:
    place = _pci(adapter.address)
    if adapter.type == "sata":
        dialect.device(command, [("driver", "ahci"), ("id", adapter.key), ("multifunction", True), *place])
        return
    driver = SCSI_DRIVERS.get(dialect.scsihw, dialect.scsihw)
    properties: Properties = [("driver", driver), ("id", adapter.key), *place, *dialect.served_by(adapter.served_by, pool)]
    if adapter.served_by and not pool:
        _own_iothread(dialect, adapter.served_by, command)
    if adapter.queues is not None:
        properties.append(("num_queues", adapter.queues))
    dialect.device(command, properties)


def _pci(address: object) -> Properties:
    assert isinstance(address, PCIAddress)
    return [("bus", address.bus), ("addr", f"0x{address.slot:x}")]


def _backend(dialect: _Dialect, disk: Disk, location: Location, command: Command) -> None:
    if not dialect.blockdev:
        command.devices += ("-drive", _drive(dialect, disk, location))
        return
    if location.kind == "empty":
        return
    key = disk.key or ""
    command.options += ("-object", json_text(throttle_group(key, disk.throttle)))
    tree = Tree(
        key,
        location,
        format=disk.format or "raw",
        cache=disk.cache,
        aio=disk.aio or "io_uring",
        discard=disk.discard,
        detect_zeroes=disk.detect_zeroes or "on",
        cdrom=disk.media == "cdrom",
        read_only=bool(disk.ro) or dialect.template,
        rfc=dialect.rfc,
    )
    command.devices += ("-blockdev", json_text(tree.bare() if disk.scsiblock else tree.throttled()))


def _drive(dialect: _Dialect, disk: Disk, location: Location) -> str:
    """The old -drive."""
    cdrom = disk.media == "cdrom"
    path = location.volid if not cdrom and location.kind in ("empty", "cdrom") else drive_file(location)
    text = f"file={path}," if path else ""
    text += f"if=none,id=drive-{disk.key}"
    for name in ("media", "cache", "rerror", "werror", "discard"):
        value = getattr(disk, name)
        if value is not None and name not in disk.filled:
            text += f",{name}={value}"
    if disk.snapshot is not None:
        text += f",snapshot={'on' if disk.snapshot else 'off'}"
    if disk.ro is not None:
        text += f",readonly={'on' if disk.ro else 'off'}"
    if disk.throttle is not None:
        text += "".join(f",throttling.{name}{what}={said}" for name, what, _, said in said_limits(disk.throttle))
    if path:
        text += f",format={disk.format or 'raw'}"
    if "cache" in disk.filled and disk.cache == "none":
        text += ",cache=none"
    text += f",aio={disk.aio}"
    if not cdrom:
        text += f",detect-zeroes={disk.detect_zeroes}"
    if dialect.template and disk.bus not in ("ide", "sata"):
        text += ",readonly=on"
    return text


def _device(dialect: _Dialect, disk: Disk, location: Location, type_: str, pool: bool) -> Properties:
    drive = [] if dialect.blockdev and location.kind == "empty" else [("drive", f"drive-{disk.key}")]
    key = ("id", disk.key)
    if disk.bus == "virtio":
        properties: Properties = [("driver", "virtio-blk-pci"), *drive, key, *_pci(disk.address), *dialect.served_by(disk.served_by, pool)]
    elif disk.bus == "scsi":
        properties = [("driver", f"scsi-{type_}"), *_scsi_place(dialect, disk), *drive, key, *_scsi_properties(dialect, disk, type_)]
    else:
        properties = [("driver", f"ide-{type_}"), *_ide_place(dialect, disk), *drive, key]
        if type_ == "hd":
            if disk.model:
                properties.append(("model", _text(dialect, disk.model)))
            if disk.ssd:
                properties.append(("rotation_rate", 1))
        properties += _wwn(dialect, disk)
    if disk.bootindex:
        properties.append(("bootindex", disk.bootindex))
    if disk.serial:
        properties.append(("serial", _text(dialect, disk.serial)))
    if dialect.blockdev:
        if disk.write_cache is not None:
            properties.append(("write-cache", "on" if disk.write_cache else "off"))
        properties += [(name, policy) for name in ("rerror", "werror") if (policy := getattr(disk, name)) is not None]
    return properties


def _text(dialect: _Dialect, text: str) -> str:
    return text if dialect.json else escaped(text)


def _wwn(dialect: _Dialect, disk: Disk) -> Properties:
    if not disk.wwn:
        return []
    return [("wwn", int(disk.wwn, 16) if dialect.json else disk.wwn)]


def _scsi_place(dialect: _Dialect, disk: Disk) -> Properties:
    address = disk.address
    assert isinstance(address, DriveAddress)
    bus = ("bus", f"{address.controller}.0")
    if dialect.scsihw.startswith("lsi"):
        return [bus, ("scsi-id", address.unit)]
    if dialect.scsihw == "pvscsi":
        return [bus, ("scsi-id", address.target)]
    return [bus, ("channel", 0), ("scsi-id", 0), ("lun", address.unit)]


def _scsi_properties(dialect: _Dialect, disk: Disk, type_: str) -> Properties:
    properties: Properties = []
    if dialect.blockdev and not dialect.rfc and type_ in ("hd", "cd"):
        properties.append(("device_id", disk.device_id))
    if disk.ssd and type_ in ("block", "hd"):
        properties.append(("rotation_rate", 1))
    properties += _wwn(dialect, disk)
    if type_ in ("hd", "cd"):
        properties += [(name, text) for name in ("vendor", "product") if (text := getattr(disk, name))]
    return properties


def _ide_place(dialect: _Dialect, disk: Disk) -> Properties:
    address = disk.address
    assert isinstance(address, DriveAddress)
    if disk.bus == "sata":
        return [("bus", f"{address.controller}.{address.unit}")]
    if dialect.q35:  # ports of the chipset's AHCI
        return [("bus", f"ide.{address.unit}"), ("unit", 0)]
    return [("bus", f"ide.{address.bus}"), ("unit", address.unit)]
