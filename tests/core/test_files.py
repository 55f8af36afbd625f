"""Files: what names tell, how large an input may be, and that one is written whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest

from bridge.core import files
from bridge.core.report import BridgeError, Finding

MIB4 = 4 * 1024 * 1024


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize(
    ("name", "vmid"),
    [
        ("/etc/pve/qemu-server/8006.conf", 8006),
        ("100.conf.bak", 100),
        ("1", 1),
        ("999999999.conf", 999999999),
        ("1000000000.conf", None),
        ("0.conf", None),
        ("web.conf", None),
        ("x100.conf", None),
        (".conf", None),
        ("\u0661\u0660\u0660.conf", None),
        ("\u00b2", None),
        ("dump/vzdump-qemu-8006-2024_05_01-00_00_00.vma.zst", 8006),
        ("vzdump-lxc-8006-2024_05_01-00_00_00.tar", None),
        ("8006-x.conf", None),
    ],
)
def test_a_name_that_tells_the_id(name: str, vmid: int | None) -> None:
    assert files.vmid_of(name) == vmid


def test_four_mib_are_read_and_no_byte_more() -> None:
    assert len(files.bounded(io.BytesIO(b"x" * MIB4), "a")) == MIB4
    with pytest.raises(BridgeError, match=r"^a: is larger than 4 MiB$"):
        files.bounded(io.BytesIO(b"x" * (MIB4 + 1)), "a")


def test_of_a_backup_the_beginning_is_enough() -> None:
    assert files.bounded(io.BytesIO(b"VMA\0" + b"x" * MIB4), "a").startswith(b"VMA\0")


@pytest.fixture(params=[True, False], ids=["nameless", "named"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With files that have no name yet, and where there is no /proc for them."""
    if not request.param:
        monkeypatch.setattr(files, "DESCRIPTORS", "/nonexistent")


@pytest.mark.usefixtures("_both_ways")
def test_a_new_file_is_whole_and_nothing_is_beside_it(tmp_path: Path) -> None:
    for durable in (True, False):
        target = tmp_path / f"a{durable}"
        files.place(target, b"data", replace=False, durable=durable, mode=0o600)
        assert target.read_bytes() == b"data"
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(tmp_path) == ["aFalse", "aTrue"]


@pytest.mark.usefixtures("_both_ways")
def test_what_is_there_stays_unless_it_may_be_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        files.place(target, b"new", replace=False)
    assert target.read_bytes() == b"old"
    files.place(target, b"new", replace=True)
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("what", ["link", "directory", "fifo"])
def test_nothing_but_a_file_is_replaced_or_opened(what: str, replace: bool, tmp_path: Path) -> None:
    target, other = tmp_path / "a", tmp_path / "b"
    other.write_bytes(b"other")
    if what == "link":
        target.symlink_to(other)
    elif what == "fifo":
        os.mkfifo(target)
    else:
        target.mkdir()
    with pytest.raises(files.NotRegularError):
        files.place(target, b"new", replace)
    with pytest.raises(files.NotRegularError):
        files.open_regular(target)
    assert other.read_bytes() == b"other"
    assert names(tmp_path) == ["a", "b"]


def test_a_link_is_followed_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"other")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    descriptor = files.open_regular(tmp_path / "a", follow=True)
    assert os.read(descriptor, 10) == b"other"
    os.close(descriptor)
    with pytest.raises(FileNotFoundError):
        files.open_regular(tmp_path / "none")
    descriptor = files.open_regular(tmp_path / "new", os.O_WRONLY | os.O_CREAT)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


@pytest.mark.usefixtures("_both_ways")
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.place(target, b"new", replace=True)
    assert (target.read_bytes(), names(tmp_path)) == (b"old", ["a"])


def test_pins_are_comments_behind_a_command_line() -> None:
    found = [Finding("pins", "note", "", "vCPU 0: 3"), Finding("lint", "host", "", "x")]
    assert files.with_pins("kvm\n", found) == "kvm\n# vCPU 0: 3\n"
