"""Forms of facts: what a value may look like, and what to say of one that does not."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

_FORMS: dict[str, str] = {}
"""Pattern -> what it is of, in words."""


def _form(pattern: str, words: str) -> Meta:
    _FORMS[pattern] = words
    return Meta(pattern=pattern)


PCIAddressText = Annotated[
    str, _form(r"^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]\Z", "the address of a PCI function: write it as 0000:01:00.0")
]
HexID = Annotated[str, _form(r"^(0x)?[0-9A-Fa-f]{4}\Z", "an id of four hexadecimal digits: write it as 10de")]
UUIDText = Annotated[str, _form(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", "a UUID in lower case")]
StorageID = Annotated[str, _form(r"^[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]\Z", "the id of a storage, as local-lvm")]
PathText = Annotated[str, _form(r"^/[^\x00-\x1f\x7f]*\Z", "an absolute path: begin it with /")]
PlainText = Annotated[str, _form(r"^[^\x00-\x1f\x7f]+\Z", "a name or a path: it is empty, or has a control character in it")]
DevicePath = Annotated[str, _form(r"^(/dev/[A-Za-z0-9_./-]+)?\Z", "a device: write it as /dev/cdrom")]
BridgeName = Annotated[str, _form(r"^[A-Za-z0-9_.-]{1,15}\Z", "the name of a bridge: at most 15 letters, digits, `_`, `.` and `-`")]
NetworkName = Annotated[str, _form(r"^[A-Za-z0-9_.-]{1,40}\Z", "the name of a network: at most 40 letters, digits, `_`, `.` and `-`")]
NodeName = Annotated[str, _form(r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\Z", "the name of a node: letters, digits and `-`")]
VersionText = Annotated[str, _form(r"^[0-9]{1,4}(\.[0-9]{1,4}){1,3}\Z", "a version: write it as 10.0.2")]
VendorText = Annotated[str, _form(r"^[A-Za-z0-9 !]{1,12}\Z", "a CPU vendor: write it as GenuineIntel")]
InitiatorName = Annotated[str, _form(r"^[!-+\--~]{1,223}\Z", "the name of an iSCSI initiator, without commas and blanks")]
AddressText = Annotated[str, _form(r"^[0-9A-Za-z.:-]{1,64}\Z", "an address to listen on")]
_BOUND = re.compile(r"Expected `int` (>=|<=) ([0-9]+)")
_UNFIT = re.compile(r"Expected `str` matching regex (['\"])(.*)\1")


def in_words(problem: str) -> str:
    """What msgspec says of a value, for people."""
    if problem.startswith("Expected `int`, got"):
        return "is not a whole number"
    if bound := _BOUND.fullmatch(problem):
        return f"is {'less' if bound[1] == '>=' else 'more'} than {bound[2]}"
    match = _UNFIT.match(problem)
    pattern = match[2].encode().decode("unicode_escape") if match else ""
    return f"is not {_FORMS[pattern]}" if pattern in _FORMS else problem
