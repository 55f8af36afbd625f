"""A pytest plugin for the processes of a mutation run: it loads one module with a fault in it, or records which tests touch which lines."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.util import spec_from_file_location
from types import ModuleType

import pytest

MUTANT = "VIRT_QM_MUTANT"
"""`MODULE=FILE`: the module's source is that of the file."""
COVERAGE = "VIRT_QM_COVERAGE"
"""File for the lines that each test touches."""


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str, file: str) -> None:
        self.module = module
        self.file = file

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        del path, target
        return spec_from_file_location(name, self.file) if name == self.module else None


if MUTANT in os.environ:
    sys.dont_write_bytecode = True
    sys.meta_path.insert(0, _Finder(*os.environ[MUTANT].split("=", 1)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if _coverage is not None:
        _coverage.switch_context(item.nodeid)
    return (yield)


_coverage = None
if COVERAGE in os.environ:
    import coverage

    _coverage = coverage.Coverage(data_file=os.environ[COVERAGE], source=["bridge"], config_file=False)
    _coverage.start()


def pytest_unconfigure() -> None:
    if _coverage is not None:
        _coverage.stop()
        _coverage.save()
