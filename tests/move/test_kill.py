"""The command killed at random moments; `python -m tests.move.kill 50` does it more often."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.libvirtd.daemon import Daemons
from tests.move.kill import killed
from tests.move.stage import Stage

TIMES = 4


@pytest.fixture
def stage() -> Iterator[Stage]:
    daemons = Daemons()
    try:
        made = Stage(daemons.empty())
        try:
            yield made
        finally:
            made.lab.close()
    finally:
        daemons.close()


def test_one_vm_runs_whenever_the_command_is_killed(stage: Stage) -> None:
    chance = random.Random()
    for _ in range(TIMES):
        print(killed(stage, chance))
