"""`-p tests.mutation.plugin`: records which test touches which line of `bridge/`, and how long each test takes."""

from __future__ import annotations

import functools
import importlib
import json
import os
import pkgutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

RECORD = "VIRT_QM_COVERAGE"
"""Directory for the lines that each test touches, and the seconds that each takes: NAME and NAME.json of each process that ran some."""

COLLECTED = "collected"
"""What runs while tests are collected, and not when `bridge/` is loaded: that is no reason to load it anew."""


class Record:
    def __init__(self, file: str) -> None:
        self.file = file
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self.coverage = coverage.Coverage(data_file=file, source=["bridge"], config_file=False)
        self.coverage.start()
        load_all()
        self.coverage.switch_context(COLLECTED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        forget("bridge")
        self.coverage.switch_context(item.nodeid)
        started = time.process_time()
        result = yield
        self.seconds[item.nodeid] = round(time.process_time() - started, 4)
        return result

    def pytest_unconfigure(self) -> None:
        self.coverage.stop()
        self.coverage.save()
        passed = {test: seconds for test, seconds in self.seconds.items() if test not in self.failed}
        Path(self.file + ".json").write_text(json.dumps(passed))


def load_all() -> None:
    """Every module of `bridge/`, those that are loaded late, too."""
    for each in pkgutil.walk_packages(importlib.import_module("bridge").__path__, "bridge."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)


def forget(*packages: str) -> None:
    """Empty every cache of a function of these packages: what the first test filled, the second would not touch."""
    for each in _caches(packages, len(sys.modules)):
        each.cache_clear()


@functools.lru_cache(maxsize=1)
def _caches(packages: tuple[str, ...], modules: int) -> list[functools._lru_cache_wrapper[object]]:
    """Of all that is loaded: so many modules."""
    del modules
    loaded = [module for name, module in list(sys.modules.items()) if name.split(".")[0] in packages and name != __name__]
    owners = [*loaded, *(each for module in loaded for each in vars(module).values() if isinstance(each, type))]
    return [each for owner in owners for each in vars(owner).values() if isinstance(each, functools._lru_cache_wrapper)]


if RECORD in os.environ:
    _worker = os.environ.get("PYTEST_XDIST_WORKER")
    _record = Record(f"{os.environ[RECORD]}/{_worker}") if _worker else None  # before anything of `bridge/` is loaded


def pytest_configure(config: pytest.Config) -> None:
    if _record is not None:
        config.pluginmanager.register(_record)
