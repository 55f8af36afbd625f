"""Devices and options that no kind takes, with the host's ends that they name: what XML may have an element for, and a config `args`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...host.volid import path_problem
from ...model.raw import Backend, Other
from ..read import Option
from .buses import BRIDGES, SCSI, SERIAL, USB
from .disk import FRONTS, VIRTIO
from .line import Dev, Line
from .net import MODELS as NETS
from .said import Said, spelled

REFERS = {
    "audiodev": "audiodev",
    "chardev": "chardev",
    "cryptodev": "object",
    "drive": "blockdev",
    "fsdev": "fsdev",
    "memdev": "object",
    "netdev": "netdev",
    "rng": "object",
    "tpmdev": "tpmdev",
}
"""Property of a device -> the option whose id it names."""
PATHS = ("path", "filename", "file", "mem-path", "logfile", "cancel-path", "romfile", "rootdir", "dir", "data", "romdir")
"""Properties that name a file of the host."""
PLAIN_PATHS = frozenset(("acpitable", "dtb", "mem-path", "option-rom", "readconfig", "shim", "writeconfig"))
"""Options whose value is one, or ends in one."""
SECRET = frozenset(("secret", "secret_keyring"))
NOT_CARRIED = {
    "incoming": "a move in the other direction: the VM starts by itself",
    "loadvm": "the state is in the image, and is loaded by hand",
    "object secret": "a password or key is not carried over",
}
DEEPEST = 64


HELD_BY_MODEL = ("ich9-ahci", "pc-dimm", "usb-ccid", "vfio-pci", "virtio-balloon-pci", "vmgenid")
MODELLED = frozenset((*FRONTS, *VIRTIO, *NETS, *BRIDGES, *USB, *SCSI, *SERIAL, *HELD_BY_MODEL))
"""Devices that the model holds whole."""
DRIVES = frozenset(("usb-storage", "floppy"))


def hold(line: Line) -> None:
    """Small devices as they are, before the kinds take of them what a config can say."""
    action = line.all("watchdog-action")
    for device in line.devices:
        if device.driver in NETS and (end := _network(line, device)) is not None:
            line.ends[id(device.said)] = end
        if device.said.name != "device" or device.taken or device.driver in MODELLED or device.driver.endswith("-cpu"):
            continue
        other = _device(line, device)
        if device.driver in WATCHDOGS and action:
            other.properties["action"] = action[-1].text
        line.held[id(device)] = other
    for option in line.all("vnc", "spice", "display"):
        shown = _option(line, option)
        if (backend := _backend(line, "audiodev", option.peek("audiodev") or "")) is not None:
            shown.backends["audiodev"] = backend
        line.shown.append(shown)


def _network(line: Line, device: Dev) -> Backend | None:
    """What a card hangs on, where it is no tap."""
    said = line.netdevs.get(device.said.peek("netdev") or "")
    if said is None or line.is_pve or said.peek("type") in ("bridge", "tap"):
        return None
    return _backend(line, "netdev", said.peek("id") or "")


WATCHDOGS = ("i6300esb", "ib700")


def read(line: Line) -> list[Other]:
    """What is left, all of it claimed with this."""
    found = []
    for device in line.devices:
        if not device.taken and device.said.name == "device":
            other = line.held.get(id(device)) or _device(line, device)
            _claim(line, device, other)
            found.append(other)
    found += [_claimed(line, option) for option in line.options if not option.claimed]
    for option in line.all(*MERGED):
        found += [_setting(option, name, value) for name, value in list(option.rest())]
        option.properties.clear()
    return found


MERGED = ("machine", "M", "boot", "rtc")
"""Options of which QEMU merges several: a property that nobody takes may stand in one of its own."""


def _setting(option: Said, name: str, value: Any) -> Other:
    text = f"{name}={spelled(value).replace(',', ',,')}"
    known = "machine" if option.name == "M" else option.name
    return Other(option=known, value=text, properties={name: value}, words=[f"-{known}", text], where=option)


def whole(line: Line) -> list[Other]:
    """What an XML has elements for beside the parts of the model, in the order of the command line."""
    held = list(line.held.values())
    known = {id(other) for other in held}
    found = [*held, *(other for other in line.others if id(other) not in known)]
    return [*line.shown, *sorted(found, key=lambda other: other.where.n)]


def left(line: Line) -> list[tuple[Said, str, dict[str, Any]]]:
    """Properties of devices that the model holds without them."""
    found = []
    for device in line.devices:
        if device.said.name != "device" or id(device) in line.held:
            continue
        said = dict(device.said.rest())
        if id(device.said) in line.copied:
            said["copy-on-read"] = True
        if device.name != device.driver and "transitional" in device.name:
            said["transitional"] = device.name
        if id(device.said) in line.ends:
            said["netdev"] = line.ends[id(device.said)]
        if said:
            found.append((device.said, device.driver, said))
    return found


def _device(line: Line, device: Dev) -> Other:
    said = device.said
    backends = {}
    for name, option in REFERS.items():
        target = said.peek(name)
        if target is not None and (backend := _backend(line, option, target)) is not None:
            backends[name] = backend
    ends = [(backend.option, backend.properties) for backend in backends.values()]
    ends.insert(0, ("device", said.properties))
    problem = next((problem for option, properties in ends if (problem := problem_of(option, properties))), None)
    return Other(
        key=device.id, driver=device.driver, value=said.text, properties=dict(said.properties), backends=backends,
        words=list(said.words), address=device.address, where=said, problem=problem,
    )  # fmt: skip


def _claim(line: Line, device: Dev, other: Other) -> None:
    device.taken = True
    device.said.properties.clear()
    for backend in other.backends.values():
        for said in backend.all:
            said.take_all()
    del line


def _claimed(line: Line, option: Said) -> Other:
    other = _option(line, option)
    option.take_all()
    return other


def _backend(line: Line, option: str, name: str, depth: int = 0) -> Backend | None:
    """The option with this id, and those that it stands on in turn."""
    table: dict[str, dict[str, Said]] = {
        "audiodev": line.audiodevs, "blockdev": line.nodes, "chardev": line.chardevs, "netdev": line.netdevs, "object": line.objects,
        "tpmdev": line.tpmdevs,
    }  # fmt: skip
    said = table.get(option, {}).get(name)
    if said is None and option == "blockdev":
        said = line.drives.get(name)
    if said is None and option == "fsdev":
        said = next((found for found in line.all("fsdev") if found.peek("id") == name), None)
    if said is None or depth > DEEPEST:
        return None
    for program in ("script", "downscript") if option == "netdev" else ():
        if (text := said.peek(program)) not in (None, "no", ""):
            line.report.add("host-lost", said, f"{program}={text}: no program of a command line is run; the bridge's own ways count")
    found = Backend(key=name, option=said.name, properties=dict(said.properties), all=[said], where=said)
    for kind, below in _below(line, said):
        inner = _backend(line, kind, below, depth + 1)
        if inner is not None:
            found.words += inner.words
            found.all += inner.all
            found.below[kind] = inner
    found.words += _words(said, found.properties)
    return found


def _below(line: Line, said: Said) -> Iterator[tuple[str, str]]:
    """(option, id) of everything that an option names, whatever was taken of it."""
    for name, value in Said(Option(said.name, said.text), said.n, said.file, said.words).rest():
        last = name.rpartition(".")[2]
        if not isinstance(value, str):
            continue
        if said.name == "blockdev" and value in line.nodes and last in ("file", "backing", "data-file", "image", "raw"):
            yield "blockdev", value
        elif last == "throttle-group" and value in line.objects:
            yield "object", value
        elif last in ("chardev", "memdev") and value in (line.chardevs if last == "chardev" else line.objects):
            yield REFERS[last], value


def _words(said: Said, properties: dict[str, Any]) -> list[str]:
    """The words of a backend; no program of a tap is ever run."""
    if said.name != "netdev" or not {"script", "downscript"} & properties.keys():
        return said.words
    kept = {name: value for name, value in properties.items() if name not in ("script", "downscript", "type")}
    text = ",".join([str(properties.get("type", "")), *(f"{name}={str(value).replace(',', ',,')}" for name, value in kept.items())])
    return ["-netdev", f"{text},script=no,downscript=no"]


NO_FILES = frozenset(("socket", "serial", "parallel", "tty", "parport"))
"""Chardevs whose path is a socket or a device."""
SHARED_MEMORY = re.compile(r"/dev/shm/[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.ASCII).fullmatch  # noqa: S108  the kernel's own place
ENTROPY = frozenset(("/dev/random", "/dev/urandom", "/dev/hwrng"))


def problem_of(option: str, properties: dict[str, Any]) -> str | None:
    """Why the words of a backend must not stand in a document (security-rules S8, S12)."""
    if option == "object" and properties.get("filename") in ENTROPY:
        return None
    if option == "object" and properties.get("qom-type") in SECRET:
        return NOT_CARRIED["object secret"]
    if option == "object" and SHARED_MEMORY(str(properties.get("mem-path", ""))):
        return None
    if option == "chardev" and properties.get("backend") in NO_FILES:
        return None
    for name, path in properties.items():
        if name.rpartition(".")[2] in PATHS and isinstance(path, str) and path.startswith(("/", ".")) and (problem := path_problem(path)):
            return f"the path '{path[:200]}' {problem}"
    return None


def _option(line: Line, option: Said) -> Other:
    properties = dict(option.properties)
    problem = NOT_CARRIED.get(option.name) or problem_of(option.name, properties)
    if option.name in PLAIN_PATHS or option.name == "fw_cfg":
        problem = problem or problem_of(option.name, {"file": (option.text.rpartition("file=")[2] or option.text)})
    words = option.words if option.name != "netdev" else _words(option, properties)
    other = Other(option=option.name, value=option.text, properties=properties, words=words, where=option, problem=problem)
    del line
    return other
