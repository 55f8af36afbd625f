"""A running QEMU as the input: its own words, its directory, and what neither tells."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from bridge.argv.directory import completed
from bridge.cli import main
from bridge.core.report import BridgeError
from bridge.operations import process
from tests.embed.command_line import QEMU
from tests.embed.qemu import start
from tests.processes import PATIENCE, wait_for

MACHINE = ["-machine", "pc,accel=tcg", "-m", "64", "-name", "running"]


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("disk.raw", "images/data.raw"):
        (tmp_path / name).write_bytes(b"\0" * 1024 * 1024)
    return tmp_path


@pytest.fixture
def paused(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A QEMU that was started in a directory, by names in it."""
    drives = ["-hda", "disk.raw", "-drive", "file=./images/data.raw,if=virtio,format=raw"]
    words = [QEMU, *MACHINE, *drives, "-S", "-display", "none", "-qmp", "unix:qmp,server=on,wait=off"]
    started = subprocess.Popen(words, cwd=place, stdin=subprocess.DEVNULL)
    with socket.socket(socket.AF_UNIX) as monitor:  # it greets from a thread of its own; commands wait until all images are open
        monitor.settimeout(PATIENCE)
        wait_for(lambda: started.poll() is not None or monitor.connect_ex(f"/proc/{started.pid}/cwd/qmp") == 0, "QEMU")
        monitor.sendall(b'{"execute": "qmp_capabilities"}\n')
        answers = monitor.makefile("rb")
        assert any(b'"return"' in line for line in answers)
    yield started
    started.kill()
    started.wait()


def test_a_running_qemu_becomes_a_domain() -> None:
    with start([QEMU, *MACHINE, "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:00:00:07,addr=0x7", "-netdev", "user,id=n0"]) as qemu:
        done = run("to-xml", "-v", "--pid", qemu.pid)
    assert done.exit_code == 0, done.stderr
    root = etree.fromstring(done.stdout)
    assert root.findtext("name") == "running"
    assert [mac.get("address") for mac in root.iter("mac")] == ["52:54:00:00:00:07"]
    assert process.NOT_ON_THE_LINE in done.stderr
    assert "[pins]" in done.stderr


def test_names_in_the_directory_of_qemu_become_whole_paths(paused: subprocess.Popen[bytes], place: Path) -> None:
    done = run("to-xml", "--pid", paused.pid)
    assert done.exit_code == 0, done.stderr
    sources = {source.get("file") for source in etree.fromstring(done.stdout).iter("source") if source.get("file")}
    assert sources == {f"{place}/disk.raw", f"{place}/images/data.raw"}


def test_a_config_comes_of_it_too(paused: subprocess.Popen[bytes], place: Path) -> None:
    done = run("to-conf", "--pid", paused.pid, "--storage", f"{place}=local")
    assert done.exit_code == 0, done.stderr
    assert "name: running\n" in done.stdout
    assert "virtio0:" in done.stdout


def test_the_output_in_a_directory_is_named_by_the_process(paused: subprocess.Popen[bytes], place: Path) -> None:
    assert run("to-xml", "--pid", paused.pid, "-o", place / "images").exit_code == 0
    assert (place / f"images/{paused.pid}.xml").exists()


def test_the_same_words_without_a_process_keep_their_relative_paths_refused(place: Path) -> None:
    (place / "run.cmd").write_text(f"{QEMU} -hda disk.raw\n")
    done = run("to-xml", place / "run.cmd")
    assert done.exit_code == 1
    assert "'disk.raw' is not absolute" in done.stderr


def test_a_qemu_that_left_its_directory_is_refused(place: Path) -> None:
    pidfile = place / "pid"
    words = [QEMU, *MACHINE, "-hda", "disk.raw", "-S", "-display", "none", "-daemonize", "-pidfile", str(pidfile)]
    subprocess.run(words, cwd=place, check=True)
    pid = int(pidfile.read_text())
    try:
        assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        done = run("to-xml", "--pid", pid)
    finally:
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{pid}/exe").exists(), "QEMU's end")
    assert done.exit_code == 1
    assert "'disk.raw' is relative to a directory that nobody knows any more" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_qemu_whose_directory_is_removed_is_refused(paused: subprocess.Popen[bytes], place: Path) -> None:
    for file in (*place.glob("*/*"), *(each for each in place.glob("*") if each.is_file() or each.is_socket())):
        file.unlink()
    (place / "images").rmdir()
    place.rmdir()
    done = run("to-xml", "--pid", paused.pid)
    place.mkdir()
    assert done.exit_code == 1
    assert "as it is removed" in done.stderr


def ended() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


