"""The beginning of what a compressed file holds: backups of vzdump are some GiB, and the config stands in front."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from .report import BridgeError


class _Packer(NamedTuple):
    magic: bytes
    program: str | None
    """What unpacks it; None: we do."""


PACKERS = (_Packer(b"\x1f\x8b", None), _Packer(b"\x28\xb5\x2f\xfd", "zstd"), _Packer(b"\x89LZO\0\r\n\x1a\n", "lzop"))
BACKUP_MAGIC = b"VMA\0"
"""How a backup of vzdump begins."""
TIME_LIMIT = 60.0


def begins(data: bytes, most: int) -> bytes:
    """Up to `most` bytes of what `data`, which may be cut off, holds; data that is not compressed as it is.

    Raises BridgeError where the program that unpacks it is missing.
    """
    packer = next((packer for packer in PACKERS if data.startswith(packer.magic)), None)
    if packer is None:
        return data
    if packer.program is None:
        try:
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, most)
        except zlib.error as error:
            raise BridgeError(f"cannot be unpacked: {error}") from None
    return _run(packer.program, data, most)


def _run(program: str, data: bytes, most: int) -> bytes:
    """What the program has unpacked when the data ends, but no more than wanted; that there was more is not an error."""
    import subprocess
    import tempfile
    import threading

    with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as said:
        packed.write(data)
        packed.seek(0)
        try:
            process = subprocess.Popen([program, "-dcq"], stdin=packed, stdout=subprocess.PIPE, stderr=said)  # noqa: S603
        except FileNotFoundError:
            raise BridgeError(f"is packed, and {program} is not installed: install it, or unpack the file") from None
        limit = threading.Timer(TIME_LIMIT, process.kill)
        limit.start()
        with process:
            assert process.stdout is not None
            found = process.stdout.read(most)
            process.kill()
        limit.cancel()
        if not found:
            said.seek(0)
            text = said.read(400).decode("utf-8", "replace").strip().partition("\n")[0]
            raise BridgeError(f"cannot be unpacked: {program}: {text or 'it gave nothing'}")
    return found
