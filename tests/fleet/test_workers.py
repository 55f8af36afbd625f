"""Workers that die, files that are none, disks that are full: a file's own trouble, or the fleet's end in a line. No process runs."""

from __future__ import annotations

import errno
import gc
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import bridge
from bridge.core.files import NotRegularError
from bridge.core.report import BridgeError
from bridge.fleet import key, record, run, work
from bridge.fleet.plan import inputs
from tests.fleet import configs


class Pool(Executor):
    """Works in this process. A task whose file ends so breaks it: what comes later is lost with it."""

    def __init__(self, jobs: int, dies: str) -> None:
        self.jobs, self.dies = jobs, dies
        self.broken = False
        self.ended: dict[str, Any] | None = None

    def submit(self, call: Callable[..., Any], /, *given: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.broken = self.broken or any(self.dies and task.file.endswith(self.dies) for task in given[1])
        if self.broken:
            future.set_exception(BrokenExecutor())
        else:
            future.set_result(call(*given))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.ended = {"wait": wait, "cancel_futures": cancel_futures}


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Pool]]:
    def make(dies: str = "") -> list[Pool]:
        made: list[Pool] = []

        def pool(jobs: int) -> Pool:
            made.append(Pool(jobs, dies))
            return made[-1]

        monkeypatch.setattr(run, "_pool", pool)
        monkeypatch.setattr(run, "CHUNK", 3)
        monkeypatch.setattr(run, "ALONE", 4)
        return made

    return make


def told(directory: Path, out: Path, **given: Any) -> list[tuple[str, str, str | None]]:
    found = bridge.convert_fleet([directory], "xml", out, **given)
    return [(Path(each.file).stem, each.status, each.error) for each in found]


def test_what_a_worker_dies_of_is_found_and_the_others_are_converted(pools: Callable[[str], list[Pool]], tmp_path: Path) -> None:
    made = pools("104.conf")
    source = configs.fill(tmp_path / "in", range(100, 111))
    found = told(source, tmp_path / "out", jobs=2)
    assert [name for name, _, _ in found] == [str(vmid) for vmid in range(100, 111)]
    (died,) = [each for each in found if each[1] != "converted"]
    assert died == ("104", "refused", "the process that converted it died: a bug, please report it with this file")
    assert [each.jobs for each in made] == [2, 1, 1, 1, 2]  # all, three one by one, and the rest
    assert all(each.ended == {"wait": True, "cancel_futures": True} for each in made if each.jobs == 2)


def test_no_more_workers_than_work(pools: Callable[[str], list[Pool]], tmp_path: Path) -> None:
    made = pools("")
    assert len(told(configs.fill(tmp_path / "in", range(100, 105)), tmp_path / "out", jobs=16)) == 5
    assert [each.jobs for each in made] == [2]


def test_a_fleet_that_is_left_waits_for_what_is_under_way(pools: Callable[[str], list[Pool]], tmp_path: Path) -> None:
    made = pools("")
    fleet = bridge.convert_fleet([configs.fill(tmp_path / "in", range(100, 111))], "xml", tmp_path / "out", jobs=2)
    assert next(iter(fleet)).status == "converted"
    fleet.close()
    assert made[0].ended is not None


@pytest.mark.parametrize(("count", "way"), [(1, "fork"), (2, "forkserver")])
def test_a_program_with_threads_does_not_fork(monkeypatch: pytest.MonkeyPatch, count: int, way: str) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(threading, "active_count", lambda: count)
    monkeypatch.setattr("bridge.fleet.run.multiprocessing.get_context", lambda name: name)
    monkeypatch.setattr(run, "ProcessPoolExecutor", lambda *given: asked.append(given))
    run._pool(7)
    assert asked == [(7, way, run._start)]


