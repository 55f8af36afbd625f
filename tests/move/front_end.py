"""The command without its comparison, which takes longer than the move: `python -m tests.move.front_end REQUEST.json`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from bridge.operations.move.front import move
from bridge.operations.move.request import Request


def main() -> None:
    """Notes on stdout, a line each; the outcome is the last."""
    request = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Request)
    outcome = move(request, lambda note: print(note, flush=True), lambda: print("stopping", flush=True))
    print(outcome, flush=True)


if __name__ == "__main__":
    main()
