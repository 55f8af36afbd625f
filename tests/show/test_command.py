"""`virt-qm show`, as it is called."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main

from .pages import CASES, HOST


def run(*words: str, text: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["show", *words], input=text)
    return result.exit_code, result.stdout, result.stderr


def test_on_a_terminal() -> None:
    code, out, err = run(str(CASES / "pool.conf"))
    assert code == 0
    rows = [line.split("  ") for line in out.splitlines()]
    table = {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}
    assert table["iothread0 (libvirt 1)"] == ["host CPUs 2-6", "scsi0, virtio0: queue 0"]
    assert table["iothread3 (libvirt 4)"] == ["host CPUs 2-6", "nothing: idle"]
    assert table["main loop"] == ["any host CPU", "scsi1, virtio1: all queues"]
    assert "3 host, " in err.split("\n")[0]
    assert "Host policy or speed (host):" in run(str(CASES / "pool.conf"), "-v")[2]


def test_queues_and_overlaps_on_a_terminal() -> None:
    _, out, _ = run(str(CASES / "queues.xml"), "--report", "none")
    assert "iothread 3 and vCPU 0-3 get in each other's way on host CPU 4." in out
    lines = out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("host CPU "))
    assert lines[start].split() == ["host", "CPU", "0-1", "2", "3!", "4!", "5-7"]
    assert [line.split()[-5:] for line in lines[start + 1 : start + 4]] == [list(".#..."), list("..#.."), list("..##.")]


def test_a_page_is_written_whole_and_not_over_another(tmp_path: Path) -> None:
    target = tmp_path / "vm.html"
    assert run(str(CASES / "pool.conf"), "--html", str(target))[:2] == (0, "")
    first = target.read_text()
    assert first.startswith("<!DOCTYPE html>")
    code, _, err = run(str(CASES / "sixteen.conf"), "--html", str(target))
    assert code == 1
    assert "is there already" in err
    assert target.read_text() == first
    assert run(str(CASES / "sixteen.conf"), "--html", str(target), "--force")[0] == 0
    assert target.read_text() != first


def test_a_page_on_stdout_from_stdin() -> None:
    code, out, _ = run("-", "--html", "-", text=(CASES / "queues.xml").read_text())
    assert code == 0
    assert "<title>build-host</title>" in out


@pytest.mark.parametrize("text", ["<domain", "<network/>", "/usr/bin/kvm -m"])
def test_what_is_neither_config_nor_domain_is_one_line(text: str) -> None:
    code, out, err = run("-", text=text)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_fail_on_writes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "vm.html"
    assert run(str(CASES / "queues.xml"), "--html", str(target), "--fail-on", "guest")[0] == 3
    assert not target.exists()


LINE = (
    "qemu-system-x86_64 -M q35 -m 2G -smp 2 -nodefaults -name mapped -object iothread,id=fast -object iothread,id=slow "
    "-drive if=none,id=d,file=/srv/d.raw,format=raw -device "
    """'{"driver":"virtio-blk-pci","drive":"d","num-queues":3,"iothread-vq-mapping":[{"iothread":"fast","vqs":[0,2]},"""
    """{"iothread":"slow","vqs":[1]}]}'"""
)


@pytest.mark.parametrize("form", ["shell", "kernel", "script"])
def test_a_command_line_is_shown_as_it_stands(form: str) -> None:
    """With a mapping that no config can say."""
    text = {"shell": LINE, "kernel": "\0".join(shlex.split(LINE)) + "\0", "script": f"#!/bin/sh\nset -e\nexec {LINE}\n"}[form]
    code, out, _ = run("-", "--report", "none", text=text)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["iothread", "1", "any", "host", "CPU", "vda:", "queues", "0,", "2"] in rows
    assert ["iothread", "2", "any", "host", "CPU", "vda:", "queue", "1"] in rows
    assert rows[0][0] == "mapped"


def test_the_page_of_a_command_line_has_all_three_texts_and_no_password() -> None:
    secret = f"{LINE} -object secret,id=s,data=sesame"
    code, out, _ = run("-", "--html", "-", "--report", "none", text=secret)
    assert code == 0
    titles = re.findall("<h3>(.*?)</h3>", out)
    assert titles[-4:] == ["Command line", "Config", "Domain XML", "Command line of qemu-server"]
    assert "sesame" not in out


def test_of_a_script_the_page_has_the_call_alone() -> None:
    code, out, _ = run("-", "--html", "-", "--report", "none", text=f"#!/bin/sh\nTOKEN=sesame\nexec {LINE}\n")
    assert code == 0
    assert "sesame" not in out
    assert "iothread-vq-mapping" in out


def test_a_command_line_of_qemu_servers_is_shown_with_its_pool() -> None:
    words = bridge.convert((CASES / "pool.conf").read_bytes(), "argv", "conf", vmid=8006, host=HOST).text
    _, out, _ = run("-", "--report", "none", text=words)
    assert "4 iothreads" in out
    assert "scsi0" in out
