"""The command killed at any moment: no half-defined domain, no half-written file. The moments are places in its work (halting.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.libvirtd.daemon import Daemon
from tests.processes import PATIENCE, of_group, wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NAMES = [f"vm{n}" for n in range(6)]
MOMENTS = {"connected": False, "asked": False, "vm0": True, "vm3": True, "vm5": True, "answered": True}
"""Moment -> whether what was begun comes to its end: the child does, in a session of its own."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def virt_qm(*arguments: object) -> None:
    command = [sys.executable, "-m", "bridge", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE)


def killed(libvirtd: Daemon, directory: Path, moment: str, how: signal.Signals, *arguments: object) -> None:
    """Start it in a group of its own and, at the moment, end the whole group; what it started outside of the group is done then."""
    directory.mkdir()
    command = [sys.executable, "-m", "tests.libvirtd.halting", str(directory), moment, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(lambda: (directory / "there").exists() or process.poll() is not None, f"the moment {moment}")
        assert process.poll() is None, f"it has ended before the moment {moment}"
        os.killpg(process.pid, how)
        if how == signal.SIGKILL:  # by the others it may wait for its child
            process.wait(PATIENCE)
    finally:
        (directory / "on").touch()
        wait_for(lambda: process.poll() is not None and not of_group(process.pid), "its end")
    libvirtd.settle()


def configs(directory: Path, memory: int = 64) -> list[Path]:
    """A file for each of NAMES."""
    files = []
    for number, name in enumerate(NAMES):
        files.append(directory / f"{300 + number}.conf")
        files[-1].write_text(f"kvm: 0\nname: {name}\nmemory: {memory}\nonboot: 1\n")
    return files


def states(libvirtd: Daemon) -> list[tuple[str, str, str]]:
    """Name, memory, autostart."""
    found = [(name, libvirtd.dominfo(name)) for name in libvirtd.domains()]
    return [(name, info["Max memory"], info["Autostart"]) for name, info in found]


def whole(memory: int) -> list[tuple[str, str, str]]:
    return [(name, f"{memory * 1024} KiB", "enable") for name in NAMES]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("how", SIGNALS)
def test_define(how: signal.Signals, moment: str, libvirtd: Daemon, tmp_path: Path) -> None:
    command = ("define", "-c", libvirtd.uri, "--report", "none", *configs(tmp_path))
    killed(libvirtd, tmp_path / "halt", moment, how, *command)
    assert states(libvirtd) == (whole(64) if MOMENTS[moment] else [])


@pytest.mark.parametrize("moment", ["asked", "vm0", "vm5"])
@pytest.mark.parametrize("how", SIGNALS)
def test_replace(how: signal.Signals, moment: str, libvirtd: Daemon, tmp_path: Path) -> None:
    """Every domain is the old one or the new one, and all are the same."""
    virt_qm("define", "-c", libvirtd.uri, *configs(tmp_path))
    command = ("define", "--replace", "-c", libvirtd.uri, "--report", "none", *configs(tmp_path, memory=128))
    killed(libvirtd, tmp_path / "halt", moment, how, *command)
    assert states(libvirtd) == whole(128 if MOMENTS[moment] else 64)


@pytest.mark.parametrize("how", SIGNALS)
def test_import(how: signal.Signals, libvirtd: Daemon, tmp_path: Path) -> None:
    """Before every operation on a file of the directory: what is there is whole."""
    virt_qm("define", "-c", libvirtd.uri, *configs(tmp_path))
    (out := tmp_path / "out").mkdir()
    command = ("import", "--all", "-c", libvirtd.uri, "-o", out)
    virt_qm(*command)
    wanted = {file.name: file.read_text() for file in out.iterdir()}
    assert len(wanted) == len(NAMES)
    seen = set()
    for number in (0, 1, 2, 5, 8, 11):
        for file in out.iterdir():
            file.unlink()
        killed(libvirtd, tmp_path / f"halt{number}", f"file {number}", how, out, *command)
        found = {file.name: file.read_text() for file in out.iterdir()}
        assert found.items() <= wanted.items()
        seen.add(len(found))
    assert min(seen) == 0
    assert len(seen) > 2, "the moments are all before or after the work"
