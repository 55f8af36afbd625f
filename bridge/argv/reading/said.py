"""One option of a command line while it is read: what a kind takes is gone, what stays is a finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...core.report import BridgeError
from ...core.shellwords import without_secrets
from ..read import Option, Pairs, pairs

FIRST = {
    "M": "type",
    "accel": "accel",
    "audiodev": "driver",
    "blockdev": "driver",
    "boot": "order",
    "chardev": "backend",
    "device": "driver",
    "display": "type",
    "fsdev": "fsdriver",
    "fw_cfg": "name",
    "m": "size",
    "machine": "type",
    "mon": "chardev",
    "name": "guest",
    "net": "type",
    "netdev": "type",
    "nic": "type",
    "numa": "type",
    "object": "qom-type",
    "sandbox": "enable",
    "smp": "cpus",
    "tpmdev": "type",
    "virtfs": "fsdriver",
    "vnc": "vnc",
}
"""Option -> the property that its first word is the value of (QEMU 10.0, `implied_opt_name`)."""
LISTS = frozenset((*FIRST, "action", "fsdev", "blockdev", "drive", "iscsi", "msg", "overcommit", "rtc", "smbios", "spice", "uefi-device"))
"""Options that are lists of properties."""
ON = frozenset(("on", "yes", "true", "y", True))
OFF = frozenset(("off", "no", "false", "n", False))
ON_WORDS, OFF_WORDS = frozenset(("on", "yes", "true", "y")), frozenset(("off", "no", "false", "n"))


class Said:
    """`properties` are those that nobody took yet; nested objects of JSON are Said themselves (`inner`).

    Prints as its place: `argv:word 12 (-device virtio-net-pci,…)`.
    """

    __slots__ = ("claimed", "file", "n", "name", "order", "origin", "properties", "text", "words")

    def __init__(self, option: Option, n: int, file: str, words: list[str]) -> None:
        self.name, self.text = option
        self.n = n
        self.file = file
        self.words = words
        self.claimed = False
        self.origin: Said | str | None = None
        """What this was made of: another option, or the text that names a device of QEMU's own."""
        listed = self.text.startswith("{") or self.name in LISTS
        found = pairs(self.text, FIRST.get(self.name)) if listed else []
        self.properties: dict[str, Any] = _unfolded(found) if self.name in ("blockdev", "drive") else dict(found)
        self.order = [key for key, _ in found]

    def __str__(self) -> str:
        if self.origin is not None:
            return str(self.origin)
        text = without_secrets(f"-{self.name} {self.text}".rstrip())
        return f"{self.file}:word {self.n} ({text if len(text) <= 60 else text[:59] + '…'})"

    def again(self) -> Said:
        """The same as it was before anything was taken."""
        said = Said(Option(self.name, self.text), self.n, self.file, self.words)
        said.origin = self.origin
        return said

    def all(self, name: str) -> list[str]:
        """Every value of a property that may be there several times (`cpus=0,cpus=2`)."""
        return [str(value) for key, value in pairs(self.text, FIRST.get(self.name)) if key == name]

    def get(self, name: str) -> str | None:
        """Take a property as text; an object or a list stays."""
        value = self.properties.get(name)
        if isinstance(value, dict | list):
            return None
        self.properties.pop(name, None)
        return None if value is None else spelled(value)

    def peek(self, name: str) -> str | None:
        value = self.properties.get(name)
        return None if value is None or isinstance(value, dict | list) else spelled(value)

    def raw(self, name: str) -> Any:
        """Take a property as JSON has it."""
        return self.properties.pop(name, None)

    def expect(self, name: str, *values: str) -> bool:
        """Take a property only if it has one of these values; True if it is not there, too."""
        value = self.peek(name)
        if value is None:
            return name not in self.properties
        if value not in values:
            return False
        del self.properties[name]
        return True

    def flag(self, name: str) -> bool | None:
        """Take a switch; what is none stays."""
        found = switch(self.properties.get(name))
        if found is not None:
            del self.properties[name]
        return found

    def number(self, name: str) -> int | None:
        """Take a whole number, decimal or 0x; what is none stays."""
        found = number(self.properties.get(name))
        if found is not None:
            del self.properties[name]
        return found

    def claim(self) -> None:
        """Take the option itself; its properties stay for others, and for the report."""
        self.claimed = True

    def unclaim(self) -> None:
        self.claimed = False

    def take_all(self) -> None:
        self.claimed = True
        self.properties.clear()

    def rest(self) -> Iterator[tuple[str, Any]]:
        """What nobody took: (name with dots, value)."""
        yield from _flat(self.properties, "")


def _flat(properties: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in properties.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _unfolded(found: Pairs) -> dict[str, Any]:
    """`file.driver=x` -> {"file": {"driver": "x"}}, as -blockdev and -drive read it; keys that are all numbers make a list."""
    tree: dict[str, Any] = {}
    for key, value in found:
        *path, last = key.split(".")
        at = tree
        if len(path) > 64:
            raise BridgeError(f"'{key[:40]}…' is nested too deep")
        for step in path:
            below = at.get(step)
            if not isinstance(below, dict):
                below = {} if not isinstance(below, str) else {"": below}
                at[step] = below
            at = below
        if isinstance(below := at.get(last), dict):
            below[""] = value
        else:
            at[last] = value
    return {key: _listed(value) for key, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    value = {key: _listed(below) for key, below in value.items()}
    if value and all(key.isdigit() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return value


def spelled(value: Any) -> str:
    """A value of JSON as the text that means the same."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def switch(value: Any) -> bool | None:
    """on/off in any spelling of QEMU's; None for what is not a switch."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    return True if value in ON_WORDS else False if value in OFF_WORDS else None


def number(value: Any) -> int | None:
    """A whole number as QEMU reads it: decimal, or hex with 0x."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if not isinstance(value, str) or not value.isascii() or len(value) > 20:
        return None
    if value.isdigit():
        return int(value)
    if value[:2] in ("0x", "0X") and value[2:] and all(c in "0123456789abcdefABCDEF" for c in value[2:]):
        return int(value, 16)
    return None


_UNITS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}


def size(value: Any, unit: str = "") -> int | None:
    """Bytes of a size: `512M`, `1.5G`, `0x100`; without a letter it counts in `unit`. None for what is none."""
    plain = number(value)
    if plain is not None:
        return plain << _UNITS[unit]
    if not isinstance(value, str) or not value.isascii() or len(value) > 40:
        return None
    digits, letter = value[:-1], value[-1:].lower()
    if letter not in _UNITS or not letter:
        digits, letter = value, unit
    whole, _, part = digits.partition(".")
    if not whole.isdigit() or (part and not part.isdigit()):
        return None
    return int(float(digits) * (1 << _UNITS[letter])) if part else int(whole) << _UNITS[letter]
