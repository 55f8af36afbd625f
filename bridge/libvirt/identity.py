"""What a guest knows a disk by: serial, WWN, vendor, product, model, SCSI id, rotation rate (mapping-devices 8).

libvirt refuses or changes some of these texts; those go by qemu:override.
"""

from __future__ import annotations

import re

from ..core.report import BridgeError
from ..core.rows import Row
from ..model.disk import Disk
from .args.properties import lose_properties
from .tree.domain import Domain
from .tree.node import Node

ROWS = (
    Row("serial", "serial", code=True),
    Row("wwn", "wwn", code=True),
    Row("vendor", "vendor", code=True),
    Row("product", "product", code=True),
    Row("model", "product", code=True),
    Row("ssd", "target@rotation_rate", code=True),
    Row("device_id", "qemu:override device_id", code=True),
)

WWN = re.compile(r"(?:0x)?([0-9A-Fa-f]{16})")
SAFE_SERIAL = re.compile(r"[A-Za-z0-9_.+-]+")
"""What libvirt passes on as it is; it sends a blank with a backslash, and refuses the rest."""
PRINTABLE = re.compile(r"[ -~]*")
CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
WWN_BUSES = ("ide", "scsi")


def is_cdrom(disk: Disk) -> bool:
    """qemu-server gives a cloud-init image on scsi a CD-ROM drive even where `media` does not say so."""
    return disk.media == "cdrom" or (disk.bus == "scsi" and bool(disk.cloudinit))


def write_identity(node: Node, target: Node, disk: Disk, bus: str, lun: bool, domain: Domain) -> None:
    """What a guest knows the disk by."""
    cdrom = is_cdrom(disk)
    rate = "1" if disk.ssd else str(disk.rotation_rate or "")
    if rate and not cdrom and bus != "virtio":
        if domain.target.has("rotation_rate"):
            target.set("rotation_rate", rate)
        else:
            _override(disk, "rotation_rate", "unsigned", rate, domain)
    if lun:  # scsi-block passes on what the disk itself says
        for name in ("serial", "wwn"):
            if (text := getattr(disk, name)) is not None:
                domain.report.add("lint", disk.where, f"{disk.key}: QEMU refuses {name} {text} on a disk that is passed through as it is")
        return
    plain = SAFE_SERIAL.fullmatch(disk.serial or "") is not None
    _write_text(node, disk, "serial", disk.serial, plain, domain)
    if disk.wwn is not None:
        if bus in WWN_BUSES:
            node.add("wwn", disk.wwn[2:])
        else:  # libvirt takes it on ide and scsi only
            _override(disk, "wwn", "unsigned", str(int(disk.wwn, 16)), domain)
    if disk.bus == "scsi":
        _write_scsi(node, disk, plain, domain)
    elif not cdrom:
        native = domain.target.has("product_ide")
        _write_text(node, disk, "product", disk.model, native, domain, "model")


def _write_scsi(node: Node, disk: Disk, plain: bool, domain: Domain) -> None:
    if disk.device_id is not None or domain.described:
        _write_text(node, disk, "vendor", disk.vendor, True, domain)
        _write_text(node, disk, "product", disk.product, True, domain)
        if disk.device_id is None:  # QEMU gives none to a drive without a name, libvirt always one
            domain.set_override(f"ua-{disk.key}", "device_id", "remove", None)
        elif not (plain and disk.device_id == disk.serial):  # libvirt takes a <serial> for the id, too
            _override(disk, "device_id", "string", disk.device_id, domain)
    else:
        message = f"{disk.key}: qemu-server gives iSCSI disks of such old machines to the guest as scsi-generic; libvirt has scsi-hd"
        domain.report.add("guest-changed", disk.where, message)


def _write_text(node: Node, disk: Disk, tag: str, text: str | None, native: bool, domain: Domain, prop: str | None = None) -> None:
    """An element, or a property of the device where libvirt would refuse or change the text."""
    if not text:
        return
    if CONTROL.search(text):
        raise BridgeError(f"{disk.key}: {prop or tag} has characters that XML cannot hold", disk.where)
    if native and PRINTABLE.fullmatch(text) and text == text.strip():
        node.add(tag, text)
    else:
        _override(disk, prop or tag, "string", text, domain)


