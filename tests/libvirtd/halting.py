"""virt-qm that halts at a moment of its work, so that a test can kill it there: `python -m tests.libvirtd.halting DIRECTORY MOMENT ...`.

It makes the file DIRECTORY/there when it has come to the moment, and goes on once DIRECTORY/on is there. Moments: see MOMENTS, `vmN` (the
process that talks to libvirt is about to define that domain), and `file N` (an operation on the files of the directory OUT, from 0, in
the order of the work; it needs OUT as the third argument).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

MOMENTS = ("connected", "asked", "answered")
"""Of the process that the user started: it has met libvirt, it is about to have the domains defined, they are defined."""
FILE_EVENTS = ("open", "os.link", "os.rename", "os.remove")
"""Audit events of Python, raised before the operation."""


class Halt:
    """Where a process waits."""

    def __init__(self, directory: Path) -> None:
        self.there, self.on = directory / "there", directory / "on"

    def __call__(self) -> None:
        from tests.processes import wait_for

        self.there.touch()
        wait_for(self.on.exists, "the word to go on")


def before(owner: Any, name: str, halt: Callable[..., object]) -> None:
    """`halt` gets the arguments of every call of a method first."""
    method = getattr(owner, name)

    @wraps(method)
    def halting(*arguments: Any, **keywords: Any) -> Any:
        halt(*arguments)
        return method(*arguments, **keywords)

    setattr(owner, name, halting)


def after(owner: Any, name: str, halt: Callable[[], object]) -> None:
    method = getattr(owner, name)

    @wraps(method)
    def halting(*arguments: Any, **keywords: Any) -> Any:
        found = method(*arguments, **keywords)
        halt()
        return found

    setattr(owner, name, halting)


def halt_at(directory: Path, moment: str) -> None:
    """This process, or the child that it starts, halts at the moment."""
    from bridge.libvirt.host import connect

    halt = Halt(directory)
    if moment == "connected":
        after(connect.Connection, "__enter__", halt)
    elif moment == "asked":
        before(connect.Connection, "define", lambda *_: halt())
    elif moment == "answered":
        after(connect.Connection, "define", halt)
    else:
        call = f"from tests.libvirtd.halting import child; child({str(directory)!r}, {moment!r}); serve(sys.argv[2])"
        connect.START = connect.START.replace("serve(sys.argv[2])", call)


def child(directory: str, name: str) -> None:
    """The process that talks to libvirt halts before it defines this domain."""
    from bridge.libvirt.host import connect, serve

    halt = Halt(Path(directory))

    def at(_: serve._Calls, domain: connect.Definition) -> None:
        if domain.name == name:
            halt()

    before(serve._Calls, "_before", at)


def halt_at_file(directory: Path, number: int, out: str) -> None:
    """This process halts before an operation on a file of `out`. It writes down in DIRECTORY/operations how many came, if it ends."""
    halt, count = Halt(directory), 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event in FILE_EVENTS and any(str(argument).startswith(out) for argument in arguments[:2]):
            if count == number:
                halt()
            count += 1
            (directory / "operations").write_text(str(count))

    sys.addaudithook(watch)


if __name__ == "__main__":
    from bridge.cli import main

    place, what, *words = sys.argv[1:]
    if what.startswith("file "):
        halt_at_file(Path(place), int(what.split()[1]), words.pop(0))
    else:
        halt_at(Path(place), what)
    main(words)
