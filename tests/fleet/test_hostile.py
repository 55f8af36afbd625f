"""A fleet's directory as somebody else left it: links, devices, pipes, huge files, a record that lies; and a disk that is full."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import bridge
from bridge.core.report import BridgeError, Finding
from bridge.fleet import key
from bridge.fleet.record import NAME, Output
from bridge.fleet.work import MAX_OUTPUT
from tests.corpus import ROOT
from tests.fleet import configs
from tests.fleet.test_command import COMMAND, virt_qm
from tests.fleet.test_fleet import files_in
from tests.fleet.test_record import VMIDS, Fleet, all_but, fleet
from tests.processes import PATIENCE

pytestmark = pytest.mark.slow

__all__ = ["fleet"]
MEMORY = 1 << 30
"""Bytes of address space that a fleet of small files has far more than enough of."""


def link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "victim")


def dangling(path: Path) -> None:
    path.symlink_to(path.parent.parent / "nowhere")


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1_200_000_000)


IN_THE_WAY = [link, dangling, device, circle, os.mkfifo, Path.mkdir]
"""What may stand where a file is wanted: (path) makes it."""


def identity(path: Path) -> tuple[int, ...]:
    """What changes when something else gets the name, or is written to."""
    status = path.lstat()
    return status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Beside the fleet's directories; no test may change it."""
    file = tmp_path / "victim"
    file.write_text("precious")
    return file


@pytest.mark.parametrize("make", IN_THE_WAY)
def test_a_record_that_is_a_link_or_a_pipe_is_not_opened(fleet: Fleet, victim: Path, make: Callable[[Path], object]) -> None:
    (fleet.out / NAME).unlink()
    make(fleet.out / NAME)
    for resume in (False, True):
        with pytest.raises(BridgeError, match=r"is (a symbolic link, not a file|not a regular file): remove it") as caught:
            fleet(resume=resume)
        assert caught.value.where == str(fleet.out / NAME)
    assert victim.read_text() == "precious"
    assert not (victim.parent / "nowhere").exists()


def test_a_record_that_is_another_name_of_a_file_leaves_that_file_alone(fleet: Fleet, victim: Path) -> None:
    (fleet.out / NAME).unlink()
    (fleet.out / NAME).hardlink_to(victim)
    assert set(fleet().values()) == {"up-to-date"}
    assert victim.read_text() == "precious"
    assert len((fleet.out / NAME).read_bytes().splitlines()) == len(VMIDS)


def test_a_record_of_a_gigabyte_is_refused(fleet: Fleet) -> None:
    sparse(fleet.out / NAME)
    with pytest.raises(BridgeError, match="longer than the record of a fleet: remove it"):
        fleet()
    assert set(fleet(resume=False).values()) == {"up-to-date"}


@pytest.mark.parametrize("make", IN_THE_WAY)
@pytest.mark.parametrize("force", [False, True])
def test_an_output_that_is_a_link_a_pipe_or_a_device_is_left_alone(
    fleet: Fleet, victim: Path, make: Callable[[Path], object], force: bool
) -> None:
    there = fleet.out / "103.xml"
    there.unlink()
    make(there)
    before = identity(there)
    assert fleet(force=force)[103] == "refused"
    assert (fleet.outcomes[2].error or "").endswith("a fleet reads and writes no others")
    assert fleet.outcomes[2].where == str(there)
    assert identity(there) == before
    assert victim.read_text() == "precious"
    assert fleet.outcomes[3].status != "refused"


def test_an_output_of_a_gigabyte_costs_no_memory(tmp_path: Path) -> None:
    source, out = configs.fill(tmp_path / "in", VMIDS), tmp_path / "out"
    out.mkdir()
    sparse(out / "101.xml")
    command = (*COMMAND, "to-xml", str(source), "-o", str(out))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    for more, code in (((), 1), (("--force",), 0)):
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run((*command, *more), capture_output=True, text=True, env=environment, preexec_fn=limited, timeout=PATIENCE)
        assert (done.returncode, "101.xml: is there already" in done.stderr) == (code, code == 1), done.stderr
    assert files_in(out)["101.xml"] == configs.converted(source / "101.conf")
    assert MEMORY < 1_200_000_000 < MEMORY + MAX_OUTPUT * 4


