"""The law of a move over hosts: whatever call fails, and if the network is gone for good with it, the guest never runs twice, and the line
names no place where it does not run. A QEMU out of reach may run unseen: then nothing is started beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.operations.move.host import LostError
from bridge.operations.move.step import Outcome
from tests.move.test_world import named, places
from tests.move.world import RUNNING, SHUT_OFF, Fault, World

pytestmark = pytest.mark.quick

NEAR = frozenset(("query-status", "query-migrate", "settings", "migrate", "migrate_cancel", "cont", "stop", "quit", "start", "kill"))
"""Calls to the QEMU outside of libvirt. All others cross the network."""


class Far(World):
    """libvirt is on another host. `for_good`: a call whose answer is lost is the last that gets there."""

    def __init__(self, directory: Path, is_into: bool, fault: Fault, for_good: bool) -> None:
        super().__init__(directory, "protocol3", is_into, fault, uri="qemu+ssh://far/system")
        self.for_good, self.dead = for_good, False

    def call(self, name: str, effect: Any) -> Any:
        def crossed() -> Any:
            if self.dead and name not in NEAR:
                raise LostError("no route to host")
            return effect()

        return super().call(name, crossed)

    def _befall(self) -> None:
        if self.fault.how == "cut":
            self.lose()
        else:
            super()._befall()

    def lose(self) -> None:
        super().lose()
        self.dead = self.for_good

    def go(self, monkeypatch: pytest.MonkeyPatch) -> Outcome:
        tunnel, done = self.sides.tunnel, lambda: None
        assert tunnel is not None
        monkeypatch.setattr(tunnel, "open", lambda _check: self.call("ssh", done))
        monkeypatch.setattr(tunnel, "to", lambda _name: self.call("forward", done))
        monkeypatch.setattr(tunnel, "back", lambda _name, _check: self.call("forward", done))
        monkeypatch.setattr(tunnel, "there", lambda name: str(self.sides.directory / name))
        return super().go(monkeypatch)


def moves(into: bool, how: str, for_good: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Far, Outcome]]:
    """A move for each of its calls, at which this goes wrong."""
    number, calls = 0, 1
    while number < calls:
        place = tmp_path / str(number)
        place.mkdir()
        world = Far(place, into, Fault(number, how), for_good)
        yield world, world.go(monkeypatch)
        number, calls = number + 1, len(world.calls)
    assert number > 10


@pytest.mark.parametrize("into", [True, False], ids=["into", "out"])
def test_nothing_goes_wrong(into: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Far(tmp_path, into, Fault(-1, ""), False)
    outcome = world.go(monkeypatch)
    assert (outcome.moved, outcome.error, outcome.troubles) == (True, "", [])
    assert (world.state, world.outside) == ((RUNNING, "") if into else (SHUT_OFF, "running"))
    assert world.calls.count("ssh") == world.calls.count("forward") == 1


@pytest.mark.parametrize("how", ["refused", "lost", "cancel"])
@pytest.mark.parametrize("into", [True, False], ids=["into", "out"])
def test_one_call_fails(into: bool, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for world, outcome in moves(into, how, False, tmp_path, monkeypatch):
        said = (world.fault, world.calls, outcome)
        assert not world.both, said
        if named(outcome) != "nowhere":
            assert places(world) == [named(outcome)], said
        assert len(places(world)) == 1, said


@pytest.mark.parametrize("how", ["cut", "lost"])
@pytest.mark.parametrize("into", [True, False], ids=["into", "out"])
def test_the_network_is_gone_for_good(into: bool, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the point of no return the source runs on, as soon as it is on this side."""
    nowhere = []
    for world, outcome in moves(into, how, True, tmp_path, monkeypatch):
        said = (world.fault, world.calls, outcome)
        assert not world.both, said
        if how == "lost" and NEAR.intersection(world.calls[world.fault.number : world.fault.number + 1]):
            continue  # that is no fault of the network
        if named(outcome) == "nowhere":
            nowhere.append(world.fault)
            assert world.outside != "running", said
        elif world.dead or named(outcome) == "outside":
            assert places(world) == [named(outcome)], said
        if into and not world.sides.asked_to_run:
            assert named(outcome) == "outside", said
    assert nowhere
