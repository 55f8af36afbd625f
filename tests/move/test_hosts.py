"""Over hosts: into a libvirt that only ssh leads to, and out of it; and what can go wrong between the two.

The other host is this one, seen through a real sshd: its libvirt is reached as any, its sockets through ssh alone.
"""

from __future__ import annotations

import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.core.report import BridgeError
from bridge.operations.move import ssh
from bridge.operations.move.prepare import made_directory
from bridge.operations.move.sides import Sides
from bridge.operations.move.step import Move
from tests.move.moving import ROOT, virt_qm
from tests.move.other import OtherHost
from tests.move.stage import Damage, Stage
from tests.move.test_disks import contents
from tests.move.test_failures import cancel
from tests.processes import remove, wait_for


@pytest.fixture
def other(stage: Stage) -> Iterator[OtherHost]:
    """The host of the stage's libvirtd. Nothing of a move is left there, and no connection."""
    found = OtherHost(stage.daemon.socket, stage.daemon.directory / "run")
    try:
        yield found
        wait_for(lambda: not found.connections(), "the end of all connections")
        assert found.left() == []
    finally:
        found.close()


def words(other: OtherHost) -> dict[str, Any]:
    """Of a request."""
    return {"uri": other.uri, "directory": made_directory(there_of(other))}


def there_of(other: OtherHost) -> ssh.Other:
    found = ssh.other(other.uri)
    assert found is not None
    return found


class Row(NamedTuple):
    damage: str
    at: str
    when: str = "begun"

    def __str__(self) -> str:
        return f"{self.damage} {self.at} {self.when}"

    def on(self, other: OtherHost) -> Damage:
        """What is done there."""

        def end_ssh(_: Stage, sides: Sides, __: Move) -> None:
            assert sides.tunnel is not None
            assert sides.tunnel.process is not None
            sides.tunnel.process.kill()

        def cut(_: Stage, __: Sides, ___: Move) -> None:
            other.cut()

        def refuse(_: Stage, __: Sides, ___: Move) -> None:
            other.refuse()

        def no_directory(_: Stage, __: Sides, ___: Move) -> None:
            other.no_directory()

        known: dict[str, Damage] = {"cancel": cancel, "end ssh": end_ssh, "cut": cut, "refuse": refuse, "no directory": no_directory}
        return known[self.damage]


IN = {
    Row("refuse", "SourceRuns"): "ssh: .*Permission denied",
    Row("no directory", "SourceRuns"): "no directory for the sockets can be made there: mktemp: .*No such file",
    Row("cancel", "Reached"): "cancelled",
    Row("end ssh", "Sent", "active"): "ssh: it ended with -9",
    Row("cut", "Sent", "active"): "ssh: .*",
    Row("cut", "Finished"): "libvirt did not let the guest run",
}
OUT = {
    Row("end ssh", "Performed", "active"): "ssh: it ended with -9",
    Row("cut", "Performed", "active"): "",
    Row("cancel", "Performed", "active"): "cancelled",
}


@pytest.mark.parametrize(("row", "said"), IN.items(), ids=map(str, IN))
def test_into_libvirt_the_source_runs_on(row: Row, said: str, stage: Stage, other: OtherHost) -> None:
    stage.place(inside=False)
    known = stage.daemon.domains()
    outcome = stage.into(row.on(other), row.at, row.when, **words(other))
    assert not outcome.moved
    assert re.search(said, outcome.error), outcome
    assert outcome.where == f"{stage.lab.name} runs where it was: in the QEMU at {stage.lab.directory}/{stage.tag}.qmp"
    stage.check(inside=False)
    assert stage.daemon.domains() == known


def test_into_libvirt_by_the_command(stage: Stage, other: OtherHost) -> None:
    """Its disk goes along."""
    stage.place(inside=False)
    assert stage.run is not None
    before, new, conf = stage.console(), stage.lab.elsewhere(), stage.lab.directory / "100.conf"
    conf.write_text(stage.lab.config)
    given = ("move", conf, "--qmp", stage.run.socket, "--to", other.uri, "--xml", new.file, "--copy-disks")
    moved = virt_qm(*given)
    assert moved.returncode == 0, moved.stderr
    print("into a libvirt over ssh, by the command:", moved.stdout)
    old, stage.lab = stage.lab, new
    left = contents(old)
    stage.went_on(before)
    assert (contents(old), contents(new) != left) == (left, True)


