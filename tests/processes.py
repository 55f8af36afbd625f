"""Processes that tests start: found by what they were started with, waited for, ended for good; and their directories after them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PATIENCE = 300.0
"""Seconds. It bounds what hangs, and decides nothing else: whatever comes at all comes much sooner, on a busy machine too."""
PAUSE = 0.02

T = TypeVar("T")


class WaitedError(AssertionError):
    """What was waited for did not come."""


def wait_for(condition: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """What the condition gives as soon as it is true. WaitedError if it never is; `what` says what was waited for."""
    until = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > until:
            raise WaitedError(f"waited {patience:g} s for {what}")
        time.sleep(PAUSE)
    return found


def naming(text: str) -> set[int]:
    """The processes with this text in their command line. One that has ended is none, whether or not its parent has seen it."""
    wanted, found = os.fsencode(text), set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if wanted in (entry / "cmdline").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                pass  # it has ended meanwhile
    return found


def of_group(group: int) -> set[int]:
    """The processes of a process group that have not ended."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, own, *_ = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if int(own) == group and state not in "ZX":
                found.add(int(entry.name))
    return found


def end(text: str) -> None:
    """End the processes with this text in their command line; they are gone then."""

    def gone() -> bool:
        found = naming(text)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not found

    wait_for(gone, f"the end of all processes of {text}")


def threads(pid: int) -> dict[int, tuple[str, str]]:
    """The threads of a process: id -> name, and the CPUs that the kernel lets it run on. Those that end meanwhile are left out."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            status = dict(line.split(":\t", 1) for line in (task / "status").read_text().split("\n") if ":\t" in line)
            found[int(task.name)] = (task / "comm").read_text().removesuffix("\n"), status["Cpus_allowed_list"]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def processor_time(pid: int) -> float:
    """Seconds that a process has had of any processor: what it did, however busy the machine is."""
    said = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def remove(directory: Path) -> None:
    """Remove a directory; its processes must be gone. AssertionError if it cannot be removed."""

    def gone() -> bool:
        shutil.rmtree(directory, ignore_errors=True)
        return not os.path.lexists(directory)

    wait_for(gone, f"{directory} to be gone", patience=30)
