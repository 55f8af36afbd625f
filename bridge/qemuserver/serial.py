"""serialN and parallelN (qemu-server 9.2.6, QemuServer.pm; mapping-devices 16)."""

from __future__ import annotations

import re

from ..core.coverage import Rows
from ..core.report import BridgeError
from ..core.rows import Row
from ..model.serial import Parallel, Serial
from ..model.vm import VM
from .section import ConfigSection, Lines

MAX_SERIAL_PORTS = 4
MAX_PARALLEL_PORTS = 3
SOCKET = "socket"

ROWS = (Row("path", "serialN", code=True), Row("socket", "serialN", code=True))
PARALLEL_ROWS = (Row("path", "parallelN", code=True),)
TABLE = (Rows(Parallel, "", PARALLEL_ROWS, ("port",)), Rows(Serial, "", ROWS, ("port",)))

SERIAL = re.compile(r"/dev/[^,\x00-\x20\x7f]+|socket")
PARALLEL = re.compile(r"/dev/(?:parport|usb/lp)[0-9]+")
"""The API's patterns, whole: a file is not held to them, so a comma could add options to the chardev (security-rules C5)."""


def _path(section: ConfigSection, key: str, pattern: re.Pattern[str]) -> str:
    text = section.text(key) or ""
    if not pattern.fullmatch(text):
        word = key.rstrip("0123456789")
        raise BridgeError(f"no such {word} device: {key}: '{text[:60]}' is none that qemu-server takes there", section.line(key))
    return text


def read(section: ConfigSection, vm: VM) -> None:
    vm.serials = []
    for index, key in section.indexed("serial", MAX_SERIAL_PORTS):
        path = _path(section, key, SERIAL)
        vm.serials.append(Serial(key=key, index=index, path=None if path == SOCKET else path, where=section.line(key)))
    vm.parallels = [
        Parallel(key=key, index=index, path=_path(section, key, PARALLEL), where=section.line(key))
        for index, key in section.indexed("parallel", MAX_PARALLEL_PORTS)
    ]


def write(vm: VM, lines: Lines) -> None:
    for serial in vm.serials:
        lines.put(serial.key or f"serial{serial.index}", serial.path or SOCKET)
    for parallel in vm.parallels:
        lines.put(parallel.key or f"parallel{parallel.index}", parallel.path)
