"""Mutants in processes of their own: forks of this one, several at once, each with a limit of time and of memory."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MEMORY = 4 << 30
"""Bytes of address space: a loop that never ends may fill a list."""


class Fault(NamedTuple):
    """A module, by its dotted name, and the source that it has in the fork."""

    module: str
    file: str
    source: bytes


class Job(NamedTuple):
    at: int
    """Its number among the mutants."""
    fault: Fault
    tests: Sequence[str]
    """Node ids, in the order in which they run."""
    seconds: float
    """Of a processor, at most; five times as many by the clock, for others may be at work."""


class Ended(NamedTuple):
    job: Job
    caught: bool
    """A test failed, or it took too long."""
    by: str
    """What pytest said of the test."""


class _Running(NamedTuple):
    job: Job
    pid: int
    until: float
    """By time.monotonic."""
    log: Path


def run(jobs: Iterable[Job], work: Callable[[Job], int], count: int, directory: Path) -> Iterator[Ended]:
    """Each job as it ends, `count` of them at once. `work` runs in the fork and gives its exit code, 0 if no test failed."""
    waiting, running = list(jobs)[::-1], list[_Running]()
    while waiting or running:
        while waiting and len(running) < count:
            running.append(_start(waiting.pop(), work, directory))
        for each in list(running):
            caught = _poll(each)
            if caught is not None:
                running.remove(each)
                said = [line for line in each.log.read_text(errors="replace").splitlines() if line.startswith(("FAILED", "ERROR"))]
                yield Ended(each.job, caught, said[0] if said else "its end, or that there was none")
        time.sleep(0.01)


def _start(job: Job, work: Callable[[Job], int], directory: Path) -> _Running:
    log = directory / f"{job.at}.log"
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            _alone(job, log, directory)
            code = work(job)
        except BaseException:  # whatever ends a run of tests, the fork must not go on as its parent
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
            finally:  # a test may have closed it, and what is above would take the directory away from the others
                os._exit(code)
    return _Running(job, pid, time.monotonic() + 5 * job.seconds, log)


def _alone(job: Job, log: Path, directory: Path) -> None:
    """A session, a log, a directory for files, and limits of its own."""
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    temporary = directory / f"{job.at}.tmp"
    temporary.mkdir()
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(temporary)
    resource.setrlimit(resource.RLIMIT_CPU, (int(job.seconds), int(job.seconds) + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _poll(running: _Running) -> bool | None:
    """Whether it was caught; None while it runs."""
    pid, status = os.waitpid(running.pid, os.WNOHANG)
    late = not pid and time.monotonic() > running.until
    if not pid and not late:
        return None
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)  # itself, or what its tests left
    if late:
        os.waitpid(running.pid, 0)
    return late or status != 0
