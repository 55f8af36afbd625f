"""The command killed at random moments of moves, there and back: `python -m tests.move.kill [TIMES [SEED]]`. One VM must run each time."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from bridge.operations.move.request import Request
from tests.libvirtd.daemon import Daemons
from tests.move.lab import Run
from tests.move.moving import ROOT, request_in, request_out
from tests.move.stage import SLOW, Stage
from tests.processes import PATIENCE, naming, wait_for

LONGEST = 5.0
"""Seconds from the first step on, in which it is killed; most moves take less, so that the last ones come to their end."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


class Killed(NamedTuple):
    """What was done, and where the VM was before and after."""

    signal: str
    after: float
    before: str
    now: str


def killed(stage: Stage, chance: random.Random) -> Killed:
    """One move, killed. AssertionError unless exactly one VM runs then, and counts on."""
    inside = stage.inside()
    request = _request(stage, inside)
    how, after = chance.choice(SIGNALS), chance.uniform(0.0, LONGEST)
    _kill(request, stage.lab.directory / "request.json", how, after)
    wait_for(lambda: not naming(request.directory) & naming("bridge.operations.move.mover"), "the end of the process that moves")
    wait_for(lambda: not stage.unsettled(), "libvirt to settle")
    now = stage.inside()
    if not now and inside:
        stage.tag = stage.next
    stage.check(now)
    if not now:
        stage.run = Run(None, Path(request.qmp))
    places = {True: "libvirt", False: "QEMU"}
    return Killed(how.name, after, places[inside], places[now])


def _request(stage: Stage, inside: bool) -> Request:
    if inside:
        stage.number += 1
        stage.next = f"out{stage.number}"
        return request_out(stage.lab, stage.next, bandwidth=SLOW)
    assert stage.run is not None
    return request_in(stage.lab, stage.run, bandwidth=SLOW)


def _kill(request: Request, file: Path, how: signal.Signals, after: float) -> None:
    file.write_bytes(msgspec.json.encode(request))
    command = [sys.executable, "-m", "tests.move.front_end", str(file)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()  # the first step is begun
        time.sleep(after)
        process.send_signal(how)
        process.stdout.read()
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> None:
    """A line for each."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    chance, daemons = random.Random(seed), Daemons()
    try:
        stage = Stage(daemons.empty())
        try:
            for number in range(times):
                each = killed(stage, chance)
                print(f"{number + 1:3} {each.signal:8} after {each.after:4.1f} s: {each.before:8} -> {each.now}", flush=True)
            print(f"{times} of {times}: exactly one VM ran, and counted on")
        finally:
            stage.lab.close()
    finally:
        daemons.close()


if __name__ == "__main__":
    main()
