"""`virt-qm pin` on running QEMUs: the threads of the iothreads stand where the config says, and no others move."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import bridge
from bridge.cli import main
from bridge.operations import pin as pinning
from tests.embed.qemu import Qemu
from tests.processes import PATIENCE, threads

pytestmark = pytest.mark.slow

CONFIG = """\
iothreads: 4,affinity={affinity}
scsihw: virtio-scsi-single
scsi0: local:8006/vm-8006-disk-0.raw,iothread=1
virtio0: local:8006/vm-8006-disk-3.raw,iothread=1
"""
LAST = max(pinning.cpus(pinning.ONLINE.read_text().strip()))
BEYOND = LAST + 1

Start = Callable[[list[str]], Qemu]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a QEMU takes to answer says how busy this machine is."""
    monkeypatch.setattr(pinning, "TIME_LIMIT", PATIENCE)


def config(directory: Path, text: str) -> str:
    file = directory / "8006.conf"
    file.write_text(text)
    return str(file)


def started(qemu_start: Start, text: str) -> Qemu:
    host = bridge.HostFacts(qemu_server="rfc-iothreads", qemu_version="10.0.2")
    return qemu_start(bridge.convert(text, to="argv", source="conf", vmid=8006, host=host).argv or [])


def allowed(qemu: Qemu) -> dict[str, str]:
    """Thread -> the CPUs that the kernel lets it run on: by iothread id, others by number. Workers, which come and go, are left out."""
    iothreads = {thread["thread-id"]: thread["id"] for thread in qemu.qmp("query-iothreads")}
    stay = {qemu.pid, *iothreads, *(cpu["thread-id"] for cpu in qemu.qmp("query-cpus-fast"))}
    return {iothreads.get(thread, str(thread)): cpus for thread, (_, cpus) in threads(qemu.pid).items() if thread in stay}


def virt_qm(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["pin", *map(str, arguments)])


@pytest.mark.parametrize("affinity", ["0", str(LAST), f"0-{LAST}"])
def test_every_iothread_and_nothing_else_moves_to_its_cpus(affinity: str, qemu_start: Start, tmp_path: Path) -> None:
    text = CONFIG.format(affinity=affinity)
    qemu = started(qemu_start, text)
    before = allowed(qemu)
    result = virt_qm(config(tmp_path, text), "--qmp", qemu.socket)
    assert result.exit_code == 0, result.output
    after = allowed(qemu)
    names = [f"iothread{n}" for n in range(4)]
    assert {name: after.pop(name) for name in names} == dict.fromkeys(names, affinity)
    assert after == {name: cpus for name, cpus in before.items() if name not in names}
    assert len(after) >= 2  # the main thread and a CPU of the guest
    assert [line.split(":")[0] for line in result.output.splitlines()] == names


def test_the_case_of_the_shared_iothreads_rfc(shared: Path, qemu_start: Start, tmp_path: Path) -> None:
    text = (shared / "corpus/seed/iothreads.conf").read_text().replace("affinity=2-6", f"affinity=0-{LAST}")
    qemu = started(qemu_start, text)
    assert virt_qm(config(tmp_path, text), "--qmp", qemu.socket).exit_code == 0
    assert [allowed(qemu)[f"iothread{n}"] for n in range(4)] == [f"0-{LAST}" if LAST else "0"] * 4


def test_the_printed_taskset_lines_do_the_same(qemu_start: Start, tmp_path: Path) -> None:
    text = CONFIG.format(affinity="0")
    qemu = started(qemu_start, text)
    before = allowed(qemu)
    printed = virt_qm(config(tmp_path, text), "--qmp", qemu.socket, "--print").output
    assert allowed(qemu) == before
    subprocess.run(["sh", "-e"], input=printed, text=True, check=True, stdout=subprocess.DEVNULL)
    assert [allowed(qemu)[f"iothread{n}"] for n in range(4)] == ["0"] * 4


