"""The command killed at any moment: no half-defined domain, no half-written file. Later every time, from before the start to the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.libvirtd.daemon import Daemon
from tests.libvirtd.test_connect import root, settled

MOMENTS = (0.3, 0.5, 0.65, 0.8, 0.95, 1.5)
"""Parts of the time that an undisturbed run takes."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def virt_qm(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "bridge", *map(str, arguments)]


def duration(command: list[str]) -> float:
    """Seconds of an undisturbed run."""
    start = time.monotonic()
    subprocess.run(command, cwd=root(), check=True, capture_output=True)
    return time.monotonic() - start


def killed(command: list[str], after: float, how: signal.Signals) -> None:
    """Start it in a group of its own, and end the whole group."""
    process = subprocess.Popen(command, cwd=root(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(after)
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        pass  # it was done
    process.wait(60)


@pytest.mark.parametrize("how", SIGNALS)
def test_define(how: signal.Signals, libvirtd: Daemon, tmp_path: Path) -> None:
    names = [f"vm{n}" for n in range(6)]
    for number, name in enumerate(names):
        (tmp_path / f"{300 + number}.conf").write_text(f"kvm: 0\nname: {name}\nmemory: 64\nonboot: 1\n")
    command = virt_qm("define", "-c", libvirtd.uri, "--report", "none", *sorted(tmp_path.iterdir()))
    whole = duration(command)
    assert libvirtd.domains() == names
    seen = set()
    for moment in MOMENTS:
        libvirtd.clear()
        killed(command, whole * moment, how)
        found = settled(libvirtd)
        assert found in ([], names)
        assert all(libvirtd.dominfo(name)["Autostart"] == "enable" for name in found)
        seen.add(len(found))
    assert seen == {0, 6}, "the moments were all too early, or too late"


@pytest.mark.parametrize("how", SIGNALS)
def test_replace(how: signal.Signals, libvirtd: Daemon, tmp_path: Path) -> None:
    """Every domain is the old one or the new one, and all are the same."""
    files = []
    for number in range(4):
        file = tmp_path / f"{300 + number}.conf"
        files.append(file)
        file.write_text(f"kvm: 0\nname: vm{number}\nmemory: 64\nonboot: 1\n")
    command = virt_qm("define", "--replace", "-c", libvirtd.uri, "--report", "none", *files)
    whole = duration(command)
    for number, moment in enumerate(MOMENTS[1:5]):
        memory = 128 if number % 2 == 0 else 64
        for file in files:
            file.write_text(file.read_text().replace(f"memory: {192 - memory}", f"memory: {memory}"))
        before = states(libvirtd)
        killed(command, whole * moment, how)
        settled(libvirtd)
        time.sleep(0.3)
        assert states(libvirtd) in (before, [(f"vm{n}", f"{memory * 1024} KiB", "enable") for n in range(4)])
        subprocess.run(command, cwd=root(), check=True, capture_output=True)


def states(libvirtd: Daemon) -> list[tuple[str, str, str]]:
    found = [(name, libvirtd.dominfo(name)) for name in libvirtd.domains()]
    return [(name, info["Max memory"], info["Autostart"]) for name, info in found]


@pytest.mark.parametrize("how", SIGNALS)
def test_import(how: signal.Signals, libvirtd: Daemon, tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{300 + number}.conf").write_text(f"kvm: 0\nmemory: 64\nname: vm{number}\n")
    subprocess.run(virt_qm("define", "-c", libvirtd.uri, *sorted(tmp_path.iterdir())), cwd=root(), check=True, capture_output=True)
    (out := tmp_path / "out").mkdir()
    command = virt_qm("import", "--all", "-c", libvirtd.uri, "-o", out)
    whole = duration(command)
    wanted = {file.name: file.read_text() for file in out.iterdir()}
    assert len(wanted) == 6
    for moment in MOMENTS:
        for file in out.iterdir():
            file.unlink()
        killed(command, whole * moment, how)
        found = {file.name: file.read_text() for file in out.iterdir()}
        assert found.items() <= wanted.items()
