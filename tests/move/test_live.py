"""Live both ways: the guest counts on, and every block and page that it wrote is there. `-s` prints the downtimes that QEMU says."""

from __future__ import annotations

import pytest

from bridge.argv.read import read
from bridge.guest.native import Embedded
from bridge.operations.move import check
from tests.libvirtd.daemon import Daemon
from tests.move.kinds import KINDS
from tests.move.lab import Lab
from tests.move.moving import NEWEST, inside, there_and_back

RFC = {"shared-iothreads"}
"""The tree of the RFC gives disks no device_id, libvirt does: said, and allowed."""


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind: str, libvirtd: Daemon, speaker: Embedded) -> None:
    lab = Lab(KINDS[kind], libvirtd)
    try:
        found = check.differences(read(lab.line("src")), inside(lab, speaker), NEWEST)
        assert {difference.what.rpartition(": ")[2] for difference in found} == ({"device_id"} if kind in RFC else set())
        print(kind, there_and_back(lab, speaker))
    finally:
        lab.close()
