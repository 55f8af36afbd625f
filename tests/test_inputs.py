"""Inputs that are not as they should be: none keeps the others from being read, and each is named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

import bridge
from bridge.cli import main
from bridge.libvirt.host.connect import Connection, ListedDomain
from bridge.operations.plan.given import Input, domains

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


# --- options that say what cannot be


@pytest.mark.parametrize("command", ["to-xml", "to-conf", "to-argv"])
def test_an_output_without_a_name_is_not_the_present_directory(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "100.conf").write_text("name: a\n")
    said = run(command, "100.conf", "-o", "")
    assert said.exit_code == 2
    assert "name a file, a directory, or - for stdout" in said.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["100.conf"]


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_report_that_cannot_be_written_ends_it_before_the_documents(inputs: int, tmp_path: Path) -> None:
    for number in range(inputs):
        (tmp_path / f"10{number}.conf").write_text(f"name: a{number}\n")
    said = run("to-xml", *sorted(tmp_path.glob("*.conf")), "-o", f"{tmp_path}/out/", "--report", tmp_path / "none/r.json")
    assert said.exit_code == 1
    assert said.stderr == f"error: {tmp_path}/none/r.json: there is no directory {tmp_path}/none: make it first\n"
    assert not [*tmp_path.glob("out/*")]


def test_a_config_is_named_by_the_id_that_an_option_says(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(GOOD)
    assert run("to-conf", "-q", "--vmid", "200", tmp_path / "a.xml", "-o", f"{tmp_path}/out/").exit_code == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["200.conf"]


def test_a_file_that_is_named_twice_is_converted_once(tmp_path: Path) -> None:
    (tmp_path / "100.conf").write_text("name: a\n")
    said = run("to-xml", tmp_path / "100.conf", tmp_path / "100.conf", "-o", f"{tmp_path}/out")
    assert said.exit_code == 1
    assert f"{tmp_path}/100.conf: is named twice, and was converted once" in said.stderr
    assert [file.name for file in (tmp_path / "out").glob("*.xml")] == ["100.xml"]


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf"])
def test_a_move_has_a_time_to_end(seconds: str) -> None:
    said = run("move", "100", "--to", "qemu:///system", "--timeout", seconds)
    assert said.exit_code == 2
    assert "--timeout" in said.stderr


def test_a_move_between_two_libvirts_is_virshs() -> None:
    said = run("move", "web", "-c", "qemu:///system", "--to", "qemu+ssh://root@host/system")
    assert said.exit_code == 2
    assert "virsh migrate" in said.stderr


def test_a_map_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "100.conf").write_text("name: a\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n")
    (tmp_path / "map.toml").write_text('[bridges]\nvmbr0 = "br7"\n', encoding="utf-8-sig")
    said = run("to-xml", "-q", "--map", tmp_path / "map.toml", tmp_path / "100.conf")
    assert '<source bridge="br7"/>' in said.stdout


# --- plans


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "a\nb"])
def test_a_pool_has_a_name_that_libvirt_takes(name: str, tmp_path: Path) -> None:
    (tmp_path / "100.conf").write_text("name: a\n")
    said = run("plan", "--to", "libvirt", "--pool", name, tmp_path / "100.conf")
    assert said.exit_code == 1
    assert "is not a name for a storage pool" in said.stderr
    assert said.stdout == ""


@pytest.mark.parametrize("to", ["libvirt", "qemu-server"])
def test_a_storage_to_copy_from_that_no_host_has_is_told(to: str, tmp_path: Path) -> None:
    (tmp_path / "100.conf").write_text("name: a\n")
    said = run("plan", "--to", to, "--copy", "nost", tmp_path / "100.conf")
    assert said.exit_code == 1
    assert "'nost' is not a storage of the host facts" in said.stderr
    assert said.stdout == ""



@pytest.mark.parametrize(("said", "vmid"), [(None, 150), (203, 203)])
def test_a_plan_gives_a_domain_the_id_that_is_said(said: int | None, vmid: int) -> None:
    xml = bridge.convert("name: a\n", "xml", vmid=150).text
    domain = ListedDomain(name="a", uuid=str(UUID(int=1)), active=False, persistent=True, autostart=False)
    there = cast("Connection", SimpleNamespace(domains=lambda: [domain], xml=lambda *_: xml))
    [found] = domains(there, ["a"], {"vmid": said, "host": bridge.HostFacts()})
    assert isinstance(found, Input)
    assert found.keywords["vmid"] == vmid
