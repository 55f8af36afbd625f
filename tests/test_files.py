"""The files that single conversions read and write, as somebody else may have left them; and an output that takes no more."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import ROOT
from tests.fleet.test_command import COMMAND
from tests.fleet.test_hostile import IN_THE_WAY, identity, victim
from tests.processes import PATIENCE
from tests.test_cli import virt_qm

pytestmark = pytest.mark.slow

__all__ = ["victim"]
CONF = "memory: 512\nscsihw: virtio-scsi-single\nscsi0: local:100/vm-100-disk-0.raw,iothread=1\n"
PINNED = "<domain type='kvm'><name>a</name><memory>524288</memory><vcpu>2</vcpu><cputune>{}</cputune><os><type>hvm</type></os></domain>"
PINS = "<vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='1' cpuset='1'/>"
PLACES = {
    "-o": ("to-xml", "100.conf", "--force", "-o"),
    "--report": ("to-xml", "100.conf", "--report"),
    "--hook": ("to-conf", "100.xml", "--force", "--hook"),
    "--html": ("show", "100.conf", "--force", "--html"),
    "plan -o": ("plan", "--to", "libvirt", "100.conf", "--force", "-o"),
}
"""Option that names a file -> the words before that."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with inputs."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    (directory / "100.conf").write_text(CONF)
    (directory / "100.xml").write_text(PINNED.format(PINS))
    return directory


def under_shell(here: Path, words: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it, with the redirections of `words`."""
    command = f"{before}{shlex.join(COMMAND)} {words}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=here, env=environment, timeout=PATIENCE)


@pytest.mark.parametrize("make", [make for make in IN_THE_WAY if make is not Path.mkdir])
@pytest.mark.parametrize("option", PLACES)
def test_only_a_regular_file_is_replaced(here: Path, victim: Path, option: str, make: Callable[[Path], object]) -> None:
    target = here / "target.json"
    make(target)
    before = identity(target)
    done = virt_qm(*PLACES[option], target)
    assert done.exit_code == 1
    assert f"error: {target}: is " in done.stderr
    assert identity(target) == before
    assert victim.read_text() == "precious"
    assert not (here.parent / "nowhere").exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("option", PLACES)
def test_a_device_itself_stays_one(option: str) -> None:
    """`-o /dev/null --force` made a file of it, for everybody."""
    if option == "--report":
        return_code, said = 2, "a file that ends in .json"
    else:
        return_code, said = 1, "error: /dev/null: is not a regular file: name another"
    before = os.lstat("/dev/null")
    done = virt_qm(*PLACES[option], "/dev/null")
    assert (done.exit_code, said in done.stderr) == (return_code, True), done.stderr
    assert os.lstat("/dev/null").st_rdev == before.st_rdev


@pytest.mark.parametrize("option", PLACES)
def test_a_regular_file_is(here: Path, option: str) -> None:
    target = here / "target.json"
    target.write_text("old")
    done = virt_qm(*PLACES[option], target)
    assert done.exit_code == 0, done.stderr
    assert "old" not in target.read_text()
    assert sorted(path.name for path in here.iterdir()) == ["100.conf", "100.xml", "target.json"]
    assert target.stat().st_mode & 0o777 == (0o755 if option == "--hook" else 0o644)


@pytest.mark.parametrize("words", ["to-xml 100.conf", "man", "--help", "to-xml --help", "--version"])
@pytest.mark.parametrize("redirected", ["> /dev/full", "> /dev/full 2>&1", "2> /dev/full > /dev/full", "1< /dev/null"])
def test_an_output_that_takes_no_more_is_one_clear_line(here: Path, words: str, redirected: str) -> None:
    done = under_shell(here, f"{words} {redirected}")
    assert done.returncode == 1
    why = "Bad file descriptor" if "<" in redirected else "No space left on device"
    assert done.stderr.endswith("" if "2>" in redirected else f"error: the output: {why}\n")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_reader_that_is_gone_is_no_line_at_all(here: Path) -> None:
    done = under_shell(here, "options | true")
    assert done.stderr == ""


def test_an_output_that_is_closed_takes_nothing(here: Path) -> None:
    """Its number must not go to a file that is opened next."""
    done = under_shell(here, "to-xml 100.conf -o 100.out --report none >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert (here / "100.out").read_text().startswith("<domain")
    assert (here / "100.out").read_text().endswith("</domain>\n")


LONG = {
    "100.conf": "#" + "x" * 60_000 + "\n",
    "100.xml": "<domain>" + " " * 100_000,
    "100.cmd": "qemu-system-x86_64 " + "x" * 100_000,
}
"""Name -> a piece; a hundred of them are longer than any input may be."""


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("words", ["to-xml", "to-conf", "to-argv", "check", "show", "diff 100.conf", "plan --to libvirt", "pin"])
def test_an_input_that_is_too_long_is_named(here: Path, name: str, words: str) -> None:
    (here / "long").mkdir()
    (here / "long" / name).write_text(LONG[name] * 100)
    done = virt_qm(*words.split(), f"long/{name}")
    assert (done.exit_code, done.stdout) == (2 if words.startswith("diff") else 1, "")
    assert done.stderr == f"error: long/{name}: is larger than 4 MiB\n"


@pytest.mark.parametrize("name", ["100.conf", "100.xml"])
def test_so_is_one_of_a_fleet(here: Path, name: str) -> None:
    (here / "long").mkdir()
    (here / "long" / name).write_text(LONG[name] * 100)
    done = virt_qm("to-xml", "long", "-o", "out")
    assert done.exit_code == 1
    assert f"long/{name}: is larger than 4 MiB" in done.stderr


@pytest.mark.parametrize(
    ("before", "words", "name"),
    [
        ("", "to-xml - < /dev/zero", "stdin"),
        ("", "to-xml /dev/zero", "/dev/zero"),
        ("yes | ", "to-conf -", "stdin"),
        ("yes | ", "check -", "stdin"),
        ("yes | ", "pin - --vmid 1", "stdin"),
    ],
)
def test_an_input_without_end_is_refused_while_it_is_read(here: Path, before: str, words: str, name: str) -> None:
    """`yes` writes until nobody reads any more."""
    done = under_shell(here, words, before)
    assert done.returncode == 1
    assert done.stderr == f"error: {name}: is larger than 4 MiB\n"
