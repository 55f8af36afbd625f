"""Which format a text is in."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

from .report import BridgeError

_ENVIRONMENT = re.compile(r"[A-Z_][A-Z0-9_]*=.*", re.ASCII | re.DOTALL)
"""What `virsh domxml-to-native` prints first: `LC_ALL=C`."""


def guess(text: str | bytes) -> str:
    """The format of a text: `<` starts XML, a path, `qemu-` or `NAME=` a command line, all else is a config, or what holds one.

    Raises BridgeError for what is none of them."""
    from .qemuserver.held import EXPECTED, is_command, is_held

    whole = text
    if isinstance(text, bytes):
        if text.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return "xml"  # Windows writes XML so; configs and command lines are bytes of Linux
        text = text[:4096].decode("utf-8", "replace")
    head = text[:4096]
    head = head.lstrip("\ufeff \t\r\n")
    if head.startswith("<"):
        return "xml"
    if is_command(head):
        return "conf"
    first = next(iter(head.split(None, 1)), "")
    if first.startswith(("/", "qemu-")) or first == "kvm" or _ENVIRONMENT.fullmatch(first):
        return "argv"
    if not is_held(whole):
        raise BridgeError(EXPECTED)
    return "conf"
