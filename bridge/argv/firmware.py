"""Firmware images: -bios, -drive if=pflash before machine 10.0, -blockdev after (qemu-server 9.2.6, OVMF.pm)."""

from __future__ import annotations

from ..core.coverage import Rows
from ..core.rows import Row
from ..data.firmware import BASE
from ..data.gates import machine_has
from ..host.facts import HostFacts
from ..host.storage import Location, default_aio, drive_file
from ..model.disk import Source
from ..model.firmware import Firmware
from ..model.vm import VM
from ..passes.resolve.firmware import temporary
from .blockdev import Tree, must_be_known, throttle_group
from .emit import Command, json_text
from .machine import rfc

ROWS = (
    *(Row(field, "-blockdev pflash0", code=True) for field in ("bios", "code", "efitype")),
    *(Row(field, "-blockdev drive-efidisk0", code=True) for field in ("vars", "format")),
    Row("vars_size", "-blockdev size", code=True),
    Row("rom", "-bios", code=True),
)
TABLE = (Rows(Firmware, "", ROWS),)
KEY = "efidisk0"


def write(vm: VM, command: Command, host: HostFacts) -> None:
    firmware = vm.firmware
    if firmware.bios != "ovmf":
        return
    code = (firmware.code or "").replace(BASE, f"{BASE}/", 1)  # qemu-server writes two slashes
    if firmware.rom:
        command.options += ("-bios", code)
        return
    place = _location(firmware.vars, command.vmid)
    must_be_known(place, host, KEY, firmware.where)
    read_only = bool(vm.meta.template)
    if machine_has(vm.machine.version or (), vm.machine.pve or 0, "blockdev"):
        _blockdevs(firmware, command, code, place, read_only, rfc(host))
    else:
        sized = machine_has(vm.machine.version or (), vm.machine.pve or 0, "efidisk_size")
        command.options += ("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}")
        command.options += ("-drive", _drive(firmware, place, sized, read_only))


def _location(source: Source | None, vmid: int) -> Location:
    """Where the variables are; without efidisk0 in a temporary file."""
    if source is None:
        path = temporary(vmid)
        return Location(kind="file", volid=path, path=path)
    assert isinstance(source.location, Location)
    return source.location


def _drive(firmware: Firmware, place: Location, sized: bool, read_only: bool) -> str:
    text = "if=pflash,unit=1,id=drive-efidisk0"
    path = drive_file(place)
    if path.startswith("rbd:"):
        text += ",cache=writeback"
        path += ":rbd_cache_policy=writeback"
    text += f",format={firmware.format},file={path}"
    if sized and firmware.format == "raw":
        text += f",size={firmware.vars_size}"
    return text + (",readonly=on" if read_only and firmware.vars is not None else "")


def _blockdevs(firmware: Firmware, command: Command, code: str, place: Location, read_only: bool, rfc_form: bool) -> None:
    tree = Tree(
        KEY, place, format=firmware.format or "raw", cache="writeback", aio=default_aio(place, False), discard=None, detect_zeroes="on",
        read_only=read_only, rfc=rfc_form,
    )  # fmt: skip
    image = {"driver": "raw", "file": {"driver": "file", "filename": code}, "node-name": "pflash0", "read-only": True}
    command.options += ("-object", json_text(throttle_group(KEY, None)))
    command.options += ("-blockdev", json_text(image))
    command.options += ("-blockdev", json_text(tree.throttled(firmware.vars_size)))
    command.machine_flags += ("pflash0=pflash0", f"pflash1=drive-{KEY}")
