"""A mutant that shows when modules are loaded: a fork that has loaded what tests need, but nothing of `bridge/`, loads it now."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType

import click.testing
import hypothesis
import jsonschema
import lxml.etree
import msgspec
import pytest
import rich.console
import xmlschema

from tests.mutation.fork import Fault, Job

LOADED = (click.testing, hypothesis, jsonschema, lxml.etree, msgspec, rich.console, xmlschema)
"""What a fork need not load again."""
PLUGINS = ("cacheprovider", "xdist", "benchmark", "faulthandler", "unraisableexception", "threadexception")
"""Plugins of pytest that a mutant does without."""
WORDS = ("-q", "-s", "--quick", "--tb=line", *(word for name in PLUGINS for word in ("-p", f"no:{name}")))

FEW = 3
"""Files of tests."""


class Sure:
    """Hypothesis takes the same examples every time, and does not look for the smallest that fails."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        suite = hypothesis.settings.get_profile("suite")
        hypothesis.settings.register_profile("mutants", suite, phases=phases, derandomize=True, database=None)
        hypothesis.settings.load_profile("mutants")


class _Chosen:
    """Keeps the tests that were chosen, in their order; and those that nobody knew, for they come of the fault."""

    def __init__(self, order: Sequence[str], known: frozenset[str]) -> None:
        self.order = {test: at for at, test in enumerate(order)}
        self.known = known

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = [item for item in items if item.nodeid in self.order or item.nodeid not in self.known]
        items[:] = sorted(kept, key=lambda item: self.order.get(item.nodeid, len(self.order)))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.module, fault.file)
        self.fault = fault

    def get_code(self, fullname: str) -> CodeType | None:
        del fullname
        return compile(self.fault.source, self.fault.file, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if name != self.fault.module:
            return None
        return importlib.util.spec_from_file_location(name, self.fault.file, loader=_Loader(self.fault))


def run(job: Job, known: frozenset[str]) -> int:
    """The exit code of pytest, with the fault in its module. `known`: all quick tests of the code as it is.

    To load and collect the tests takes longer than to run those that matter: those of a few files run first, in a fork of their own.
    """
    sys.dont_write_bytecode = True
    sys.meta_path.insert(0, _Finder(job.fault))
    files = [*dict.fromkeys(test.split("::")[0] for test in job.tests)]
    if len(files) > 2 * FEW:
        pid = os.fork()
        if not pid:
            return _tests(files[:FEW], job, known)
        if os.waitpid(pid, 0)[1]:
            return 1
        del files[:FEW]
    return _tests(files, job, known)


def _tests(files: Sequence[str], job: Job, known: frozenset[str]) -> int:
    code = int(pytest.main([*WORDS, "-x", *files], plugins=[Sure(), _Chosen(job.tests, known)]))
    return 0 if code == pytest.ExitCode.NO_TESTS_COLLECTED else code
