"""Migration streams made by hand, as QEMU's migration/savevm.c and ram.c write them."""

from __future__ import annotations

import struct
from collections.abc import Iterable

MACHINE = b"pc-i440fx-10.0"
HEAD = b"QEVM\0\0\0\3"
PAGES = [bytes([n]) * 4096 for n in range(1, 4)]
DEVICES = b"\4" + struct.pack(">I", 9) + b"\7pc.cards" + bytes(range(256)) * 8
"""The beginning of devices' states, and what nobody looks at."""


def u32(number: int) -> bytes:
    return struct.pack(">I", number)


def u64(number: int) -> bytes:
    return struct.pack(">Q", number)


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def configuration(*subsections: bytes) -> bytes:
    return b"\7" + u32(len(MACHINE)) + MACHINE + b"".join(subsections)


def subsection(name: bytes, data: bytes, version: int = 1) -> bytes:
    return b"\5" + short(name) + u32(version) + data


def section(kind: int, ident: int, data: bytes, name: bytes = b"", version: int = 0, footer: bool = True) -> bytes:
    head = bytes([kind]) + u32(ident) + (short(name) + u32(0) + u32(version) if kind in (1, 4) else b"")
    return head + data + (b"\x7e" + u32(ident) if footer else b"")


def sizes(blocks: dict[bytes, int]) -> bytes:
    return u64(sum(blocks.values()) | 4) + b"".join(short(name) + u64(size) for name, size in blocks.items())


def page(data: bytes, name: bytes | None = None, address: int = 0) -> bytes:
    return u64(address | 8 | (0 if name else 0x20)) + (short(name) if name else b"") + data


def zero(name: bytes | None = None) -> bytes:
    return u64(2 | (0 if name else 0x20)) + (short(name) if name else b"") + b"\0"


def xbzrle(data: bytes, name: bytes | None = None) -> bytes:
    return u64(0x40 | (0 if name else 0x20)) + (short(name) if name else b"") + b"\1" + struct.pack(">H", len(data)) + data


FLUSH, EOS = u64(0x200), u64(0x10)


def pbs(data: bytes = bytes(8), version: int = 1, ident: int = 4000) -> bytes:
    return section(1, ident, u64(len(data)) + data, b"pbs-state", version)


def whole(first: bytes, second: bytes, between: bytes = b"", footer: bool = True) -> bytes:
    """A guest with two blocks of memory, names as given; `between` stands in the setup phase."""
    setup = section(1, 2, sizes({first: 8192, second: 4096}) + FLUSH + EOS, b"ram", 4, footer)
    live = section(2, 2, page(PAGES[0], first) + page(PAGES[1]) + zero() + page(PAGES[2], second) + FLUSH + EOS, footer=footer)
    last = section(3, 2, xbzrle(b"\5\6\7", first) + zero(second) + page(PAGES[0]) + EOS, footer=footer)
    uuid = subsection(b"configuration/uuid", bytes(16))
    command = b"\x08\0\1\0\4abcd"
    return HEAD + configuration(uuid, subsection(b"configuration/capabilities", u32(0))) + command + setup + between + live + last + DEVICES


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))
