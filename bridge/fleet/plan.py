"""Which inputs become which files, under which names."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..convert import DEFAULT_VMID
from ..core.files import SUFFIX, open_regular, vmid_of
from ..core.literals import Format
from ..core.report import BridgeError

TAKEN: dict[Format | None, tuple[str, ...]] = {"conf": (".conf",), "xml": (".xml",), "argv": (".cmd",), None: (".conf", ".xml")}
"""Format of the inputs -> endings of the files that a directory stands for."""
HEAD = 1 << 20
"""Bytes in which the name of a VM stands; a config is not longer."""

_NAME_KEY = re.compile(r"^name:\s*([A-Za-z0-9.-]+)[ \t\r]*$", re.MULTILINE | re.ASCII)
_NODE = re.compile(r"/nodes/([A-Za-z0-9-]+)/qemu-server/[^/]*\Z")
_SECTION = re.compile(r"^\[([^\]\n]*)\]", re.MULTILINE)
_NAME_ELEMENT = re.compile(r"<name>\s*([A-Za-z0-9.-]+)\s*</name>", re.ASCII)


class Known(NamedTuple):
    """Digests: of what a file was made from, and of the file."""

    made_from: str
    made: str


class Task(NamedTuple):
    """One conversion. `name`: the domain's, if it cannot have the VM's own. `clash`: an input before it that becomes this file.
    `node`: the node of the cluster that the config is of, as its place in /etc/pve says. `doubt`: what is odd about its id.
    """

    file: str
    target: str
    vmid: int | None
    name: str | None = None
    known: Known | None = None
    clash: str | None = None
    node: str | None = None
    doubt: str = ""


def inputs(files: Iterable[str | Path], source: Format | None = None) -> list[str]:
    """The files, and those in the directories. Raises BridgeError for a directory without any."""
    found: list[str] = []
    for file in files:
        if os.path.isdir(file):  # noqa: PTH112 -- a fleet may name ten thousand
            found += _inside(Path(file), TAKEN[source])
        else:
            found.append(str(file))
    return found


def _inside(directory: Path, endings: tuple[str, ...]) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(endings) and entry.name[0] != "." and not _is_directory(entry)]
    except OSError as error:
        raise BridgeError(error.strerror or "cannot be read", directory) from None
    if not names:
        wanted = " or ".join("*" + ending for ending in endings)
        raise BridgeError(f"has no {wanted} in it: directories below it are not searched", directory)
    names.sort(key=lambda name: (vmid_of(name) or 0, name))
    return [str(directory / name) for name in names]


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """What cannot be read, as links in a circle, is an input that is refused."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def plan(
    files: list[str], to: Format, directory: Path, snapshot: str | None, known: Mapping[str, Known], vmids: Sequence[int] | None = None
) -> list[Task]:
    """Law: no two tasks without a clash have the same target, and no two the same domain name. `vmids`: of each file, which names the
    target then; None: the names of the files say them."""
    stems = [os.path.splitext(os.path.basename(file))[0] for file in files] if vmids is None else map(str, vmids)  # noqa: PTH119, PTH122
    targets = [stem + SUFFIX[to] for stem in stems]
    first: dict[str, str] = {}
    count = Counter(targets)
    others = {target for target in count if count[target] > 1}
    ids = [vmid_of(file) for file in files] if vmids is None else list[int | None](vmids)
    names = _unclashing([_wanted(file, snapshot) for file in files], ids) if to == "xml" else [None] * len(files)
    tasks = []
    for file, target, vmid, name in zip(files, targets, ids, names, strict=True):
        clash = first.get(target) if target in others else None
        first.setdefault(target, file)
        node = _NODE.search(file)
        known_as = known.get(target)
        tasks.append(Task(file, str(directory / target), vmid, name, known_as, clash, node[1] if node else None))
    return tasks


def _wanted(file: str, snapshot: str | None) -> str:
    """The name that the domain would have."""
    try:
        with os.fdopen(open_regular(file, follow=True), "rb") as stream:
            text = stream.read(HEAD).decode("utf-8", "replace")
    except OSError:
        return ""  # its conversion says so
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        element = _NAME_ELEMENT.search(text)
        return element[1] if element else ""
    said = _NAME_KEY.findall(_section(text, snapshot))
    return said[-1] if said else f"vm{vmid_of(file) or DEFAULT_VMID}"


def _section(text: str, snapshot: str | None) -> str:
    """The lines before the first section, or those of a snapshot."""
    headers = list(_SECTION.finditer(text))
    ends = [header.start() for header in headers] + [len(text)]
    if snapshot is None:
        return text[: ends[0]]
    return next((text[header.end() : end] for header, end in zip(headers, ends[1:], strict=True) if header[1] == snapshot), "")


def _unclashing(names: list[str], vmids: list[int | None]) -> list[str | None]:
    """For each VM another name, made of its own and its id; None where its own is the only one."""
    count = Counter(names)
    taken = {name for name in names if count[name] == 1}
    found: list[str | None] = []
    for number, (name, vmid) in enumerate(zip(names, vmids, strict=True), 1):
        other = None
        if name and count[name] > 1:
            other = f"{name}-{vmid or number}"
            while other in taken:
                other = f"{other}-{number}"
            taken.add(other)
        found.append(other)
    return found
