"""libvirtd dies while several VMs are being defined: what is said of each of them is true."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.libvirt.host import connect
from tests.libvirtd.daemon import Daemon
from tests.libvirtd.test_connect import root

pytestmark = pytest.mark.slow

NAMES = [f"vm{n:02}" for n in range(12)]
DEFINED, NOT_DEFINED, UNKNOWN = "defined", "not defined", "not known to be defined"

KILL = """
import os, sys, time
from pathlib import Path
from bridge.libvirt.host import serve as served

def kill():
    "libvirtd, once; it is gone when this returns."
    if not DEAD.exists():
        DEAD.touch()
        os.kill(PID, 9)
        while Path(f'/proc/{PID}').exists():
            time.sleep(0.01)
"""
BEFORE = """
own = served._Calls._before
def before(self, domain):
    found = own(self, domain)
    if domain.name == NAME: kill()
    return found
served._Calls._before = before
"""
"""Killed after it was asked about the domain NAME, and before it is told to define that."""
AFTER = """
own = served._Calls._before
def before(self, domain):
    if domain.name == NAME: kill()
    return own(self, domain)
served._Calls._before = before
"""
"""Killed when all before NAME are defined, before it is asked about that."""
UNDOING = """
own, undefine = served._Calls._before, served._Calls._undefine
def before(self, domain):
    if domain.name == 'vm11': raise served.BridgeError('refused by the test')
    return own(self, domain)
def undo(self, domain):
    if domain.name() == NAME: kill()
    undefine(self, domain)
served._Calls._before, served._Calls._undefine = before, undo
"""
"""The last is refused, the others are taken back, and it is killed when NAME is."""


class Mortal(Daemon):
    """A libvirtd that is killed from inside a `define`, and may be started again."""

    def defined(self) -> list[str]:
        """What its directory says, whether it lives or not."""
        return sorted(file.stem for file in (self.directory / "config/libvirt/qemu").glob("*.xml"))

    def define(self, how: str, name: str, *words: object, revived: bool = False) -> subprocess.CompletedProcess[str]:
        """`virt-qm define` of these words, in which libvirtd is killed at a moment."""
        dead = self.directory / "dead"
        said = f"DEAD, PID, NAME = Path({str(dead)!r}), {self._process.pid}, {name!r}\n"
        script = connect.START.replace("from bridge", f"exec({KILL + said + how!r}); from bridge")
        source = (
            "import sys; from bridge.libvirt.host import connect; from bridge.cli import main\n"
            f"connect.START = {script!r}; connect.LOOKING_LIMIT = {100 if revived else 0}; main(sys.argv[1:])"
        )
        command = [sys.executable, "-c", source, "define", "-c", self.uri, "--report", "none", *map(str, words)]
        again = threading.Thread(target=self.revive) if revived else threading.Thread(target=self._process.wait)
        again.start()
        done = subprocess.run(command, cwd=root(), capture_output=True, text=True, timeout=300)
        again.join()
        return done

    def revive(self) -> None:
        self._process.wait()
        self._process = self._start()


@pytest.fixture
def mortal() -> Iterator[Mortal]:
    daemon = Mortal()
    yield daemon
    daemon.close()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for number, name in enumerate(NAMES):
        (tmp_path / f"{300 + number}.conf").write_text(f"kvm: 0\nname: {name}\nmemory: 64\n")
    return sorted(tmp_path.iterdir())


def told(done: subprocess.CompletedProcess[str]) -> Callable[[str], list[str]]:
    """told(done)(DEFINED): the names on that line."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr

    def names(what: str) -> list[str]:
        found = re.search(rf"^{what}: (.*)$", done.stderr, re.MULTILINE)
        return found[1].split(", ") if found else []

    return names


@pytest.mark.parametrize(("how", "number"), [(BEFORE, 1), (AFTER, 5), (BEFORE, 11)])
def test_a_libvirtd_that_stays_dead_has_those_that_are_named(mortal: Mortal, files: list[Path], how: str, number: int) -> None:
    """It said "nothing was defined" while 2 to 37 of 40 were."""
    done = mortal.define(how, NAMES[number], *files)
    names = told(done)
    assert mortal.defined() == NAMES[:number]
    asked = number + (how == BEFORE)
    assert (names(DEFINED), names(UNKNOWN), names(NOT_DEFINED)) == (NAMES[:number], NAMES[number:asked], NAMES[asked:])
    assert "nothing was defined" not in done.stderr
    assert ("libvirt does not answer any more: `virsh list --all` will tell" in done.stderr) == (how == BEFORE)


def test_one_that_dies_before_the_first_has_none(mortal: Mortal, files: list[Path]) -> None:
    done = mortal.define(AFTER, NAMES[0], *files)
    told(done)
    assert mortal.defined() == []
    assert done.stderr.endswith("\nnothing was defined\n")


@pytest.mark.parametrize("how", [BEFORE, AFTER], ids=["asked", "not asked"])
def test_one_that_comes_back_has_none_of_them(mortal: Mortal, files: list[Path], how: str) -> None:
    done = mortal.define(how, NAMES[7], *files, revived=True)
    told(done)
    assert mortal.defined() == []
    assert done.stderr.endswith("\nnothing was defined\n")
    assert done.stderr.count("\n") == 2


def test_one_that_comes_back_has_what_it_had_before(mortal: Mortal, files: list[Path]) -> None:
    first = [sys.executable, "-m", "bridge", "define", "-c", mortal.uri, "--report", "none", *map(str, files[:5])]
    subprocess.run(first, cwd=root(), check=True, capture_output=True)
    before = mortal.virsh("dumpxml", "--inactive", NAMES[3])
    for file in files:
        file.write_text(file.read_text().replace("memory: 64", "memory: 128"))
    done = mortal.define(BEFORE, NAMES[8], "--replace", *files, revived=True)
    told(done)
    assert done.stderr.endswith("\nnothing was defined\n")
    assert mortal.defined() == NAMES[:5]
    assert mortal.virsh("dumpxml", "--inactive", NAMES[3]) == before


def test_what_was_replaced_is_named_as_defined(mortal: Mortal, files: list[Path]) -> None:
    first = [sys.executable, "-m", "bridge", "define", "-c", mortal.uri, "--report", "none", *map(str, files[:5])]
    subprocess.run(first, cwd=root(), check=True, capture_output=True)
    names = told(mortal.define(AFTER, NAMES[2], "--replace", *files))
    assert (names(DEFINED), names(UNKNOWN), names(NOT_DEFINED)) == (NAMES[:2], [], NAMES[2:])


@pytest.mark.parametrize("revived", [False, True])
def test_one_that_dies_while_they_are_taken_back(mortal: Mortal, files: list[Path], revived: bool) -> None:
    done = mortal.define(UNDOING, NAMES[4], *files, revived=revived)
    names = told(done)
    assert "refused by the test" in done.stderr
    if revived:
        assert (mortal.defined(), done.stderr.endswith("\nnothing was defined\n")) == ([], True)
    else:
        assert mortal.defined() == NAMES[:5]
        assert (names(DEFINED), names(UNKNOWN), names(NOT_DEFINED)) == (NAMES[:5], [], NAMES[5:])


def test_with_keep_going_each_is_named(mortal: Mortal, files: list[Path]) -> None:
    done = mortal.define(BEFORE, NAMES[3], "--keep-going", *files)
    names = told(done)
    assert [line.split()[1] for line in done.stdout.splitlines()] == mortal.defined() == NAMES[:3]
    assert names(UNKNOWN) == NAMES[3:4]
    assert len(re.findall("^error: ", done.stderr, re.MULTILINE)) == len(NAMES[3:])
