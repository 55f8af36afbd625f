"""Disks and CD-ROMs on IDE, SATA, SCSI and virtio, and the iothreads that serve them."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...core.report import BridgeError
from ...host.volid import path_problem
from ...host.volume import is_cloudinit
from ...model.disk import Disk, Source
from ...model.iothread import IOThread, IOThreads, ServedBy
from . import blocks
from .blocks import Image
from .caching import Caching, mode_of
from .line import Dev, Line
from .said import Said, number

VIRTIO = frozenset(("virtio-blk-pci", "virtio-blk-pci-transitional", "virtio-blk-pci-non-transitional"))
FRONTS = ("ide-cd", "ide-hd", "scsi-block", "scsi-cd", "scsi-disk", "scsi-generic", "scsi-hd", "virtio-blk-pci")
GENERIC = "/dev/sg"
LONGEST_ID = 20
"""Of a SCSI drive's id: its serial, else the name of its -drive (hw/scsi/scsi-disk.c)."""
WORDS = ("enospc", "ignore", "report", "stop", "auto")

THREAD = {
    "poll_max": "poll-max-ns", "poll_grow": "poll-grow", "poll_shrink": "poll-shrink", "poll_weight": "poll-weight",
    "thread_pool_min": "thread-pool-min", "thread_pool_max": "thread-pool-max",
}  # fmt: skip
"""Field of an iothread -> property of QEMU's object."""


def read_iothreads(line: Line) -> None:
    """Objects by their rank; a pool is called `iothread0` on by qemu-server."""
    threads: list[IOThread] = []
    pool = 0
    for name, said in line.objects.items():
        if said.peek("qom-type") != "iothread":
            continue
        said.claim()
        said.take("qom-type")
        said.take("id")
        thread = IOThread(id=_number(line, name, len(threads)), where=said)
        for field, option in THREAD.items():
            setattr(thread, field, said.number(option))
        if line.is_pve:
            pool += name == f"iothread{len(threads)}"
            thread.private_to = name.removeprefix("iothread-") if name.startswith("iothread-") else None
        line.threads[name] = thread.id
        threads.append(thread)
    if threads:
        whole = line.is_pve and pool == len(threads)
        line.vm.iothreads = IOThreads(threads=threads, pool=len(threads) if whole else None, where=threads[0].where)


def _number(line: Line, name: str, rank: int) -> int:
    """libvirt's `iothread3` is number 3."""
    digits = name.removeprefix("iothread")
    if not line.is_pve and digits != name and digits.isdigit() and int(digits[:9]) > 0 and int(digits[:9]) not in line.threads.values():
        return int(digits[:9])
    return next(n for n in range(rank + 1, rank + 2 + len(line.threads)) if n not in line.threads.values())


def served_by(line: Line, said: Said) -> list[ServedBy] | None:
    """Take the threads of a device."""
    name = said.take("iothread")
    if name is not None:
        return [ServedBy(_thread(line, name, said))]
    mapping = said.properties.get("iothread-vq-mapping")
    if not isinstance(mapping, list):
        return None
    del said.properties["iothread-vq-mapping"]
    found = []
    for entry in mapping:
        if not isinstance(entry, dict) or "iothread" not in entry:
            raise BridgeError("iothread-vq-mapping has an entry without iothread", said)
        queues = entry.get("vqs")
        numbers = tuple(n for n in map(number, queues) if n is not None) if isinstance(queues, list) else None
        found.append(ServedBy(_thread(line, str(entry["iothread"]), said), numbers))
    return found or None


def _thread(line: Line, name: str, said: Said) -> int:
    if name not in line.threads:
        raise BridgeError(f"there is no iothread '{name[:40]}'", said)
    return line.threads[name]


def read_adapters(line: Line) -> None:
    for controller in line.vm.controllers:
        if controller.type == "scsi" and isinstance(controller.where, Said):
            controller.served_by = served_by(line, controller.where)


def read(line: Line) -> None:
    line.vm.disks = []
    all_lost = not line.is_pve and line.flag("snapshot") is not None
    for device in line.of(*FRONTS, *VIRTIO):
        disk = _read(line, device)
        if disk is None:
            continue
        path = (disk.source.path if disk.source is not None else None) or ""
        if device.driver == "scsi-generic" and path.startswith(GENERIC):
            device.taken = True
            device.said.take_all()
            message = f"{path}: a SCSI device of the host, by a name that says nothing of its place"
            line.report.add("guest-lost", device.said, message, "lsscsi -g tells adapter and address: add a <hostdev>, or its block device")
        else:
            if not line.is_pve and disk.source is not None:
                check_path(disk.source)
            if all_lost and disk.media != "cdrom" and disk.snapshot is None:
                disk.snapshot = True
            device.taken = True
            line.vm.disks.append(disk)


