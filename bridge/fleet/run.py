"""A fleet's tasks over the workers of any executor."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing.connection import wait as wait_for

from .plan import Task
from .work import Job, Outcome, convert_chunk, prepare

CHUNK = 32
"""Tasks that a worker gets at once: enough to make the way there cheap, few enough to end soon when asked."""
ALONE = 2 * CHUNK
"""So few files are done before processes have started."""


def outcomes(job: Job, tasks: list[Task], executor: Executor | None, jobs: int | None) -> Generator[Outcome]:
    """The outcomes in the order of the tasks."""
    chunks = [tasks[start : start + CHUNK] for start in range(0, len(tasks), CHUNK)]
    jobs = jobs or len(os.sched_getaffinity(0))
    if executor is not None:
        yield from _gathered(job, chunks, executor)
    elif jobs == 1 or len(tasks) <= ALONE:
        for task in tasks:
            yield from convert_chunk(job, [task])
    else:
        yield from _in_processes(job, chunks, min(jobs, len(chunks)))


def _gathered(job: Job, chunks: list[list[Task]], executor: Executor) -> Generator[Outcome]:
    """Hand out everything, take it back in order. What is under way is waited for when this ends early."""
    futures: list[Future[list[Outcome]]] = [executor.submit(convert_chunk, job, chunk) for chunk in chunks]
    futures.reverse()
    try:
        while futures:
            found = futures[-1].result()
            futures.pop()
            yield from found
    finally:
        wait([future for future in futures if not future.cancel()])


def _in_processes(job: Job, chunks: list[list[Task]], jobs: int) -> Generator[Outcome]:
    """Processes of our own. One that dies takes its pool with it: what it may have died of is then tried file by file."""
    done = 0
    pool = _pool(jobs)
    try:
        for outcome in _gathered(job, chunks, pool):
            yield outcome
            done += 1
    except BrokenExecutor:
        first, *rest = chunks[done // CHUNK :]
        for task in first:
            yield _isolated(job, task)
        yield from _in_processes(job, rest, jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def _isolated(job: Job, task: Task) -> Outcome:
    """One task in a process of its own."""
    with _pool(1) as pool:
        try:
            return pool.submit(convert_chunk, job, [task]).result()[0]
        except BrokenExecutor:
            message = "the process that converted it died: a bug, please report it with this file"
            return Outcome(task.file, "refused", error=message, where=task.file)


def _pool(jobs: int) -> ProcessPoolExecutor:
    """Forked, so that workers share what is imported; a program with threads cannot fork safely."""
    way = "fork" if threading.active_count() == 1 else "forkserver"
    return ProcessPoolExecutor(jobs, multiprocessing.get_context(way), _start)


def _start() -> None:
    """Ctrl-C is for the process that started the workers; they end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)
