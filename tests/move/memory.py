"""Moves between two QEMUs with one and the same command line: the memory of the source after it against that of the target before it
runs. Neither libvirt nor the bridge is in it, so that a page which differs is QEMU's."""

from __future__ import annotations

from pathlib import Path

from bridge.operations.move.machine import Machine
from bridge.operations.move.sides import BANDWIDTH
from tests.libvirtd.daemon import Daemons
from tests.move.lab import ONE_CPU, Lab, Run
from tests.processes import PATIENCE, wait_for

PAGE = 4096
FIRMWARE = range(0xA0, 0x100)
"""Pages of the VGA window and of what a PC's firmware shadows: either side has its own."""
TURNS = 2


def compared(config: str, times: int, cpus: int) -> int:
    """Moves after which pages differ, each told in a line, or after which the guest hangs, which is the last.

    `cpus`: those that the guest uses."""
    daemons, lost = Daemons(), 0
    try:
        lab = Lab(config, daemons.empty())
        lab.argv = [word.replace(ONE_CPU, f"maxcpus={cpus}") for word in lab.argv]
        try:
            run = lab.boot_up("src")
            for number in range(1, times + 1):
                run, pages = moved(lab, run, f"to{number}")
                lost += bool(pages)
                print(f"{number:4} {len(pages):5} pages differ {' '.join(map(hex, pages[:8]))}", flush=True)
                assert run.process is not None
                try:
                    lab.counts(f"to{number}.console", run.process.pid, TURNS)
                except AssertionError as error:
                    print(f"     the guest does not go on: {error}")
                    return lost + 1
        finally:
            lab.close()
    finally:
        daemons.close()
    print(f"{lost} of {times} moves lost pages; the guest used {cpus} of its CPUs")
    return lost


def moved(lab: Lab, source: Run, tag: str) -> tuple[Run, list[int]]:
    """Where it runs now, and the numbers of the pages that were not those of the source."""
    old, stream = source.machine(), lab.directory / f"{tag}.stream"
    target = lab.start(tag, "-incoming", f"unix:{stream}", "-S")
    new = target.machine()
    wait_for(stream.exists, "the target")
    old.settings({}, {"max-bandwidth": BANDWIDTH})
    old.do("migrate", {"uri": f"unix:{stream}"})
    assert old.settled(PATIENCE).status == "completed"
    wait_for(lambda: new.status() != "inmigrate", "the end of the stream")
    before, after = (memory(machine, lab.directory / f"{tag}.{side}") for machine, side in ((old, "source"), (new, "target")))
    old.quit()
    new.do("cont")
    return target, different(before, after)


def memory(machine: Machine, file: Path) -> bytes:
    """All of the guest's, which stands still, below the hole for PCI."""
    size = machine.do("query-memory-size-summary")["base-memory"]
    machine.do("pmemsave", {"val": 0, "size": size, "filename": str(file)})
    try:
        return file.read_bytes()
    finally:
        file.unlink()


def different(before: bytes, after: bytes) -> list[int]:
    """Numbers of pages."""
    numbers = range(0, len(before), PAGE)
    return [at // PAGE for at in numbers if before[at : at + PAGE] != after[at : at + PAGE] and at // PAGE not in FIRMWARE]
