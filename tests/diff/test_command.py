"""`virt-qm diff`: its inputs, its output, its exit codes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import bridge
from bridge.cli import main
from bridge.core.report import SEVERITIES
from bridge.guest.side import PROVES
from tests.corpus import ROOT

pytestmark = pytest.mark.slow

CONFIG = """\
cores: 2
memory: 512
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0
scsi0: local:100/vm-100-disk-0.raw,iothread=1
scsihw: virtio-scsi-single
"""
FACTS = ("--host-fact", "qemu_version=10.0")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """a.conf, the same as a command line and as XML, and b.conf with another card."""
    host = bridge.HostFacts(qemu_version="10.0")
    (tmp_path / "a.conf").write_text(CONFIG)
    (tmp_path / "b.conf").write_text(CONFIG.replace("00:01", "00:02").replace("iothread=1", "iothread=0"))
    (tmp_path / "a.cmd").write_text(bridge.convert(CONFIG, to="argv", source="conf", host=host).text)
    (tmp_path / "a.xml").write_text(bridge.convert(CONFIG, to="xml", source="conf", host=host).text)
    return tmp_path


def diff(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["diff", *FACTS, *map(str, arguments)], input=stdin)


@pytest.mark.parametrize("other", ["a.conf", "a.cmd", "a.xml"])
def test_one_machine_in_every_format_is_the_same(other: str, files: Path) -> None:
    result = diff(files / "a.conf", files / other)
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("The guest cannot tell A and B apart.\n")


def test_a_difference_is_a_row_and_exit_code_1(files: Path) -> None:
    result = diff(files / "a.conf", files / "b.conf")
    assert result.exit_code == 1
    row = result.stdout.rstrip("\n").split("\n")[-1].split()
    assert row[:6] == ["identity", "virtio-net-pci", "at", "pci", "12.0:", "mac"]
    assert {"bc:24:11:00:00:01", "bc:24:11:00:00:02", "net0"} <= set(row)
    assert "iothread" not in result.stdout


def test_backends_are_compared_on_request(files: Path) -> None:
    result = diff("--backends", files / "a.conf", files / "b.conf")
    assert result.exit_code == 1
    assert "scsi" in result.stdout
    assert "iothread" in result.stdout


def test_a_name_that_is_not_utf_8_ended_json_in_a_traceback(files: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(files) + b"/\xff\xc2\x9b.conf"))
    odd.write_bytes((files / "a.conf").read_bytes())
    said = diff("--output-format", "json", odd, odd)
    assert said.exit_code == 0
    assert said.stdout.isascii()
    assert json.loads(said.stdout)["a"]["file"].endswith("\ufffd\x9b.conf")


def test_json_has_everything(files: Path) -> None:
    result = diff("--json", files / "a.conf", files / "b.conf")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["same"] is found["ran"] is False
    assert found["a"] == {"file": str(files / "a.conf"), "format": "conf", "by": "conf", "is": PROVES["conf"]}
    (difference,) = found["differences"]
    assert difference == {
        "importance": "identity",
        "what": "virtio-net-pci at pci 12.0: mac",
        "a": "bc:24:11:00:00:01",
        "b": "bc:24:11:00:00:02",
        "where_a": "-device net0",
        "where_b": "-device net0",
    }
    assert json.loads(diff("--json", files / "a.conf", files / "a.cmd").stdout)["same"] is True
    said = diff("--output-format", "json", files / "a.conf", files / "a.cmd")
    document = json.loads(said.stdout)
    assert document["same"] is True
    assert said.stderr == ""
    assert document["findings"]["a"]
    assert {finding["severity"] for found in document["findings"].values() for finding in found} <= set(SEVERITIES)


def test_one_side_can_be_stdin(files: Path) -> None:
    assert diff("-", files / "a.cmd", stdin=CONFIG).exit_code == 0
    assert diff("-", "-", stdin=CONFIG).exit_code == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [("x.cmd", "/usr/bin/kvm -name"), ("y.cmd", "A=b kvm x"), ("x.xml", "<domain>"), ("x.conf", "memory: 512\nhugepages: 2\n"), (None, "")],
)
def test_trouble_is_exit_code_2(name: str | None, text: str, files: Path) -> None:
    other = files / (name or "none")
    if name:
        other.write_text(text)
    result = diff(files / "a.conf", other)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_a_fact_that_is_none_is_trouble(files: Path) -> None:
    assert diff("--host-fact", "qemu_version=x", files / "a.conf", files / "a.conf").exit_code == 2


def test_xml_is_taken_by_the_model_unless_it_is_run(files: Path) -> None:
    assert json.loads(diff("--json", files / "a.conf", files / "a.xml").stdout)["b"]["by"] == "model"
    found = json.loads(diff("--json", "--by", "libvirt", files / "a.conf", files / "a.xml").stdout)
    assert found["b"]["by"] == "libvirt"
    assert found["same"] is True


def test_both_run_and_are_the_same(files: Path) -> None:
    result = diff("--run", "--json", files / "a.conf", files / "a.xml")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["ran"], found["b"]["by"], found["differences"]) == (0, True, "libvirt", [])
    different = json.loads(diff("--run", "--json", files / "a.conf", files / "b.conf").stdout)
    assert [each["what"] for each in different["differences"]] == ["virtio-net-pci at pci 12.0: mac"]


def test_a_qemu_that_is_not_there_is_trouble(files: Path) -> None:
    result = diff("--run", "--by", "model", "--emulator", "no-such-qemu", files / "a.conf", files / "a.conf")
    assert result.exit_code == 2
    assert "no-such-qemu" in result.stderr


@pytest.mark.parametrize(
    "disks",
    [
        "efidisk0: tank:vm-100-disk-0,efitype=4m\nscsi0: tank:vm-100-disk-1,size=4G\nbios: ovmf\n",
        "ide2: nas:iso/a.iso,media=cdrom\nvirtio0: nas:100/vm-100-disk-0.qcow2,discard=on\nmachine: pc-i440fx-9.0\n",
        "sata0: tank:base-9-disk-0/vm-100-disk-0\ntpmstate0: tank:vm-100-disk-3,version=v2.0\nargs: -device edu,addr=0x1c\n",
    ],
)
def test_a_config_off_its_node_was_compared_with_nothing(disks: str, tmp_path: Path) -> None:
    config, xml = tmp_path / "100.conf", tmp_path / "100.xml"
    config.write_text(f"memory: 512\nname: a\n{disks}")
    xml.write_text(bridge.convert(config.read_text(), "xml", "conf", vmid=100).text)
    assert diff(config, config).exit_code == diff(config, xml).exit_code == 0
    assert "is a stand-in: no guest sees where its volumes are" in " ".join(diff(config, xml).stderr.split())
    other = tmp_path / "other.conf"
    other.write_text(config.read_text().replace("memory: 512", "memory: 1024"))
    assert diff(other, xml).exit_code == 1


@pytest.mark.parametrize(
    "disk", ["scsi0: ceph:vm-100-disk-0", "virtio0: ceph:100/vm-100-disk-0.qcow2", "efidisk0: ceph:vm-100-disk-0\nbios: ovmf"]
)
def test_a_storage_that_the_facts_lack_ended_in_an_error(disk: str, tmp_path: Path) -> None:
    """The conversions assume one, and say so."""
    (tmp_path / "storage.cfg").write_text("dir: local\n\tpath /var/lib/vz\n\tcontent images\n")
    config, xml = tmp_path / "100.conf", tmp_path / "100.xml"
    config.write_text(f"name: a\nmemory: 512\n{disk}\n")
    host = bridge.HostFacts.load(tmp_path)
    xml.write_text(bridge.convert(config.read_text(), "xml", "conf", vmid=100, host=host).text)
    result = diff("--host", tmp_path, "-v", config, xml)
    assert result.exit_code == 0, result.output
    told = "storage 'ceph' does not exist on the host: a stand-in is compared, as no guest sees where its volumes are"
    assert result.stderr.count(f"{told} -> add ceph to storage.cfg, or name another storage in the config [storage-unknown]") == 2


RBD = (
    "<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory>"
    "<os><type arch='x86_64' machine='pc-i440fx-10.0'>hvm</type></os><devices>"
    "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='{}/vm-100-disk-0'>"
    "<host name='192.0.2.1' port='6789'/></source><target dev='vda' bus='virtio'/>{}</disk></devices></domain>"
)


@pytest.mark.parametrize(
    ("pool", "words", "told"),
    [
        ("vms", (), "for the Ceph pool 'vms': no guest sees where its images are -> --storage vms=STORAGE"),
        ("vms/a_", (), "storage 'stand-in-vms-a' stands in for the Ceph pool 'vms/a_': no guest sees where its images are"),
        ("vms", ("--storage", "vms=ceph"), "storage 'ceph' stands in for the Ceph pool 'vms': no guest sees where its images are"),
    ],
)
def test_a_disk_of_an_unknown_ceph_pool_was_compared_with_nothing(pool: str, words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    for name, more in (("a", ""), ("b", "<serial>b</serial>")):
        (tmp_path / f"{name}.xml").write_text(RBD.format(pool, more))
    without = tmp_path / "100.conf"
    without.write_text(bridge.convert(RBD.format("vms", ""), "conf", vmid=100).text)
    result = diff(*words, tmp_path / "a.xml", tmp_path / "b.xml")
    assert (result.exit_code, told in result.stderr) == (1, True), result.output
    assert "serial" in result.stdout
    assert diff(*words, "-q", tmp_path / "a.xml", without).exit_code == 1


def test_the_pool_of_a_storage_without_servers_of_its_own_is_no_import(tmp_path: Path) -> None:
    """What a node with its own Ceph has in storage.cfg; the finding had Python's words for the servers."""
    (tmp_path / "storage.cfg").write_text("rbd: ceph\n\tpool vms\n\tcontent images\n")
    made = bridge.convert(RBD.format("vms", ""), "conf", vmid=100, host=bridge.HostFacts.load(tmp_path))
    assert "virtio0: ceph:vm-100-disk-0" in made.text
    assert [f for f in made.findings if "host" in f.field or "NetworkHost" in f.message] == []


