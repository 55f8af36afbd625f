"""XML of our own comes back where nobody knows the node's storages: unedited means unedited, and its metadata can name no other VM's."""

from __future__ import annotations

import pytest

import bridge
from bridge.host.storagecfg import Storage
from bridge.libvirt.metadata.residue import MAX_STORAGES

STORAGES = """\
rbd: ceph
\tpool vms
\tmonhost 192.0.2.1 192.0.2.2
\tcontent images

zfspool: tank
\tpool rpool/data
\tcontent images

lvm: veegee
\tvgname vg0
\tcontent images

nfs: share
\tserver 192.0.2.9
\texport /srv
\tcontent images,iso

btrfs: butter
\tpath /butter
\tcontent images
"""
DISKS = [
    *("ceph:vm-100-disk-0", "tank:vm-100-disk-0", "veegee:vm-100-disk-0"),
    *("share:100/vm-100-disk-0.qcow2", "butter:100/vm-100-disk-0.raw"),
]
CONFIG = "boot: order=scsi0\nmachine: pc-i440fx-10.0\nmemory: 512\nname: a\nscsi0: {},backup=0,size=32G\nscsihw: virtio-scsi-pci\n"


@pytest.fixture
def node(tmp_path_factory: pytest.TempPathFactory) -> bridge.HostFacts:
    facts = tmp_path_factory.mktemp("facts")
    (facts / "storage.cfg").write_text(STORAGES)
    return bridge.HostFacts.load(facts)


@pytest.mark.parametrize("disk", DISKS)
def test_an_unedited_disk_was_edited(disk: str, node: bridge.HostFacts) -> None:
    config = CONFIG.format(disk)
    xml = bridge.convert(config, "xml", "conf", vmid=100, host=node).text
    result = bridge.convert(xml, "conf", "xml", vmid=100)
    assert result.text == config
    assert [f.kind for f in result.findings] == ["assumed"]
    assert "storage.cfg: --host DIR" in result.findings[0].hint
    assert bridge.convert(xml, "conf", "xml", vmid=100, host=node).findings == []


@pytest.mark.parametrize("disk", DISKS)
def test_an_edited_disk_is_the_edit(disk: str, node: bridge.HostFacts) -> None:
    xml = bridge.convert(CONFIG.format(disk), "xml", "conf", vmid=100, host=node).text
    start, end = xml.index("<source"), xml.index("<target dev")
    other = xml[:start] + xml[start:end].replace("vm-100-disk-0", "vm-100-disk-1") + xml[end:]
    result = bridge.convert(other, "conf", "xml", vmid=100)
    assert f"scsi0: {disk.replace('disk-0', 'disk-1')}\n" in result.text
    assert any(f.kind in ("stale-residue", "withheld") and f.message.startswith("scsi0") for f in result.findings)


@pytest.mark.parametrize("disk", ["tank:vm-200-disk-0", "veegee:vm-200-disk-0", "ceph:vm-200-disk-0"])
def test_another_vms_volume_stays_what_the_xml_names(disk: str, node: bridge.HostFacts) -> None:
    """A forged <metadata> could call any storage by the place that the XML shows."""
    xml = bridge.convert(CONFIG.format(disk.replace("200", "100")), "xml", "conf", vmid=100, host=node).text
    forged = xml.replace("vm-100-disk-0", "vm-200-disk-0")
    assert "<virt-qm:storages>" in forged
    assert disk not in bridge.convert(forged, "conf", "xml", vmid=100).text


def test_facts_of_the_node_win_over_what_is_remembered(node: bridge.HostFacts) -> None:
    xml = bridge.convert(CONFIG.format(DISKS[1]), "xml", "conf", vmid=100, host=node).text
    other = Storage(id="other", type="zfspool", pool="rpool/data", content=frozenset({"images"}))
    there = bridge.HostFacts.load(None, storages={**bridge.HostFacts().storages, "other": other})
    assert "scsi0: other:vm-100-disk-0" in bridge.convert(xml, "conf", "xml", vmid=100, host=there).text


def test_no_secret_and_no_server_stands_in_the_metadata(node: bridge.HostFacts) -> None:
    xml = bridge.convert(CONFIG.format(DISKS[3]), "xml", "conf", vmid=100, host=node).text
    assert "192.0.2.9" not in xml
    assert "<virt-qm:storages>nfs: share" in xml


@pytest.mark.parametrize("text", ["rbd: a\n\tpool ../x\n", "x" * 70_000, "dir: evil\n\tpath /etc/../root\n", "hello"])
def test_what_is_no_storage_is_none(text: str, node: bridge.HostFacts) -> None:
    xml = bridge.convert(CONFIG.format(DISKS[1]), "xml", "conf", vmid=100, host=node).text
    start, end = xml.index("<virt-qm:storages>") + len("<virt-qm:storages>"), xml.index("</virt-qm:storages>")
    forged = xml[:start] + text + xml[end:]
    if len(text) > MAX_STORAGES:
        with pytest.raises(bridge.BridgeError, match="more than 65536 characters"):
            bridge.convert(forged, "conf", "xml", vmid=100)
    else:
        written = bridge.convert(forged, "conf", "xml", vmid=100).text
        assert "scsi0: /dev/zvol/rpool/data/vm-100-disk-0\n" in written