@pytest.mark.parametrize(("row", "said"), OUT.items(), ids=map(str, OUT))
def test_out_of_libvirt_the_source_runs_on(row: Row, said: str, stage: Stage, other: OtherHost) -> None:
    stage.place(inside=True)
    outcome = stage.out(row.on(other), row.at, row.when, **words(other))
    assert not outcome.moved
    assert outcome.error != ""
    assert said in outcome.error
    assert outcome.where == f"{stage.lab.name} runs where it was: domain {stage.lab.name} at {other.uri}"
    stage.check(inside=True)


def test_out_of_libvirt_by_the_command(stage: Stage, other: OtherHost) -> None:
    stage.place(inside=True)
    before, new, tag = stage.console(), stage.lab.elsewhere(), stage.new_name()
    line = stage.lab.directory / "back.sh"
    line.write_text(shlex.join(new.line(tag)))
    moved = virt_qm("move", stage.lab.name, "-c", other.uri, "--to", line, "--copy-disks")
    assert moved.returncode == 0, moved.stderr
    print("out of a libvirt over ssh, by the command:", moved.stdout)
    stage.lab = new
    stage.left(tag)
    stage.went_on(before)


def test_a_connection_that_ends_when_all_is_sent_is_no_loss(stage: Stage, other: OtherHost) -> None:
    """Out of libvirt, whose old QEMU is ended over a new one."""
    stage.place(inside=True)
    outcome = stage.out(Row("cut", "Continued").on(other), "Continued", "begun", **words(other))
    assert outcome.moved, outcome
    stage.left(stage.next)
    wait_for(lambda: not stage.lab.state().startswith(("running", "paused")), "libvirt to end its QEMU")
    stage.check(inside=False)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[OtherHost]:
    """A host without a libvirt."""
    tmp_path.chmod(0o700)
    found = OtherHost(Path("/none"), tmp_path)
    yield found
    found.close()


@pytest.fixture
def directory(bare: OtherHost) -> Iterator[Path]:
    """Of a move, on this side."""
    found = Path(made_directory(there_of(bare)))
    yield found
    remove(found)


def test_both_directories_are_ours_alone(bare: OtherHost, directory: Path) -> None:
    tunnel = ssh.Tunnel(there_of(bare), directory)
    tunnel.open(list)
    (made,) = bare.left()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (directory, made)] == [0o700, 0o700]
    tunnel.close()
    assert bare.left() == []


def test_a_killed_tool_leaves_nothing_there(bare: OtherHost, directory: Path) -> None:
    """Neither a directory nor an ssh: the session there hears of its end."""
    script = (
        "import sys, time; from pathlib import Path; from bridge.operations.move import ssh\n"
        "tunnel = ssh.Tunnel(ssh.other(sys.argv[1]), Path(sys.argv[2])); tunnel.open(list); print('open', flush=True); time.sleep(600)"
    )
    tool = subprocess.Popen([sys.executable, "-c", script, bare.uri, directory], cwd=ROOT, stdout=subprocess.PIPE)
    assert tool.stdout is not None
    assert tool.stdout.readline() == b"open\n"
    assert len(bare.left()) == 1
    tool.send_signal(signal.SIGKILL)
    tool.communicate()
    wait_for(lambda: not bare.left() and not bare.connections(), "the end of the session")


def test_what_a_login_prints_is_not_taken_for_the_directory(bare: OtherHost, directory: Path) -> None:
    with (bare.directory / "sshd_config").open("a") as config:
        config.write('ForceCommand echo "Welcome to /etc"; echo /tmp; eval "$SSH_ORIGINAL_COMMAND"\n')
    tunnel = ssh.Tunnel(there_of(bare), directory)
    try:
        tunnel.open(list)
        assert tunnel.there("target") == f"{bare.left()[0]}/target"
    finally:
        tunnel.close()


def test_a_server_that_forwards_nothing(bare: OtherHost, directory: Path) -> None:
    with (bare.directory / "sshd_config").open("a") as config:
        config.write("AllowStreamLocalForwarding no\n")
    tunnel = ssh.Tunnel(there_of(bare), directory)
    try:
        tunnel.open(list)
        with pytest.raises(BridgeError, match="no socket can be forwarded"):
            tunnel.back("stream", list)
    finally:
        tunnel.close()
    assert bare.left() == []
