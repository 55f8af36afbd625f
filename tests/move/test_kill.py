"""The command killed at random moments; `tests/moves --kills 50` does it more often."""

from __future__ import annotations

import random

from tests.move.kill import killed
from tests.move.stage import Stage

TIMES = 4


def test_one_vm_runs_whenever_the_command_is_killed(stage: Stage) -> None:
    chance = random.Random()
    for _ in range(TIMES):
        print(killed(stage, chance))
