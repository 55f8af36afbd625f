"""Boot every case on both sides and print what the guests said: `python -m tests.boot [CASE...]`."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from tests.boot.boot import EXPLAINED, Boot, boot, cases
from tests.libvirtd.daemon import Daemon


def row(case: str, result: Boot) -> tuple[str, ...]:
    unexplained, known = result.differences(case)
    compared = sum(map(len, result.reference.values()))
    reasons = {explanation.reason for explanation in EXPLAINED if explanation.case == case and known}
    verdict = "; ".join(unexplained) or (f"{len(known)} explained: {'; '.join(sorted(reasons))}" if known else "equal")
    names = " ".join(name.split(" ")[0] for name in result.reference["net-id"].values())
    return (
        case,
        str(compared),
        str(len(result.reference["by-id"])),
        names or "-",
        str(result.iothreads[1]),
        verdict,
        f"{result.seconds:.0f} s",
    )


def main() -> int:
    """0 if every guest said the same on both sides, or what differs has a reason."""
    every = cases()
    wanted = sys.argv[1:] or list(every)
    table = Table("case", "facts", "disks", "NICs", "iothreads", "guests on qemu-server's command line and as a domain", "time")
    failed = False
    daemon = Daemon()
    try:
        for case in wanted:
            result = boot(every[case], daemon)
            daemon.clear()
            failed = failed or bool(result.differences(case)[0])
            table.add_row(*row(case, result))
    finally:
        daemon.close()
    Console().print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
