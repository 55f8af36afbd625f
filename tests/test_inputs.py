"""Inputs that are not as they should be: none keeps the others from being read, and each is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main

GOOD = "<domain type='kvm'><name>a</name><memory>65536</memory><os><type machine='pc' arch='x86_64'>hvm</type></os></domain>"


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words)])


def test_check_goes_on_after_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.xml").symlink_to("nowhere")
    (tmp_path / "b.xml").write_text("<domain>")
    (tmp_path / "c.xml").write_text(GOOD)
    said = run("check", "--output-format", "json", tmp_path)
    assert said.exit_code == 1
    assert [entry["status"] for entry in json.loads(said.stdout)["files"]] == ["refused", "refused", "done"]
    assert f"{tmp_path}/a.xml: No such file or directory" in said.stderr


@pytest.mark.parametrize("command", ["check", "to-xml", "to-conf", "to-argv", "show"])
def test_a_pipe_in_the_file_system_is_not_waited_for(command: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.xml")
    said = run(command, tmp_path / "f.xml")
    assert said.exit_code == 1
    assert "f.xml: is not a regular file" in said.stderr


def test_a_pipe_of_the_shell_is_read(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"name: a\n")
    os.close(write)
    try:
        assert run("to-xml", "-q", f"/dev/fd/{read}").exit_code == 0
    finally:
        os.close(read)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("check",), ("to-conf", "-o", "out")], ids=["check", "fleet"])
@pytest.mark.parametrize("text", ["<!DOCTYPE a><domain/>", "<domain><name>a\x01</name></domain>"], ids=["line", "path"])
def test_what_is_wrong_in_xml_names_its_file(words: tuple[str, ...], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/bad.xml").write_text(text)
    (tmp_path / "in/good.xml").write_text(GOOD)
    said = run(*words, "in")
    assert said.exit_code == 1
    assert "in/bad.xml: line 1: " in said.stderr


def test_a_page_and_a_drawing_are_both_written(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("name: a\n")
    said = run("show", "-q", tmp_path / "a.conf", "--html", tmp_path / "a.html", "--svg", tmp_path / "a.svg")
    assert said.exit_code == 0, said.stderr
    assert [(tmp_path / name).read_text()[:5] for name in ("a.html", "a.svg")] == ["<!DOC", "<svg "]


def test_a_bridge_on_the_command_line_wins_over_the_networks_of_a_map(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('[networks]\nvmbr0 = "default"\n')
    card = "<devices><interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface></devices></domain>"
    (tmp_path / "a.xml").write_text(GOOD.replace("</domain>", card))
    words = ("to-conf", "-q", "--map", tmp_path / "map.toml", tmp_path / "a.xml")
    assert ",bridge=vmbr0\n" in run(*words).stdout
    assert ",bridge=vmbr5\n" in run(*words, "--bridge", "default=vmbr5").stdout
