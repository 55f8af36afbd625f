"""A mutant inside a function: a fork of a process that has loaded `bridge/` and collected all quick tests gets another code."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType

import _pytest.main
import pytest

from tests.mutation.fork import Ended, Fault, Job
from tests.mutation.plugin import forget, load_all

UNNAMED = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
"""Code that runs where it stands, unlike a function's."""


def swaps(fault: Fault) -> list[tuple[CodeType, CodeType]] | None:
    """(code as it is, code with the fault) of the functions that differ; None if code that runs when it is loaded differs too."""
    old = compile(Path(fault.file).read_bytes(), fault.file, "exec", dont_inherit=True)
    new = compile(fault.source, fault.file, "exec", dont_inherit=True)
    found: list[tuple[CodeType, CodeType]] = []
    return found if _compare(old, new, found) else None


def _compare(old: CodeType, new: CodeType, found: list[tuple[CodeType, CodeType]]) -> bool:
    """Whether two bodies of a module or a class differ in functions only."""
    if (old.co_code, old.co_names, _plain(old)) != (new.co_code, new.co_names, _plain(new)):
        return False
    for one, other in zip(_inner(old), _inner(new), strict=True):
        if not one.co_flags & inspect.CO_OPTIMIZED:
            if not _compare(one, other, found):
                return False
        elif one != other and (one.co_name in UNNAMED or not _pair(one, other, found)):
            return False
    return True


def _pair(old: CodeType, new: CodeType, found: list[tuple[CodeType, CodeType]]) -> bool:
    """A function and those in it; not if it takes another number of variables from around it, for it has only those that it has."""
    within, without = list(_inner(old)), list(_inner(new))
    if old.co_freevars != new.co_freevars or [each.co_name for each in within] != [each.co_name for each in without]:
        return False
    found.append((old, new))
    return all(_pair(one, other, found) for one, other in zip(within, without, strict=True))


def _inner(code: CodeType) -> Iterator[CodeType]:
    return (each for each in code.co_consts if isinstance(each, CodeType))


def _plain(code: CodeType) -> list[object]:
    return [(type(each), each) for each in code.co_consts if not isinstance(each, CodeType)]


class Server:
    """In place of running the tests that were collected, forks run some of them, each with a fault."""

    def __init__(self, run: Callable[[Callable[[Job], int]], Iterator[Ended]], tell: Callable[[Ended], None]) -> None:
        self.run = run
        """Runs this work for each job."""
        self.tell = tell
        self.functions: dict[str, list[FunctionType]] = {}
        """Those of each file."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        load_all()  # what is loaded in a fork would be as it is
        gc.collect()
        for each in gc.get_objects():
            if isinstance(each, FunctionType):
                self.functions.setdefault(each.__code__.co_filename, []).append(each)
        gc.freeze()
        items = {item.nodeid: item for item in session.items}

        def work(job: Job) -> int:
            self._swap(job.fault)
            forget("bridge", "tests")
            session.items[:] = [items[test] for test in job.tests if test in items]
            _pytest.main.pytest_runtestloop(session)
            return session.testsfailed

        for ended in self.run(work):
            self.tell(ended)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            print(f"\nFAILED {report.nodeid}", flush=True)

    def _swap(self, fault: Fault) -> None:
        pairs = swaps(fault)
        assert pairs is not None
        other = dict(pairs)
        for function in self.functions.get(fault.file, ()):
            function.__code__ = other.get(function.__code__, function.__code__)
