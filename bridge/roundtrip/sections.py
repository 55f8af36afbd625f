"""Snapshots, pending changes and special sections that the metadata of an XML remembers (security-rules M2).

A section comes back whole or not at all: no XML shows it, so nothing but its own contents can speak for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..core.report import BridgeError, Report
from ..data.options import OPTIONS
from ..data.remembered import WITHHELD
from ..qemuserver import text as config_text
from ..qemuserver.setting import characters
from .metadata import IN_METADATA, TRUST
from .resources import is_own, named_by

PENDING = "PENDING"
ALWAYS = {"special:cloudinit": "what cloud-init sets up", "special:fleecing": "images that a backup deletes"}
"""Sections that never come back, and what they hold."""
MOST_KEYS = 20
"""Keys that one finding names."""


class Kept(msgspec.Struct):
    """The text of the sections that come back, and their names."""

    text: str = ""
    names: frozenset[str] = frozenset()


def keep(sections: str, resources: set[str], vmid: int | None, report: Report) -> Kept:
    """`sections`: header and body texts as `qemuserver.text.canonical` gives them. `resources`: what the XML names of the host.
    `vmid`: whose volumes are the VM's own; None if only the metadata says it."""
    try:
        found = config_text.parse(sections, strict=True)
        if found.main.entries or found.main.description:
            raise BridgeError("lines stand before the first of them")
    except BridgeError as error:
        report.add("withheld", IN_METADATA, f"snapshots and pending changes of the metadata are left out: {error.message}", TRUST)
        return Kept()
    names = set()
    for name, part in list(_parts(found)):
        why = ALWAYS.get(name) or _doubt(part, resources, vmid)
        if why is None:
            names.add(name)
            continue
        for told in _told(part):
            report.add("withheld", IN_METADATA, f"[{name}] of the metadata is left out, as it holds {why}: {told}", TRUST)
        _remove(found, name)
    if PENDING in names:
        for told in _told(found.pending):
            report.add("pending-changes", IN_METADATA, f"[{PENDING}] of the metadata changes the VM at its next start: {told}")
    return Kept(characters(config_text.canonical(found)[1]), frozenset(names))


def _parts(found: config_text.ConfigText) -> Iterator[tuple[str, config_text.SectionText]]:
    if found.pending.entries or found.pending.description is not None:
        yield PENDING, found.pending
    yield from found.snapshots.items()
    for name, part in found.special.items():
        yield f"special:{name}", part


def _remove(found: config_text.ConfigText, name: str) -> None:
    if name == PENDING:
        found.pending = config_text.SectionText({})
    elif name.startswith("special:"):
        del found.special[name.removeprefix("special:")]
    else:
        del found.snapshots[name]


def _doubt(part: config_text.SectionText, resources: set[str], vmid: int | None) -> str | None:
    """What keeps a section from coming back."""
    for key, entry in part.entries.items():
        name = key if key in OPTIONS else f"{key.rstrip('0123456789')}N"
        if name in WITHHELD and key != "parent":
            return key
        for resource in named_by(key, entry) - resources:
            if vmid is None or not is_own(resource, vmid):
                return f"{resource} of the host"
    return None


def _told(part: config_text.SectionText) -> Iterator[str]:
    """What a section says, some keys at a time, without any value."""
    keys = [*part.entries, *(f"#{line}" for line in (part.description or "").splitlines()[:1])]
    for n in range(0, max(len(keys), 1), MOST_KEYS):
        yield ", ".join(key[:60] for key in keys[n : n + MOST_KEYS]) or "nothing else"