def read_extra(line: Line) -> None:
    """Drives on buses that no config has: for XML."""
    for device in line.devices:
        other = line.held.get(id(device))
        if other is None or device.driver not in EXTRA:
            continue
        name = device.said.peek("drive")
        image = blocks.image_of(line, name) if name else None
        if image is not None and not image.plain:
            continue
        source = image.source if image is not None else Source(kind="empty", where=device.said)
        check_path(source)
        other.disk = Disk(key=device.id, bus=EXTRA[device.driver], source=source, address=None, where=device.said)
        if image is not None:
            _take_image(line, other.disk, image, device, False)
        _front(line, other.disk, device.said, image, False)
        unit = number(other.properties.get("unit")) or 0
        if device.driver == "floppy" and (order := number(line.global_(f"isa-fdc.bootindex{'AB'[unit % 2]}"))) is not None:
            other.disk.bootindex = order


EXTRA = {"usb-storage": "usb", "floppy": "fdc"}


def _read(line: Line, device: Dev) -> Disk | None:
    said = device.said
    name = said.peek("drive")
    image = blocks.image_of(line, name) if name else None
    if name and image is None:
        raise BridgeError(f"{device.driver}: there is no drive '{name[:60]}'", said)
    if image is not None and not image.plain:
        return None
    said.take("drive")
    cdrom = _is_cdrom(line, device, image)
    bus = "virtio" if device.driver in VIRTIO else device.bus
    disk = Disk(key=device.id, bus=bus, media="cdrom" if cdrom else None, address=device.address, where=said)
    disk.source = image.source if image is not None else Source(kind="empty", where=said)
    if image is not None:
        _take_image(line, disk, image, device, cdrom)
    disk.scsiblock = True if device.driver in ("scsi-block", "scsi-generic") else None
    if line.is_pve and image is not None:
        if image.name is not None:
            line.node_names[id(disk.where)] = image.name
        group = line.objects.get(f"throttle-drive-{device.id}")
        if not image.order and not image.throttled and bus == "scsi" and image.source.kind == "block":
            disk.scsiblock = True
            if group is not None:
                group.take_all()
    if is_cloudinit(disk.source.path or disk.source.name or ""):
        disk.cloudinit = True
    _front(line, disk, said, image, cdrom)
    return disk


def in_full(path: str) -> str:
    """What to do about a path that cannot stay as it is."""
    whole = "write it in full, as it is on the host"
    return whole if path.startswith("/") else f"{whole}, or name the directory that QEMU is started in (--started-in)"


def check_path(source: Source) -> None:
    """Raises BridgeError for a path that must not get into a document (security-rules S8), or that only the process could follow."""
    path = source.path
    if path is not None and (problem := path_problem(path)):
        raise BridgeError(f"the path '{path[:200]}' {problem}: {in_full(path)}", source.where)


def _is_cdrom(line: Line, device: Dev, image: Image | None) -> bool:
    """qemu-server makes every IDE drive of a template a CD-ROM; what is none writes zeroes in its own way."""
    if line.is_pve and image is not None and image.source.kind != "empty":
        return image.media == "cdrom" or (not image.order and image.detect_zeroes is None)
    return device.driver in ("ide-cd", "scsi-cd") or (image is not None and image.media == "cdrom")


def _take_image(line: Line, disk: Disk, image: Image, device: Dev, cdrom: bool) -> None:
    source = image.source
    if id(image.where) in line.copy_on_read:
        message = "copy-on-read of the drive has no place in a config"
        line.late.append(partial(line.report.add, "host-lost", device.said, message))
        line.copied.add(id(device.said))
    disk.throttle, disk.detect_zeroes, disk.discard = image.throttle, image.detect_zeroes, image.discard
    disk.aio, disk.snapshot, disk.serial = image.aio, image.snapshot, image.serial
    disk.rerror, disk.werror = image.rerror, image.werror
    if source.kind != "empty":
        disk.format = image.format or _guessed(line, source, cdrom)
        source.format = disk.format
    if image.read_only is not None and not cdrom:
        disk.ro = image.read_only or None
    if image.cache is not None or image.order:  # of -drive
        disk.cache = image.cache
        if line.is_pve:
            _spoken(line, disk, image)


