"""A fleet that is under way for as long as a test wants: `python -m tests.fleet.held MARK FIRST virt-qm's arguments`.

Its workers wait before VM FIRST and all after it until the fleet is ending and has called off what nobody works at. MARK is a file that
is there from then on.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bridge.fleet import run, work
from tests.processes import wait_for


def hold(mark: Path, first: int) -> None:
    """For the fleets of this process: their workers are forked from it."""
    worker, ender = vars(work), vars(run)
    convert, wait = worker["convert"], ender["wait"]

    def held(text: bytes, to: str, **keywords: Any) -> Any:
        if keywords["vmid"] >= first:
            wait_for(mark.exists, "the end of the fleet")
        return convert(text, to, **keywords)

    def ending(futures: Any) -> Any:
        mark.touch()
        return wait(futures)

    worker["convert"], ender["wait"] = held, ending


if __name__ == "__main__":
    from bridge.cli import main

    hold(Path(sys.argv[1]), int(sys.argv[2]))
    main(sys.argv[3:])
