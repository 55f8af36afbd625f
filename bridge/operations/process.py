"""The command line of a QEMU that runs, as the kernel shows it, and what it cannot show."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from ..argv.directory import completed
from ..argv.read import words as split
from ..core.files import MAX_INPUT
from ..core.report import BridgeError, Finding, Report
from ..data.qemu import PROGRAM

_PROGRAM = re.compile(PROGRAM).fullmatch
_WRAPPED = re.compile(r"\.(.+)-wrapped").fullmatch
"""NixOS wraps programs."""
MOVES = frozenset(("-chroot", "-daemonize"))
"""Options with which QEMU leaves the directory that its paths were relative to (os-posix.c)."""
T = TypeVar("T")


class Process(NamedTuple):
    """`text`: the words, NUL behind each, paths absolute."""

    text: bytes
    findings: list[Finding]


def file_of(pid: int) -> str:
    """Where the words stand; its name in messages."""
    return f"/proc/{pid}/cmdline"


def read(pid: int) -> Process:
    """The words of process `pid`. Nothing that they name is opened.

    Raises BridgeError if there is no such process, it is not QEMU, it may not be read, or a path of it is relative to a directory that
    nobody knows.
    """
    directory = _asked(pid, lambda: os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    try:  # by this descriptor the kernel shows no other process that gets the same id meanwhile
        data = _asked(pid, lambda: _words(directory))
        if len(data) > MAX_INPUT:
            raise BridgeError(f"is larger than {MAX_INPUT >> 20} MiB", file_of(pid))
        words = split(data, file_of(pid)) if b"\0" in data else []
        _check_qemu(pid, words)
        report = Report()
        words = _with_directory(pid, words, directory)
        _tell(pid, directory, report)
    finally:
        os.close(directory)
    return Process(b"".join(word.encode("utf-8", "replace") + b"\0" for word in words), list(report))


def _asked(pid: int, action: Callable[[], T]) -> T:
    try:
        return action()
    except (FileNotFoundError, ProcessLookupError):
        raise BridgeError(f"there is no process {pid} to be seen here: `pgrep -a qemu` lists those of QEMU", file_of(pid)) from None
    except OSError as error:
        hint = ": run this as root, or as QEMU's own user" if error.errno in (errno.EACCES, errno.EPERM) else ""
        raise BridgeError(f"{error.strerror}{hint}", file_of(pid)) from None


def _words(directory: int) -> bytes:
    with os.fdopen(os.open("cmdline", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory), "rb") as file:
        return file.read(MAX_INPUT + 1)


def _check_qemu(pid: int, words: list[str]) -> None:
    if not words:
        raise BridgeError(f"process {pid} has no command line: it is the kernel's own, or has ended", file_of(pid))
    name = words[0].rpartition("/")[2]
    if wrapped := _WRAPPED(name):
        words[0], name = words[0][: -len(name)] + wrapped[1], wrapped[1]
    if not _PROGRAM(name):
        raise BridgeError(f"process {pid} runs '{name[:40]}', not QEMU: `pgrep -a qemu` lists those of QEMU", file_of(pid))


def _with_directory(pid: int, words: list[str], directory: int) -> list[str]:
    made = completed(words, "/.")
    first = next((word for word, other in zip(words, made, strict=True) if word != other), None)
    if first is None:
        return words
    said = f"'{first[:60]}' is relative to a directory that nobody knows any more"
    hint = "write the command line with whole paths into a file"
    if MOVES & {f"-{word.lstrip('-')}" for word in words} or any("chroot=" in word for word in words):
        raise BridgeError(f"{said}, as -daemonize and chroot leave it: {hint}", file_of(pid))
    try:
        where = os.readlink("cwd", dir_fd=directory)
        gone = os.stat("cwd", dir_fd=directory).st_nlink == 0
    except OSError as error:
        message = f"'{first[:60]}' is relative, and the directory of process {pid} cannot be read ({error.strerror})"
        raise BridgeError(f"{message}: run this as root, or as QEMU's own user", file_of(pid)) from None
    if gone or not where.startswith("/"):
        raise BridgeError(f"{said}, as it is removed: {hint}", file_of(pid))
    return completed(words, where)


NOT_ON_THE_LINE = "what QMP changed after the start (devices plugged in or out, media, snapshots, passwords) is not on the command line"


def _tell(pid: int, directory: int, report: Report) -> None:
    """What the words do not hold."""
    where = file_of(pid)
    report.add("host-state", where, NOT_ON_THE_LINE, "compare with `info qtree` and `info block` of its monitor")
    report.add("pins", where, "host CPUs of its threads are set from outside and not on the command line", f"taskset --all-tasks -p {pid}")
    try:
        other = os.readlink("ns/mnt", dir_fd=directory) != str(Path("/proc/self/ns/mnt").readlink())
    except OSError:
        return  # only its user and root can tell
    if other:
        message = "the process sees other mounts, as of a container or of libvirt: its paths may lead elsewhere here"
        report.add("host-state", where, message, f"look below /proc/{pid}/root")
