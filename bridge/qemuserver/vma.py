"""The config in a backup of vzdump: the header of a VMA archive holds it (Proxmox VE's QEMU, vma.h; all numbers but the blobs' are
big-endian)."""

from __future__ import annotations

import struct

from ..core.report import BridgeError

MAGIC = b"VMA\0"
CONFIGS = 256
_FIXED = struct.Struct(">4sI16sq16sIII")
_MD5 = slice(32, 48)
_NAMES = 2044
"""Where the tables of names and of contents begin: offsets into the blobs."""
_TABLE = struct.Struct(f">{CONFIGS}I")
SMALLEST = _NAMES + 2 * _TABLE.size
MAX_HEADER = 4 << 20
"""Bytes; real ones have 12 KiB and the blobs."""
NAME = "qemu-server.conf"


def size(data: bytes) -> int:
    """Bytes of the header; `data` begins it. Raises BridgeError for what is none."""
    if len(data) < _FIXED.size or not data.startswith(MAGIC):
        raise BridgeError("is not a VMA archive: its header is cut off")
    *_, length = _FIXED.unpack_from(data)
    if not SMALLEST <= length <= MAX_HEADER:
        raise BridgeError(f"is not a VMA archive: its header would have {length} bytes")
    return int(length)


def config(data: bytes, file: str) -> bytes:
    """The VM's config. Raises BridgeError for a header that is cut off, damaged, or holds none."""
    try:
        length = size(data)
    except BridgeError as error:
        raise BridgeError(error.message, file) from None
    header = data[:length]
    if len(header) < length:
        raise BridgeError(f"the archive is cut off: its header has {length} bytes, {len(header)} are there", file)
    from hashlib import md5  # OpenSSL takes long to load

    if md5(header[: _MD5.start] + bytes(16) + header[_MD5.stop :], usedforsecurity=False).digest() != header[_MD5]:
        raise BridgeError("the header of the archive is damaged: its checksum is another one", file)
    _, version, _, _, _, offset, blobs, _ = _FIXED.unpack_from(header)
    if version != 1:
        raise BridgeError(f"the archive has format {version}, only 1 is known", file)
    blob = header[offset : offset + blobs]
    for name, content in zip(_TABLE.unpack_from(header, _NAMES), _TABLE.unpack_from(header, _NAMES + _TABLE.size), strict=True):
        if name and content and _blob(blob, name).rstrip(b"\0") == NAME.encode():
            return _blob(blob, content)
    raise BridgeError(f"the archive holds no {NAME}: it is not a backup of a VM", file)


def _blob(blobs: bytes, at: int) -> bytes:
    """The bytes at an offset: two for their number, the low one first."""
    number = int.from_bytes(blobs[at : at + 2], "little")
    return blobs[at + 2 : at + 2 + number]
