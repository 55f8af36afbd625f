"""The VM as it is said -> config keys, and these -> a config file."""

from __future__ import annotations

import re

from ..core.report import BridgeError, Report
from ..model.vm import VM
from . import text
from .kinds import KINDS, LOST
from .section import Lines
from .setting import bytewise


def write(vm: VM, report: Report) -> dict[str, str]:
    """Config keys and their texts. What the VM says and no key can hold becomes a finding."""
    lines = Lines(report)
    for kind in KINDS:
        kind.write(vm, lines)
    LOST.check(vm, report)
    return lines.values


_control = re.compile(r"[\x00-\x1f\x7f]").search
REWRITTEN = frozenset(("args", "cdrom", "smp", "snapstate"))
"""Keys that qemu-server writes otherwise than it reads them; `unusedN` depends on the drives."""


def file_text(values: dict[str, str], description: str | None, sections: str = "") -> str:
    """The whole file; see `checked_file`."""
    return checked_file(values, description, sections)[0]


def checked_file(values: dict[str, str], description: str | None, sections: str = "") -> tuple[str, text.ConfigText]:
    """The whole file, and what it reads back as. What is not as it was meant is refused: nothing can be slipped in (security-rules,
    order of work)."""
    for key, value in values.items():
        if _control(value):
            raise BridgeError(f"{key} would hold a control character: remove it")
        if not key.isascii():
            raise BridgeError(f"a config has no option '{key}'")
        if len(value) > text.MAX_LINE // 4 and (size := len(bytewise(f"{key}: {value}"))) > text.MAX_LINE:
            raise BridgeError(f"{key} would have {size} bytes: no line of a config has more than {text.MAX_LINE}")
    description = description and description.rstrip(text.UNICODE_SPACE)  # qemu-server drops what is blank at its end
    written, back = _straight(values, description) or _checked(values, description)
    if not sections:
        return written, back
    whole = text.parse(written + sections, name="the config", strict=True)
    if whole.main.entries.keys() != back.main.entries.keys() or text.canonical(whole)[1] != bytewise(sections):
        raise BridgeError("the snapshots and pending changes are not as qemu-server writes them: remove the metadata")
    return written + sections, whole


def _straight(values: dict[str, str], description: str | None) -> tuple[str, text.ConfigText] | None:
    """The same as `_checked`, for values that qemu-server writes as they are: that they read back checks them, once. None: ask it."""
    if not REWRITTEN.isdisjoint(values) or any(key.startswith("unused") for key in values):
        return None
    written = text.body(values, description)
    if not written.isascii():
        return None
    try:
        back = text.parse(written, strict=True)
    except BridgeError:
        return None
    return (written, back) if _same(back, values, description) else None


def _checked(values: dict[str, str], description: str | None) -> tuple[str, text.ConfigText]:
    written = text.write(text.config(text.section(values, description)))
    back = text.parse(written, strict=True)
    if not _same(back, values, description):
        raise BridgeError("the config would not read back as it is meant: please report this")
    return written, back


def _same(back: text.ConfigText, values: dict[str, str], description: str | None) -> bool:
    if back.pending.entries or back.snapshots or back.special:
        return False
    if description and description != "0" and back.main.description != description:  # a lone 0 is false in Perl, and not written
        return False
    return {key: entry.value for key, entry in back.main.entries.items()} == values
