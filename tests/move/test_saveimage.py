"""libvirt's save images: the header both ways, and what is not one."""

from __future__ import annotations

import io
import struct

import pytest

from bridge.core.report import BridgeError
from bridge.operations.move.saveimage import SIZE, Counted, header, read_header

pytestmark = pytest.mark.quick

XML = "<domain type='kvm'><name>ü</name></domain>"
STREAM = b"QEVM\0\0\0\3"


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("room", [0, 65536])
def test_what_was_written_is_read(running: bool, room: int) -> None:
    file = io.BytesIO(header(XML, running, room) + STREAM)
    assert read_header(file, "image") == (XML, running)
    assert file.read() == STREAM


def image(
    magic: bytes = b"LibvirtQemudSave", version: int = 2, compression: int = 0, cookie: int = 0, data: bytes = b"<a/>\0", order: str = "<"
) -> bytes:
    return struct.pack(f"{order}16s5I56x", magic, version, len(data), 1, compression, cookie) + data


def test_one_of_a_machine_with_another_order_of_bytes() -> None:
    assert read_header(io.BytesIO(image(order=">")), "image") == ("<a/>", True)


def test_a_cookie_is_not_xml() -> None:
    assert read_header(io.BytesIO(image(data=b"<a/>\0<cookie/>\0\0", cookie=5)), "image").xml == "<a/>"


REFUSED = {
    "a save that was broken off": (image(b"LibvirtQemudPart"), "not finished"),
    "something else": (STREAM + bytes(200), "not a save image"),
    "too short": (image()[:50], "not a save image"),
    "a newer version": (image(version=3), "version"),
    "compressed": (image(compression=1), "gzip"),
    "sparse": (image(compression=6), "sparse"),
    "an unknown form": (image(compression=77), "'77'"),
    "half its XML": (image()[: SIZE + 2], "ends in its XML"),
    "not UTF-8": (image(data=b"\xff\0"), "UTF-8"),
    "huge": (struct.pack("<16s5I56x", b"LibvirtQemudSave", 2, 1 << 31, 1, 0, 0), "more than"),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_one_is_one_line(data: bytes, said: str) -> None:
    with pytest.raises(BridgeError, match=said) as caught:
        read_header(io.BytesIO(data), "image")
    assert str(caught.value).startswith("image: ")


def test_sixteen_mib_of_xml_are_read_and_written_and_no_byte_more() -> None:
    most = 16 << 20
    data = b"<a/>".ljust(most, b"\0")
    assert read_header(io.BytesIO(image(data=data)), "image").xml == "<a/>"
    with pytest.raises(BridgeError, match="more than 16 MiB"):
        read_header(io.BytesIO(image(data=data + b"\0")), "image")
    assert len(header("x" * (most - 1), room=0)) == SIZE + most
    with pytest.raises(BridgeError, match="larger than 16 MiB"):
        header("x" * most, room=0)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025])
def test_a_volume_has_whole_blocks(size: int) -> None:
    out = bytearray()
    counted = Counted(out.extend)
    counted.write(bytes(size))
    counted.fill()
    assert len(out) == -(-size // 1024) * 1024 == counted.size