def test_servers_of_another_cluster_are_told_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "storage.cfg").write_text("rbd: ceph\n\tpool vms\n\tmonhost 192.0.2.7\n\tcontent images\n")
    host = bridge.HostFacts.load(tmp_path, storage_map={"vms": "ceph"})
    [told] = [f for f in bridge.convert(RBD.format("vms", ""), "conf", vmid=100, host=host).findings if f.field == "hosts"]
    assert (told.kind, told.there, told.here) == ("import-needed", "192.0.2.1:6789", "192.0.2.7:3300")


def test_without_qemu_qmp_a_run_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian 13 has no such package."""
    monkeypatch.setitem(sys.modules, "qemu", None)
    monkeypatch.setitem(sys.modules, "qemu.qmp", None)
    file = str(ROOT / "samples/iothreads.conf")
    done = CliRunner().invoke(main, ["diff", "--run", file, file])
    assert done.exit_code == 2
    wanted = (
        "error: --run talks to QEMU with the Python package qemu.qmp, which is not here: pip install qemu.qmp; "
        "without --run the options are compared"
    )
    assert [line for line in done.stderr.split("\n") if line.startswith("error")] == [wanted]


APART = (
    "<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory>"
    "<os><type arch='x86_64' machine='pc-i440fx-10.0'>hvm</type></os><devices>{}</devices></domain>"
)
LOST = (
    "<disk type='network' device='disk'><source protocol='{}' name='v/a'><host name='192.0.2.1'/></source>"
    "<target dev='vda' bus='virtio'/></disk>"
)


@pytest.mark.parametrize("protocol", ["nbd", "gluster", "ssh"])
def test_a_disk_that_was_left_out_of_one_side_alone_is_not_the_same(protocol: str, tmp_path: Path) -> None:
    for name, devices in (("with", LOST.format(protocol)), ("without", "")):
        (tmp_path / f"{name}.xml").write_text(APART.format(devices))
    result = diff("-q", tmp_path / "with.xml", tmp_path / "without.xml")
    assert (result.exit_code, "not compared" in result.stdout) == (1, True), result.output
    assert diff("-q", tmp_path / "with.xml", tmp_path / "with.xml").exit_code == 0
