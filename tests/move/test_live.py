"""Live both ways: the guest counts on, and every block and page that it wrote is there. `-s` prints the downtimes that QEMU says."""

from __future__ import annotations

import re

import pytest

from bridge.argv.read import read
from bridge.guest.native import Embedded
from bridge.operations.move import check
from bridge.operations.pin import cpu_list, wanted
from tests.libvirtd.daemon import Daemon, affinity
from tests.move.kinds import KINDS, sample
from tests.move.lab import VMID, Lab
from tests.move.moving import NEWEST, inside, pid_of, there_and_back, unless_it_hangs
from tests.processes import threads


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind: str, libvirtd: Daemon, speaker: Embedded) -> None:
    def move() -> list[int]:
        lab = Lab(KINDS[kind], libvirtd)
        try:
            assert check.differences(read(lab.line("src")), inside(lab, speaker), NEWEST) == []
            return there_and_back(lab, speaker)
        finally:
            lab.close()

    print(kind, unless_it_hangs(move))


def test_the_sample_of_shared_iothreads(libvirtd: Daemon, speaker: Embedded) -> None:
    """`samples/iothreads.conf`: four threads for two of four disks, each on its host CPUs on either side before the guest runs there."""

    def move() -> list[int]:
        lab = Lab(sample(), libvirtd)
        try:
            found = check.differences(read(lab.line("src")), inside(lab, speaker), NEWEST)
            assert {difference.what.rpartition(": ")[2] for difference in found} == {"device_id"}  # the tree of the RFC gives disks none
            pins = wanted(lab.config.encode(), VMID, "iothreads.conf")
            assert len(pins) == 4
            seen: list[set[str]] = []

            def moved() -> None:
                if lab.state().startswith("running"):
                    seen.append(set(affinity(lab.pid()).values()))
                else:
                    named = threads(pid_of(lab.directory / "back.qmp")).values()
                    seen.append({cpus for name, cpus in named if re.fullmatch(r"IO iothread.*|IO pool.*", name)})

            downtimes = there_and_back(lab, speaker, pins, moved)
            assert seen == [{cpu_list(cpus) for cpus in pins.values()}] * 2
            return downtimes
        finally:
            lab.close()

    print("samples/iothreads.conf", unless_it_hangs(move))
