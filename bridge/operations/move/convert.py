"""A saved state in a file, from the form of one stack to that of the other; the output is whole, or not there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ...core.report import BridgeError
from .saveimage import Counted, header, read_header, reader
from .stream import Filter

MODE = 0o600
"""It is all the guest's memory."""


class Done(NamedTuple):
    """`size`: bytes written; `removed`: a section of Proxmox's was left out."""

    size: int
    removed: bool


def to_image(state: Path, output: Path, xml: str, names: Mapping[str, str], running: bool) -> Done:
    """QEMU's stream, as qemu-server keeps it, -> a save image of libvirt's."""
    return _written(state, output, names, lambda _source, target: target.write(header(xml, running)))


def to_stream(image: Path, output: Path, names: Mapping[str, str]) -> Done:
    """A save image -> QEMU's stream in whole blocks."""

    def begin(source: BinaryIO, _: Counted) -> None:
        read_header(source, str(image))

    return _written(image, output, names, begin, Counted.fill)


def _written(
    file: Path,
    output: Path,
    names: Mapping[str, str],
    begin: Callable[[BinaryIO, Counted], object],
    end: Callable[[Counted], object] | None = None,
) -> Done:
    """Beside the output first. Raises BridgeError for what is not a state, and for files that cannot be read or written."""
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with file.open("rb") as source, open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as target:  # noqa: PTH123
            counted = Counted(target.write)
            begin(source, counted)
            way = Filter(reader(source), counted.write, {old.encode(): new.encode() for old, new in names.items()})
            way.run()
            if end is not None:
                end(counted)
            target.flush()
            os.fsync(target.fileno())
        os.link(beside, output)
    except OSError as error:
        raise BridgeError(error.strerror or str(error), error.filename2 or error.filename or str(output)) from None  # of two, the output
    except BridgeError as error:
        raise error if error.where is not None else BridgeError(error.message, file) from None
    finally:
        beside.unlink(missing_ok=True)
    return Done(counted.size, way.removed)
