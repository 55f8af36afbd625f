"""The two ends of a move without their processes: a QEMU that a thread plays by its socket, and a libvirt that is a few classes."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.core.report import BridgeError
from bridge.operations.move import check, prepare, ways
from bridge.operations.move.disks import Drive, Place, drives, over_hosts, places
from bridge.operations.move.machine import Machine
from bridge.operations.move.mirror import Mirrored
from bridge.operations.move.out import TargetStarted
from bridge.operations.move.relay import Relay
from bridge.operations.move.request import Disk, Request
from bridge.operations.move.saved import Fifo
from bridge.operations.move.served import _Calls
from bridge.operations.move.sides import OFF, Sides
from bridge.operations.move.ssh import Tunnel, other

pytestmark = pytest.mark.quick
UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
Answers = Mapping[str, object]


class Qemu:
    """Answers commands of QMP: with what stands under the command's name, what a function there makes of the arguments, or nothing."""

    def __init__(self, path: Path, answers: Answers) -> None:
        self.answers = answers
        self.heard: list[tuple[str, Any]] = []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as talk:
                self._say(talk, {"QMP": {"version": {}, "capabilities": []}})
                for line in talk:
                    said = json.loads(line)
                    answer = self._answer(said["execute"], said.get("arguments"))
                    failed = {"error": {"desc": str(answer)}} if isinstance(answer, Exception) else {"return": answer}
                    self._say(talk, failed | {"id": said["id"]})

    def _answer(self, command: str, arguments: Any) -> object:
        if command == "qmp_capabilities":
            return {}
        self.heard.append((command, arguments))
        answer = self.answers.get(command, KeyError(f"The command {command} has not been found"))
        return answer(arguments) if callable(answer) else answer

    @staticmethod
    def _say(talk: Any, what: object) -> None:
        talk.write(json.dumps(what).encode() + b"\n")
        talk.flush()


@pytest.fixture
def qemu(tmp_path: Path) -> Iterator[Callable[[Answers], tuple[Machine, Qemu]]]:
    """qemu(answers): the machine, and what plays it."""
    started: list[Qemu] = []

    def start(answers: Answers) -> tuple[Machine, Qemu]:
        path = tmp_path / "qmp"
        path.unlink(missing_ok=True)
        started.append(Qemu(path, answers))
        return Machine(path, 5.0), started[-1]

    yield start
    for each in started:
        each.server.close()


def request(directory: Path, **more: Any) -> Request:
    said: dict[str, Any] = {"into": True, "way": "protocol3", "uri": "test:///default", "name": "web", "uuid": UUID, "xml": "<domain/>"}
    return Request(qmp=str(directory / "qmp"), directory=str(directory), **{**said, **more})


def test_a_machine_tells_who_and_what_it_is(qemu: Any) -> None:
    ram = {"total": 4096, "remaining": 1024, "transferred": 3072, "mbps": 1.5}
    migration = {"status": "active", "ram": ram, "total-time": 7, "downtime": 3, "error-desc": "no room"}
    version = {"qemu": {"major": 10, "minor": 1, "micro": 2}, "package": "pve"}
    status = {"status": "postmigrate", "running": False}
    machine, _ = qemu({"query-status": status, "query-version": version, "query-migrate": migration, "query-name": {"name": "a"}})
    assert machine.pid() == os.getpid()
    assert machine.status() == "postmigrate"
    assert machine.version() == (10, 1)
    found = machine.migration()
    assert (found.status, found.total_time, found.downtime, found.error_desc) == ("active", 7, 3, "no room")
    assert (found.ram.total, found.ram.remaining, found.ram.transferred, found.ram.mbps) == (4096, 1024, 3072, 1.5)
    assert machine.do("query-name") == {"name": "a"}
    with pytest.raises(BridgeError, match="query-cpus has not been found"):
        machine.do("query-cpus")


@pytest.mark.parametrize("last", ["none", "completed", "failed", "cancelled"])
def test_a_migration_is_waited_for(qemu: Any, last: str) -> None:
    said = iter(["setup", "active", last])
    machine, played = qemu({"query-migrate": lambda _: {"status": next(said)}})
    assert machine.settled().status == last
    assert len(played.heard) == 3


def test_a_migration_that_does_not_end_is_told(qemu: Any) -> None:
    machine, _ = qemu({"query-migrate": {"status": "active"}})
    with pytest.raises(BridgeError, match="does not end: it is active"):
        machine.settled(0.1)


