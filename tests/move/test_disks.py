"""Disks whose images the two sides do not share: copied while the guest writes to them, both ways; and what can go wrong meanwhile."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from bridge.argv.read import read
from bridge.core.report import BridgeError
from bridge.operations.move.disks import copied, drives, images, places
from bridge.operations.move.request import Disk
from tests.move.lab import Lab
from tests.move.moving import virt_qm
from tests.move.stage import Stage, small
from tests.move.test_failures import Row, cancel, cut, kill_inside, kill_outside, kill_source, lose_libvirt, restart_libvirtd

EXPORTS = '{"execute": "query-block-exports"}'
SMALL = "400k"
"""Of a file system that takes an empty image, and not what the guest writes."""
DISKS = (Disk(device="scsi0", target="sda"),)


def contents(lab: Lab) -> str:
    return hashlib.sha256(Path(images(read(lab.argv))["scsi0"]).read_bytes()).hexdigest()


def test_there_and_back(stage: Stage) -> None:
    """The guest reads back all that it wrote, from images that were empty; those that it left are not written to any more."""
    stage.place(inside=False)
    for into in (True, False):
        before, old, new = stage.console(), stage.lab, stage.lab.elsewhere()
        move = stage.into if into else stage.out
        outcome = move(None, "", "", new, disks=DISKS, bandwidth=0)
        assert outcome.moved, outcome
        assert outcome.troubles == []
        print("into" if into else "out of", "libvirt with a disk that is copied:", outcome.downtime)
        stage.lab = new
        if not into:
            stage.left(stage.next)
        left = contents(old)
        stage.went_on(before)
        assert contents(old) == left
        assert contents(new) != left
        if into:
            assert json.loads(stage.daemon.virsh("qemu-monitor-command", new.name, EXPORTS))["return"] == []
        else:
            assert stage.run is not None
            machine = stage.run.machine()
            assert drives(machine)["scsi0"].file == images(read(new.argv))["scsi0"]
            assert machine.do("query-block-exports") == []


IN = [
    *(Row(cancel, step) for step in ("Mirrored", "Sent")),
    *(Row(cancel, "Mirrored", "done"), Row(cancel, "Sent", "active"), Row(cancel, "Sent", "done")),
    *(Row(kill_inside, "Mirrored"), Row(kill_inside, "Sent"), Row(kill_inside, "Sent", "active"), Row(kill_inside, "Finished")),
    *(Row(restart_libvirtd, "Mirrored"), Row(restart_libvirtd, "Sent", "active"), Row(cut, "Sent", "active")),
    *(Row(lose_libvirt, "Mirrored"), Row(cancel, "Sent", "switching"), Row(kill_inside, "Sent", "switching")),
]
OUT = [
    *(Row(cancel, step) for step in ("Exported", "Performed")),
    *(Row(cancel, "Performed", "active"), Row(cancel, "Performed", "done"), Row(cancel, "Closed")),
    *(Row(kill_outside, "Exported", "done"), Row(kill_outside, "Performed", "active"), Row(kill_outside, "Closed")),
    *(Row(restart_libvirtd, "Performed", "active"), Row(cut, "Performed", "active")),
]


@pytest.mark.parametrize("row", IN, ids=str)
def test_into_libvirt_the_source_runs_on(row: Row, stage: Stage) -> None:
    """On its own images."""
    stage.place(inside=False)
    known = stage.daemon.domains()
    outcome = stage.into(*row, stage.lab.elsewhere(), disks=DISKS)
    assert not outcome.moved
    assert outcome.error != ""
    assert outcome.troubles == []
    stage.check(inside=False)
    assert stage.daemon.domains() == known
    assert stage.run is not None
    assert [job["id"] for job in stage.run.machine().do("query-jobs")] == []


@pytest.mark.parametrize("row", OUT, ids=str)
def test_out_of_libvirt_the_source_runs_on(row: Row, stage: Stage) -> None:
    stage.place(inside=True)
    outcome = stage.out(*row, stage.lab.elsewhere(), disks=DISKS)
    assert not outcome.moved
    assert outcome.error != ""
    stage.check(inside=True)


def test_a_source_that_dies_when_all_is_copied_is_no_loss(stage: Stage) -> None:
    stage.place(inside=False)
    new = stage.lab.elsewhere()
    outcome = stage.into(kill_source, "Finished", "begun", lab=new, disks=DISKS)
    assert outcome.moved, outcome
    stage.lab = new
    stage.check(inside=True)


@pytest.mark.parametrize("inside", [True, False], ids=["into", "out"])
def test_a_full_disk_there_leaves_the_source_running(inside: bool, stage: Stage) -> None:
    stage.place(not inside)
    with small(stage.lab.directory, SMALL) as directory:
        move = stage.into if inside else stage.out
        outcome = move(None, "", "", stage.lab.elsewhere(directory), disks=DISKS)
        assert not outcome.moved
        assert re.search("No space left|cannot be copied|mirror", outcome.error), outcome
        stage.check(not inside)


def test_an_image_of_another_size_is_not_taken(stage: Stage) -> None:
    stage.place(inside=False)
    new = stage.lab.elsewhere()
    subprocess.run(["qemu-img", "resize", "-q", images(read(new.argv))["scsi0"], "64M"], check=True)
    outcome = stage.into(None, "", "", lab=new, disks=DISKS)
    assert (outcome.moved, outcome.error) == (
        False,
        "scsi0 has 33554432 bytes here and 67108864 there: the guest would see another disk",
    )
    stage.check(inside=False)


def test_the_command_copies_only_what_it_may(stage: Stage) -> None:
    """Without --copy-disks images that are two end the move before it begins: the guest would find an empty disk."""
    stage.place(inside=False)
    assert stage.run is not None
    new = stage.lab.elsewhere()
    conf = stage.lab.directory / "100.conf"
    conf.write_text(stage.lab.config)
    words = ("move", conf, "--qmp", stage.run.socket, "--to", stage.daemon.uri, "--xml", new.file)
    said = virt_qm(*words)
    assert said.returncode == 1
    assert "the images are not the same, and would have to be copied (--copy-disks): scsi0 is " in said.stderr
    dry = virt_qm(*words, "--copy-disks", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "QEMU copies the disks into those of libvirt" in dry.stdout
    stage.check(inside=False)


def test_which_images_are_two(tmp_path: Path) -> None:
    one, two, link = tmp_path / "one", tmp_path / "two", tmp_path / "link"
    one.touch()
    two.touch()
    link.symlink_to(one)
    here = {"scsi0": str(one), "scsi1": "rbd:pool/image", "virtio0": str(one)}
    targets = places(
        "<domain><devices>"
        f"<disk><source file='{link}'/><target dev='sda'/><alias name='ua-scsi0'/></disk>"
        "<disk><source dev='/dev/rbd/pool/image'/><target dev='sdb'/><alias name='ua-scsi1'/></disk>"
        f"<disk><source file='{two}'/><target dev='vda'/><alias name='ua-virtio0'/></disk>"
        "</devices></domain>"
    )
    there = {device: place.file for device, place in targets.items()}
    assert copied(here, there, targets, allowed=True) == (Disk(device="virtio0", target="vda"),)
    with pytest.raises(BridgeError, match=r"virtio0 is .*one here and .*two there"):
        copied(here, there, targets, allowed=False)
    two.unlink()
    with pytest.raises(BridgeError, match="is not there: make an empty one"):
        copied(here, there, targets, allowed=True)


def test_the_images_of_a_line() -> None:
    node = '{"driver":"throttle","node-name":"drive-scsi0","file":{"driver":"qcow2","file":{"driver":"file","filename":"/a.qcow2"}}}'
    line = read(["kvm", "-blockdev", node, "-drive", "file=/b.raw,if=none,id=drive-virtio0,format=raw", "-drive", "if=none,id=drive-ide2"])
    assert images(line) == {"scsi0": "/a.qcow2", "virtio0": "/b.raw"}
