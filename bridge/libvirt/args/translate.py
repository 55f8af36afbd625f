"""Devices of `args` as libvirt's QEMU must be told them, so that the guest has what it has under qemu-server.

QEMU creates devices that are written as JSON, as libvirt's are, after all others (system/vl.c, qemu_create_cli_devices). A plain
`-device`, the last of all under qemu-server, would be the first: without an address it takes the slot of another card, and a bus that
another device brings is not there yet. So it is written as JSON, too, with libvirt's names of buses. What QEMU's `-set` changes of a
device stands in qemu:override, as QEMU knows no device written as JSON there.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from ...data.devices import ALIASES, BUSES, PLUGS, SINGLE
from ...data.properties import type_of
from ..device import alias
from ..tree.domain import Domain, Property

DEVICE = frozenset(("-device", "--device"))
SET = frozenset(("-set", "--set"))
ROOTS = frozenset(("pci.0", "pcie.0"))
ALIAS = "ua-"
OWN_ALIAS = {"balloon0": "balloon0"}
"""Devices that have no alias of the user's."""
PORTS = frozenset(("isa-parallel", "isa-serial"))
"""On the ISA bus, yet numbered in the order in which they are created."""
EARLY = {
    "-readconfig": re.compile(r".*", re.DOTALL),
    "-virtfs": re.compile(r".*", re.DOTALL),
    "-drive": re.compile(r"(?:.*,)?if=virtio(?:,.*)?", re.DOTALL),
}
"""Other options that create devices, and the values with which they do."""

_PARTS = re.compile(r"((?:[^,]|,,)+)(?:,|$)")
_NUMBER = re.compile(r"(-?)(?:0x([0-9a-f]{1,16})|(0|[1-9][0-9]{0,19}))([kmgtpe]?)", re.IGNORECASE | re.ASCII)
_SET = re.compile(r"device\.([A-Za-z][A-Za-z0-9._-]*?)\.([A-Za-z0-9_-]+)=(.*)", re.ASCII | re.DOTALL)
_SWITCH = {**dict.fromkeys(("on", "yes", "true", "y"), True), **dict.fromkeys(("off", "no", "false", "n"), False)}
_UNITS = "kmgtpe"
_BRIDGE = re.compile(r"pci-([0-9]+)", re.ASCII)


class Translated(NamedTuple):
    """`words` for qemu:commandline, `overrides` (alias, property) -> value; `doubts` are words that no form can place rightly."""

    words: list[str]
    overrides: dict[tuple[str, str], Property]
    doubts: list[str]


def to_libvirt(words: list[str], domain: Domain) -> Translated:
    """The words of `args` for libvirt's QEMU. Depends on nothing but the words and the aliases of the domain's devices."""
    if DEVICE.isdisjoint(words) and SET.isdisjoint(words) and EARLY.keys().isdisjoint(words):
        return Translated(words, {}, [])
    return _to_libvirt(words, _aliases(domain))


def _to_libvirt(words: list[str], aliases: set[str]) -> Translated:
    found = Translated([], {}, [])
    own: dict[str, int] = {}
    n = 0
    while n < len(words):
        option, value = words[n], words[n + 1] if n + 1 < len(words) else ""
        if option in DEVICE and n + 1 < len(words):
            _device(found, own, option, value, aliases)
        elif option in SET and _set(found, own, value, aliases):
            pass
        else:
            if (option in EARLY and EARLY[option].fullmatch(value)) or option in SET:
                found.doubts.append(f"{option} {value}")
            found.words.append(option)
            n += 1
            continue
        n += 2
    return found


def _device(found: Translated, own: dict[str, int], option: str, text: str, aliases: set[str]) -> None:
    if text.startswith("{"):
        found.words.extend((option, _renamed(text, aliases)))
        return
    fields = _fields(text)
    if fields is not None and "id" in fields:
        own[fields["id"]] = len(found.words) + 1
    written: str | None = text
    if fields is None or not _anywhere(fields, aliases):
        written = None if fields is None else _json(fields, aliases)
    if written is None:
        found.doubts.append(f"{option} {text}")
    found.words.extend((option, written or text))


def _renamed(text: str, aliases: set[str]) -> str:
    """A device that is JSON already, on libvirt's bus; as it is if it names none."""
    try:
        device = json.loads(text)
    except (RecursionError, ValueError):
        return text
    buses = {name: _bus(bus, aliases) for name, bus in device.items() if (name == "bus" or name in BUSES) and isinstance(bus, str)}
    return text if all(device[name] == bus for name, bus in buses.items()) else json.dumps({**device, **buses}, separators=(",", ":"))


def _set(found: Translated, own: dict[str, int], value: str, aliases: set[str]) -> bool:
    """`-set device.ID.PROPERTY=VALUE` in another form; False if there is none."""
    match = _SET.fullmatch(value)
    if match is None:
        return False
    name = OWN_ALIAS.get(match[1], alias(match[1]))
    at = own.get(match[1])
    if at is not None:
        written = found.words[at]
        if not written.startswith("{"):  # a plain one, which QEMU finds
            found.words.extend(("-set", value))
            return True
        device = json.loads(written)
        typed = _typed(device["driver"], match[2], match[3], aliases)
        if typed is None:
            return False
        device[match[2]] = typed
        found.words[at] = _spelled(device)
        return True
    if name not in aliases:
        return False
    typed = _typed("", match[2], match[3], aliases)
    if typed is None:
        return False
    found.overrides[name, match[2]] = _property(typed)
    return True