ENDINGS = {"qcow2": "qcow2", "qcow": "qcow", "qed": "qed", "vmdk": "vmdk", "vdi": "vdi", "vhdx": "vhdx"}


def _guessed(line: Line, source: Source, cdrom: bool) -> str:
    """QEMU looks into an image whose format nobody says; whoever writes the document must not (security-rules S8): its name decides."""
    name = source.path or source.name or ""
    form = "raw" if cdrom else ENDINGS.get(name.rpartition(".")[2].lower(), "raw")
    if not cdrom and source.kind == "file" and not line.is_pve:
        message = f"nothing says the format of '{name}', which QEMU finds out by itself: by its name it is {form}"
        line.report.add("ambiguous", source.where, message, "say format= on the command line if it is another")
    return form


def _spoken(line: Line, disk: Disk, image: Image) -> None:
    """qemu-server writes what the config says in front of `format`, and its own default behind it."""
    at = image.order.index("format") if "format" in image.order else len(image.order)
    said: dict[str, Any] = {}
    for name in ("media", "cache", "rerror", "werror", "discard"):
        if name in image.order[:at]:
            said[name] = getattr(image, name)
    if image.media == "cdrom":
        disk.media = "cdrom"
    for name, value in (("ro", image.read_only), ("snapshot", image.snapshot)):
        word = "readonly" if name == "ro" else name
        if word in image.order[:at] and not line.vm.meta.template:
            said[name] = value
    line.spoken[id(disk.where)] = said


def _front(line: Line, disk: Disk, said: Said, image: Image | None, cdrom: bool) -> None:
    """What the device itself says."""
    write_cache = said.peek("write-cache")
    if write_cache in ("on", "off"):
        said.take("write-cache")
    if image is not None and not image.order:
        disk.cache = _cache(line, said, image, write_cache, cdrom)
    elif image is not None and write_cache in ("on", "off") and not cdrom:
        disk.cache = mode_of(line, said, image.caching._replace(writeback=write_cache == "on"))
    if not cdrom and disk.source is not None and disk.source.kind != "empty":
        disk.cache = disk.cache or "writeback"
        if disk.aio is None and disk.source.kind in ("file", "block"):
            disk.aio = "threads"
        disk.detect_zeroes = disk.detect_zeroes or "off"
        if disk.detect_zeroes == "unmap" and disk.discard != "on":
            disk.detect_zeroes = "on"
        elif disk.detect_zeroes == "on" and disk.discard == "on":
            message = "detect_zeroes='on' with discard='unmap': qemu-server then unmaps zeroes too"
            line.report.add("host-lost", said, message)
            disk.detect_zeroes = "unmap"
    _policies(line, disk, said)
    _identity(disk, said)
    if not line.is_pve and disk.bus == "scsi" and disk.device_id is None and not disk.scsiblock:
        disk.device_id = (disk.serial or "")[:LONGEST_ID] or (image.drive if image is not None else None)
        line.unsaid_ids.add(id(said))
    disk.bootindex = said.number("bootindex")
    disk.served_by = served_by(line, said)


def _policies(line: Line, disk: Disk, said: Said) -> None:
    for name in ("rerror", "werror"):
        if said.peek(name) in WORDS:
            setattr(disk, name, said.take(name))
            if line.is_pve:
                line.spoken.setdefault(id(disk.where), {})[name] = getattr(disk, name)


def _identity(disk: Disk, said: Said) -> None:
    """By which a guest knows the drive."""
    for field in ("serial", "vendor", "product", "model", "device_id", "wwn"):
        if (text := said.peek(field)) is not None:
            value: str | None = said.take(field)
            if field == "wwn":
                wide = number(text)
                value = f"0x{wide:016x}" if wide is not None else None
            setattr(disk, field, value)
    rate = said.peek("rotation_rate")
    if rate == "1":
        disk.ssd = True
        said.take("rotation_rate")
    elif rate is not None and rate.isdigit():
        disk.rotation_rate = said.number("rotation_rate")


def _cache(line: Line, said: Said, image: Image, write_cache: str | None, cdrom: bool) -> str | None:
    """Of block nodes, which leave the write cache to the device."""
    caching = image.caching._replace(writeback=write_cache != "off" or cdrom)
    return None if cdrom and caching == Caching() else mode_of(line, said, caching)
