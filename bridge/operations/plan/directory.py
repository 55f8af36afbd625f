"""What a plan is told to name: directories, which are read where its script runs, or on the other host, and must be the same everywhere,
the pool of one, and storages."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

from ...core.report import BridgeError
from ...host.volid import path_problem

RELATIVE = "is a relative path, which is another one wherever it is read: begin it with /"


def directory(said: str, option: str) -> str:
    """In its shortest form. Raises BridgeError, in the name of the option, for one that a script cannot rely on."""
    problem = None
    if not said:
        problem = "is empty: name a directory"
    elif not said.startswith("/"):
        problem = RELATIVE
    elif ".." in said.split("/"):
        problem = "has .. in it, which leads elsewhere where there are links: write the directory that is meant"
    elif not said.isprintable():
        problem = "has a control character in it: name another directory"
    if problem is not None:
        raise BridgeError(f"'{said}' {problem}", option)
    return posixpath.normpath("/" + said.lstrip("/"))


def of_images(said: str, option: str) -> str:
    """The same, of one whose files configs and domains name."""
    found = directory(said, option)
    problem = "has no room for images of its own" if found == "/" else path_problem(f"{found}/image")
    if f"{found}/".startswith("/dev/"):
        problem = "is for devices, not for images"
    if problem is not None:
        raise BridgeError(f"'{said}' {problem}: name another directory", option)
    return found


def pool_name(said: str | None) -> str | None:
    """The name of a storage pool. Raises BridgeError for one that libvirt does not take: it is the name of a file there."""
    if said is not None and (not said.strip() or "/" in said or not said.isprintable() or said in (".", "..")):
        raise BridgeError(f"'{said}' is not a name for a storage pool: a word without /, as images", "--pool")
    return said


def storages(said: Collection[str], known: Collection[str]) -> None:
    """Raises BridgeError for the id of a storage that no host has: its volumes would stay where they are, in silence."""
    for name in sorted(said):
        if name not in known:
            have = f"say one of {', '.join(sorted(known))}" if known else "give the node's storage.cfg, --host DIR"
            raise BridgeError(f"'{name}' is not a storage of the host facts: {have}", "--copy")
