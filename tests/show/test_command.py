"""`virt-qm show`, as it is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge.cli import main

from .pages import CASES


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
    assert "Host policy or speed (host):" in err


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


@pytest.mark.parametrize("text", ["<domain", "<network/>", "/usr/bin/kvm -id 8006"])
def test_what_is_neither_config_nor_domain_is_one_line(text: str) -> None:
    code, out, err = run("-", text=text)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_fail_on_writes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "vm.html"
    assert run(str(CASES / "queues.xml"), "--html", str(target), "--fail-on", "guest")[0] == 3
    assert not target.exists()
