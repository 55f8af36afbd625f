"""Which inputs become which files, under which names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.core.literals import Format
from bridge.core.report import BridgeError
from bridge.fleet.plan import Task, inputs, plan
from tests.fleet import configs


def planned(files: list[str], to: Format = "xml", snapshot: str | None = None) -> list[Task]:
    return plan(files, to, Path("out"), snapshot, {})


def named(tmp_path: Path, *names: str, start: int = 101) -> list[str]:
    """Configs of VMs from 101 on with these names."""
    return inputs([configs.fill(tmp_path, range(start, start + len(names)), names=dict(enumerate(names, start)))])


def test_a_directory_stands_for_its_configs_and_domains_by_number(tmp_path: Path) -> None:
    for name in ("1000.conf", "99.conf", "web.xml", ".hidden.conf", "notes.txt", "cpu.conf.bak"):
        (tmp_path / name).write_text("")
    (tmp_path / "deeper.conf").mkdir()
    (tmp_path / "deeper.conf/7.conf").write_text("")
    assert [Path(file).name for file in inputs([tmp_path])] == ["web.xml", "99.conf", "1000.conf"]
    assert [Path(file).name for file in inputs([tmp_path], "conf")] == ["99.conf", "1000.conf"]


def test_files_keep_their_order_and_need_not_be_there(tmp_path: Path) -> None:
    configs.fill(tmp_path, range(101, 103))
    assert inputs(["b.conf", tmp_path, "a.xml"]) == ["b.conf", str(tmp_path / "101.conf"), str(tmp_path / "102.conf"), "a.xml"]


def test_an_empty_directory_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match=r"has no \*\.conf or \*\.xml in it"):
        inputs([tmp_path])


def test_targets_are_named_as_the_inputs(tmp_path: Path) -> None:
    files = named(tmp_path, "a", "b")
    assert [(task.target, task.vmid) for task in planned(files)] == [("out/101.xml", 101), ("out/102.xml", 102)]
    assert [task.target for task in planned(files, "argv")] == ["out/101.cmd", "out/102.cmd"]


def test_two_inputs_of_one_target_clash(tmp_path: Path) -> None:
    one, two = (str(configs.fill(tmp_path / node, range(101, 102)) / "101.conf") for node in ("alpha", "beta"))
    assert [task.clash for task in planned([one, two])] == [None, one]


def test_names_that_clash_get_the_id(tmp_path: Path) -> None:
    assert [task.name for task in planned(named(tmp_path, "web", "db", "web"))] == ["web-101", None, "web-103"]


def test_a_new_name_that_is_taken_gets_longer(tmp_path: Path) -> None:
    names = [task.name for task in planned(named(tmp_path, "web", "web", "web-101"))]
    assert names == ["web-101-1", "web-102", None]


def test_vms_without_a_name_are_called_by_their_id(tmp_path: Path) -> None:
    for vmid in (101, 102):
        (tmp_path / f"{vmid}.conf").write_text("memory: 512\n")
    (tmp_path / "103.conf").write_text("name: vm101\n")
    assert [task.name for task in planned(inputs([tmp_path]))] == ["vm101-101", None, "vm101-103"]


def test_names_stand_before_the_first_section(tmp_path: Path) -> None:
    (tmp_path / "101.conf").write_text("name: web\n\n[before]\nname: db\nsnaptime: 1\n")
    (tmp_path / "102.conf").write_text("name: db\n")
    assert [task.name for task in planned(inputs([tmp_path]))] == [None, None]
    assert [task.name for task in planned(inputs([tmp_path]), snapshot="before")] == [None, None]
    (tmp_path / "102.conf").write_text("name: web\n\n[before]\nname: db\nsnaptime: 1\n")
    assert [task.name for task in planned(inputs([tmp_path]), snapshot="before")] == ["db-101", "db-102"]


def test_only_domains_need_names_of_their_own(tmp_path: Path) -> None:
    files = named(tmp_path, "web", "web")
    assert [task.name for task in planned(files, "argv")] == [None, None]
    assert [task.name for task in planned(files, "conf")] == [None, None]


def test_domains_clash_with_configs(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<domain type='kvm'><name>\n web </name></domain>")
    (tmp_path / "101.conf").write_text("name: web\n")
    assert [task.name for task in planned(inputs([tmp_path]))] == ["web-1", "web-101"]
