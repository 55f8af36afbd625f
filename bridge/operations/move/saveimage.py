"""A saved state as libvirt keeps it (`virsh save`) and as qemu-server does (`vmstate`): one is the other behind a header with the XML.

    header   magic[16] "LibvirtQemudSave", then 19 numbers of 32 bits in the writer's order of bytes: version 2, length of the data,
             was running, compression, offset of the cookie in the data, 14 that are not used        (libvirt's qemu_saveimage.h)
    data     XML, NUL, [cookie, NUL], padding; then QEMU's stream

qemu-server's volume is the stream alone, from its first byte; a volume on LVM or the like is larger than its stream, which knows its end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from ...core.report import BridgeError

MAGIC = b"LibvirtQemudSave"
HALF = b"LibvirtQemudPart"
"""Until a save is complete."""
VERSION = 2
STATES = {0: "paused", 1: "running", 2: "shut off"}
"""`was running` -> what `virsh restore` does then; 2 is a saved state of no running guest."""
COMPRESSION = ("raw", "gzip", "bzip2", "xz", "lzop", "zstd", "sparse")
MOST_DATA = 16 << 20
"""Bytes of XML; libvirt itself takes what fits the memory."""
ROOM = 64 << 10
"""Padding, so that `virsh save-image-edit` can put longer XML in its place."""
BLOCK = 1 << 10
"""qemu-server's volumes are sized in these (`qm suspend`)."""
CHUNK = 1 << 20

_HEADER = {order: struct.Struct(f"{order}16s19I") for order in "<>"}
SIZE = _HEADER["<"].size


class Image(NamedTuple):
    """What stands before the stream. `running`: whether the guest ran when it was saved."""

    xml: str
    running: bool


def header(xml: str, running: bool = True, room: int = ROOM) -> bytes:
    """All of a save image that stands before the stream."""
    data = xml.encode() + b"\0" * (1 + room)
    if len(data) > MOST_DATA:
        raise BridgeError(f"the XML is larger than {MOST_DATA >> 20} MiB")
    return _HEADER["<"].pack(MAGIC, VERSION, len(data), int(running), 0, 0, *[0] * 14) + data


def read_header(file: BinaryIO, name: str) -> Image:
    """Read what stands before the stream, and no byte of it. Raises BridgeError for what is not an image, or a compressed one."""
    head = file.read(SIZE)
    if head[: len(HALF)] == HALF:
        raise BridgeError("the save was not finished: the image has no whole state", name)
    if len(head) < SIZE or head[: len(MAGIC)] != MAGIC:
        raise BridgeError("is not a save image of libvirt's: it does not begin with LibvirtQemudSave", name)
    order = next((order for order, form in _HEADER.items() if form.unpack(head)[1] == VERSION), None)
    if order is None:
        raise BridgeError(f"is a save image of a version that is not known: only {VERSION} is", name)
    _, _, length, running, compression, cookie, *_ = _HEADER[order].unpack(head)
    if compression:
        said = COMPRESSION[compression] if compression < len(COMPRESSION) else str(compression)
        raise BridgeError(f"is a save image in the form '{said}': save it raw, as save_image_format in libvirt's qemu.conf says", name)
    if length > MOST_DATA:
        raise BridgeError(f"is a save image with {length} bytes of XML, more than {MOST_DATA >> 20} MiB", name)
    data = file.read(length)
    if len(data) < length:
        raise BridgeError("is a save image that ends in its XML", name)
    xml = data[: cookie or None].split(b"\0", 1)[0]
    try:
        return Image(xml.decode(), running == 1)
    except UnicodeDecodeError:
        raise BridgeError("is a save image whose XML is not UTF-8", name) from None


class Counted:
    """A writer that counts, and fills up to whole blocks at the end."""

    def __init__(self, write: Callable[[bytes | memoryview], object]) -> None:
        self._write = write
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._write(data)
        self.size += len(data)

    def fill(self, block: int = BLOCK) -> None:
        """Zeros up to a multiple of `block`."""
        if rest := -self.size % block:
            self.write(bytes(rest))


def reader(file: BinaryIO) -> Callable[[], bytes]:
    """The rest of a file, piece by piece."""
    return lambda: file.read(CHUNK)
