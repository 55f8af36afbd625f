"""Values of options in one spelling each, so that equal ones are equal text."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..core.report import BridgeError
from ..data.devices import CASELESS, FILES, TEXT

_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,32}")
_DECIMAL = re.compile(r"[0-9]{1,40}")
_SIZE = re.compile(r"([0-9]{1,20})(\.[0-9]{1,9})?([bkmgtpe]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_PCI = re.compile(r"(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])", re.IGNORECASE | re.ASCII)
_DEVFN = re.compile(r"(?:0x)?([0-9a-f]{1,2})(?:\.(?:0x)?([0-7]))?", re.IGNORECASE | re.ASCII)
_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", re.ASCII)
_SWITCH = {"yes": "on", "true": "on", "y": "on", "no": "off", "false": "off", "n": "off"}
UNITS = "bkmgtpe"
MOST_CPUS = 1 << 16


def plain(value: Any) -> str:
    """`on` and `off` for truth, decimal for numbers in any base, JSON for what has members, else the text itself."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if _HEX.fullmatch(value):
        return str(int(value, 16))
    if _DECIMAL.fullmatch(value):
        return value.lstrip("0") or "0"
    return _SWITCH.get(value, value)


def word(value: Any) -> str:
    """A name or a file as it is said: `0x10`, `n` and `on` are names like any other."""
    return value if isinstance(value, str) else plain(value)


def canonical(name: str, value: Any) -> str:
    """The value of a device's property in its one spelling."""
    text = word(value) if name in TEXT else plain(value)
    if name == "host" and (address := _PCI.fullmatch(text)):
        return f"{int(address[1] or '0', 16):04x}:{int(address[2], 16):02x}:{int(address[3], 16):02x}.{address[4]}"
    if name in FILES:
        return text.rpartition("/")[2]
    return text.lower() if name in CASELESS else text


def number(value: Any, option: str) -> int:
    """A whole number, not negative. Raises BridgeError naming the option."""
    text = plain(value)
    if not _DECIMAL.fullmatch(text):
        raise BridgeError(f"{option}: '{text[:40]}' is not a number")
    return int(text)


def size(value: Any, option: str, unit: str = "b") -> int:
    """Bytes of `16M`, `1G`, `333.33M`, `1024` (in `unit` if it names none). Raises BridgeError naming the option."""
    match = _SIZE.fullmatch(plain(value))
    if match is None:
        raise BridgeError(f"{option}: '{str(value)[:40]}' is not a size")
    scale = 1 << 10 * UNITS.index((match[3] or unit).lower())
    return int(match[1]) * scale + int(float(match[2] or "0") * scale)


def memory(count: int) -> str:
    """Bytes for a reader: `1024 MiB`, `512 KiB`, `100 bytes`."""
    for shift, unit in ((20, "MiB"), (10, "KiB")):
        if count % (1 << shift) == 0:
            return f"{count >> shift} {unit}"
    return f"{count} bytes"


def devfn(value: Any) -> tuple[int, int] | None:
    """(slot, function) of a PCI device's addr: `0x1d.0x7`, `5`, or a number that holds both. None if it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value >> 3, value & 7) if 0 <= value < 256 else None
    match = _DEVFN.fullmatch(str(value))
    return (int(match[1], 16), int(match[2] or "0")) if match else None


def numbers(text: str, option: str) -> set[int]:
    """The members of `0-3,7`. Raises BridgeError naming the option."""
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None or int(match[2] or match[1]) >= MOST_CPUS:
            raise BridgeError(f"{option}: '{part[:40]}' is not a range of numbers")
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return found


def ranges(members: set[int]) -> str:
    """{0, 1, 2, 7} as `0-2,7`."""
    parts: list[list[int]] = []
    for member in sorted(members):
        if parts and member == parts[-1][1] + 1:
            parts[-1][1] = member
        else:
            parts.append([member, member])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)
