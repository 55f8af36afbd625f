"""ideN, scsiN, virtioN, sataN: drives (qemu-server 9.2.6, Drive.pm; config-grammar 5; mapping-devices 8)."""

from __future__ import annotations

import re
import shlex
from typing import Any
from urllib.parse import quote_from_bytes

from ..core.coverage import Rows
from ..core.report import BridgeError, Line, Report, fields
from ..core.rows import Row
from ..host.volid import Match
from ..model.disk import Disk, Source, Throttle
from ..model.vm import VM
from .drive import CLOUDINIT, DRIVES, LIMITED, OLD_LIMITS, imported, unusable
from .section import COUNTED, ConfigSection, Lines, read_rows, write_rows

ROWS = (
    Row("media", "media"),
    Row("format", "format"),
    Row("cache", "cache"),
    Row("aio", "aio"),
    Row("discard", "discard"),
    Row("ro", "ro"),
    Row("snapshot", "snapshot"),
    Row("ssd", "ssd"),
    Row("wwn", "wwn"),
    Row("vendor", "vendor"),
    Row("product", "product"),
    Row("queues", "queues", COUNTED),
    Row("iothread", "iothread"),
    Row("scsiblock", "scsiblock"),
    Row("rerror", "rerror"),
    Row("werror", "werror"),
    Row("backup", "backup"),
    Row("replicate", "replicate"),
    Row("shared", "shared"),
    Row("size", "size"),
    Row("source", "file", code=True),
    Row("detect_zeroes", "detect_zeroes", code=True),
    Row("serial", "serial", code=True),
    Row("model", "model", code=True),
)

BUSES = (("ide", 4), ("scsi", 31), ("virtio", 16), ("sata", 6))
"""In the order in which qemu-server walks them (valid_drive_names)."""

LIMITS = Throttle.__struct_fields__
"""Sub-options of the same name."""
LIMIT_ROWS = tuple(Row(name, name, code=True) for name in LIMITS)
NO_LIMIT_ROWS = tuple(Row("throttle", name, code=True, finding="lint") for name in OLD_LIMITS)
"""qemu-server turns them into limits of 0, which are none."""
TABLE = (
    Rows(Disk, DRIVES, ROWS, ("bus", "served_by", "write_cache", "device_id", "cloudinit", "target", "outline")),
    Rows(Disk, DRIVES, NO_LIMIT_ROWS),
    Rows(Throttle, DRIVES, LIMIT_ROWS),
    Rows(Source, "", (), Source.__struct_fields__),
)

ONLY_FOR = {
    "model": ("ide",),
    "ssd": ("ide", "sata", "scsi"),
    "wwn": ("ide", "sata", "scsi"),
    "ro": ("scsi", "virtio"),
    "iothread": ("scsi", "virtio"),
    "vendor": ("scsi",),
    "product": ("scsi",),
    "queues": ("scsi",),
    "scsiblock": ("scsi",),
}
"""Sub-options that not every bus has."""

def read(section: ConfigSection, vm: VM) -> None:
    """The drives that qemu-server would use; a drive that it drops when it is used is a finding, and not there."""
    disks = []
    for bus, count in BUSES:
        for index, key in section.indexed(bus, count):
            said = section.props(key)
            if said is None:
                continue
            line = section.line(key)
            reason = unusable(key, said)
            if reason:
                section.report.add("bad-line", line, f"{key}: {reason}: qemu-server ignores this drive, so it is left out")
            else:
                disks.append(_drive(bus, index, key, said, line, section.report))
    vm.disks = disks


def _drive(bus: str, index: int, key: str, said: dict[str, Any], line: Line, report: Report) -> Disk:
    fields = read_rows(said, ROWS)
    for name in ("serial", "model"):
        text = said.get(name)
        if text and text != "0":  # a lone 0 counts as not said in Perl
            fields[name] = unquoted(text)
    for name in ("vendor", "product"):
        if name in fields and fields[name] in ("", "0"):
            del fields[name]
    if (zeroes := said.get("detect_zeroes")) is not None:
        fields["detect_zeroes"] = ("unmap" if said.get("discard") == "on" else "on") if zeroes else "off"
    file = said["file"]
    return Disk(
        key=key,
        bus=bus,
        index=index,
        where=line,
        source=Source(volid=file, where=line),
        throttle=None if LIMITED.isdisjoint(said) else _limits(key, said, line, report),
        cloudinit=True if "cloudinit" in file and CLOUDINIT.search(file) else None,
        **fields,
    )


def _limits(key: str, said: dict[str, Any], line: Line, report: Report) -> Throttle | None:
    limits: dict[str, str] = {name: text for name in LIMITS if (text := said.get(name)) is not None}
    for name in OLD_LIMITS:
        if name in said:
            limits["m" + name] = "0.000"
            report.add("lint", line, f"{key}: {name}={said[name]} sets no limit, qemu-server turns it into 0", f"write m{name} in MiB/s")
    return Throttle(**limits) if limits else None


_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def unquoted(text: str) -> str:
    """Percent-decoded; a `%` without two hex digits stays, bytes that are not UTF-8 are kept as surrogates."""
    if "%" not in text:
        return text
    raw = _PERCENT.sub(lambda match: bytes((int(match[1], 16),)), text.encode())
    return raw.decode("utf-8", "surrogateescape")


def quoted(text: str) -> str:
    """As qemu-server's urlencoded format wants it."""
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe="-_.!~*'()")


def write(vm: VM, lines: Lines) -> None:
    for disk in vm.disks:
        if disk.key is None:
            raise BridgeError("a disk has no key", disk.where)
        source = disk.source
        said: dict[str, Any] = {"file": source.volid if source and source.volid else "none"}
        for field, value in write_rows(disk, ROWS).items():
            if disk.bus in ONLY_FOR.get(field, (disk.bus,)):
                said[field] = value
            else:
                lines.report.add("guest-lost", disk.where, f"{disk.key}: bus {disk.bus} has no {field}={value}", about=fields(disk, field))
        if disk.detect_zeroes is not None:
            said["detect_zeroes"] = disk.detect_zeroes != "off"
        for field in ("serial", "model"):
            text = getattr(disk, field)
            if text and disk.bus in ONLY_FOR.get(field, (disk.bus,)):
                said[field] = quoted(text)
            elif text:
                message = f"{disk.key}: bus {disk.bus} has no {field}: '{text}' is lost"
                lines.report.add("guest-lost", disk.where, message, about=fields(disk, field))
        said |= _throttled(disk.throttle)
        lines.props(disk.key, said)
        if source is not None and isinstance(source.importing, Match):
            _tell_import(vm, disk, source.importing, lines)


def _throttled(throttle: Throttle | None) -> dict[str, str]:
    limits = ((name, getattr(throttle, name, None)) for name in LIMITS)
    return {name: limit for name, limit in limits if limit is not None}


def _tell_import(vm: VM, disk: Disk, match: Match, lines: Lines) -> None:
    """An image that is on no storage, and the command that makes a volume of it without losing what else the line says."""
    key = disk.key or ""
    command = ["qm", "set", lines.report.vm(vm.meta.vmid), f"--{key}", imported(lines.values[key], match.storage or "STORAGE")]
    lines.report.add(match.finding or "", disk.where, match.message, f"{match.hint}: {shlex.join(command)}", part=key)
