"""`python -m bridge` is `virt-qm`."""

from __future__ import annotations

import sys
from contextlib import suppress

from . import __version__


def run() -> None:
    """The command. Its version is said without click, which takes longer to import than Python takes to start."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        with suppress(OSError):  # the command tells of it
            print(f"virt-qm, version {__version__}", flush=True)
            return
    from .cli import main

    main(prog_name="virt-qm")


if __name__ == "__main__":
    run()
