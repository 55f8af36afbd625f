"""The law of a move, for every step and every fault: at the end the guest runs once at most, and one line says where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.operations.move.step import Outcome
from tests.move.world import NEW, NONE, OLD, RUNNING, SETTINGS, SHUT_OFF, Fault, World

pytestmark = pytest.mark.quick
WAYS = {"into": ("protocol3", True), "into, saved": ("saved", True), "out": ("protocol3", False), "out, saved": ("saved", False)}
LOOK = "look at both before you start one"


@pytest.mark.parametrize(("way", "into"), WAYS.values(), ids=WAYS)
def test_nothing_goes_wrong(way: str, into: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, way, into, autostart=into)
    outcome = world.go(monkeypatch)
    assert (outcome.moved, outcome.error, outcome.troubles) == (True, "", [])
    assert (world.state, world.outside) == ((RUNNING, "") if into else (SHUT_OFF, "running"))
    assert world.autostart == into
    assert world.definition == (NEW if into else OLD)
    assert outcome.where.startswith("web runs in libvirt: domain web" if into else f"web runs in the QEMU at {tmp_path}/qmp")
    assert outcome.downtime == (42 if way == "protocol3" else None)


def faults(
    way: str, into: bool, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defined: bool = False
) -> Iterator[tuple[World, Outcome]]:
    """A move for each of its calls, at which this goes wrong."""
    world, number = World(tmp_path, way, into), 0
    while number <= len(world.calls):
        place = tmp_path / str(number)
        place.mkdir()
        world = World(place, way, into, Fault(number, how), defined)
        yield world, world.go(monkeypatch)
        number += 1
    assert number > 10


def places(world: World) -> list[str]:
    """Where the guest runs."""
    return [name for name, runs in (("inside", world.state == RUNNING), ("outside", world.outside == "running")) if runs]


def named(outcome: Outcome) -> str:
    """Where the line says that it does."""
    if LOOK in outcome.where:
        return "nowhere"
    return "inside" if outcome.where.startswith(("web runs in libvirt", "web runs where it was: domain")) else "outside"


@pytest.mark.parametrize("how", ["refused", "lost", "cancel"])
@pytest.mark.parametrize("defined", [False, True])
@pytest.mark.parametrize(("way", "into"), WAYS.values(), ids=WAYS)
def test_one_call_fails(way: str, into: bool, defined: bool, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest runs in one place, which the line names; where it was, all is as it was."""
    for world, outcome in faults(way, into, how, tmp_path, monkeypatch, defined):
        said = (world.fault, world.calls, outcome)
        assert not world.both, said
        failed, *rest = [*world.calls[world.fault.number :], ""]
        is_last_look = not into and how != "cancel" and failed == "query-status" and {*rest} == {"look", ""}
        assert (named(outcome) == "nowhere") == is_last_look, said
        if not is_last_look:
            assert places(world) == [named(outcome)], said
        assert outcome.moved == (places(world) == ["inside" if into else "outside"]), said
        if outcome.moved:
            if not outcome.troubles:
                assert (world.outside if into else world.state) == ("" if into else SHUT_OFF), said
                assert not world.autostart, said
            continue
        assert outcome.error, said
        if not outcome.troubles and not (how == "lost" and world.calls[world.fault.number] in ("settings", "start")):  # not known by us
            assert world.definition == (OLD if defined or not into else None), said
            assert world.settings == SETTINGS, said
            assert world.autostart == (not into), said
            assert (world.outside if not into else world.state) == ("" if not into else SHUT_OFF), said


def test_a_definition_that_could_not_be_read_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that failed, before anything was defined, and the way back undefined the domain that was there."""
    world = World(tmp_path, "protocol3", True, Fault(2, "refused"), defined=True)
    assert not world.go(monkeypatch).moved
    assert world.calls[2] == "look"
    assert world.definition == OLD


@pytest.mark.parametrize("how", ["dies", "ends"])
@pytest.mark.parametrize(("way", "into"), WAYS.values(), ids=WAYS)
def test_one_qemu_dies(way: str, into: bool, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No guest runs twice, and the line never names a place where it does not run."""
    survived = 0
    for world, outcome in faults(way, into, how, tmp_path, monkeypatch):
        said = (world.fault, world.calls, outcome)
        assert not world.both, said
        if world.fault.number < len(world.calls) - 2:  # not between the last looks
            assert places(world) == ([] if named(outcome) == "nowhere" else [named(outcome)]), said
        survived += len(places(world))
    assert survived > 3
    assert world.fault != NONE
