"""Files, for the commands and for fleets: written whole or not at all, and what their names tell."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from .report import Finding

SUFFIX = {"xml": ".xml", "conf": ".conf", "argv": ".cmd"}
"""Format -> how the name of a file of that format ends."""

MAX_INPUT = 4 << 20
"""Bytes (security-rules S16)."""


def vmid_of(file: str) -> int | None:
    """`.../8006.conf` names VM 8006, as on a node."""
    stem = os.path.basename(file).split(".")[0]  # noqa: PTH119 -- called for every file of a fleet
    return int(stem) if stem.isascii() and stem.isdigit() and 0 < len(stem) < 10 and int(stem) else None


def read(file: str) -> bytes:
    """The bytes of a file; of one that is longer than any input may be, just so many that it is refused. Raises OSError."""
    with open(file, "rb") as stream:  # noqa: PTH123
        return stream.read(MAX_INPUT + 1)


def with_pins(text: str, findings: Iterable[Finding]) -> str:
    """A command line and, as comments, the pins that it cannot carry."""
    return text + "".join(f"# {finding.message}\n" for finding in findings if finding.kind == "pins")


def place(target: Path, data: bytes, replace: bool, durable: bool = True) -> None:
    """Write a file at once: whoever looks, whenever this is ended, sees the old file, the new one or none.

    `durable`: the bytes are on the disk before the name is. Raises FileExistsError unless `replace`, and any other OSError.
    """
    if not replace and target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    nameless = _nameless(target.parent)
    try:
        with nameless or beside.open("xb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
            if nameless:
                # With src_dir_fd Python calls linkat, which alone follows the link in /proc.
                os.link(f"/proc/self/fd/{file.fileno()}", beside if replace else target, src_dir_fd=file.fileno())
        if replace or not nameless:
            beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _nameless(directory: Path) -> BinaryIO | None:
    """A new file that has no name yet; None on a file system without such."""
    try:
        return os.fdopen(os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o644), "wb")
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            return None
        raise
