"""Step by step, what can go wrong: exactly one VM runs at the end, it counts on with all its blocks and pages, and one line says where.

One guest goes through all of it: each row begins where the one before has left it.
"""

from __future__ import annotations

import os
import re
import signal
from typing import NamedTuple

import pytest

from bridge.operations.move.prepare import DIRECTORY_MODE
from bridge.operations.move.sides import Sides
from bridge.operations.move.step import Move
from tests.move.moving import pid_of, request_out, take
from tests.move.stage import IN_STEPS, OUT_STEPS, Damage, Stage, small
from tests.processes import wait_for


def cancel(_: Stage, __: Sides, move: Move) -> None:
    move.cancelled.set()


def too_late(_: Stage, __: Sides, move: Move) -> None:
    move.until = 0.0


def kill_inside(stage: Stage, _: Sides, __: Move) -> None:
    """libvirt's QEMU."""
    pid = stage.lab.pid()
    os.kill(pid, signal.SIGKILL)


def kill_source(stage: Stage, _: Sides, __: Move) -> None:
    assert stage.run is not None
    os.kill(pid_of(stage.run.socket), signal.SIGKILL)


def kill_outside(stage: Stage, sides: Sides, _: Move) -> None:  # noqa: ARG001
    """The QEMU that is the target."""
    assert sides.process is not None
    sides.process.kill()


def restart_libvirtd(stage: Stage, _: Sides, __: Move) -> None:
    stage.daemon.restart()


def cut(_: Stage, sides: Sides, __: Move) -> None:
    """The network between the two."""
    sides.relay.stop()


def lose_libvirt(_: Stage, sides: Sides, __: Move) -> None:
    """The connection to libvirt, and the process that holds it."""
    sides.host.close()


class Row(NamedTuple):
    damage: Damage
    at: str
    when: str = "begun"

    def __str__(self) -> str:
        return f"{self.damage.__name__} {self.at} {self.when}"


IN = [
    *(Row(cancel, step) for step in IN_STEPS[1:-1]),
    *(Row(cancel, "Sent", "active"), Row(too_late, "Sent", "active"), Row(cancel, "Sent", "done")),
    *(Row(kill_inside, "Sent"), Row(kill_inside, "Sent", "active"), Row(kill_inside, "Finished")),
    *(Row(restart_libvirtd, "Sent"), Row(restart_libvirtd, "Sent", "active"), Row(restart_libvirtd, "Finished")),
    *(Row(cut, "Sent", "active"), Row(lose_libvirt, "Sent", "active"), Row(lose_libvirt, "Finished")),
]
"""What is cancelled once `Finished` is begun comes too late."""
OUT = [
    *(Row(cancel, step) for step in OUT_STEPS[1:-1]),
    *(Row(cancel, "Performed", "active"), Row(too_late, "Performed", "active"), Row(cancel, "Performed", "done")),
    *(Row(kill_outside, "TargetStarted", "done"), Row(kill_outside, "Performed", "active"), Row(kill_outside, "Continued")),
    *(Row(restart_libvirtd, "Performed", "active"), Row(cut, "Performed", "active"), Row(lose_libvirt, "Performed", "active")),
]


@pytest.mark.parametrize("row", IN, ids=str)
def test_into_libvirt_the_source_runs_on(row: Row, stage: Stage) -> None:
    stage.place(inside=False)
    known = stage.daemon.domains()
    outcome = stage.into(*row)
    assert not outcome.moved
    assert outcome.error != ""
    assert outcome.where == f"{stage.lab.name} runs where it was: in the QEMU at {stage.lab.directory}/{stage.tag}.qmp"
    stage.check(inside=False)
    assert stage.daemon.domains() == known


def test_another_machine_is_not_taken(stage: Stage) -> None:
    """libvirt's QEMU refuses the state of a card in another slot; the comparison before would have said so."""
    stage.place(inside=False)
    other = stage.lab.xml.replace('slot="0x12"', 'slot="0x14"')
    assert other != stage.lab.xml
    outcome = stage.into(None, "", "", xml=other)
    assert not outcome.moved
    stage.check(inside=False)


def test_a_source_that_dies_when_all_is_sent_is_no_loss(stage: Stage) -> None:
    """All of its state is on the other side: the guest goes on there."""
    stage.place(inside=False)
    outcome = stage.into(kill_source, "Finished", "begun")
    assert outcome.moved, outcome
    stage.check(inside=True)


@pytest.mark.parametrize("row", OUT, ids=str)
def test_out_of_libvirt_the_source_runs_on(row: Row, stage: Stage) -> None:
    stage.place(inside=True)
    outcome = stage.out(*row)
    assert not outcome.moved
    assert outcome.error != ""
    assert outcome.where.startswith(f"{stage.lab.name} runs where it was: domain")
    stage.check(inside=True)


def test_another_line_is_not_taken(stage: Stage) -> None:
    stage.place(inside=True)
    request = request_out(stage.lab, stage.new_name())
    words = tuple(word.replace("addr=0x12", "addr=0x14") for word in request.argv or ())
    assert words != request.argv
    from msgspec.structs import replace

    outcome = take(replace(request, argv=words))
    assert not outcome.moved
    stage.check(inside=True)


def test_a_domain_that_dies_when_all_is_sent_is_no_loss(stage: Stage) -> None:
    stage.place(inside=True)
    outcome = stage.out(kill_inside, "Continued", "begun")
    assert outcome.moved, outcome
    stage.left(stage.next)
    wait_for(lambda: not stage.lab.state().startswith("running"), "libvirt to see the end of its QEMU")
    stage.check(inside=False)


@pytest.mark.parametrize("inside", [True, False], ids=["into", "out"])
def test_a_full_disk_does_not_take_the_saved_state(inside: bool, stage: Stage) -> None:
    """The guest stood still; it runs on where it was."""
    stage.place(not inside)
    with small(stage.lab.directory, "8m") as full:
        directory = full / "move"
        directory.mkdir()
        directory.chmod(DIRECTORY_MODE)
        move = stage.into if inside else stage.out
        outcome = move(None, "", "", way="saved", directory=str(directory))
        assert not outcome.moved
        assert re.search("No space left", outcome.error), outcome
        stage.check(not inside)