def test_a_worker_leaves_ctrl_c_to_its_parent_and_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: heard.append((number, handler)))
    for name in ("freeze", "collect"):
        monkeypatch.setattr(gc, name, lambda name=name: heard.append(name))
    monkeypatch.setattr(gc, "set_threshold", lambda *given: heard.append(given))
    monkeypatch.setattr("bridge.fleet.run.multiprocessing.parent_process", lambda: SimpleNamespace(sentinel=77))
    monkeypatch.setattr(run, "wait_for", lambda sentinels: heard.append(sentinels))
    monkeypatch.setattr(os, "_exit", lambda code: heard.append(f"exit {code}"))
    thread = SimpleNamespace(start=lambda: heard.append("started"))
    monkeypatch.setattr(threading, "Thread", lambda target, daemon: (target is run._end_with_parent, daemon) == (True, True) and thread)
    run._start()
    assert heard == [(signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_DFL), "started", "collect", "freeze", (20_000, 50, 100)]
    heard.clear()
    run._end_with_parent()
    assert heard == [[77], "exit 1"]
    heard.clear()
    monkeypatch.setattr("bridge.fleet.run.multiprocessing.parent_process", lambda: None)
    run._end_with_parent()
    assert heard == []


@pytest.mark.parametrize(("error", "wanted", "where"), [
    (OSError(errno.EACCES, "Permission denied", "/o/100.xml"), "Permission denied", "/o/100.xml"), (OSError("odd"), "odd", "100.conf"),
    (NotRegularError(errno.EINVAL, "is a link", "/o/100.xml"), "is a link: a fleet reads and writes no others", "/o/100.xml"),
    (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero: a bug, please report it with this file", "100.conf"),
])  # fmt: skip
def test_what_a_file_meets_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, wanted: str, where: str) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    source = configs.fill(tmp_path / "in", range(100, 101))
    monkeypatch.setattr(work, "place", fails)
    (found,) = bridge.convert_fleet([source], "xml", tmp_path / "out", jobs=1)
    assert (found.status, found.error) == ("refused", wanted)
    assert found.where is not None
    assert found.where.endswith(where)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_ends_the_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number), "x")

    source = configs.fill(tmp_path / "in", range(100, 103))
    monkeypatch.setattr(work, "place", fails)
    with pytest.raises(BridgeError, match=rf"/out: {os.strerror(number)}: make room, then pass --resume to do the rest"):
        told(source, tmp_path / "out", jobs=1)


def test_what_stands_there_is_not_touched(tmp_path: Path) -> None:
    source, out = configs.fill(tmp_path / "in", range(100, 103)), tmp_path / "out"
    out.mkdir()
    (out / "100.xml").write_text("mine")
    (out / "101.xml").symlink_to(tmp_path / "elsewhere")
    (out / "102.xml").write_bytes(b"x" * (work.MAX_OUTPUT + 1))
    found = told(source, out, jobs=1)
    assert [each[1] for each in found] == ["refused"] * 3
    errors = [str(each[2]) for each in found]
    assert errors[0] == errors[2] == "is there already: pass --force to replace it"
    assert "symbolic link" in errors[1]
    assert (out / "100.xml").read_text() == "mine"
    assert [each[1] for each in told(source, out, jobs=1, force=True)] == ["converted", "refused", "converted"]


def test_an_output_that_cannot_be_read_is_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any, **__: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "x")

    monkeypatch.setattr(work, "open_regular", refuses)
    assert work._digest_of(str(tmp_path / "a")) == work.FOREIGN


def test_a_directory_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(directory: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(directory))

    monkeypatch.setattr(os, "scandir", refuses)
    with pytest.raises(BridgeError, match="Permission denied") as error:
        inputs([tmp_path], "conf")
    assert error.value.where == str(tmp_path)


def test_a_key_that_cannot_be_kept_serves_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert key._state() == tmp_path / "file"
    one, other = key.own_key(), key.own_key()
    assert len(one) == len(other) == key.LENGTH
    assert one != other


def test_a_record_that_cannot_be_begun_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = configs.fill(tmp_path / "in", range(100, 102)), tmp_path / "out"
    assert [each[1] for each in told(source, out, jobs=1)] == ["converted"] * 2
    before = (out / record.NAME).read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(record, "_write", full)
    with pytest.raises(BridgeError, match="No space left on device"):
        told(source, out, jobs=1, resume=True)
    assert (out / record.NAME).read_bytes() == before
    assert sorted(each.name for each in out.iterdir()) == [record.NAME, "100.xml", "101.xml"]


def test_a_key_is_kept_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    made = key.own_key()
    file = tmp_path / ".local/state/virt-qm/fleet.key"
    assert file.read_bytes() == made == key.own_key()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.chmod(0o640)
    assert key.own_key() != made
    file.chmod(0o600)
    file.write_bytes(made + b"x")
    assert key.own_key() != made
