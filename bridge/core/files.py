"""Files, for the commands and for fleets: written whole or not at all, and what their names tell."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .archive import BACKUP_MAGIC, begins
from .report import BridgeError

if TYPE_CHECKING:
    from .report import Finding

SUFFIX = {"xml": ".xml", "conf": ".conf", "argv": ".cmd"}
"""Format -> how the name of a file of that format ends."""

BACKUP = "vzdump-qemu-"
"""How the name of a VM's backup begins."""

DESCRIPTORS = "/proc/self/fd"

MAX_INPUT = 4 << 20
"""Bytes (security-rules S16)."""


def vmid_of(file: str) -> int | None:
    """`.../8006.conf` names VM 8006, as on a node, and so does `vzdump-qemu-8006-2024_05_01-00_00_00.vma.zst`."""
    stem = os.path.basename(file).split(".")[0]  # noqa: PTH119 -- called for every file of a fleet
    if stem.startswith(BACKUP):
        stem = stem[len(BACKUP) :].partition("-")[0]
    return int(stem) if stem.isascii() and stem.isdigit() and 0 < len(stem) < 10 and int(stem) else None


HANDED = ("/dev/", "/proc/")
"""Where pipes stand that a shell hands to a command: what `<(…)` names."""


def read(file: str) -> bytes:
    """The bytes of a file, or of a pipe that the shell made. Another pipe in the file system would be waited for, maybe for ever.

    Raises OSError, and BridgeError for more than any input may be."""
    with open(file, "rb") if file.startswith(HANDED) else os.fdopen(open_regular(file, follow=True), "rb") as stream:  # noqa: PTH123
        return bounded(stream, file)


def bounded(stream: BinaryIO, name: str) -> bytes:
    """What a stream holds, unpacked, and of a backup its beginning; BridgeError for more than any input may be, of which no more is read,
    and for what cannot be unpacked."""
    try:
        data = begins(stream.read(MAX_INPUT + 1), MAX_INPUT + 1)
    except BridgeError as error:
        raise BridgeError(error.message, name) from None
    if len(data) > MAX_INPUT and not data.startswith(BACKUP_MAGIC):
        raise BridgeError(f"is larger than {MAX_INPUT >> 20} MiB", name)
    return data


class NotRegularError(OSError):
    """A link, directory, device, FIFO or socket stands where only a file may."""


def open_regular(file: str | Path, flags: int = os.O_RDONLY, follow: bool = False) -> int:
    """A descriptor of a file that is one, whatever stands there: nothing blocks, acts or is read through (security-rules F1).

    Raises NotRegularError, also for a symbolic link unless `follow`, and any other OSError.
    """
    try:
        _regular(file, os.stat(file, follow_symlinks=follow))  # noqa: PTH116 -- before it is opened: some devices act at once
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    descriptor = os.open(file, flags | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW), 0o644)
    try:
        _regular(file, os.fstat(descriptor))
    except NotRegularError:
        os.close(descriptor)
        raise
    return descriptor


def _regular(file: str | Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise NotRegularError(errno.EINVAL, "is a symbolic link, not a file", str(file))
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError(errno.EINVAL, "is not a regular file", str(file))


def with_pins(text: str, findings: Iterable[Finding]) -> str:
    """A command line and, as comments, the pins that it cannot carry."""
    return text + "".join(f"# {finding.message}\n" for finding in findings if finding.kind == "pins")


def place(target: Path, data: bytes, replace: bool, durable: bool = True, mode: int | None = None) -> None:
    """Write a file at once: whoever looks, whenever this is ended, sees the old file, the new one or none.

    `durable`: the bytes are on the disk before the name is. `mode`: permissions, whatever the umask. Raises FileExistsError unless
    `replace`, NotRegularError for all but a regular file, and any other OSError.
    """
    _may_stand(target, replace)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    nameless = _nameless(target.parent)
    try:
        with nameless or beside.open("xb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
            if nameless:
                # With src_dir_fd Python calls linkat, which alone follows the link in /proc.
                os.link(f"{DESCRIPTORS}/{file.fileno()}", beside if replace else target, src_dir_fd=file.fileno())
        if replace or not nameless:
            beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _may_stand(target: Path, replace: bool) -> None:
    try:
        _regular(target, target.lstat())
    except FileNotFoundError:
        return
    if not replace:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _nameless(directory: Path) -> BinaryIO | None:
    """A new file that has no name yet; None on a file system without such, and where /proc, which names it later, is not mounted."""
    if not os.path.isdir(DESCRIPTORS):  # noqa: PTH112 -- called for every file of a fleet
        return None
    try:
        return os.fdopen(os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o644), "wb")
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            return None
        raise