@pytest.mark.parametrize("make", [dangling, device, circle, os.mkfifo])
def test_an_input_that_cannot_be_read_does_not_keep_the_others_from_it(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """Those in a circle, among others: the directory was refused as a whole."""
    source = configs.fill(tmp_path / "in", VMIDS)
    make(source / "099.conf")
    done = virt_qm("to-xml", source, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("099.conf") == 1
    assert sorted(files_in(tmp_path / "out")) == [f"{vmid}.xml" for vmid in VMIDS]
    named = virt_qm("to-xml", *sorted(source.iterdir()), "-o", tmp_path / "out2")
    assert (named.returncode, sorted(files_in(tmp_path / "out2"))) == (1, [f"{vmid}.xml" for vmid in VMIDS])


def lines(fleet: Fleet) -> list[Output]:
    return [msgspec.json.decode(line, type=Output) for line in (fleet.out / NAME).read_bytes().splitlines()]


def forge(fleet: Fleet, change: Callable[[Output], object]) -> None:
    """Replace the record by one that says of every file there that it is as we wrote it, changed further."""
    from bridge.fleet.work import _digest

    entries = lines(fleet)
    for entry in entries:
        entry.known = entry.known._replace(made=_digest((fleet.out / entry.output).read_bytes()))
        change(entry)
    (fleet.out / NAME).write_bytes(b"\n".join(map(msgspec.json.encode, entries)))


def reseal(entry: Output) -> None:
    entry.seal = entry.sealed(bytes(key.LENGTH))


@pytest.mark.parametrize(
    "change", [lambda _: None, lambda entry: setattr(entry, "seal", ""), reseal], ids=["old seal", "no seal", "another's seal"]
)
def test_a_file_that_was_edited_stays_whatever_the_record_says(fleet: Fleet, change: Callable[[Output], object]) -> None:
    (fleet.out / "103.xml").write_text("edited")
    (fleet.source / "103.conf").write_text(configs.text(103, "changed"))
    forge(fleet, change)
    assert fleet()[103] == "refused"
    assert (fleet.out / "103.xml").read_text() == "edited"


def test_a_line_with_the_seal_of_another_file_is_no_line(fleet: Fleet) -> None:
    whole = lines(fleet)
    (fleet.out / "103.xml").write_bytes((fleet.out / "102.xml").read_bytes())
    whole[2] = msgspec.structs.replace(whole[1], output="103.xml")
    (fleet.out / NAME).write_bytes(b"\n".join(map(msgspec.json.encode, whole)))
    assert fleet() == all_but("refused", 103)


def test_what_an_earlier_fleet_wrote_is_replaced_when_the_record_is_ours(fleet: Fleet) -> None:
    (fleet.source / "103.conf").write_text(configs.text(103, "changed"))
    assert fleet() == all_but("converted", 103)


ESCAPES = "\x1b]0;owned\x07\x1b[2J \x9b31m \u202eevil\r\n"


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_text_of_a_record_reaches_no_terminal_as_it_is(fleet: Fleet, form: str) -> None:
    """Even under our own seal."""
    entries = lines(fleet)
    for entry in entries:
        entry.findings = [Finding("lint", "host", *[ESCAPES] * 3), Finding(ESCAPES, "note", "", ESCAPES)]
        entry.seal = entry.sealed(key.own_key())
    (fleet.out / NAME).write_bytes(b"\n".join(map(msgspec.json.encode, entries)))
    done = virt_qm("to-xml", fleet.source, "-o", fleet.out, "--resume", "--report", form)
    assert done.returncode == 0
    assert "owned" in done.stderr
    assert [character for character in done.stderr if character != "\n" and not character.isprintable()] == []
    if form == "json":
        assert json.loads(done.stderr.splitlines()[0])["findings"][0]["message"] == ESCAPES


def test_neither_does_the_name_of_a_file(tmp_path: Path) -> None:
    source = configs.fill(tmp_path / "in", VMIDS)
    (source / "\x1b[31m\u202e.conf").write_text("memory: lots\n")
    for words in ((source,), (source / "\x1b[31m\u202e.conf",), (source / "\x1b[31m\u202e.none",)):
        done = virt_qm("to-xml", *words, "-o", tmp_path / "out", "--force")
        assert done.returncode == 1
        assert [character for character in done.stderr if character != "\n" and not character.isprintable()] == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_is_one_clear_line(tmp_path: Path, jobs: int) -> None:
    """A real one: a file system of 256 KiB, in a mount namespace of its own."""
    source, out = configs.fill(tmp_path / "in", range(1000, 1200)), tmp_path / "out"
    out.mkdir()
    fill = 'mount -t tmpfs -o size=256k none "$1" && shift && exec "$@"'
    command = ("unshare", "--map-root-user", "--mount", "sh", "-c", fill, "sh", str(out))
    words = ("to-xml", str(source), "-o", str(out), "--jobs", str(jobs))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run((*command, *COMMAND, *words), capture_output=True, text=True, env=environment, timeout=PATIENCE)
    assert done.returncode == 1
    assert done.stderr == f"error: {out}: No space left on device: make room, then pass --resume to do the rest\n"


def test_a_record_on_a_full_disk_is_the_same_line(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    found = bridge.convert_fleet([fleet.source], "xml", fleet.out, resume=True, metadata=False)
    next(found)
    monkeypatch.setattr("bridge.fleet.record.os.write", full)
    with pytest.raises(BridgeError, match="No space left on device: make room") as caught:
        list(found)
    assert caught.value.where == str(fleet.out)


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    mine = key.own_key()
    file = tmp_path / "state" / key.PLACE
    assert (file.stat().st_mode & 0o777, len(mine), key.own_key()) == (0o600, key.LENGTH, mine)
    file.chmod(0o644)
    assert key.own_key() not in (mine, key.own_key())
    file.chmod(0o600)
    assert key.own_key() == mine
    file.write_bytes(b"short")
    assert len(key.own_key()) == key.LENGTH
    file.unlink()
    file.symlink_to(tmp_path / "other")
    (tmp_path / "other").write_bytes(mine)
    assert key.own_key() != mine


def test_a_fleet_runs_where_no_key_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    one = Fleet(tmp_path)
    assert set(one(resume=False).values()) == {"converted"}
    assert set(one().values()) == {"up-to-date"}
    (one.source / "102.conf").write_text(configs.text(102, "changed"))
    assert one() == all_but("refused", 102)
