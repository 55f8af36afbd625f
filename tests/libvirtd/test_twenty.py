"""Twenty domains of one host: what there is to know of them is read in a minute."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import bridge
from bridge.cli import main
from tests.libvirtd import twenty
from tests.libvirtd.daemon import Daemon

MOST_LINES = 10


def imported(libvirtd: Daemon, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["import", "-c", libvirtd.uri, "--vmid-from", "200", *map(str, arguments)])


@pytest.fixture
def names(libvirtd: Daemon) -> list[str]:
    return twenty.define(libvirtd, libvirtd.directory / "images")


def test_all_of_them_say_less_than_three_did(libvirtd: Daemon, names: list[str], tmp_path: Path) -> None:
    """468 lines, none of which named its domain."""
    usual, everything = (imported(libvirtd, "--all", "-o", tmp_path / name, *words) for name, words in (("a", ()), ("b", ("-v",))))
    assert usual.exit_code == everything.exit_code == 0
    assert usual.stderr.count("\n") < 40
    assert everything.stderr.count("\n") > 400
    kinds = {name.rpartition("-")[0] for name in names}
    lines = [line for line in usual.stderr.split("\n")[1:] if line.startswith("  ")]
    assert all(any(line.startswith(f"  {kind}-") for kind in kinds) for line in lines)
    assert all(f"{name}: " in everything.stderr for name in names)


def test_one_has_ten_lines_at_most(libvirtd: Daemon, names: list[str]) -> None:
    for name in names[:5]:
        assert imported(libvirtd, name).stderr.count("\n") <= MOST_LINES


def test_an_import_again_keeps_the_ids_and_a_dry_one_writes_nothing(libvirtd: Daemon, names: list[str], tmp_path: Path) -> None:
    out = tmp_path / "deep/configs"
    dry = imported(libvirtd, "--all", "-q", "-o", out, "--dry-run")
    assert (dry.exit_code, dry.stdout.count(" would be "), out.exists()) == (0, 20, False)
    first = imported(libvirtd, "--all", "-q", "-o", out)
    assert first.exit_code == 0
    libvirtd.virsh("undefine", names[0], "--nvram")
    again = CliRunner().invoke(main, ["import", "-c", libvirtd.uri, "--all", "-q", "--force", "-o", str(out), "--vmid-from", "900"])
    assert again.exit_code == 0
    assert set(again.stdout.split("\n")) < set(first.stdout.split("\n"))


def test_as_json_and_by_the_api(libvirtd: Daemon, names: list[str]) -> None:
    found = json.loads(imported(libvirtd, names[0], "--output-format", "json").stdout)
    [vm] = found["files"]
    [config] = bridge.import_domains(libvirtd.uri, [names[0]], first_vmid=200)
    assert (vm["file"], vm["vmid"], vm["document"]) == (names[0], 200, config.text)
    assert len(bridge.import_domains(libvirtd.uri, first_vmid=200)) == len(names)


def test_define_by_the_api_and_what_it_would_change(libvirtd: Daemon, tmp_path: Path) -> None:
    text = "kvm: 0\nname: api\nmemory: 64\n"
    assert [each.name for each in bridge.define(libvirtd.uri, {"100.conf": text}, dry_run=True)] == ["api"]
    assert libvirtd.domains() == []
    [made] = bridge.define(libvirtd.uri, {"100.conf": text})
    assert libvirtd.domains() == ["api"]
    with pytest.raises(bridge.BridgeError, match="is defined already"):
        bridge.define(libvirtd.uri, {"100.conf": text})
    (tmp_path / "100.conf").write_text(text.replace("64", "96"))
    words = ["define", "-q", "-c", libvirtd.uri, "--replace", "--print-diff", "--dry-run", str(tmp_path / "100.conf")]
    changed = CliRunner().invoke(main, words)
    assert changed.exit_code == 0
    assert '+  <memory unit="MiB">96</memory>' in changed.stderr
    assert f"-  <uuid>{made.uuid}</uuid>" not in changed.stderr


def test_a_plan_by_the_api(libvirtd: Daemon) -> None:
    plan = bridge.plan({"100.conf": "kvm: 0\nname: api\nmemory: 64\n"}, to="libvirt", uri=libvirtd.uri)
    assert [vm.name for vm in plan.vms] == ["api"]
    back = bridge.plan({"web.xml": bridge.convert("name: web\nmemory: 64\n", "xml", vmid=300).text}, to="qemu-server")
    assert [vm.vmid for vm in back.vms] == [300]
    with pytest.raises(ValueError, match="libvirt or to qemu-server"):
        bridge.plan({}, to="nowhere")  # type: ignore[arg-type]
