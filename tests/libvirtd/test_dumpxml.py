"""`virt-qm import` from a real libvirtd: which domains, which VMIDs, autostart, and all or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.core.report import BridgeError
from bridge.libvirt.host.connect import Connection, Definition, ListedDomain
from bridge.operations.importing import Dumped, numbered, with_onboot
from tests.libvirtd.daemon import Daemon

pytestmark = pytest.mark.slow

UUID = "0b8b1f0e-0000-4000-8000-00000000000{}"
PLAIN = (
    "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory><vcpu>{vcpu}</vcpu>"
    "<os><type arch='x86_64' machine='pc'>hvm</type></os>{more}</domain>"
)


def plain(number: int, more: str = "", vcpu: int = 1, autostart: bool = False) -> Definition:
    """A domain that virt-qm did not make."""
    uuid = UUID.format(number)
    return Definition(f"vm{number}", uuid, PLAIN.format(name=f"vm{number}", uuid=uuid, vcpu=vcpu, more=more), autostart, replace=True)


def made(libvirtd: Daemon, *domains: Definition) -> None:
    with Connection(libvirtd.uri) as host:
        host.define(domains)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def imported(libvirtd: Daemon, *arguments: object) -> Result:
    return run("import", "-c", libvirtd.uri, "--report", "none", *arguments)


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_all_domains_with_numbers_that_are_free(libvirtd: Daemon, tmp_path: Path) -> None:
    (tmp_path / "own.conf").write_text("kvm: 0\nname: own\nonboot: 1\n")
    assert run("define", "-c", libvirtd.uri, "--vmid", 201, tmp_path / "own.conf").exit_code == 0
    made(libvirtd, plain(1), plain(2, autostart=True), plain(3))
    (out := tmp_path / "out").mkdir()
    (out / "202.conf").write_text("mine\n")
    result = imported(libvirtd, "--all", "--vmid-from", 200, "-o", out)
    assert result.exit_code == 0, result.output
    assert files(out) == ["200.conf", "201.conf", "202.conf", "203.conf", "204.conf"]
    assert (out / "202.conf").read_text() == "mine\n"
    assert (out / "201.conf").read_text() == "kvm: 0\nname: own\nonboot: 1\n"
    assert "name: vm1\n" in (out / "200.conf").read_text()
    assert "onboot: 1\n" in (out / "203.conf").read_text()
    assert "onboot" not in (out / "204.conf").read_text()


def test_without_a_number_nothing_is_written(libvirtd: Daemon, tmp_path: Path) -> None:
    (tmp_path / "300.conf").write_text("kvm: 0\nname: own\n")
    assert run("define", "-c", libvirtd.uri, tmp_path / "300.conf").exit_code == 0
    made(libvirtd, plain(1))
    (out := tmp_path / "out").mkdir()
    result = imported(libvirtd, "--all", "-o", out)
    assert result.exit_code == 1
    assert "error: vm1: its metadata names no VMID: pass --vmid-from N" in result.output
    made(libvirtd, plain(2))
    result = imported(libvirtd, "--all", "-o", out)
    assert result.output.count("names no VMID") == 1
    assert "error: vm1 and 1 more: its metadata names no VMID: pass --vmid-from N" in result.output
    assert files(out) == []
    assert imported(libvirtd, "--all", "-o", out, "--keep-going").exit_code == 1
    assert files(out) == ["300.conf"]
    again = imported(libvirtd, "own", "-o", out)
    assert (again.exit_code, "300.conf is there already" in again.output) == (1, True)
    assert imported(libvirtd, "own", "-o", out, "--force").exit_code == 0


def test_one_domain_goes_to_stdout_by_name_or_uuid(libvirtd: Daemon) -> None:
    made(libvirtd, plain(1, vcpu=3))
    by_name = imported(libvirtd, "vm1", "--vmid-from", 100)
    assert by_name.exit_code == 0, by_name.output
    assert "sockets: 3\n" in by_name.stdout
    assert imported(libvirtd, UUID.format(1), "--vmid-from", 100).stdout == by_name.stdout
    nobody = imported(libvirtd, "nobody", "--vmid-from", 100)
    assert (nobody.exit_code, nobody.output) == (1, "error: there is no domain 'nobody': virsh list --all shows those that are\n")


def test_the_definition_is_taken_not_what_runs(libvirtd: Daemon, tmp_path: Path) -> None:
    made(libvirtd, plain(1))
    libvirtd.virsh("start", "--paused", "vm1")
    made(libvirtd, plain(1, vcpu=2))
    assert "sockets: 2\n" in imported(libvirtd, "vm1", "--vmid-from", 100).stdout
    assert "sockets: 2\n" not in imported(libvirtd, "vm1", "--vmid-from", 100, "--live").stdout
    file = tmp_path / "transient.xml"
    file.write_text(plain(2).xml)
    libvirtd.virsh("create", "--paused", str(file))
    assert "has no persistent definition: pass --live" in imported(libvirtd, "vm2", "--vmid-from", 100).output
    assert "name: vm2\n" in imported(libvirtd, "vm2", "--vmid-from", 100, "--live").stdout
    libvirtd.virsh("destroy", "vm1")
    assert "is not running: leave out --live" in imported(libvirtd, "vm1", "--live").output


def test_findings_can_stop_it(libvirtd: Daemon, tmp_path: Path) -> None:
    made(libvirtd, plain(1))
    result = imported(libvirtd, "vm1", "--vmid-from", 100, "-o", tmp_path, "--fail-on", "note")
    assert (result.exit_code, files(tmp_path)) == (3, [])


@pytest.mark.parametrize("arguments", [(), ("--all",), ("a", "b"), ("a", "--all", "-o", "/")])
def test_usage(arguments: tuple[str, ...]) -> None:
    assert run("import", *arguments).exit_code == 2


def test_numbers() -> None:
    def dumped(name: str, vmid: int | None) -> Dumped:
        return Dumped(ListedDomain(name, name, False, True, False), "", vmid)

    def given(first: int | None, *vmids: int | None) -> list[int | str]:
        found = numbered([dumped(str(n), vmid) for n, vmid in enumerate(vmids)], first, frozenset({101}))
        return [vmid.message.split(":")[0] if isinstance(vmid, BridgeError) else vmid for _, vmid in found]

    assert given(100, None, 100, None) == [102, 100, 103]
    assert given(100, 7, 7) == [7, 100]
    assert given(None, 7, 7, None) == [7, "another domain is VM 7 too", "its metadata names no VMID"]
    assert given(999_999_999, None, None) == [999_999_999, "no VMID from 999999999 on is free"]


@pytest.mark.parametrize(
    ("text", "on", "off"),
    [
        ("name: a\n", "name: a\nonboot: 1\n", "name: a\n"),
        ("name: a\nonboot: 0\n", "name: a\nonboot: 1\n", "name: a\nonboot: 0\n"),
        ("name: a\nonboot: 1\n", "name: a\nonboot: 1\n", "name: a\n"),
        ("onboot: 1\n\n[snap]\nonboot: 1\n", "onboot: 1\n\n[snap]\nonboot: 1\n", "\n[snap]\nonboot: 1\n"),
    ],
)
def test_autostart_is_onboot(text: str, on: str, off: str) -> None:
    assert with_onboot(text, True, 100) == on
    assert with_onboot(text, False, 100) == off
