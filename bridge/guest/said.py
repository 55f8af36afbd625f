"""A command line's options by what they make: the machine, objects, block nodes, devices in the order QEMU creates them."""

from __future__ import annotations

from typing import Any

import msgspec

from ..argv.read import CommandLine, fields, global_property
from ..core.report import BridgeError
from ..data import gates
from ..data.devices import ALIASES
from ..data.machines import VERSIONED, base_of, version_of, without_revision
from ..data.qemu import KVM_PROGRAM
from ..data.readconfig import READCONFIG
from .values import number, word

Fields = dict[str, Any]
DEEPEST = 64
"""Block nodes on top of each other."""


class Global(msgspec.Struct):
    """-global: one property of a driver; `used` once a device of the command line took it."""

    driver: str
    name: str
    value: str
    used: bool = False


class Said(msgspec.Struct, kw_only=True):
    """Everything that the options of a command line say, still in their words.

    `options` holds the values of each option in order. `base` is `i440fx`, `q35`, `virt` or QEMU's own name of another machine,
    `version` (major, minor). `devices` have `driver` with its own name (no alias) and all properties as written.
    `nodes` are block nodes by node name, and old drives (-drive) by their id; `json_devices` counts those at the end written as JSON.
    """

    options: dict[str, list[str]]
    program: str = ""
    machine: Fields = {}
    base: str = "i440fx"
    version: gates.Version = ()
    objects: dict[str, Fields] = {}
    nodes: dict[str, Fields] = {}
    drives: dict[str, Fields] = {}
    pflash: dict[int, Fields] = {}
    devices: list[Fields] = []
    globals: list[Global] = []
    notes: list[str] = []

    def has(self, gate: str) -> bool:
        """Whether the machine's version has a feature of `gates.MACHINE`."""
        return gates.machine_has(self.version, 0, gate)

    @property
    def accel(self) -> str:
        """`kvm`, `tcg` or another: the first that is named."""
        said = self.machine.get("accel") or next(iter(self.options.get("accel", ())), None)
        if said is not None:
            return word(said).partition(",")[0].partition(":")[0].removeprefix("accel=")
        return "kvm" if "enable-kvm" in self.options or self.program.rpartition("/")[2] in KVM_PROGRAM else "tcg"

    def last(self, option: str) -> str | None:
        return self.options[option][-1] if option in self.options else None

    def merged(self, option: str, first: str | None = None) -> Fields:
        """All uses of an option together, as QEMU merges -machine, -m, -smp, -boot and -rtc: the later value wins."""
        found: Fields = {}
        for value in self.options.get(option, ()):
            found |= fields(value, first)
        return found


def said(line: CommandLine, newest: gates.Version) -> Said:
    """Sort the options of a command line. `newest` is the version of a machine type without one. Raises BridgeError as `read` does."""
    options: dict[str, list[str]] = {}
    for option in line.options:
        options.setdefault(option.name, []).append(option.value)
        if option.name == "smbios" and word((entry := fields(option.value)).get("type")) == "1" and "uuid" in entry:
            options.setdefault("uuid", []).append(str(entry["uuid"]))  # one and the same for QEMU: the last on the line counts
    found = Said(options=options, program=line.program)
    for name, text in options.items():
        if name in ("M", "machine"):
            for value in text:
                found.machine |= {key.replace("_", "-"): v for key, v in fields(value, "type").items()}
    name = without_revision(word(found.machine.get("type", "pc")))
    found.base = base_of(name) or name
    if found.base in VERSIONED:
        found.version = (version_of(name) or newest)[:2]
    _objects(found)
    _blocks(found)
    _devices(found, line)
    for value in options.get("global", ()):
        parts = global_property(value)
        if parts is None:
            raise BridgeError(f"-global {value[:40]} is not a driver.property=value")
        found.globals.append(Global(ALIASES.get(parts[0], parts[0]), *parts[1:]))
    return found


def _objects(found: Said) -> None:
    for value in found.options.get("object", ()):
        made = fields(value, "qom-type")
        found.objects[word(made.get("id", f"#{len(found.objects)}"))] = made


def _blocks(found: Said) -> None:
    for value in found.options.get("blockdev", ()):
        _node(found, fields(value, "driver"))
    for n, value in enumerate(found.options.get("drive", ())):
        drive = fields(value, "file")
        if drive.get("if") == "pflash":
            found.pflash[number(drive.get("unit", 0), "-drive unit")] = drive
        elif drive.get("if", "none") == "none":
            found.drives[word(drive.get("id", f"#{n}"))] = drive
        else:
            found.options.setdefault("drive of the board", []).append(value)


def _node(found: Said, node: Fields, depth: int = 0) -> None:
    """A node and those inside it, each by its name."""
    if depth > DEEPEST:
        raise BridgeError(f"-blockdev with more than {DEEPEST} nodes in each other")
    for child in node.values():
        if isinstance(child, dict):
            _node(found, child, depth + 1)
    if "node-name" in node:
        found.nodes[word(node["node-name"])] = node


def _devices(found: Said, line: CommandLine) -> None:
    """-device and -readconfig: QEMU creates all plain ones first and those written as JSON behind them (mapping-devices R8)."""
    written: list[Fields] = []
    json: list[Fields] = []
    for option in line.options:
        if option.name == "device":
            device = _device(option.value)
            (json if option.value.startswith("{") else written).append(device)
        elif option.name == "readconfig":
            file = option.value.rpartition("/")[2]
            if file in READCONFIG:
                written += [dict(device) for device in READCONFIG[file]]
            else:
                found.options.setdefault("readconfig of another file", []).append(file)
    for value in found.options.get("set", ()):
        _set(found, written, value)
    found.devices = written + json


def _device(text: str) -> Fields:
    device = fields(text, "driver")
    driver = word(device.get("driver", ""))
    if not driver:
        raise BridgeError(f"-device {text[:40]} names no driver")
    return device | {"driver": ALIASES.get(driver, driver)}


def _set(found: Said, devices: list[Fields], text: str) -> None:
    """-set device.ID.PROPERTY=VALUE; QEMU knows no device written as JSON there (mapping-devices 18.5)."""
    path, _, value = text.partition("=")
    group, _, rest = path.partition(".")
    name, _, key = rest.rpartition(".")
    for device in devices:
        if group == "device" and device.get("id") == name:
            device[key] = value
            return
    found.options.setdefault("set of another thing", []).append(text)
