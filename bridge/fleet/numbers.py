"""Which id a VM gets that is to become a config: what its file or its metadata says, what it was given before, or a free one."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from ..core.files import bounded, open_regular, vmid_of
from ..core.report import BridgeError, Report
from ..data.gates import Target
from ..libvirt.metadata.residue import take
from ..libvirt.tree.parse import parse

MAX_VMID = 999_999_999
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_OF_CONFIG = re.compile(rf"^smbios1:(?:.*,)?\s*uuid=({_UUID})\s*(?:,|$)", re.MULTILINE)
_OF_LINE = re.compile(rf"(?:-uuid\s+|\buuid=)['\"]?({_UUID})")
_NAME = re.compile(r"^name:[ \t]*(\S+)", re.MULTILINE)


class Known(NamedTuple):
    """What an input says of itself. `identity`: what it is known by in a directory of configs: its UUID, without one its name."""

    file: str
    vmid: int | None
    identity: str | None


def known(file: str, text: bytes) -> Known:
    """An input as it is; the name of its file counts before its metadata. What cannot be read says nothing: its conversion tells."""
    named = vmid_of(file)
    if text.lstrip().startswith(b"<"):
        try:
            root = parse(text, Report(), Target()).root
        except BridgeError:
            return Known(file, named, None)
        rest = take(root)
        uuid, called = (node.text.strip() if (node := root.peek(tag)) is not None and node.text else None for tag in ("uuid", "name"))
        return Known(file, named or (rest.vmid if rest is not None else None), _identity(uuid, called))
    said = text.decode("utf-8", "replace")
    found = _OF_CONFIG.search(said) or _OF_LINE.search(said)
    name = _NAME.search(said)
    return Known(file, named, _identity(found[1] if found else None, name[1] if name else None))


def _identity(uuid: str | None, name: str | None) -> str | None:
    return uuid.lower() if uuid else f"name {name}" if name else None


def look(files: Iterable[str]) -> list[Known]:
    """Those of files, read as a fleet reads them."""
    return [known(file, _text(file)) for file in files]


def _text(file: str) -> bytes:
    try:
        with os.fdopen(open_regular(file, follow=True), "rb") as stream:
            return bounded(stream, file)
    except (OSError, BridgeError):
        return b""


def ids_of(directory: Path | None) -> dict[str, int]:
    """Identity -> VMID of the configs in a directory, VMID.conf: what was made before of the VM that is known by it."""
    numbers: list[int] = []
    identities: list[str | None] = []
    for file in sorted(directory.glob("*.conf")) if directory is not None else []:
        number = vmid_of(file.name)
        if number is not None:
            numbers.append(number)
            identities.append(known(file.name, _text(str(file))).identity)
    return {identity: number for identity, number in zip(_told_apart(identities), numbers, strict=True) if identity}


def _told_apart(identities: Iterable[str | None]) -> Iterator[str | None]:
    """The second of one identity gets a number, and so on: each of them finds its own id again."""
    seen: Counter[str | None] = Counter()
    for identity in identities:
        seen[identity] += 1
        yield identity if identity is None or seen[identity] == 1 else f"{identity} {seen[identity]}"


def doubts(wishes: Sequence[Known], vmids: Sequence[int]) -> list[str]:
    """What is odd about the id that each gets; empty if nothing is."""
    first: dict[str, str] = {}
    found = []
    for each, vmid in zip(wishes, vmids, strict=True):
        twin = first.setdefault(each.identity, each.file) if each.identity and " " not in each.identity else each.file
        if each.vmid is not None and each.vmid != vmid:
            found.append(f"another input is VM {each.vmid}, too: this one becomes VM {vmid}")
        else:
            found.append("" if twin == each.file else f"{twin} has the same UUID: VM {vmid} is a second VM of one identity")
    return found


def taken_in(directory: Path | None) -> frozenset[int]:
    """VMIDs that have a config in the directory."""
    names = [path.stem for path in directory.glob("*.conf")] if directory is not None else []
    return frozenset(int(name) for name in names if re.fullmatch(r"[0-9]{1,9}", name))


def numbered(wishes: Sequence[Known], first: int | None, taken: frozenset[int], kept: Mapping[str, int]) -> Iterator[int | BridgeError]:
    """Every VM's id: what it says, else what it was given before (`kept`: identity -> VMID), else a free one from `first` on, else why it
    has none. No id comes twice: who says one that another has already gets a free one."""
    known_as = _told_apart(each.identity for each in wishes)
    said = [each.vmid if each.vmid is not None else kept.get(identity or "") for each, identity in zip(wishes, known_as, strict=True)]
    own, claimed = set(said), set[int]()
    free = (vmid for vmid in count(first or 0) if vmid not in own and vmid not in taken)
    for each, vmid in zip(wishes, said, strict=True):
        if vmid is not None and vmid not in claimed:
            claimed.add(vmid)
            yield vmid
        elif first is None:
            why = "its metadata names no VMID" if vmid is None else f"another domain is VM {vmid} too"
            yield BridgeError(f"{why}: pass --vmid-from N", each.file)
        else:
            number = next(free)
            yield number if number <= MAX_VMID else BridgeError(f"no VMID from {first} on is free", each.file)


def of_directory(wishes: Sequence[Known], first: int, directory: Path | None) -> list[int]:
    """The ids of VMs whose configs go into a directory. Raises BridgeError if there are not enough."""
    found = []
    for number in numbered(wishes, first, taken_in(directory), ids_of(directory)):
        if isinstance(number, BridgeError):
            raise number
        found.append(number)
    return found
