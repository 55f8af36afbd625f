"""The steps of a move that copy the images of disks, while the guest writes to them: the source's QEMU mirrors each into an export of the
target's (NBD), until the guest stands still and both are the same. Until then the target's guest has never run, and from then on the
source's writes no more: there is one writer to each image at any moment."""

from __future__ import annotations

import time
from contextlib import suppress

from ...core.report import BridgeError
from .disks import Drive, drives
from .machine import Machine
from .request import Disk
from .sides import LOCKED_LIMIT, POLL_EVERY, SOCKET_MODE, Sides
from .step import Move

JOB = "virt-qm-mirror-"
"""Before the id of a device: a mirror, and the node of its target."""
EXPORT = "virt-qm-export-"
OVER = frozenset(("concluded", "null"))


def export(disk: Disk) -> str:
    """libvirt's name for what it exports, and for what it looks for."""
    return f"drive-ua-{disk.device}"


def check_size(disk: Disk, here: int, there: int) -> None:
    """Bytes."""
    if here != there:
        raise BridgeError(f"{disk.device} has {here} bytes here and {there} there: the guest would see another disk")


class Mirrored:
    """Into libvirt, whose QEMU exports its images."""

    what = "QEMU copies the disks into those of libvirt"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        names = " ".join(disk.device for disk in sides.request.disks)
        self.shell = f"QMP: blockdev-add nbd {sides.nbd}; blockdev-mirror ({names})"

    def do(self, move: Move) -> None:
        machine = self.sides.machine
        here = drives(machine)
        for disk in self.sides.request.disks:
            self._begin(machine, disk, here[disk.device])
        while not all(job["ready"] for job in self._jobs(machine)):
            move.wait(POLL_EVERY)

    def _begin(self, machine: Machine, disk: Disk, drive: Drive) -> None:
        name = JOB + disk.device
        server = {"type": "unix", "path": str(self.sides.nbd)}
        machine.do("blockdev-add", {"driver": "nbd", "node-name": name, "server": server, "export": export(disk)})
        nodes = machine.do("query-named-block-nodes", {"flat": True})
        size = next(int(node["image"]["virtual-size"]) for node in nodes if node["node-name"] == name)
        check_size(disk, drive.size, size)
        given = {"job-id": name, "device": drive.node, "target": name, "sync": "full", "auto-dismiss": False}
        machine.do("blockdev-mirror", given)

    def _jobs(self, machine: Machine) -> list[dict[str, object]]:
        """The mirrors, of which none has failed."""
        found = [job for job in machine.do("query-block-jobs") if str(job["device"]).startswith(JOB)]
        for job in found:
            if job["status"] in OVER or job.get("error") or job["io-status"] == "failed":
                raise BridgeError(f"a disk cannot be copied: {job.get('error') or 'its mirror has ended'}")
        if len(found) < len(self.sides.request.disks):
            raise BridgeError("a disk cannot be copied: its mirror has ended")
        return found

    def switch(self, move: Move) -> None:
        """The guest stands still: what is left is written, and the copies end."""
        machine = self.sides.machine
        self._jobs(machine)
        for disk in self.sides.request.disks:
            machine.do("block-job-cancel", {"device": JOB + disk.device})  # of a mirror that is ready this is its good end
        waiting = {JOB + disk.device for disk in self.sides.request.disks}
        while waiting:
            for job in machine.do("query-jobs"):
                if job["id"] in waiting and job["status"] == "concluded":
                    if job.get("error"):
                        raise BridgeError(f"a disk cannot be copied: {job['error']}")
                    machine.do("job-dismiss", {"id": job["id"]})
                    waiting.discard(job["id"])
            if waiting:
                move.wait(POLL_EVERY)
        self._forget(machine)

    def _forget(self, machine: Machine) -> None:
        there = {str(node["node-name"]) for node in machine.do("query-named-block-nodes", {"flat": True})}
        for disk in self.sides.request.disks:
            if JOB + disk.device in there:
                machine.do("blockdev-del", {"node-name": JOB + disk.device})

    def undo(self, move: Move) -> None:  # noqa: ARG002
        """The copies are worth nothing then; the source has its own images."""
        machine, until = self.sides.machine, time.monotonic() + LOCKED_LIMIT
        while jobs := [job for job in machine.do("query-jobs") if str(job["id"]).startswith(JOB)]:
            for job in jobs:
                if job["status"] == "concluded":
                    machine.do("job-dismiss", {"id": job["id"]})
                elif job["status"] not in ("aborting", "pending", "waiting"):
                    with suppress(BridgeError):  # it ended after we looked: the next look sees that
                        machine.do("block-job-cancel", {"device": job["id"], "force": True})
            if time.monotonic() > until:
                raise BridgeError(f"the mirror of a disk does not end: {jobs[0]['id']} is {jobs[0]['status']}")
            time.sleep(POLL_EVERY)
        self._forget(machine)


class Exported:
    """Out of libvirt, which mirrors by itself: the images of qemu-server's QEMU are there for it to write to."""

    what = "QEMU lets libvirt write to its disks"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        names = " ".join(export(disk) for disk in sides.request.disks)
        self.shell = f"QMP: nbd-server-start {sides.nbd}; block-export-add ({names})"

    def do(self, move: Move) -> None:  # noqa: ARG002
        machine, request = self.sides.machine, self.sides.request
        here = drives(machine)
        for disk in request.disks:
            size = int(self.sides.host.ask("capacity", request.uuid, disk.target))
            check_size(disk, size, here[disk.device].size)
        machine.do("nbd-server-start", {"addr": {"type": "unix", "data": {"path": str(self.sides.nbd)}}})
        self.sides.nbd.chmod(SOCKET_MODE)
        for disk in request.disks:
            given = {"id": EXPORT + disk.device, "type": "nbd", "name": export(disk), "node-name": here[disk.device].node}
            machine.do("block-export-add", given | {"writable": True})

    def undo(self, move: Move) -> None:
        """The target ends."""


class Closed:
    """Nobody but the guest writes to them any more."""

    what = "QEMU keeps its disks to itself"
    shell = "QMP: nbd-server-stop"
    final = False

    def __init__(self, sides: Sides) -> None:
        self.sides = sides

    def do(self, move: Move) -> None:
        machine = self.sides.machine
        machine.do("nbd-server-stop")
        while machine.do("query-block-exports"):
            move.wait(POLL_EVERY)

    def undo(self, move: Move) -> None:
        """The target ends."""
