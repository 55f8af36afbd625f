"""Which format a text is in."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

from ..core.literals import Format
from ..core.report import BridgeError
from ..data.qemu import PROGRAM

_ENVIRONMENT = re.compile(r"[A-Z_][A-Z0-9_]*=.*", re.ASCII | re.DOTALL)
"""What `virsh domxml-to-native` prints first: `LC_ALL=C`."""


_BEFORE = frozenset(("kvm", "env", "exec", "ionice", "nice", "nohup", "numactl", "qemu", "setsid", "sudo", "taskset"))
"""QEMU's short names, and commands that start another one."""
_ARRAY = re.compile(r'\[\s*"')
"""A JSON array of words; a config may begin with the name of a snapshot in brackets."""
_CALL = re.compile(rf"(?:^|[\s/])(?:{PROGRAM})\s", re.MULTILINE)


def detect(text: str | bytes) -> Format:
    """The format of a text: `<` starts XML; a path, `qemu-`, `NAME=`, `exec` and the like a command line, as does `#!` with a call of
    QEMU behind it, and a JSON array of words; all else is a config, or what holds one.

    Raises BridgeError for what is none of them."""
    from ..qemuserver.held import EXPECTED, is_command, is_held

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
    if first.startswith(("/", "qemu-")) or first in _BEFORE or _ENVIRONMENT.fullmatch(first):
        return "argv"
    if _ARRAY.match(head) or (head.startswith("#!") and _CALL.search(head)):
        return "argv"
    if not is_held(whole):
        raise BridgeError(EXPECTED)
    return "conf"
