"""`virt-qm move` as people call it: it compares, prints, moves, and says in one line where the VM runs."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from bridge.core.report import BridgeError
from bridge.operations.move.line import qmp_of
from tests.libvirtd.daemon import Daemon
from tests.move.kinds import PLAIN
from tests.move.lab import Lab
from tests.move.moving import virt_qm
from tests.move.stage import Stage


def test_in_and_out(stage: Stage) -> None:
    """One guest: what would be done, what is different, there, and back into a command line."""
    stage.place(inside=False)
    lab, run = stage.lab, stage.run
    assert run is not None
    known = lab.daemon.domains()
    conf = lab.directory / "100.conf"
    conf.write_text(lab.config + "onboot: 1\n")
    into = ("move", conf, "--qmp", run.socket, "--to", lab.daemon.uri, "--xml", lab.file)

    dry = virt_qm(*into, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert re.search(r"virDomainMigratePrepare3Params.*no way back from here", dry.stdout, re.DOTALL)
    assert lab.daemon.domains() == known

    other = lab.directory / "other.xml"
    other.write_text(lab.xml.replace('slot="0x12"', 'slot="0x14"'))
    differs = virt_qm(*into[:-1], other)
    assert differs.returncode == 1
    assert "virtio-net-pci: place" in differs.stderr
    assert lab.daemon.domains() == known
    assert run.machine().status() == "running"

    moved = virt_qm(*into)
    assert moved.returncode == 0, moved.stderr
    assert re.fullmatch(rf"plain runs in libvirt: domain plain at {re.escape(lab.daemon.uri)} is running, downtime \d+ .*\n", moved.stdout)
    stage.went_on(f"{stage.tag}.console")
    assert lab.daemon.dominfo(lab.name)["Autostart"] == "enable"

    line, tag = lab.directory / "back.sh", stage.new_name()
    line.write_text(shlex.join(lab.line(tag)))
    back = virt_qm("move", lab.name, "-c", lab.daemon.uri, "--to", line)
    assert back.returncode == 0, back.stderr
    assert back.stdout.startswith(f"plain runs in the QEMU at {lab.directory}/{tag}.qmp; libvirt's domain is shut off")
    stage.left(tag)
    stage.went_on("console")
    assert lab.daemon.dominfo(lab.name)["Autostart"] == "disable"


def test_a_device_that_was_plugged_in_ends_the_move(libvirtd: Daemon) -> None:
    """Neither the config nor the command line has it."""
    lab = Lab(PLAIN, libvirtd)
    try:
        run = lab.start("src", "-S")
        run.machine().do("device_add", {"driver": "usb-mouse", "id": "mouse"})
        conf = lab.directory / "100.conf"
        conf.write_text(lab.config)
        done = virt_qm("move", conf, "--qmp", run.socket, "--to", lab.daemon.uri, "--xml", lab.file)
        assert done.returncode == 1
        assert re.search(r"device mouse +usb-mouse +- +plugged in later", done.stderr)
        assert lab.daemon.domains() == []
    finally:
        lab.close()


def test_by_libvirts_public_calls(stage: Stage) -> None:
    """Live through a pipe; and with a guest that stands still, both ways."""
    stage.place(inside=False)
    for way, inside in (("restore", True), ("saved", False), ("saved", True)):
        before = stage.console()
        outcome = stage.into(None, "", "", way=way) if inside else stage.out(None, "", "", way=way)
        assert outcome.moved, outcome
        assert outcome.troubles == []
        if inside:
            assert stage.lab.state() == "running (restored)"
        else:
            stage.left(stage.next)
        stage.went_on(before)


def test_usage() -> None:
    for words, said in (
        (("a.conf", "--to", "test:///default", "--suspend", "--way", "restore"), "leave one of the two out"),
        (("a.conf", "--to", "test:///default"), "pass --qmp SOCKET"),
        (("100", "--to", "test:///default"), "no QMP socket: is the VM running?"),
    ):
        done = virt_qm("move", *words)
        assert done.returncode in (1, 2)
        assert said in done.stderr


LINES = {
    "-qmp": (["qemu-system-x86_64", "-qmp", "unix:/run/a,server=on,wait=off"], "/run/a"),
    "-mon": (["kvm", "-chardev", "socket,id=qmp,path=/run/b,server=on", "-mon", "chardev=qmp,mode=control"], "/run/b"),
    "behind one of TCP": (["kvm", "-qmp", "tcp:unix:4444", "-name", "unix:/n", "-qmp", "unix:/run/d"], "/run/d"),
    "JSON": (["kvm", "-chardev", json.dumps({"backend": "socket", "id": "q", "path": "/c"}), "-mon", "q,mode=control"], "/c"),
}


@pytest.mark.quick
@pytest.mark.parametrize(("words", "path"), LINES.values(), ids=LINES)
def test_the_socket_of_a_line(words: list[str], path: str) -> None:
    assert qmp_of(words, "line") == Path(path)


@pytest.mark.quick
def test_a_line_without_a_socket() -> None:
    with pytest.raises(BridgeError, match="add -qmp"):
        qmp_of(["kvm", "-chardev", "socket,id=m,path=/run/b", "-mon", "chardev=m"], "line")
