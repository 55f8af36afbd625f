"""One of two VMs to compare: a config, a domain XML or a command line, brought to a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..argv.read import CommandLine, read
from ..convert import convert, detect
from ..core.report import BridgeError, Finding

if TYPE_CHECKING:
    from .native import Embedded

PROVES = {
    "conf": "the command line that qemu-server would run on the host of the given facts",
    "argv": "the command line as it is",
    "model": "what qemu-server would run once the domain is imported, devices at qemu-server's places; not what libvirt runs",
    "libvirt": "the command line that libvirt here runs for this domain",
}
"""How a side became a command line -> what the comparison then says."""


class Side(NamedTuple):
    """`by` is a key of PROVES, `line` what is compared, `findings` what its conversion had to say."""

    file: str
    format: str
    by: str
    line: CommandLine
    findings: list[Finding]


def side(text: bytes, keywords: dict[str, Any], by: str | None, libvirt: Embedded | None) -> Side:
    """`keywords` are those of `bridge.convert`. `by`: `model` or `libvirt` for XML; None takes libvirt's if it can be had.

    Raises BridgeError for what cannot be read or converted, and for `libvirt` where there is none.
    """
    file = keywords["file"]
    source = keywords.get("source") or detect(text)
    if source == "argv":
        return Side(file, source, "argv", read(text, file), [])
    if source == "xml" and by != "model" and libvirt is not None:
        try:
            native = libvirt.native(text)
            changed = [Finding("not-applied", "host", file, what, "compared as if it were here") for what in native.changed]
            return Side(file, source, "libvirt", read(native.words + native.plugged, file), changed)
        except BridgeError as error:
            if by == "libvirt":
                raise
            made = _model(text, source, keywords)
            note = Finding("not-applied", "host", file, f"libvirt did not give its command line: {error}", "the model's is compared")
            return made._replace(findings=[*made.findings, note])
    return _model(text, source, keywords)


def _model(text: bytes, source: str, keywords: dict[str, Any]) -> Side:
    result = convert(text, "argv", **{**keywords, "source": source})
    line = read(result.argv or [], keywords["file"])
    return Side(keywords["file"], source, "conf" if source == "conf" else "model", line, result.findings)
