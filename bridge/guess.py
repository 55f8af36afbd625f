"""Which format a text is in."""

from __future__ import annotations

import re

_ENVIRONMENT = re.compile(r"[A-Z_][A-Z0-9_]*=.*", re.ASCII | re.DOTALL)
"""What `virsh domxml-to-native` prints first: `LC_ALL=C`."""


def guess(text: str | bytes) -> str:
    """The format of a text by its first characters: `<` starts XML, a path, `qemu-` or `NAME=` a command line, all else is a config."""
    head = text[:4096].decode("utf-8", "replace") if isinstance(text, bytes) else text[:4096]
    head = head.lstrip("\ufeff \t\r\n")
    if head.startswith("<"):
        return "xml"
    first = next(iter(head.split(None, 1)), "")
    if first.startswith(("/", "qemu-")) or first == "kvm" or _ENVIRONMENT.fullmatch(first):
        return "argv"
    return "conf"
