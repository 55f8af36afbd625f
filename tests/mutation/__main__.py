"""`tests/mutants [-n COUNT] [--seed N] [-j JOBS]`: how many small faults do the quick tests catch?

Mutants are drawn from all of `bridge/` but `show/`, the same ones for the same seed. Each runs the tests whose coverage touches its line
(of a module's own lines, those that touch the module at all), those that touch the least first, until one fails. The table names the
survivors; `survivors.txt` beside this file holds the reasons of those that cannot be caught, by module and line text.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import coverage

from tests.corpus import ROOT
from tests.mutation import plugin
from tests.mutation.operators import Mutant, mutants

CACHE = ROOT / ".cache/mutants"
LEFT_OUT = ("show/",)
MOST_TESTS = 400
"""Tests of one mutant: lines that thousands touch are told by the first few hundreds or not at all."""
SECONDS = 300
"""A mutant may never end: that is caught as well."""


class Placed(NamedTuple):
    module: Path
    mutant: Mutant

    @property
    def name(self) -> str:
        return self.module.relative_to(ROOT / "bridge").as_posix()

    def __str__(self) -> str:
        text = self.module.read_text().splitlines()[self.mutant.line - 1].strip()
        return f"bridge/{self.name}:{self.mutant.line}: {self.mutant.about}: {text}"


class Touched:
    """Which tests touch which line."""

    def __init__(self, file: Path) -> None:
        data = coverage.CoverageData(str(file))
        data.read()
        self.lines: dict[str, dict[int, set[str]]] = {}
        for measured in data.measured_files():
            contexts = data.contexts_by_lineno(measured)
            self.lines[measured] = {line: {each for each in names if each} for line, names in contexts.items()}
        self.size = Counter(test for lines in self.lines.values() for tests in lines.values() for test in tests)

    def tests(self, placed: Placed) -> list[str]:
        lines = self.lines.get(str(placed.module), {})
        found = lines.get(placed.mutant.line) or {test for tests in lines.values() for test in tests}
        return sorted(found, key=lambda test: (self.size[test], test))[:MOST_TESTS]


def pytest(environment: dict[str, str], *words: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutation.plugin", "-p", "no:cacheprovider", *words]
    try:
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return 1
    return done.returncode


def touched(again: bool) -> Touched:
    file = CACHE / "coverage"
    if again or not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        print("running the quick tests once, to see which touch which line", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutation.plugin", "-p", "no:cacheprovider", "-n0", "--quick"]
        if subprocess.run(command, cwd=ROOT, env={**os.environ, plugin.COVERAGE: str(file)}, check=False).returncode:
            sys.exit("tests/mutants: the quick tests fail as they are")
    return Touched(file)


def survives(placed: Placed, tests: list[str]) -> bool:
    """Whether no test notices."""
    if not tests:
        return True
    module = "bridge." + placed.name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / placed.module.name
        file.write_bytes(placed.mutant.apply(placed.module.read_bytes()))
        listed = Path(directory) / "tests"
        listed.write_text("\n".join(tests))
        return pytest({plugin.MUTANT: f"{module}={file}"}, "-x", "-n0", f"@{listed}") == 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/mutants", description="How many small faults do the quick tests catch?")
    parser.add_argument("-n", "--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--again", action="store_true", help="find out anew which tests touch which line")
    parser.add_argument("--least", type=float, default=0.92, help="the share that is to be caught")
    parser.add_argument("--only", default="", help="mutants of modules whose name begins so")
    given = parser.parse_args()
    every = [Placed(path, mutant) for path in sorted((ROOT / "bridge").rglob("*.py")) for mutant in mutants(path.read_bytes())]
    every = [placed for placed in every if placed.name.startswith(given.only) and not placed.name.startswith(LEFT_OUT)]
    chosen = random.Random(given.seed).sample(every, min(given.count, len(every)))
    seen = touched(given.again)
    with ThreadPoolExecutor(given.jobs) as pool:
        alive = list(pool.map(lambda placed: survives(placed, seen.tests(placed)), chosen))
    for placed, lives in zip(chosen, alive, strict=True):
        if lives:
            print(f"survives ({len(seen.tests(placed))} tests): {placed}")
    caught = 1 - sum(alive) / len(chosen)
    print(f"{len(chosen) - sum(alive)} of {len(chosen)} mutants (of {len(every)}, seed {given.seed}) are caught: {caught:.1%}")
    sys.exit(caught < given.least)


if __name__ == "__main__":
    main()
