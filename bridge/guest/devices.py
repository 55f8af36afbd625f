"""The devices of a command line: each with its place and the properties that the guest can read."""

from __future__ import annotations

from typing import Any

import msgspec

from ..data.devices import BUSES, HOST, MEBIBYTES, PLACED, VERSIONED, defaults
from .backends import hidden, visible
from .cpu import DEVICE as CPU_DEVICE
from .places import HUB, Places, kind_of
from .said import Fields, Said
from .values import canonical, memory, number, plain, size, word

DRIVES = frozenset(("ide-cd", "ide-hd", "scsi-block", "scsi-cd", "scsi-generic", "scsi-hd", "virtio-blk-pci"))
CDS = frozenset(("ide-cd", "scsi-cd"))
SERIAL_LENGTH = 20
"""Characters of a SCSI disk's serial that become its id (hw/scsi/scsi-disk.c, scsi_realize)."""


class Device(msgspec.Struct, kw_only=True):
    """`where` names the option that made it, by its id where it has one. `host` is the part that no guest sees."""

    driver: str
    place: str
    where: str
    properties: dict[str, str]
    bootindex: int | None = None
    host: dict[str, str] = {}


def devices(said: Said, places: Places) -> list[Device]:
    """All devices in the order in which QEMU creates them."""
    made = [_device(said, places, dict(device)) for device in said.devices]
    hubs = [Device(driver=HUB, place=place, where="made by QEMU", properties={}) for place in places.hubs]
    return made + hubs


def _device(said: Said, places: Places, device: Fields) -> Device:
    driver = word(device["driver"])
    place = places.place(device)
    where = f"-device {word(device.get('id', driver))}"
    if driver.endswith("-cpu"):
        return Device(driver=CPU_DEVICE, place=place, where=where, properties={})
    said_more = {**_global(said, driver), **device}
    kind = kind_of(driver)
    visible_ = _properties(said, places, driver, kind, said_more)
    known = {**defaults(driver), **_versioned(said, driver)}
    properties = {**known, **{name: value for name, value in visible_.items() if value != "auto" or name not in known}}
    index = said_more.get("bootindex")
    return Device(
        driver=driver,
        place=place,
        where=where,
        properties=properties,
        bootindex=None if index is None or plain(index) == "-1" else number(index, f"{where} bootindex"),
        host=_host(said, device),
    )


def _properties(said: Said, places: Places, driver: str, kind: str, device: Fields) -> dict[str, str]:
    left_out = HOST | PLACED.get(kind, frozenset(("bus",))) | {"driver", "id"}
    found: dict[str, str] = {}
    drive = device.get("drive")
    if driver in DRIVES:
        found["medium"] = "none"
        found |= {name: canonical(name, v) for name, v in visible(said, word(drive), driver in CDS).items()} if drive is not None else {}
    for name, value in device.items():
        if name in MEBIBYTES:
            found[MEBIBYTES[name]] = str(number(value, name) << 20)
        elif name in BUSES:
            found[name] = places.of_bus(word(value))
        elif name not in left_out:
            found[name] = canonical(name, value)
    if driver.startswith("scsi-"):
        _device_id(said, found, drive)
    backend = said.objects.get(word(device.get("memdev", "")))
    if backend is not None:
        found["size"] = memory(size(backend.get("size", 0), "-object size"))
    if driver == "usb-host" and (node := found.pop("hostdevice", None)):
        found |= _usb_node(node)
    return found


def _device_id(said: Said, found: dict[str, str], drive: Any) -> None:
    """The id that a SCSI disk gives: its own, else its serial, else the name of its old -drive (mapping-devices R4)."""
    if "device_id" not in found:
        if serial := found.get("serial"):
            found["device_id"] = serial[:SERIAL_LENGTH]
        elif drive is not None and word(drive) in said.drives:
            found["device_id"] = word(drive)


def _usb_node(path: str) -> dict[str, str]:
    """`/dev/bus/usb/001/002` is address 2 on bus 1."""
    bus, _, address = path.removeprefix("/dev/bus/usb/").partition("/")
    return {"hostbus": plain(bus), "hostaddr": plain(address)}


def _global(said: Said, driver: str) -> Fields:
    """What -global says about a driver; its own properties win."""
    found: Fields = {}
    for entry in said.globals:
        if entry.driver == driver:
            entry.used = True
            found[entry.name] = entry.value
    return found


def _versioned(said: Said, driver: str) -> dict[str, str]:
    return {
        name: value for (of, name), (gate, value) in VERSIONED.items() if of == driver and (not said.version or said.has(gate))
    }


def _host(said: Said, device: Fields) -> dict[str, str]:
    """What serves the device on the host: its threads by number, its image, its network."""
    found: dict[str, str] = {}
    threads = [name for name, made in said.objects.items() if made.get("qom-type") == "iothread"]
    if "iothread" in device:
        found["iothread"] = _rank(threads, device["iothread"])
    mapping = device.get("iothread-vq-mapping")
    if isinstance(mapping, list):
        entries = [entry for entry in mapping if isinstance(entry, dict)]
        found["iothread"] = " ".join(
            _rank(threads, entry.get("iothread")) + (f":{plain(entry['vqs'])}" if entry.get("vqs") else "") for entry in entries
        )
    if "drive" in device:
        found |= hidden(said, word(device["drive"]))
    return found


def _rank(threads: list[str], name: object) -> str:
    return str(threads.index(word(name))) if word(name) in threads else f"no iothread {word(name)}"


