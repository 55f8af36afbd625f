"""A command line that is to be the target of a move: what of it the move itself uses."""

from __future__ import annotations

from pathlib import Path

from ...argv.read import fields, read
from ...core.report import BridgeError

UNIX = "unix:"


def qmp_of(argv: list[str], file: str) -> Path:
    """The UNIX socket on which this QEMU would listen for QMP. Raises BridgeError if there is none."""
    line = read(argv, file)
    chardevs = {}
    for option in line.options:
        if option.name == "chardev":
            said = fields(option.value, "backend")
            chardevs[said.get("id")] = said
    for option in line.options:
        if option.name == "qmp" and option.value.startswith(UNIX):
            return Path(option.value.removeprefix(UNIX).split(",")[0])
        if option.name == "mon":
            said = fields(option.value, "chardev")
            path = chardevs.get(said.get("chardev"), {}).get("path")
            if said.get("mode") == "control" and path:
                return Path(str(path))
    raise BridgeError("this QEMU would listen for QMP nowhere: add -qmp unix:SOCKET,server=on,wait=off", file)