@pytest.mark.parametrize(
    ("pid", "said"),
    [(ended, "there is no process"), (os.getpid, "not QEMU"), (lambda: 1 << 22, "there is no process")],
)
def test_what_is_no_qemu_is_one_line(pid: Any, said: str) -> None:
    done = run("to-conf", "--pid", pid())
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_process_that_waits_for_its_parent_has_no_words() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    done = run("to-xml", "--pid", child.pid)
    child.wait()
    assert done.exit_code == 1
    assert "has no command line" in done.stderr


@pytest.mark.parametrize("name", ["open", "readlink"])
def test_what_may_not_be_read_says_who_may(name: str, paused: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """The open of hidepid=1, and the directory of another user's process."""

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, name, refused)
    with pytest.raises(BridgeError) as caught:
        process.read(paused.pid)
    assert "run this as root, or as QEMU's own user" in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [[], ["--pid", "0"], ["--pid", "x"], ["--pid", "1", "a.conf"], ["--pid", "1", "--from", "xml"], ["--pid", "1", "--resume", "-o", "d"]],
)
def test_usage(words: list[str]) -> None:
    assert run("to-xml", *words).exit_code == 2


@pytest.mark.parametrize(
    ("word", "value", "made"),
    [
        ("-hda", "a.qcow2", "/run/a.qcow2"),
        ("-cdrom", "../iso/x.iso", "/iso/x.iso"),
        ("-hda", "a/../b", "/run/a/../b"),  # a link may stand there
        ("-hda", "/a", "/a"),
        ("-hda", "nbd:localhost:10809", "nbd:localhost:10809"),
        ("-hda", "file:a:b", "file:a:b"),
        ("-hda", "file:./a", "/run/a"),
        ("--kernel", "bzImage", "/run/bzImage"),
        ("-append", "root=a.img", "root=a.img"),
        ("-bios", "OVMF.fd", "OVMF.fd"),
        ("-bios", "build/OVMF.fd", "/run/build/OVMF.fd"),
        ("-drive", "if=virtio,file=a,,b.raw", "if=virtio,file=/run/a,,b.raw"),
        ("-drive", "file=https://x/y.iso,media=cdrom", "file=https://x/y.iso,media=cdrom"),
        ("-drive", "file.driver=file,file.filename=x", "file.driver=file,file.filename=/run/x"),
        ("-drive", 'file=json:{"driver":"file"}', 'file=json:{"driver":"file"}'),
        ("-blockdev", "driver=qcow2,file=f0,node-name=n", "driver=qcow2,file=f0,node-name=n"),
        ("-blockdev", "driver=file,filename=x:y,node-name=n", "driver=file,filename=/run/x:y,node-name=n"),
        ("-blockdev", '{"file":{"driver":"file","filename":"x"}}', '{"file":{"driver":"file","filename":"/run/x"}}'),
        ("-object", "memory-backend-file,id=m,size=1G,mem-path=shm/m", "memory-backend-file,id=m,size=1G,mem-path=/run/shm/m"),
        ("-chardev", "socket,id=c,path=s,server=on", "socket,id=c,path=/run/s,server=on"),
        ("-chardev", "socket,id=c,path=s,abstract=on", "socket,id=c,path=s,abstract=on"),
        ("-serial", "file:log.txt", "file:/run/log.txt"),
        ("-serial", "unix:s,server=on", "unix:/run/s,server=on"),
        ("-serial", "mon:stdio", "mon:stdio"),
        ("-virtfs", "local,path=share,mount_tag=path", "local,path=/run/share,mount_tag=path"),
        ("-device", "virtio-net-pci,romfile=efi-virtio.rom", "virtio-net-pci,romfile=efi-virtio.rom"),
        ("-device", "virtio-net-pci,romfile=", "virtio-net-pci,romfile="),
        ("-M", "q35,kernel=k", "q35,kernel=/run/k"),
        ("-blockdev", "{not json", "{not json"),
    ],
)
def test_paths_are_completed(word: str, value: str, made: str) -> None:
    assert completed(["qemu", "-nodefaults", word, value], "/run") == ["qemu", "-nodefaults", word, made]


def test_a_bare_image_is_completed_and_its_neighbours_are_not() -> None:
    assert completed(["./qemu", "-snapshot", "a.img", "-m"], "/d") == ["./qemu", "-snapshot", "/d/a.img", "-m"]


def test_a_name_of_nixos_is_qemus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_words", lambda _: b"/nix/store/x/bin/.qemu-system-x86_64-wrapped\0-m\0001G\0")
    assert process.read(os.getpid()).text == b"/nix/store/x/bin/qemu-system-x86_64\0-m\0001G\0"
