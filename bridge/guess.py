"""Which format a text is in."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

_ENVIRONMENT = re.compile(r"[A-Z_][A-Z0-9_]*=.*", re.ASCII | re.DOTALL)
"""What `virsh domxml-to-native` prints first: `LC_ALL=C`."""


def guess(text: str | bytes) -> str:
    """The format of a text by its first characters: `<` starts XML, a path, `qemu-` or `NAME=` a command line, all else is a config."""
    if isinstance(text, bytes):
        if text.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return "xml"  # Windows writes XML so; configs and command lines are bytes of Linux
        text = text[:4096].decode("utf-8", "replace")
    head = text[:4096]
    head = head.lstrip("\ufeff \t\r\n")
    if head.startswith("<"):
        return "xml"
    first = next(iter(head.split(None, 1)), "")
    if first.startswith(("/", "qemu-")) or first == "kvm" or _ENVIRONMENT.fullmatch(first):
        return "argv"
    return "conf"
