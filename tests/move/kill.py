"""The command killed at random moments of moves, there and back. One VM must run each time."""

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
from tests.move.moving import ROOT, request_in, request_out
from tests.move.stage import SLOW, Stage, Stages
from tests.processes import PATIENCE, naming, wait_for

LONGEST = 3.0
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
        stage.left(stage.next)
    stage.check(now)
    places = {True: "libvirt", False: "QEMU"}
    return Killed(how.name, after, places[inside], places[now])


def _request(stage: Stage, inside: bool) -> Request:
    if inside:
        return request_out(stage.lab, stage.new_name(), bandwidth=SLOW)
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


def kills(times: int, seed: int) -> int:
    """A line for each; 1 if one failed."""
    chance, stages = random.Random(seed), Stages()
    good = 0
    try:
        for number in range(1, times + 1):
            try:
                each = killed(stages.sound(), chance)
            except AssertionError as error:
                print(f"{number:3} FAILED: {error}", flush=True)
                continue
            good += 1
            print(f"{number:3} {each.signal:8} after {each.after:4.1f} s: {each.before:8} -> {each.now}", flush=True)
    finally:
        stages.close()
    print(f"{good} of {times}: exactly one VM ran, and counted on")
    return int(good < times)
