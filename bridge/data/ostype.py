"""What an ostype means: Windows version, libosinfo id (qemu-server 9.2.6, Helpers.pm; mapping-machine 5.1)."""

from __future__ import annotations

import re

_WIN = re.compile(r"win([0-9]{1,9})", re.ASCII)

WINDOWS: dict[str, int] = {
    "wxp": 5,
    "w2k": 5,
    "w2k3": 5,
    "wvista": 6,
    "w2k8": 6,
    "win7": 7,
    "win8": 8,
    "win10": 10,
    "win11": 11,
}
"""ostype -> the number that qemu-server compares."""


def windows_version(ostype: str | None) -> int:
    """The Windows number of an ostype; 0 if it is not Windows or unsaid. A file may name `win2025`, though the API would refuse it."""
    if not ostype:
        return 0
    known = WINDOWS.get(ostype)
    if known is None and (match := _WIN.fullmatch(ostype)):
        return int(match[1])
    return known or 0


def is_linux(ostype: str | None) -> bool:
    """Whether qemu-server takes the guest for a Linux, or for nothing else, where a QXL card has several heads (print_vga_device)."""
    return not ostype or _LINUX.match(ostype) is not None


_LINUX = re.compile(r"l[0-9][0-9]|.*other\Z", re.ASCII)


OSINFO_PREFIX: tuple[tuple[str, str], ...] = (
    ("http://microsoft.com/win/2k25", "win11"),
    ("http://microsoft.com/win/2k22", "win11"),
    ("http://microsoft.com/win/2k19", "win10"),
    ("http://microsoft.com/win/2k16", "win10"),
    ("http://microsoft.com/win/2k12", "win8"),
    ("http://microsoft.com/win/2k8r2", "win7"),
    ("http://microsoft.com/win/2k8", "w2k8"),
    ("http://microsoft.com/win/2k3", "w2k3"),
    ("http://microsoft.com/win/2k", "w2k"),
    ("http://microsoft.com/win/11", "win11"),
    ("http://microsoft.com/win/10", "win10"),
    ("http://microsoft.com/win/8", "win8"),
    ("http://microsoft.com/win/7", "win7"),
    ("http://microsoft.com/win/vista", "wvista"),
    ("http://microsoft.com/win/xp", "wxp"),
    ("http://oracle.com/solaris/", "solaris"),
    ("http://opensolaris.org/", "solaris"),
    ("http://openindiana.org/", "solaris"),
    ("http://freebsd.org/", "other"),
    ("http://netbsd.org/", "other"),
    ("http://openbsd.org/", "other"),
    ("http://dragonflybsd.org/", "other"),
    ("http://haiku-os.org/", "other"),
    ("http://apple.com/", "other"),
    ("http://freedos.org/", "other"),
    ("http://microsoft.com/msdos/", "other"),
    ("http://microsoft.com/", "other"),
    ("http://novell.com/netware/", "other"),
)
"""The first prefix of a libosinfo id that fits names the ostype; any other id is a Linux (l26)."""


def from_osinfo(osinfo: str) -> str:
    """The ostype nearest to a libosinfo id."""
    for prefix, ostype in OSINFO_PREFIX:
        if osinfo.startswith(prefix):
            return ostype
    return "l26"
