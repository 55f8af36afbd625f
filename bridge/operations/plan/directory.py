"""Directories that a plan names: they are read where its script runs, or on the other host, and must be the same everywhere."""

from __future__ import annotations

import posixpath

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