def test_a_qemu_of_another_config_is_left_alone(qemu_start: Start, tmp_path: Path) -> None:
    text = CONFIG.format(affinity="0")
    qemu = started(qemu_start, text.replace("iothreads: 4", "iothreads: 2"))
    before = allowed(qemu)
    result = virt_qm(config(tmp_path, text), "--qmp", qemu.socket)
    assert result.exit_code == 1
    assert "this QEMU has no iothread2, iothread3, but iothread0, iothread1" in result.output
    assert allowed(qemu) == before


def test_cpus_that_the_host_lacks_are_named_before_anything_moves(qemu_start: Start, tmp_path: Path) -> None:
    text = CONFIG.format(affinity=f"{LAST}-{BEYOND}")
    qemu = started(qemu_start, text)
    before = allowed(qemu)
    result = virt_qm(config(tmp_path, text), "--qmp", qemu.socket)
    assert result.exit_code == 1
    assert f"iothread0 shall run on host CPU {LAST}-{BEYOND}, this host has 0" in result.output
    assert allowed(qemu) == before


def test_a_thread_that_does_not_stand_where_it_was_put_is_an_error(
    qemu_start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CONFIG.format(affinity="0")
    qemu = started(qemu_start, text)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {LAST, BEYOND})
    result = virt_qm(config(tmp_path, text), "--qmp", qemu.socket)
    assert result.exit_code == 1
    assert "its cgroup allows no more" in result.output


def test_a_socket_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinning, "TIME_LIMIT", 0.2)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "qmp"))
        mute.listen()
        result = virt_qm(config(tmp_path, CONFIG.format(affinity="0")), "--qmp", tmp_path / "qmp")
    assert result.exit_code == 1
    assert "did not answer in 0.2 s" in result.output


def test_a_closed_socket_is_an_error_in_one_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(tmp_path / "qmp"))
    file = config(tmp_path, CONFIG.format(affinity="0"))
    command = [sys.executable, "-m", "bridge", "pin", file, "--qmp", str(tmp_path / "qmp")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith("error: ")
    assert "is the VM running?" in virt_qm(file, "--qmp", tmp_path / "none").output


@pytest.mark.parametrize("text", ["iothreads: 4\nvirtio0: local:1/a.raw,iothread=1\n", "virtio0: local:1/a.raw,iothread=1\n"])
def test_without_affinity_there_is_nothing_to_do(text: str, tmp_path: Path) -> None:
    result = virt_qm(config(tmp_path, text))
    assert (result.exit_code, "nothing to pin" in result.output) == (0, True)


def test_only_a_config_is_pinned(tmp_path: Path) -> None:
    file = tmp_path / "100.xml"
    file.write_text("<domain/>")
    result = virt_qm(file)
    assert (result.exit_code, "name its VMID.conf" in result.output) == (1, True)


@pytest.mark.parametrize(("text", "cpus"), [("0", {0}), ("2-6", {2, 3, 4, 5, 6}), ("0,2-3,9", {0, 2, 3, 9})])
def test_cpu_lists_read_and_written(text: str, cpus: set[int]) -> None:
    assert pinning.cpus(text) == cpus
    assert pinning.cpu_list(frozenset(cpus)) == text


def test_the_hookscript_acts_after_the_start_only(tmp_path: Path) -> None:
    script = tmp_path / "pin-iothreads"
    script.write_text(virt_qm("--hookscript").output)
    script.chmod(0o755)
    for phase in ("pre-start", "pre-stop", "post-stop"):
        subprocess.run([script, "999999999", phase], check=True)
    virt = tmp_path / "virt-qm"
    virt.write_text('#!/bin/sh\necho "$@"\n')
    virt.chmod(0o755)
    text = script.read_text()
    command = next(line for line in text.splitlines() if line.startswith("exec")).split()[1]
    script.write_text(text.replace(command, str(virt)))
    run = subprocess.run([script, "100", "post-start"], check=True, capture_output=True, text=True)
    assert run.stdout == "pin /etc/pve/qemu-server/100.conf --qmp /var/run/qemu-server/100.qmp\n"
