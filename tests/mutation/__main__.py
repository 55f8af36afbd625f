"""`tests/mutants [-n COUNT] [--seed N] [-j JOBS]`: how many small faults do the quick tests catch?

Mutants are drawn from all of `bridge/` but `show/`, the same ones for the same seed. Each runs the tests that touch its line (`touched`)
until one fails. The table names the survivors; `survivors.txt` beside this file has those that no test can catch, each with a reason.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.corpus import ROOT
from tests.mutation import fork, fresh, warm
from tests.mutation.marks import BRIDGE
from tests.mutation.operators import Mutant, mutants
from tests.mutation.plugin import RECORD
from tests.mutation.touched import Touched

CACHE = ROOT / ".cache/mutants"
EXCUSED = Path(__file__).with_name("survivors.txt")
LEFT_OUT = ("show/",)
SECONDS = 30
"""What a mutant may take beside three times what its tests took without it."""


class Placed(NamedTuple):
    """A mutant and its module."""

    module: Path
    mutant: Mutant
    text: str
    """The line it stands in."""

    @property
    def name(self) -> str:
        return self.module.relative_to(BRIDGE).as_posix()

    @property
    def key(self) -> tuple[str, str, str]:
        """As `survivors.txt` names it: lines move, so by what stands in them."""
        return self.name, self.mutant.about, self.text

    @property
    def fault(self) -> fork.Fault:
        dotted = "bridge." + self.name.removesuffix(".py").replace("/", ".")
        return fork.Fault(dotted.removesuffix(".__init__"), str(self.module), self.mutant.apply(self.module.read_bytes()))

    def __str__(self) -> str:
        return f"bridge/{self.name}:{self.mutant.line}: {self.mutant.about}: {self.text}"


@cache
def every() -> list[Placed]:
    """All mutants, in the order of modules and lines."""
    found = []
    for module in sorted(BRIDGE.rglob("*.py")):
        if not module.relative_to(BRIDGE).as_posix().startswith(LEFT_OUT):
            source = module.read_bytes()
            lines = source.decode().split("\n")
            found += [Placed(module, mutant, lines[mutant.line - 1].strip()) for mutant in mutants(source)]
    return found


def sample(of: Sequence[Placed], count: int, seed: int) -> list[Placed]:
    """So many, by chance, the same ones for the same seed; most stay the same ones when others are written or go."""
    return sorted(of, key=lambda each: sha256(f"{seed} {each.key}".encode()).digest())[:count]


def excused(known: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Those that `survivors.txt` gives a reason for; it ends the run where it names one that is not there, or has no reason."""
    found = set()
    for number, line in enumerate(EXCUSED.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        *key, reason = [word.strip() for word in line.split(" | ")]
        if len(key) != 3 or not reason:
            sys.exit(f"{EXCUSED.name}:{number}: wants MODULE | FAULT | LINE | REASON")
        if tuple(key) not in known:
            sys.exit(f"{EXCUSED.name}:{number}: no such mutant: {line}")
        found.add((key[0], key[1], key[2]))
    return found


def touched(again: bool, jobs: int) -> Touched:
    if again or not any(CACHE.glob("*.json")):
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        print("the quick tests run once, to see which touch which statement", flush=True)
        command = [sys.executable, "-m", "pytest", "-p", "tests.mutation.plugin", "-p", "no:benchmark", "-q", "--quick", "-n", str(jobs)]
        ended = subprocess.run(command, cwd=ROOT, env={**os.environ, RECORD: str(CACHE)}, check=False).returncode
        if len([*CACHE.glob("*.json")]) < jobs:
            sys.exit(f"tests/mutants: the quick tests ended with {ended}, and a process of theirs without its record: start it again")
        if ended:
            print("tests/mutants: the tests that fail as they are are left out", flush=True)
    return Touched(CACHE)


def run(chosen: Sequence[Placed], seen: Touched, count: int, tell: Callable[[fork.Ended], None]) -> None:
    """`tell` of each as it ends: first those that show when modules are loaded, then those inside functions."""
    slow, quick, known = list[fork.Job](), list[fork.Job](), frozenset(seen.seconds)
    for at, placed in enumerate(chosen):
        tests, loading = seen.tests(placed.module, placed.mutant.line)
        job = fork.Job(at, placed.fault, tests, SECONDS + 3 * seen.expected(tests))
        (slow if loading or warm.swaps(placed.fault) is None else quick).append(job)
    with tempfile.TemporaryDirectory() as directory:
        for ended in fork.run(slow, lambda job: fresh.run(job, known), count, Path(directory)):
            tell(ended)
        server = warm.Server(lambda work: fork.run(quick, work, count, Path(directory)), tell)
        pytest.main([*fresh.WORDS, "-x"], plugins=[fresh.Sure(), server])


class Table:
    """Says of each mutant how it ended, and after every twenty how many were caught."""

    def __init__(self, chosen: Sequence[Placed], verbose: bool) -> None:
        self.chosen, self.verbose = chosen, verbose
        self.excuses = excused({each.key for each in every()})
        self.started = time.monotonic()
        self.ended = self.caught = self.wrong = 0

    def tell(self, ended: fork.Ended) -> None:
        mutant = self.chosen[ended.job.at]
        self.ended += 1
        self.caught += ended.caught
        if not ended.caught:
            reason = " (as survivors.txt says)" if mutant.key in self.excuses else ""
            print(f"survives {len(ended.job.tests)} tests{reason}: {mutant}", flush=True)
        elif mutant.key in self.excuses:
            self.wrong += 1
            print(f"survivors.txt says that no test can catch it, and one does: {mutant}: {ended.by}", flush=True)
        elif self.verbose:
            print(f"caught: {mutant}: {ended.by}", flush=True)
        if self.ended % 20 == 0:
            print(self, flush=True)

    def __str__(self) -> str:
        minutes = (time.monotonic() - self.started) / 60
        return f"{self.caught} of {self.ended} mutants are caught, of {len(self.chosen)} to try, in {minutes:.0f} minutes"


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/mutants", description="How many small faults do the quick tests catch?")
    parser.add_argument("-n", "--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", action="store_true", help="find out anew which tests touch which line")
    parser.add_argument("--least", type=float, default=0.92, help="the share that is to be caught")
    parser.add_argument("--only", default="", metavar="PATH[,PATH...]", help="mutants of these directories or modules of bridge/ alone")
    parser.add_argument("-v", "--verbose", action="store_true", help="name the test that catches each")
    given = parser.parse_args()
    drawn = [each for each in every() if each.name.startswith(tuple(given.only.split(",")))]
    chosen = sample(drawn, given.count, given.seed)
    table = Table(chosen, given.verbose)
    run(chosen, touched(given.again, given.jobs), given.jobs, table.tell)
    share = table.caught / len(chosen)
    print(f"{table.caught} of {len(chosen)} mutants (of {len(drawn)}, seed {given.seed}) are caught: {share:.1%}")
    sys.exit(table.ended < len(chosen) or share < given.least or table.wrong > 0)


if __name__ == "__main__":
    main()
