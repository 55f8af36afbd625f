"""The command's half of a move: it starts the process that moves (`mover`), hands on what that says, and a wish to stop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ...core.report import BridgeError
from .request import Request
from .step import Outcome

START = "import sys; sys.path.insert(0, sys.argv[1]); from bridge.operations.move.mover import main; main()"

Told = Callable[[dict[str, Any]], object]


def move(request: Request, told: Told, stopping: Callable[[], object]) -> Outcome:
    """Move, to its outcome. `told` gets the notes; Ctrl-C calls `stopping` and undoes what was begun. Raises BridgeError if the process
    that moves dies, which leaves unsaid where the VM runs."""
    root = str(Path(__file__).resolve().parents[3])
    command = [sys.executable, "-P", "-c", START, root, request.directory]  # -P: nothing of the current directory is imported
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)  # noqa: S603  this Python
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(request) + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # reading tells
    while True:
        try:
            line = process.stdout.readline()
        except KeyboardInterrupt:
            stopping()
            _cancel(process)
            continue
        if not line:
            raise BridgeError("the process that moves has ended: look where the VM runs before you start one")
        note = msgspec.json.decode(line, type=dict[str, Any])
        if "outcome" in note:
            process.wait()
            return Outcome(**note["outcome"])
        told(note)


def _cancel(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(b"cancel\n")
        process.stdin.flush()
    except OSError:
        pass  # it is past that