def test_settings_are_set_where_they_are_known_and_differ(qemu: Any) -> None:
    have = [{"capability": "xbzrle", "state": True}, {"capability": "multifd", "state": False}]
    answers = {"query-migrate-capabilities": have, "query-migrate-parameters": {"downtime-limit": 300, "max-bandwidth": 5}}
    machine, played = qemu({**answers, "migrate-set-capabilities": {}, "migrate-set-parameters": {}})
    before = machine.settings({"xbzrle": False, "multifd": False, "unheard-of": True}, {"downtime-limit": 50, "max-bandwidth": 5, "new": 1})
    assert before == ({"xbzrle": True}, {"downtime-limit": 300})
    told = [each for each in played.heard if each[0].startswith("migrate-set")]
    changed = {"capabilities": [{"capability": "xbzrle", "state": False}]}
    assert told == [("migrate-set-capabilities", changed), ("migrate-set-parameters", {"downtime-limit": 50})]


def test_settings_that_are_right_are_left_alone(qemu: Any) -> None:
    have = [{"capability": "xbzrle", "state": False}]
    machine, played = qemu({"query-migrate-capabilities": have, "query-migrate-parameters": {"downtime-limit": 50}})
    assert machine.settings({"xbzrle": False}, {"downtime-limit": 50}) == ({}, {})
    assert not [each for each in played.heard if each[0].startswith("migrate-set")]


@pytest.mark.parametrize(("asked", "set_"), [(0, 1 << 40), (1 << 20, 1 << 20)])
def test_a_stream_goes_as_fast_as_it_may_and_without_what_a_filter_cannot_follow(qemu: Any, tmp_path: Path, asked: int, set_: int) -> None:
    """No limit that anybody's network reaches, unless one is asked for."""
    on = [{"capability": name, "state": True} for name in OFF]
    played = qemu({
        "query-migrate-capabilities": [*on, {"capability": "auto-converge", "state": False}],
        "query-migrate-parameters": {"downtime-limit": 1, "max-bandwidth": 1}, "migrate-set-capabilities": {}, "migrate-set-parameters": {},
    })[1]  # fmt: skip
    sides = Sides(request(tmp_path, bandwidth=asked, max_downtime=77))
    try:
        sides.settle()
    finally:
        sides.close()
    told = dict(each for each in played.heard if each[0].startswith("migrate-set"))
    states = {each["capability"]: each["state"] for each in told["migrate-set-capabilities"]["capabilities"]}
    assert states == {**dict.fromkeys(OFF, False), "auto-converge": True}
    assert told["migrate-set-parameters"] == {"downtime-limit": 77, "max-bandwidth": set_}


BLOCKS = [
    {"device": "", "qdev": "/machine/peripheral/virtio0/virtio-backend", "inserted": {
        "ro": False, "node-name": "drive-virtio0", "image": {"filename": "/i/a.qcow2", "virtual-size": 4096}}},
    {"device": "drive-scsi1", "qdev": "scsi1", "inserted": {"ro": False, "node-name": "drive-scsi1", "image": {
        "filename": 'json:{"driver":"raw","file":{"driver":"file","filename":"/i/b.raw"}}', "virtual-size": 8192}}},
    {"device": "", "qdev": "ua-sata0", "inserted": {"ro": False, "node-name": "n3", "image": {"filename": "/i/c", "virtual-size": 1}}},
    {"device": "ide2", "qdev": "ide2", "inserted": {"ro": True, "node-name": "n4", "image": {"filename": "/i/d.iso", "virtual-size": 1}}},
    {"device": "ide3", "qdev": "ide3"},
    {"device": "efidisk0", "inserted": {"ro": False, "node-name": "n5", "image": {"filename": "/v", "virtual-size": 1}}},
]  # fmt: skip


def test_drives_are_those_that_are_written_and_not_the_firmwares(qemu: Any) -> None:
    machine, _ = qemu({"query-block": BLOCKS})
    assert drives(machine) == {
        "virtio0": Drive("drive-virtio0", "/i/a.qcow2", 4096),
        "scsi1": Drive("drive-scsi1", "/i/b.raw", 8192),
        "sata0": Drive("n3", "/i/c", 1),
    }


def test_places_are_those_that_have_the_names_of_qemu_server() -> None:
    def disk(alias: str, source: str, more: str = "") -> str:
        return f"<disk><source {source}/><target dev='sd{alias[-1]}'/><alias name='{alias}'/>{more}</disk>"

    said = [disk("ua-scsi1", "file='/i/1'"), disk("ua-scsi2", "dev='/dev/2'"), disk("virtio-disk0", "file='/i/3'")]
    said += [disk("ua-scsi4", "file='/i/4'", "<readonly/>"), disk("ua-scsi5", "protocol='nbd'"), "<disk><target dev='a'/></disk>"]
    found = places(f"<domain><devices>{''.join(said)}</devices></domain>")
    assert {device: tuple(place) for device, place in found.items()} == {"scsi1": ("sd1", "/i/1"), "scsi2": ("sd2", "/dev/2")}


