"""A node's own facts, read from its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.core.report import BridgeError
from bridge.host import probe
from bridge.host.facts import HostFacts, PCIInfo
from tests.host import node


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return node.make(tmp_path)


def test_a_node_knows_itself(root: Path) -> None:
    facts = probe.probe(root)
    assert facts.nodename == "alpha"
    assert (facts.qemu_version, facts.qemu_server) == ("10.0.2", "9.2.6")
    assert (facts.cpus, facts.cpu_vendor, facts.phys_address_bits) == (2, "AuthenticAMD", 43)
    assert facts.cpu_flags == ["fpu", "vme", "svm", "aes"]
    assert (facts.numa_nodes, facts.hugepage_sizes_mib) == (2, [2, 1024])
    assert (facts.render_node, facts.vhost_net, facts.cdrom_path) == (True, True, "/dev/cdrom")
    assert facts.iscsi_initiator_name == "iqn.1993-08.org.debian:01:abc"
    assert facts.hw_capabilities["amd-sev"]["cbitpos"] == 51
    assert facts.firmware_size("/usr/share/pve-edk2-firmware//OVMF_VARS_4M.fd") == 1000


def test_bridges_are_those_of_linux_and_open_vswitch(root: Path) -> None:
    facts = probe.probe(root)
    assert (facts.bridges, facts.bridge_mtu) == (["vmbr0", "vmbr1"], {"vmbr0": 1500, "vmbr1": 9000})


def test_pci_functions(root: Path) -> None:
    facts = probe.probe(root)
    assert facts.pci.present == ["0000:01:00.0"]
    assert facts.pci_info("0000:01:00.0") == PCIInfo(vendor="0x10de", device="0x2231", iommugroup=17)


def test_what_the_cluster_shares(root: Path) -> None:
    facts = probe.probe(root)
    assert list(facts.storages) == ["local", "tank", "own", "other"]
    assert list(facts.cpu_models) == ["own"]
    assert list(facts.usb_mappings) == ["stick"]
    assert (facts.ceph_fsid, facts.ceph_keyring) == ({"own": "0a1b2c3d-0000-4000-8000-000000000001"}, ["other"])


def test_of_another_node_only_what_the_cluster_shares_is_known(root: Path) -> None:
    facts, nothing = probe.probe(root, node="beta"), HostFacts()
    assert facts.nodename == "beta"
    assert list(facts.storages) == ["local", "tank", "own", "other"]
    for name in ("cpus", "cpu_flags", "bridges", "pci", "qemu_version", "firmware_bytes"):
        assert getattr(facts, name) == getattr(nothing, name)


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "etc/pve/qemu-server").mkdir(parents=True)
    facts, nothing = probe.probe(tmp_path), HostFacts()
    for name in ("cpus", "cpu_flags", "qemu_version", "pci", "firmware_bytes", "hugepage_sizes_mib", "iscsi_initiator_name"):
        assert getattr(facts, name) == getattr(nothing, name)
    assert facts.bridges == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("proc/cpuinfo", "processor\t: 0\nvendor_id\t: <vendor>\nflags\t: \xff\x00\naddress sizes\t: 9999 bits physical\n"),
        ("var/lib/dpkg/status", "Package: pve-qemu-kvm\nVersion: none\n"),
        ("run/qemu-server/host-hw-capabilities.json", "{"),
        ("run/qemu-server/host-hw-capabilities.json", "[1]"),
        ("sys/class/net/vmbr0/mtu", "\u0661\u0662"),
        ("sys/bus/pci/devices/0000:01:00.0/vendor", "what"),
        ("etc/iscsi/initiatorname.iscsi", "InitiatorName=" + "x" * 1000),
    ],
)
def test_what_makes_no_sense_is_not_known(root: Path, file: str, text: str) -> None:
    (root / file).write_text(text)
    assert probe.probe(root).nodename == "alpha"


def test_a_storage_cfg_that_is_none_is_named(root: Path) -> None:
    (root / "etc/pve/storage.cfg").write_bytes(b"\xff\xfe")
    with pytest.raises(BridgeError, match=r"storage\.cfg:1: is not UTF-8"):
        probe.probe(root)


def test_configs_by_id(root: Path) -> None:
    assert probe.is_node(root)
    assert probe.find_config("100", root) == root / "etc/pve/qemu-server/100.conf"
    assert probe.find_config("200", root) == root / "etc/pve/nodes/beta/qemu-server/200.conf"
    for other in ("300", "099", "1", "../100", "1000000000"):
        assert probe.find_config(other, root) is None


def test_whose_config_it_is(root: Path) -> None:
    assert probe.node_of(root / "etc/pve/qemu-server/100.conf", root) is None
    assert probe.node_of(root / "etc/pve/nodes/beta/qemu-server/200.conf", root) == "beta"
    assert probe.node_of(root / "100.conf", root) is None


def test_elsewhere_there_is_no_node(tmp_path: Path) -> None:
    assert not probe.is_node(tmp_path)
    assert probe.find_config("100", tmp_path) is None
