"""What one line of the metadata is about: whether any XML could show it, and what of the host it names."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from ..data.options import OPTIONS, option
from ..data.remembered import RETURNS, WITHHELD
from ..qemuserver import propstring
from ..qemuserver.propstring import FormatError, Values
from ..qemuserver.setting import Setting, checked, checker_of
from .resources import named_by

DESCRIPTION = "description"
"""The one claim that is not a key: a config has it as comments."""


class Claim(NamedTuple):
    """`text` is None if the config is not to have the key."""

    key: str
    text: str | None


def name_of(key: str) -> str:
    """The option's name in the tables: `scsiN` of `scsi3`."""
    return key if key in OPTIONS else f"{key.rstrip('0123456789')}N"


def entry(key: str, text: str | None) -> Setting | None:
    """A value as qemu-server reads it, None if it does not."""
    try:
        return None if text is None else checked(checker_of(key), key, text, 0)
    except FormatError:
        return None


def resources(key: str, text: str | None) -> set[str]:
    """The host's resources that a line names."""
    found = entry(key, text)
    return set() if found is None else named_by(key, found)


class Standing(Enum):
    """What becomes of a claim."""

    WITHHELD = "it never comes back without trust, whatever the XML says"
    FREE = "it changes nothing but what domain XML has no place for, and what may return: it cannot contradict the XML"
    BOUND = "it comes back if the XML bears it out"


def standing(claim: Claim, seen: str | None) -> Standing:
    """`seen` is what the XML says of the claim's key."""
    if claim.text is None or claim.key == DESCRIPTION:
        return Standing.BOUND
    declared, name = option(claim.key), name_of(claim.key)
    if declared is None or name in WITHHELD:
        return Standing.WITHHELD
    if declared.fields is not None:
        changed = _changed(claim, seen)
        if changed is None or any(f"{name}.{field}" in WITHHELD for field in changed):
            return Standing.WITHHELD
        if seen is not None:
            return Standing.FREE if all(f"{name}.{field}" in RETURNS for field in changed) else Standing.BOUND
    return Standing.FREE if name in RETURNS else Standing.BOUND


def rescued(key: str, text: str, was: str, now: str) -> str | None:
    """An edited line with what XML has no place for put back, as `firewall=1` of a card whose MAC changed; None if there is nothing of it.

    `text` is remembered for `was`, `now` is what the XML says. A drive with another image is another drive."""
    said, before, after = (_parts(key, each) for each in (text, was, now))
    name = name_of(key)
    if said is None or before is None or after is None or said.get("file") != before.get("file") or before.get("file") != after.get("file"):
        return None
    kept = {field: value for field, value in said.items() if f"{name}.{field}" in RETURNS and field not in after}
    if not kept:
        return None
    try:
        return propstring.write(key, {**after, **kept})
    except FormatError:
        return None


def _changed(claim: Claim, seen: str | None) -> set[str] | None:
    """The sub-options in which a claim differs from what the XML says; None if it cannot be read."""
    said, known = _parts(claim.key, claim.text), _parts(claim.key, seen) or {}
    if said is None:
        return None
    return {field for field in said.keys() | known.keys() if said.get(field) != known.get(field)}


def _parts(key: str, text: str | None) -> Values | None:
    found = entry(key, text)
    return None if found is None or found.parts is None else found.parts