class Images:
    """Two disks of a QEMU that mirrors them; a job gets ready when it was looked at twice."""

    def __init__(self, size: int = 4096) -> None:
        self.size = size
        self.nodes: dict[str, Any] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looked = 0
        self.answers: Answers = {
            "query-block": BLOCKS, "blockdev-add": self.add, "query-named-block-nodes": self.named, "blockdev-mirror": self.mirror,
            "query-block-jobs": self.ready, "block-job-cancel": self.cancel, "query-jobs": lambda _: list(self.jobs.values()),
            "job-dismiss": lambda said: self.jobs.pop(said["id"]) and {},
            "blockdev-del": lambda said: self.nodes.pop(said["node-name"]) and {},
        }  # fmt: skip

    def add(self, said: Any) -> object:
        self.nodes[said["node-name"]] = said
        return {}

    def named(self, said: Any) -> object:
        assert said == {"flat": True}
        own = [{"node-name": name, "image": {"virtual-size": self.size}} for name in self.nodes]
        return [{"node-name": "drive-virtio0", "image": {"virtual-size": 1}}, *own]

    def mirror(self, said: Any) -> object:
        assert said["target"] in self.nodes
        self.jobs[said["job-id"]] = {"id": said["job-id"], "status": "running", **said}
        return {}

    def ready(self, _: Any) -> object:
        self.looked += 1
        return [{"device": job, "status": "running", "io-status": "ok", "ready": self.looked > 1} for job in self.jobs]

    def cancel(self, said: Any) -> object:
        self.jobs[said["device"]]["status"] = "concluded"
        return {}


def mirrored(machine: Machine, tmp_path: Path) -> Mirrored:
    disks = (Disk(device="virtio0", target="vda"),)
    sides: Any = SimpleNamespace(machine=machine, nbd=tmp_path / "nbd", request=request(tmp_path, disks=disks))
    return Mirrored(sides)


NO_MOVE: Any = SimpleNamespace(wait=lambda _: None)


def test_disks_are_mirrored_until_the_guest_stands_still_and_all_is_tidied_up(qemu: Any, tmp_path: Path) -> None:
    images = Images()
    machine, played = qemu(images.answers)
    step = mirrored(machine, tmp_path)
    step.do(NO_MOVE)
    (node,), (job,) = images.nodes.values(), images.jobs.values()
    assert (node["driver"], node["server"], node["export"]) == ("nbd", {"type": "unix", "path": str(tmp_path / "nbd")}, "drive-ua-virtio0")
    assert (job["device"], job["target"], job["sync"], job["auto-dismiss"]) == ("drive-virtio0", node["node-name"], "full", False)
    assert images.looked == 2
    step.switch(NO_MOVE)
    assert not images.nodes
    assert not images.jobs
    assert [each for each in played.heard if each[0] == "block-job-cancel"] == [("block-job-cancel", {"device": job["id"]})]


def test_mirrors_of_a_move_that_fails_are_ended_by_force(qemu: Any, tmp_path: Path) -> None:
    images = Images()
    machine, played = qemu(images.answers)
    step = mirrored(machine, tmp_path)
    step.do(NO_MOVE)
    step.undo(NO_MOVE)
    assert not images.nodes
    assert not images.jobs
    assert [said["force"] for command, said in played.heard if command == "block-job-cancel"] == [True]


def test_a_disk_of_another_size_is_not_mirrored(qemu: Any, tmp_path: Path) -> None:
    images = Images(4608)
    machine, _ = qemu(images.answers)
    with pytest.raises(BridgeError, match="virtio0 has 4096 bytes here and 4608 there"):
        mirrored(machine, tmp_path).do(NO_MOVE)
    assert not images.jobs


@pytest.mark.parametrize("change", [{"status": "concluded"}, {"status": "null"}, {"error": "no space"}, {"io-status": "failed"}])
def test_a_mirror_that_fails_ends_the_move(qemu: Any, tmp_path: Path, change: dict[str, str]) -> None:
    images = Images()
    bad = {"device": "virt-qm-mirror-virtio0", "status": "running", "io-status": "ok", "ready": False, **change}
    machine, _ = qemu({**images.answers, "query-block-jobs": [bad]})
    with pytest.raises(BridgeError, match="a disk cannot be copied"):
        mirrored(machine, tmp_path).do(NO_MOVE)


