"""The command's frame: modules of commands are imported when they are called, and files are written whole or not at all."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import bridge.core.files
from bridge.cli import COMMANDS, main
from bridge.cli.commands import files

HEAVY = {"libvirt", "lxml", "msgspec", "rich", "qemu", "xmlschema", "asyncio", "bridge.convert", "bridge.cli.commands.pin"}


def test_start_up_imports_nothing_of_a_command() -> None:
    source = "import sys; from bridge.cli import main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_and_help(name: str) -> None:
    command = importlib.import_module(f"bridge.cli.commands.{COMMANDS[name]}").command
    assert isinstance(command, click.Command)
    assert command.name == name
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    assert name in CliRunner().invoke(main, ["--help"]).output


def test_a_file_that_is_there_is_replaced_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "a.conf"
    files.write(target, "one\n", force=False)
    with pytest.raises(SystemExit):
        files.write(target, "two\n", force=False)
    assert "a.conf is there already" in capsys.readouterr().err
    assert target.read_text() == "one\n"
    files.write(target, "two\n", force=True)
    assert target.read_text() == "two\n"
    assert list(tmp_path.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o644 & ~umask()


def test_without_nameless_files_it_is_written_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.core.files, "_nameless", lambda _: None)
    files.write(tmp_path / "a.conf", "one\n", force=False)
    files.write(tmp_path / "a.conf", "two\n", force=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.conf", "two\n")]


def test_without_proc_a_file_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a chroot that has no /proc every file ended in `No such file or directory`."""
    monkeypatch.setattr(bridge.core.files, "DESCRIPTORS", str(tmp_path / "proc/self/fd"))
    files.write(tmp_path / "a.conf", "one\n", force=False)
    with pytest.raises(SystemExit):
        files.write(tmp_path / "a.conf", "two\n", force=False)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.conf", "one\n")]


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        files.write(tmp_path / "none/a.conf", "one\n", force=False)
    assert capsys.readouterr().err.startswith("error: ")


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