def _property(value: Any) -> Property:
    if isinstance(value, bool):
        return "bool", "true" if value else "false"
    if isinstance(value, int):
        return "signed" if value < 0 else "unsigned", str(value)
    return "string", value


_VALUE = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII).fullmatch


def override_text(type_: str, value: str | None) -> str | None:
    """The value of a qemu:property as `-set` takes it; None if it takes none such."""
    if value is None or not _VALUE(value):
        return None
    return {"true": "on", "false": "off"}.get(value) if type_ == "bool" else value


def _fields(text: str) -> dict[str, str] | None:
    """`driver,a=b,c` as QEMU reads it; None for what it reads in more than one way, or not at all."""
    found: dict[str, str] = {}
    parts = _PARTS.findall(text)
    if ",".join(parts) != text:
        return None
    for n, part in enumerate(parts):
        key, equals, value = part.replace(",,", ",").partition("=")
        if n == 0 and not equals:
            key, equals, value = "driver", "=", key
        elif not equals and key.startswith("no"):  # `nofoo` is foo=off
            return None
        found[key] = value if equals else "on"
    return found if found.get("driver") else None


def _anywhere(fields: dict[str, str], aliases: set[str]) -> bool:
    """Whether the device is the same whenever it is created: it is alone of its kind, or on the root bus with an address."""
    driver = ALIASES.get(fields["driver"], fields["driver"])
    plug = PLUGS.get(driver, "pci")
    if driver in SINGLE or driver.endswith("-cpu") or (plug == "isa" and driver not in PORTS):
        return True
    bus = fields.get("bus")
    root = bus is None or (bus in ROOTS and alias(bus) not in aliases)  # pci.0 of q35 is a bridge
    return plug == "pci" and "addr" in fields and root and BUSES.isdisjoint(fields)


def _json(fields: dict[str, str], aliases: set[str]) -> str | None:
    driver = ALIASES.get(fields["driver"], fields["driver"])
    device: dict[str, Any] = {}
    for name, text in fields.items():
        device[name] = _typed(driver, name, text, aliases)
        if device[name] is None:
            return None
    return _spelled(device)


def _spelled(device: dict[str, Any]) -> str:
    return json.dumps({"driver": device["driver"], **device}, separators=(",", ":"), ensure_ascii=False)


def _typed(driver: str, name: str, text: str, aliases: set[str]) -> Any:
    """The value as JSON; None if its type is not certain."""
    if name == "bus" or name in BUSES:
        return _bus(text, aliases)
    wanted = type_of(driver, name)
    if wanted == "text":
        return text
    if wanted == "switch":
        return _SWITCH.get(text)
    number = _NUMBER.fullmatch(text)
    if wanted is None:
        return text if number is None and text not in _SWITCH else None
    if number is None:
        return None
    value = int(number[2], 16) if number[2] else int(number[3])
    return (-value if number[1] else value) << (10 * (_UNITS.index(number[4].lower()) + 1) if number[4] else 0)


def _bus(name: str, aliases: set[str]) -> str:
    """qemu-server's name of a bus -> libvirt's: a bridge's is its id, others have a number behind it."""
    if alias(name) in aliases:
        return alias(name)
    carrier, dot, number = name.rpartition(".")
    return alias(carrier) + dot + number if dot and alias(carrier) in aliases else name


def _aliases(domain: Domain) -> set[str]:
    found = {"balloon0"} if (balloon := domain.devices.peek("memballoon")) is not None and balloon.attrib.get("model") != "none" else set()
    for node in domain.devices.children:
        named = node.peek("alias")
        if named is not None and (name := named.attrib.get("name")) is not None:
            found.add(name)
    return found


def from_libvirt(words: list[str]) -> list[str]:
    """Law: `to_libvirt` makes the same of it. Devices that `to_libvirt` wrote are plain again, with qemu-server's names of buses."""
    found = list(words)
    for n, word in enumerate(words[:-1]):
        if word in DEVICE and words[n + 1].startswith("{"):
            found[n + 1] = _plain(words[n + 1]) or words[n + 1]
    return found


def _plain(text: str) -> str | None:
    """The device without JSON; None if `to_libvirt` would not write it like this."""
    try:
        device = json.loads(text)
    except (RecursionError, ValueError):
        return None
    if not isinstance(device.get("driver"), str):
        return None
    parts = [device.pop("driver")]
    aliases: set[str] = set()
    for name, value in device.items():
        if not isinstance(value, (bool, int, str)):
            return None
        said = ("on" if value else "off") if isinstance(value, bool) else str(value)
        if (name == "bus" or name in BUSES) and said.startswith(ALIAS):
            aliases |= {said, said.rpartition(".")[0]}
            said = _BRIDGE.sub(r"pci.\1", said[len(ALIAS) :])
        parts.append(f"{name}={said}")
    plain = ",".join(part.replace(",", ",,") for part in parts)
    return plain if _to_libvirt(["-device", plain], aliases).words == ["-device", text] else None
