"""ACPI and SMBIOS tables in the memory of a guest whose firmware has run (ACPI 6.5, chapter 5; SMBIOS 3.7, chapter 5)."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from hashlib import sha256

Read = Callable[[int, int], Awaitable[bytes]]
"""read(address, size): bytes of the guest's memory."""

LOW, LOW_SIZE = 0xE0000, 0x20000
"""Where a PC's firmware leaves the anchors of its tables."""
HEADER = 36
MOST = 1 << 20
ACPI_1_LENGTH = 20
LENGTH_AT = {b"RSD PTR ": 0, b"_SM_": 5, b"_SM3_": 6}
"""Anchor -> where it says how long it is; the one of ACPI 1.0 does not."""
POINTERS: dict[bytes, tuple[tuple[int, int], ...]] = {b"FACP": ((36, 44), (132, 148)), b"RSDT": ((36, MOST),), b"XSDT": ((36, MOST),)}
"""Table -> where it holds addresses of others."""
CHECKSUM = (9, 10)


def ready(low: bytes, acpi: bool) -> bool:
    """Whether the firmware has written its tables; those of ACPI are its last."""
    return _anchor(low, b"RSD PTR ") is not None if acpi else any(_anchor(low, name) is not None for name in (b"_SM3_", b"_SM_"))


def _anchor(low: bytes, name: bytes) -> int | None:
    """Where a table of this name starts; the same bytes in the firmware's code have no right checksum."""
    for at in range(0, len(low) - 32, 16):
        if low.startswith(name, at):
            length = (LENGTH_AT[name] and low[at + LENGTH_AT[name]]) or ACPI_1_LENGTH
            if sum(low[at : at + length]) % 256 == 0:
                return at
    return None


async def tables(read: Read) -> dict[str, str]:
    """Every ACPI table and SMBIOS structure: name -> size and a hash of its bytes; addresses and checksums do not count."""
    low = await read(LOW, LOW_SIZE)
    found: dict[str, str] = {}
    counts: dict[str, int] = {}
    named = [(f"ACPI {name}", _digest(_masked(name, data))) async for name, data in _acpi(low, read)]
    for name, text in [*named, *((f"SMBIOS type {kind}", text) for kind, text in await _smbios(low, read))]:
        count = counts[name] = counts.get(name, 0) + 1
        found[name if count == 1 else f"{name} #{count}"] = text
    return found


def _digest(data: bytes) -> str:
    return f"{len(data)} bytes, {sha256(data).hexdigest()[:16]}"


def _masked(name: str, data: bytes) -> bytes:
    masked = bytearray(data)
    for start, end in (CHECKSUM, *POINTERS.get(name.encode(), ())):
        masked[start:end] = bytes(len(masked[start:end]))
    return bytes(masked)


async def _acpi(low: bytes, read: Read) -> AsyncIterator[tuple[str, bytes]]:
    at = _anchor(low, b"RSD PTR ")
    if at is None:
        return
    root = await _table(struct.unpack_from("<I", low, at + 16)[0], read)
    if root is None:
        return
    yield "RSDT", root
    for (address,) in struct.iter_unpack("<I", root[HEADER : HEADER + (len(root) - HEADER) // 4 * 4]):
        table = await _table(address, read)
        if table is None:
            continue
        yield table[:4].decode("latin-1"), table
        if table[:4] == b"FACP":
            dsdt = await _table(struct.unpack_from("<I", table, 40)[0], read)
            if dsdt is not None:
                yield "DSDT", dsdt


async def _table(address: int, read: Read) -> bytes | None:
    header = await read(address, HEADER)
    size = struct.unpack_from("<I", header, 4)[0] if len(header) == HEADER else 0
    return await read(address, size) if HEADER <= size <= MOST else None


async def _smbios(low: bytes, read: Read) -> list[tuple[int, str]]:
    """(type, text) of each structure in order: its bytes as a hash, its strings as they are. Handles name other structures: they stay."""
    if (at := _anchor(low, b"_SM3_")) is not None:
        size, address = struct.unpack_from("<I", low, at + 12)[0], struct.unpack_from("<Q", low, at + 16)[0]
    elif (at := _anchor(low, b"_SM_")) is not None:
        size, address = struct.unpack_from("<H", low, at + 22)[0], struct.unpack_from("<I", low, at + 24)[0]
    else:
        return []
    return list(_structures(await read(address, min(size, MOST))))


def _structures(data: bytes) -> Iterator[tuple[int, str]]:
    at = 0
    while at + 4 <= len(data) and data[at] != 127:
        kind, length = data[at], data[at + 1]
        end = data.find(b"\0\0", at + length)
        if length < 4 or end < 0:
            return
        strings = [part.decode("latin-1") for part in data[at + length : end].split(b"\0") if part]
        yield kind, " | ".join([sha256(data[at : at + length]).hexdigest()[:16], *strings])
        at = end + 2
