"""A NIC on a bridge in a network namespace, pinged throughout a move there and back."""

from __future__ import annotations

from bridge.argv.read import read
from bridge.guest.native import Embedded
from bridge.operations.move import check
from tests.libvirtd.daemon import Daemon
from tests.move.bridged import Bridged, Pings
from tests.move.kinds import BRIDGED
from tests.move.lab import Lab
from tests.move.moving import NEWEST, inside, there_and_back, unless_it_hangs

ADDRESS = "bc:24:11:00:00:01"


def test_there_and_back_on_a_bridge(speaker: Embedded) -> None:
    """From the moment that a move has ended every ping is answered, with the same address, and by one guest alone."""
    unless_it_hangs(lambda: move(speaker))


def move(speaker: Embedded) -> None:
    with Bridged() as bridged:
        daemon = Daemon(bridged.namespace)
        try:
            lab = Lab(BRIDGED, daemon, network=bridged.network)
            try:
                assert check.differences(read(lab.line("src")), inside(lab, speaker), NEWEST) == []
                with Pings(bridged.namespace) as pings:
                    answered: list[tuple[int, int]] = []

                    def look() -> None:
                        answered.append(pings.all_answered())
                        assert bridged.neighbour() == ADDRESS

                    downtimes = there_and_back(lab, speaker, moved=look, started=look)
                    lost = [pings.lost(*between) for between in ((answered[0][0], answered[1][1]), (answered[1][0], answered[2][1]))]
                    print("bridged", downtimes, "pings lost:", [len(each) for each in lost])
                    assert len(answered) == 3
                    assert len(pings.answers) == len(set(pings.answers)), "two guests answer"
                    for (_, before), (after, _), missing in zip(answered, answered[1:], lost, strict=False):
                        assert [number for number in missing if not before < number < after] == []
            finally:
                lab.close()
        finally:
            daemon.close()
