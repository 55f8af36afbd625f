"""How QEMU reads and writes an image, by every word for it."""

from __future__ import annotations

import pytest

import bridge


@pytest.mark.parametrize("aio", ["native", "threads", "io_uring"])
@pytest.mark.parametrize(
    "drive",
    [
        (
            "-blockdev driver=file,filename=/var/lib/vz/images/100/vm-100-disk-0.raw,node-name=a,aio={},cache.direct=on "
            "-blockdev driver=raw,file=a,node-name=b,cache.direct=on -device virtio-blk-pci,drive=b"
        ),
        "-drive file=/var/lib/vz/images/100/vm-100-disk-0.raw,format=raw,if=none,id=b,aio={},cache=none -device virtio-blk-pci,drive=b",
    ],
    ids=["blockdev", "drive"],
)
def test_each_way_of_access_is_carried(drive: str, aio: str) -> None:
    xml = bridge.convert(f"qemu-system-x86_64 -M pc {drive.format(aio)}\n", "xml", "argv").text
    assert f'io="{aio}"' in xml
