"""The command as people meet it first: a VM named by its id, facts that are there already, hints that say what to pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge import convert
from bridge.cli import main
from bridge.host import probe
from bridge.host.facts import HostFacts
from tests.host import node

PLAIN = "memory: 1024\nscsi0: {disk}\nnet0: virtio=BC:24:11:00:00:01,bridge={bridge}\n"


def virt_qm(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine is node `alpha`."""
    monkeypatch.setattr(probe, "ROOT", tmp_path)
    return node.make(tmp_path)


def hints(conf: str, host: HostFacts | None = None) -> dict[str, str]:
    """Kind -> hint of the findings about storages, bridges and mappings."""
    findings = convert(conf, "xml", "conf", vmid=100, host=host).findings
    return {finding.kind: finding.hint for finding in findings if finding.kind.endswith("-unknown")}


@pytest.mark.usefixtures("root")
def test_on_a_node_a_vm_is_named_by_its_id() -> None:
    done = virt_qm("to-xml", "100")
    assert (done.exit_code, done.stderr.split("\n")[0]) == (0, "host facts of this node, alpha (--host DIR takes others)")
    assert "<name>first</name>" in done.stdout
    assert 'dev="/dev/zvol/tank/vm-100-disk-0"' in done.stdout
    assert "1666" in done.stdout


@pytest.mark.usefixtures("root")
def test_a_vm_of_another_node_gets_that_nodes_mappings() -> None:
    done = virt_qm("to-xml", "200")
    assert done.exit_code == 0
    assert "host facts of the cluster" in done.stderr
    assert "1777" in done.stdout


def test_messages_name_the_config(root: Path) -> None:
    (root / "etc/pve/nodes/alpha/qemu-server/101.conf").write_text("memory: lots\n")
    assert f"{root}/etc/pve/qemu-server/101.conf:1:" in virt_qm("to-xml", "101").stderr


def test_a_fleet_of_a_cluster_takes_each_nodes_mappings(root: Path, tmp_path: Path) -> None:
    done = virt_qm("to-xml", *(root / "etc/pve/nodes").glob("*/qemu-server"), "-o", tmp_path / "out")
    assert done.exit_code == 0
    assert "1666" in (tmp_path / "out/100.xml").read_text()
    assert "1777" in (tmp_path / "out/200.xml").read_text()


@pytest.mark.usefixtures("root")
def test_other_facts_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    done = virt_qm("to-xml", "100", "--host", tmp_path / "facts")
    assert "host facts of" not in done.stderr
    assert "storage 'tank' is not in the host facts -> give the node's storage.cfg: --host DIR" in done.stderr


def test_an_id_elsewhere_is_a_file_that_is_not_there() -> None:
    done = virt_qm("to-xml", "100")
    assert (done.exit_code, done.stderr) == (
        1,
        "error: 100: No such file or directory: name a file that can be read, - for stdin, or a VM's id on a Proxmox VE node\n",
    )


def test_a_missing_storage_says_what_to_pass() -> None:
    conf = PLAIN.format(disk="tank:vm-100-disk-0", bridge="vmbr0")
    assert hints(conf) == {"storage-unknown": "give the node's storage.cfg: --host DIR"}


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("disk", "hint"),
    [
        ("tnak:vm-100-disk-0", "did you mean tank?"),
        ("elsewhere:vm-100-disk-0", "add elsewhere to storage.cfg, or name another storage in the config"),
        ("tank:odd", "correct the volume's name"),
    ],
)
def test_a_storage_that_storage_cfg_lacks(disk: str, hint: str) -> None:
    assert hints(PLAIN.format(disk=disk, bridge="vmbr0"), probe.probe()) == {"storage-unknown": hint}


@pytest.mark.usefixtures("root")
def test_a_missing_bridge_says_what_to_pass() -> None:
    conf = PLAIN.format(disk="local:100/vm-100-disk-0.raw", bridge="vmbr7")
    assert hints(conf, probe.probe()) == {"network-unknown": "make it, or name another: --bridge vmbr7=BRIDGE"}
    assert hints(conf, probe.probe().with_facts(["bridge_map.vmbr7=vmbr1"])) == {}
    assert hints(conf) == {}


@pytest.mark.parametrize(
    ("line", "file"),
    [("hostpci0: mapping=gpu", "pci"), ("usb0: mapping=stick", "usb"), ("virtiofs0: dirid=shared", "directory")],
)
def test_a_missing_mapping_says_what_to_pass(line: str, file: str) -> None:
    assert hints(f"memory: 1024\n{line}\n") == {"resource-unknown": f"give the cluster's mapping/{file}.cfg: --host DIR"}


def test_a_path_that_no_storage_holds_says_what_to_pass(tmp_path: Path) -> None:
    xml = convert(PLAIN.format(disk="local:100/vm-100-disk-0.raw", bridge="vmbr0"), "xml", vmid=100, metadata=False).text
    domain = tmp_path / "domain.xml"
    domain.write_text(xml.replace("/var/lib/vz/images/100", "/srv/images"))
    assert "-> name its storage: --storage /srv/images=STORAGE; or import it" in virt_qm("to-conf", domain).stderr


def test_a_typo_in_an_option_gets_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "100.conf").write_text("memroy: 1024\n")
    assert "did you mean memory" in virt_qm("to-xml", tmp_path / "100.conf").stderr


def test_a_typo_in_a_command_gets_the_right_one() -> None:
    done = virt_qm("to-xlm", "100.conf")
    assert done.exit_code == 2
    assert "No such command 'to-xlm'. Did you mean to-xml?" in done.stderr
