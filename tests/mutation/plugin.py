"""`-p tests.mutation.plugin`: records which test touches which statement of `bridge/`, and how long each test takes."""

from __future__ import annotations

import base64
import functools
import importlib
import json
import os
import pkgutil
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutation.marks import Marks

RECORD = "VIRT_QM_TOUCHED"
"""Directory of the records: NAME.json of each process that ran some tests, {test: (seconds, what it touched)}."""
LOADED = ""
"""In place of a test: what runs when modules are loaded. What runs while tests are collected is no reason to load them anew."""


class Record:
    def __init__(self, file: str) -> None:
        self.file = file
        self.found: dict[str, tuple[float, str]] = {}
        self.failed: set[str] = set()
        self.marks = Marks()
        sys.meta_path.insert(0, self.marks)
        load_all()
        self.found[LOADED] = 0, packed(self.marks.taken())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        forget("bridge")
        self.marks.taken()
        started = time.process_time()
        result = yield
        seconds = round(time.process_time() - started, 4)
        self.found[item.nodeid] = seconds, packed(self.marks.taken())
        return result

    def pytest_unconfigure(self) -> None:
        passed = {test: each for test, each in self.found.items() if test not in self.failed}
        Path(self.file + ".json").write_text(json.dumps(passed))


def packed(bits: int) -> str:
    return base64.b85encode(zlib.compress(bits.to_bytes((bits.bit_length() + 7) // 8), 1)).decode()


def unpacked(text: str) -> int:
    return int.from_bytes(zlib.decompress(base64.b85decode(text)))


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