def _override(disk: Disk, name: str, type_: str, value: str, domain: Domain) -> None:
    if domain.target.has("override"):
        domain.set_override(f"ua-{disk.key}", name, type_, value)
    else:
        whose = "XML without qemu:override" if domain.target.clean else "this libvirt"
        hint = "" if domain.target.clean else "libvirt 8.2 can (--libvirt)"
        domain.report.add("guest-lost", disk.where, f"{disk.key}: {whose} cannot set {name}={value}", hint)


def read_identity(disk: Disk, node: Node, target: Node, alias: str | None, domain: Domain) -> None:
    disk.serial = _text(node, "serial", alias, 60, domain)
    vendor, product = _text(node, "vendor", alias, 8, domain), _text(node, "product", alias, 40, domain)
    model = domain.override(alias, "model")
    wwn = _wwn(node, alias, domain)
    if wwn is not None:
        if disk.bus == "virtio":
            domain.report.add("guest-lost", node, f"wwn {wwn}: a config has none on bus virtio")
        else:
            disk.wwn = wwn
    if disk.bus == "scsi":
        disk.vendor, disk.product = _scsi_text(node, "vendor", vendor, 8, domain), _scsi_text(node, "product", product, 16, domain)
    else:
        disk.model = model[1] if model is not None else product
        if disk.model and (CONTROL.search(disk.model) or len(disk.model) > 40):
            raise BridgeError("the model has control characters, or more than 40", node)
        if vendor:
            domain.report.add("guest-lost", node, f"vendor '{vendor}': a config has none on bus {disk.bus}")
    device_id = domain.override(alias, "device_id")
    disk.device_id = device_id[1] if device_id is not None else None
    _read_target(disk, target, alias, domain)


def _text(node: Node, tag: str, alias: str | None, longest: int, domain: Domain) -> str | None:
    child = node.only(tag)
    text = child.value() if child is not None else None
    override = domain.override(alias, tag)
    if override is not None:
        text = override[1]
    if not text:
        return None
    if CONTROL.search(text):
        raise BridgeError(f"<{tag}> has control characters", child or node)
    size = len(text.encode("utf-8", "surrogateescape"))
    if tag == "serial":  # a config holds it percent-encoded
        size += 2 * sum(len(c.encode("utf-8", "surrogateescape")) for c in text if c not in _UNENCODED)
    if size > longest:
        message = f"{tag} '{text[:200]}' is longer than {longest} bytes and is left out"
        if tag == "serial" and _LONG.fullmatch(text):
            domain.report.set_properties("guest-lost", child or node, message, node, {"serial": text})
        else:
            domain.report.add("guest-lost", child or node, message)
        return None
    return text


_UNENCODED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()")
_LONG = re.compile(r"[A-Za-z0-9_ .+:-]{1,256}")
_SCSI_TEXT = re.compile(r"[A-Za-z0-9_ -]*")


def _scsi_text(node: Node, tag: str, text: str | None, longest: int, domain: Domain) -> str | None:
    if text is not None and (len(text) > longest or not _SCSI_TEXT.fullmatch(text)):
        domain.report.add("guest-lost", node, f"{tag} '{text}': a config takes {longest} letters, digits, blanks, - and _")
        return None
    return text


def _wwn(node: Node, alias: str | None, domain: Domain) -> str | None:
    child = node.only("wwn")
    override = domain.override(alias, "wwn")
    if override is not None and override[1] and override[1].isascii() and override[1].isdigit() and len(override[1]) < 21:
        return f"0x{int(override[1]):016x}"
    if child is None:
        return None
    match = WWN.fullmatch(child.text.strip(" \t\r\n"))
    if match is None:
        return None
    child.value()
    return "0x" + match[1]


def _read_target(disk: Disk, target: Node, alias: str | None, domain: Domain) -> None:
    rate = target.take("rotation_rate")
    override = domain.override(alias, "rotation_rate")
    if override is not None:
        rate = override[1]
    if rate == "1" and disk.bus != "virtio":
        disk.ssd = True
    elif rate is not None:
        message = f"rotation_rate='{rate}': a config knows ssd=1 (rate 1) only"
        if rate.isascii() and rate.isdigit() and disk.bus != "virtio":
            domain.report.set_properties("guest-lost", target, message, disk.where, {"rotation_rate": rate})
        else:
            domain.report.add("guest-lost", target, message)
    if (tray := target.take("tray")) is not None and tray != "closed":
        domain.report.add("host-state", target, f"tray='{tray}' is a running domain's and left behind")
    assert isinstance(disk.where, Node)
    lose_properties(domain, target, disk.where, {"removable": "removable", "dpofua": "dpofua"}, "disk")
