"""`virt-qm move` as people call it: it compares, prints, moves, and says in one line where the VM runs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.core.report import BridgeError
from bridge.operations.move.line import qmp_of
from tests.libvirtd.daemon import Daemon
from tests.move.kinds import KINDS
from tests.move.lab import Lab
from tests.move.moving import pid_of, virt_qm, went_on


@pytest.fixture
def lab(libvirtd: Daemon) -> Iterator[Lab]:
    made = Lab(KINDS["q35"], libvirtd)
    try:
        yield made
    finally:
        made.close()


def test_in_and_out(lab: Lab) -> None:
    """One guest: what would be done, what is different, there, and back into a command line."""
    run = lab.boot_up("src")
    lab.counts("src.console", pid_of(run.socket))
    conf = lab.directory / "100.conf"
    conf.write_text(lab.config)
    into = ("move", conf, "--qmp", run.socket, "--to", lab.daemon.uri, "--xml", lab.file)

    dry = virt_qm(*into, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert re.search(r"virDomainMigratePrepare3Params.*no way back from here", dry.stdout, re.DOTALL)
    assert lab.daemon.domains() == []

    other = lab.directory / "other.xml"
    other.write_text(lab.xml.replace('slot="0x12"', 'slot="0x14"'))
    differs = virt_qm(*into[:-1], other)
    assert differs.returncode == 1
    assert re.search(r"place +virtio-net-pci: place +pci 05.0/02.0 +pci 05.0/04.0|virtio-net-pci: place", differs.stderr)
    assert lab.daemon.domains() == []
    assert run.machine().status() == "running"

    moved = virt_qm(*into)
    assert moved.returncode == 0, moved.stderr
    assert re.fullmatch(rf"q35 runs in libvirt: domain q35 at {re.escape(lab.daemon.uri)} is running, downtime \d+ .*\n", moved.stdout)
    went_on(lab, "src.console", "console", lab.pid())

    line = lab.directory / "back.sh"
    line.write_text(shlex.join(lab.line("back")))
    back = virt_qm("move", lab.name, "-c", lab.daemon.uri, "--to", line)
    assert back.returncode == 0, back.stderr
    assert back.stdout.startswith(f"q35 runs in the QEMU at {lab.directory}/back.qmp; libvirt's domain is shut off")
    went_on(lab, "console", "back.console", pid_of(lab.directory / "back.qmp"))


def test_a_device_that_was_plugged_in_ends_the_move(lab: Lab) -> None:
    """Neither the config nor the command line has it."""
    run = lab.start("src", "-S")
    run.machine().do("device_add", {"driver": "usb-mouse", "id": "mouse"})
    conf = lab.directory / "100.conf"
    conf.write_text(lab.config)
    done = virt_qm("move", conf, "--qmp", run.socket, "--to", lab.daemon.uri, "--xml", lab.file)
    assert done.returncode == 1
    assert re.search(r"device mouse +usb-mouse +- +plugged in later", done.stderr)
    assert lab.daemon.domains() == []


@pytest.mark.parametrize("way", ["restore", "saved"])
def test_by_libvirts_public_calls(way: str, libvirtd: Daemon) -> None:
    """Live through a pipe, or with a guest that stands still; and back from what libvirt saved."""
    from tests.move.moving import request_in, request_out, take

    lab = Lab(KINDS["i440fx"], libvirtd)
    try:
        run = lab.boot_up("src")
        lab.counts("src.console", pid_of(run.socket))
        outcome = take(request_in(lab, run, way=way))
        assert outcome.moved, outcome
        assert outcome.troubles == []
        assert lab.state() == "running (restored)"
        went_on(lab, "src.console", "console", lab.pid())
        if way == "saved":
            request = request_out(lab, "back", way=way)
            outcome = take(request)
            assert outcome.moved, outcome
            assert outcome.troubles == []
            went_on(lab, "console", "back.console", pid_of(request.qmp))
    finally:
        lab.close()


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
