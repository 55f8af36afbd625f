"""Clocks: in this process, for programs, and for a program with all its processes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from tests.corpus import ROOT

PAUSE = 0.2
"""Seconds between two looks at a program's memory."""


def milliseconds(action: Callable[[], object], times: int = 5, clock: Callable[[], float] = time.process_time) -> float:
    """The fastest of some runs, in CPU time: what else the machine does can only add to it. `clock` for what others do meanwhile."""
    best = float("inf")
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(times):
            start = clock()
            action()
            best = min(best, clock() - start)
    finally:
        if enabled:
            gc.enable()
    return best * 1000


def once(actions: Iterable[Callable[[], object]]) -> float:
    """Milliseconds of CPU time for all of them, one after the other, each once, with the garbage collector on: what a program pays."""
    start = time.process_time()
    for action in actions:
        action()
    return (time.process_time() - start) * 1000


def start_up(*words: str, times: int = 15) -> float:
    """Milliseconds of CPU time that `python WORDS` takes from start to end, at best: on an idle machine that is how long it takes."""
    taken = []
    for _ in range(times + 1):  # the first run compiles
        command = [sys.executable, *words]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, words
        taken.append(used.ru_utime + used.ru_stime)
    return min(taken[1:]) * 1000


def environment() -> dict[str, str]:
    """As installed: compiled modules are kept, whatever this shell says, but not in the tree."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(ROOT / ".cache/bytecode")}


class Run(NamedTuple):
    """A program with all its processes: seconds, and MiB at its peak (proportional: shared pages count once)."""

    seconds: float
    peak: float
    code: int


def watched(*words: str) -> Run:
    """Run `python WORDS` in a session of its own and look at its memory all the while."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment(), start_new_session=True, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(_memory, _session(process.pid))))
        time.sleep(PAUSE)
    return Run(time.perf_counter() - start, peak / 1024, process.returncode)


def _session(leader: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == leader:
                    found.append(int(entry.name))
            except ProcessLookupError:
                pass
    return found


def _memory(pid: int) -> int:
    """KiB."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.split("\n") if line.startswith("Pss:")), 0)
