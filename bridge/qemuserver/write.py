"""The VM as it is said -> config keys, and these -> a config file."""

from __future__ import annotations

from ..model.vm import VM
from ..report import BridgeError, Report
from . import text
from .kinds import KINDS
from .rows import LOST
from .section import Lines
from .setting import bytewise


def write(vm: VM, report: Report) -> dict[str, str]:
    """Config keys and their texts. What the VM says and no key can hold becomes a finding."""
    lines = Lines(report)
    for kind in KINDS:
        kind.write(vm, lines)
    LOST.check(vm, report)
    return lines.values


def file_text(values: dict[str, str], description: str | None, sections: str = "") -> str:
    """The whole file. What does not read back as it was meant is refused: nothing can be slipped in (security-rules, order of work)."""
    for key, value in values.items():
        if any(c < " " or c == "\x7f" for c in value):
            raise BridgeError(f"{key} would hold a control character: remove it")
        if not key.isascii():
            raise BridgeError(f"a config has no option '{key}'")
    description = description and description.rstrip(text.UNICODE_SPACE)  # qemu-server drops what is blank at its end
    written = text.write(text.config(text.section(values, description)))
    back = text.parse(written, strict=True)
    same = {key: entry.value for key, entry in back.main.entries.items()} == values
    if description and description != "0":  # which is false in Perl, and not written
        same = same and back.main.description == description
    if not same or back.pending.entries or back.snapshots or back.special:
        raise BridgeError("the config would not read back as it is meant: please report this")
    if sections:
        whole = text.parse(written + sections, strict=True)
        if whole.main.entries.keys() != back.main.entries.keys() or text.canonical(whole)[1] != bytewise(sections):
            raise BridgeError("the snapshots and pending changes are not as qemu-server writes them: remove the metadata")
    return written + sections

