"""The process that moves. It is in a session of its own, so that whatever ends the command does not leave a VM half-way: when the command
is gone, or says so, what was begun is undone, and after the point of no return it comes to its end.

On stdin: the request, a line of JSON; later perhaps the line `cancel`. Its end is a `cancel`, too. On stdout: notes, a line of JSON each,
the last one `{"outcome": ...}`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from typing import BinaryIO

import msgspec

from . import ways
from .request import Request
from .sides import Sides
from .step import Move, run


def main() -> None:
    """One move, from its request to its outcome."""
    try:
        os.setsid()
    except PermissionError:
        pass  # it has one
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not a note
    move = Move(request, lambda note: _say(out, note))
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda _number, _frame: move.cancelled.set())
    threading.Thread(target=_listen, args=(move,), daemon=True).start()
    sides = Sides(request)
    try:
        outcome = run(ways.steps(sides), move, lambda moved: ways.where(sides, moved))
    finally:
        sides.close()
        shutil.rmtree(request.directory, ignore_errors=True)
    _say(out, {"outcome": outcome._asdict()})
    os._exit(0)  # not waiting for the thread that listens


def _listen(move: Move) -> None:
    sys.stdin.buffer.readline()
    move.cancelled.set()


def _say(out: BinaryIO, note: dict[str, object]) -> None:
    try:
        out.write(msgspec.json.encode(note) + b"\n")
        out.flush()
    except OSError:
        pass  # nobody listens any more