def test_a_qemu_listens_when_both_sockets_are_there_and_it_waits_for_a_stream(qemu: Any, tmp_path: Path) -> None:
    status = {"status": "inmigrate", "running": False}
    sides: Any = SimpleNamespace(request=request(tmp_path, argv=("kvm",)), directory=tmp_path, target=tmp_path / "target", machine=None)
    step = TargetStarted(sides)
    assert not step._listens()
    sides.machine, _ = qemu({"query-status": lambda _: status})
    assert not step._listens()
    with socket.socket(socket.AF_UNIX) as target:
        target.bind(str(sides.target))
        assert step._listens()
        status["status"] = "paused"
        assert not step._listens()


def test_others_can_open_the_fifo(tmp_path: Path) -> None:
    """libvirt reads it as whoever it runs as."""
    sides: Any = SimpleNamespace(directory=tmp_path, request=request(tmp_path))
    fifo = Fifo(sides)
    fifo.make()
    found = fifo.path.stat()
    assert stat.S_ISFIFO(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


@pytest.mark.parametrize("way", ["protocol3", "tunnelled", "saved"])
def test_a_guest_that_is_saved_is_at_no_risk(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """It does not run meanwhile."""
    monkeypatch.setattr(check, "at_risk", lambda line: [line])
    line: Any = object()
    assert prepare._of_way(way, line) == ([] if way == "saved" else [line])


class Error(Exception):
    """As libvirt's."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code

    def get_error_code(self) -> int:
        return self.code


class Domain:
    def __init__(self, persistent: bool = True, active: bool = True) -> None:
        self.persistent, self.active, self.calls = persistent, active, list[tuple[Any, ...]]()

    def UUIDString(self) -> str:  # noqa: N802  as libvirt calls it
        return UUID

    def state(self) -> list[int]:
        return [1, 5]

    def isPersistent(self) -> int:  # noqa: N802
        return int(self.persistent)

    def isActive(self) -> int:  # noqa: N802
        return int(self.active)

    def autostart(self) -> int:
        if not self.persistent:
            raise Error(55)
        return 1

    def blockInfo(self, target: str) -> list[int]:  # noqa: N802
        return [4096 if target == "vda" else 1, 2, 3]

    def jobStats(self) -> dict[str, int]:  # noqa: N802
        return {"data_total": 7, "memory_bps": 9, "downtime": 1}

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments))


class Libvirt:
    """The module, and a host."""

    libvirtError = Error  # noqa: N815
    VIR_ERR_NO_DOMAIN = 42
    VIR_DOMAIN_UNDEFINE_KEEP_NVRAM, VIR_DOMAIN_UNDEFINE_KEEP_TPM = 8, 64

    def __init__(self, domain: Domain | None, code: int = 42) -> None:
        self.domain, self.code, self.asked = domain, code, list[str]()

    def open(self, uri: str | None) -> Libvirt:
        self.asked.append(f"open {uri}")
        return self

    def lookupByName(self, name: str) -> Domain:  # noqa: N802
        if self.domain is None or name != "web":
            raise Error(self.code)
        return self.domain

    def lookupByUUIDString(self, uuid: str) -> Domain:  # noqa: N802
        self.asked.append(f"uuid {uuid}")
        if self.domain is None or uuid != UUID:
            raise Error(self.code)
        return self.domain

    def getVersion(self) -> int:  # noqa: N802
        return 11_003_000

    getLibVersion = getVersion  # noqa: N815

    def getURI(self) -> str:  # noqa: N802
        return "qemu:///system"


def calls(domain: Domain | None, code: int = 42) -> _Calls:
    return _Calls(Libvirt(domain, code), "")


def test_a_domain_is_found_by_its_name_or_its_uuid() -> None:
    there = calls(Domain())
    assert there.find("web") == UUID
    assert there.find(UUID) == UUID
    assert there.find("db") is None
    assert there.libvirt.asked == ["open None", f"uuid {UUID}"]  # what is no UUID is not looked for as one
    assert calls(None).find(UUID) is None
    with pytest.raises(Error):
        calls(None, 38).find("web")


@pytest.mark.parametrize(("persistent", "wanted"), [(True, [1, 5, True, True]), (False, [1, 5, False, False])])
def test_what_is_looked_at(persistent: bool, wanted: list[Any]) -> None:
    assert calls(Domain(persistent)).look(UUID) == wanted
    assert calls(None).look(UUID) is None


def test_the_other_calls_of_a_host() -> None:
    domain = Domain()
    there = calls(domain)
    assert there.capacity(UUID, "vda") == 4096
    assert there.job(UUID) == {"data_total": 7, "downtime": 1}
    assert calls(None).job(UUID) == {}
    assert there.canonical() == "qemu:///system"
    assert there.about()[:3] == ["11.3.0"] * 3
    there.undefine(UUID)
    there.set_autostart(UUID, True)
    there.destroy(UUID)
    there.set_downtime(UUID, 300)
    assert domain.calls == [("undefineFlags", 72), ("setAutostart", 1), ("destroy",), ("migrateSetMaxDowntime", 300)]
    domain.calls.clear()
    domain.persistent = domain.active = False
    there.undefine(UUID)
    there.destroy(UUID)
    assert domain.calls == []


class Host:
    """A domain that goes when it is told to, in so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.asked: list[tuple[Any, ...]] = []

    def look(self, uuid: str) -> Any:
        assert uuid == UUID
        self.looks -= 1
        return SimpleNamespace(active=True) if self.looks > 0 else None

    def ask(self, *what: Any) -> None:
        self.asked.append(what)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_a_target_that_runs_is_ended(tmp_path: Path, looks: int) -> None:
    sides = Sides(request(tmp_path))
    host = sides.host = Host(looks)  # type: ignore[assignment]
    try:
        sides.target_gone()
    finally:
        sides.close()
    assert host.asked == [("destroy", UUID)] * max(looks - 1, 0)


def test_what_a_session_says_is_taken_line_by_line(tmp_path: Path) -> None:
    there = other("qemu+ssh://root@far.example/system")
    assert there is not None
    tunnel = Tunnel(there, tmp_path)
    read, write = os.pipe()
    master = SimpleNamespace(stdout=os.fdopen(read, "rb", buffering=0), poll=lambda: 255, wait=lambda _: 255)
    tunnel.process = master  # type: ignore[assignment]
    os.write(write, b"one\ntwo\nthr")
    checks: list[int] = []
    assert [tunnel._line(lambda: checks.append(1)) for _ in range(2)] == ["one", "two"]
    assert len(checks) == 1  # the second was there already
    os.write(write, b"ee\n")
    assert tunnel._line(lambda: None) == "three"
    os.close(write)
    with pytest.raises(BridgeError, match="it ended with 255"):
        tunnel._line(lambda: None)
    master.stdout.close()
    tunnel.process = None


@pytest.mark.parametrize(("into", "way"), list(ways.STEPS))
def test_every_way_has_one_point_of_no_return(tmp_path: Path, into: bool, way: str) -> None:
    """What may be undone comes before it."""
    disks = (Disk(device="virtio0", target="vda"),) if way == "protocol3" else ()
    sides = Sides(request(tmp_path, into=into, way=way, argv=("kvm",), disks=disks, pins={"vcpu 0": (1,)}))
    try:
        steps = ways.steps(sides)
    finally:
        sides.close()
    assert [step.final for step in steps].count(True) == 1


FOR_MANY = "nfs nfs4 gfs2 ocfs2 afs smb3 cifs ceph gpfs acfs beegfs fuse.glusterfs fuse.quobyte lustre"
FOR_ONE = "ext4 xfs btrfs zfs tmpfs overlay fuse.sshfs iso9660"


@pytest.mark.parametrize(("kind", "many"), [*((kind, True) for kind in FOR_MANY.split()), *((kind, False) for kind in FOR_ONE.split())])
def test_whether_other_hosts_have_an_image_is_told_by_its_file_system(tmp_path: Path, kind: str, many: bool) -> None:
    """The kernel's names of those that libvirt takes for shared (virFileIsSharedFS), and Lustre's."""
    image, table = tmp_path / "a.raw", tmp_path / "mountinfo"
    image.write_bytes(b"")
    number = image.stat().st_dev
    other_device = "36 35 98:0 / /mnt rw - nfs4 host:/x rw"
    table.write_text(f"{other_device}\n36 35 {os.major(number)}:{os.minor(number)} / / rw,noatime shared:1 - {kind} /dev/root rw\n")
    files, targets = {"virtio0": str(image)}, {"virtio0": Place("vda", str(image))}
    found = over_hosts(files, files, targets, True, False, str(table))
    assert found == (() if many else (Disk(device="virtio0", target="vda"),))


def test_a_relay_that_is_stopped_before_anybody_connects_says_so(tmp_path: Path) -> None:
    """And is no stream that broke off."""
    relay = Relay({})
    relay.listen(tmp_path / "stream", 0o666)
    assert stat.S_IMODE((tmp_path / "stream").stat().st_mode) == 0o666
    assert relay.ended()
    relay.start(lambda: pytest.fail("nobody came"))
    assert not relay.ended()
    relay.stop()
    assert relay.ended()
    assert str(relay.error) == "the stream was ended"
