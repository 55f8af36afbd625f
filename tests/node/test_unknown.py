"""Off a node nothing is invented: what nobody told is left out or assumed, and said once with the key that settles it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import bridge
from bridge.cli import main
from bridge.host.mapping import read_directory_mappings, read_pci_mappings, read_usb_mappings

SAMPLES = Path(__file__).parents[2] / "samples"


def findings(config: str, to: bridge.Format, host: bridge.HostFacts | None = None) -> list[bridge.Finding]:
    return bridge.convert(config, to, "conf", vmid=100, host=host or bridge.HostFacts()).findings


@pytest.mark.parametrize("to", ["xml", "argv"])
@pytest.mark.parametrize("device", ["0000:41:00", "41:00", "41:00;42:00.1", "41:00,pcie=1"])
def test_function_0_alone_stood_for_a_device(to: bridge.Format, device: str) -> None:
    config = f"hostpci0: {device}\nmachine: pc-q35-10.0\nmemory: 512\n"
    result = bridge.convert(config, to, "conf", vmid=100)
    found = [finding for finding in result.findings if finding.kind == "resource-unknown"]
    assert [finding.severity for finding in found] == ["data"]
    assert "--host-fact pci.present=0000:41:00.0,0000:41:00.1" in found[0].hint
    assert "vfio" not in result.text
    known = bridge.HostFacts(pci=bridge.HostFacts().with_facts(["pci.present=0000:41:00.0,0000:41:00.1,0000:42:00.1"]).pci)
    assert "vfio" in bridge.convert(config, to, "conf", vmid=100, host=known).text


def test_a_function_that_is_named_is_believed() -> None:
    assert any(word.startswith("vfio-pci,host=0000:41:00.3") for word in bridge.convert("hostpci0: 41:00.3\n", "argv", "conf").argv or [])


@pytest.mark.parametrize("line", ["virtio0: tank:vm-100-disk-0", "scsi0: nfs:100/vm-100-disk-0.qcow2", "tpmstate0: tank:vm-100-disk-0"])
def test_a_storage_that_nobody_told_of_did_not_exist(line: str) -> None:
    found = findings(f"{line}\nmemory: 512\n", "xml")
    assert any("is not in the host facts" in finding.message for finding in found)
    assert not any("does not exist" in finding.message for finding in found)


def test_a_storage_that_the_facts_lack_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "storage.cfg").write_text("dir: local\n\tpath /var/lib/vz\n\tcontent images\n")
    host = bridge.HostFacts.load(tmp_path)
    assert any("storage 'tank' does not exist" in finding.message for finding in findings("virtio0: tank:vm-100-disk-0\n", "xml", host))
    with pytest.raises(bridge.BridgeError, match="storage 'tank' does not exist"):
        findings("virtio0: tank:vm-100-disk-0\n", "argv", host)


@pytest.mark.parametrize("to", ["xml", "argv"])
def test_an_mtu_was_made_up(to: bridge.Format) -> None:
    config = "memory: 512\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr7\nnet1: virtio=BC:24:11:00:00:02,bridge=vmbr7\n"
    found = [f for f in findings(config, to) if f.kind == "assumed" and "bridge_mtu.vmbr7" in f.hint]
    assert len(found) == 1
    assert not [f for f in findings(config, to, bridge.HostFacts(bridge_mtu={"vmbr7": 9000})) if "bridge_mtu" in f.hint]
    assert not [f for f in findings(config.replace("virtio=", "e1000="), to) if "bridge_mtu" in f.hint]


PCI_CFG = "gpu\n\tmap node=a,path=0000:01:00.0,id=10de:2231,iommugroup=1\n"
BOTH = PCI_CFG + "\tmap node=b,path=0000:02:00.0,id=10de:2231,iommugroup=1\n"


def test_a_node_was_called_localhost() -> None:
    """Mappings for one node count; of several nodes this one must be named. A message names no node that nobody named."""
    config = "hostpci0: mapping=gpu\nmemory: 512\n"
    one = bridge.HostFacts(pci_mappings=read_pci_mappings(PCI_CFG, "pci.cfg", []))
    assert any("host=0000:01:00.0" in word for word in bridge.convert(config, "argv", "conf", host=one).argv or [])
    several = bridge.HostFacts(pci_mappings=read_pci_mappings(BOTH, "pci.cfg", []))
    assert [f.hint for f in findings(config, "xml", several) if f.kind == "resource-unknown"] == [
        "say which node it is of a, b: --host-fact nodename=a"
    ]
    named = bridge.HostFacts(nodename="b", pci_mappings=several.pci_mappings)
    assert any("host=0000:02:00.0" in word for word in bridge.convert(config, "argv", "conf", host=named).argv or [])
    with pytest.raises(bridge.BridgeError) as refused:
        findings("machine: pc-i440fx-10.1\n", "argv", bridge.HostFacts(qemu_version="10.0.2"))
    assert refused.value.message.endswith("please upgrade the node")


def test_siblings_of_the_mapping() -> None:
    usb = bridge.HostFacts(usb_mappings=read_usb_mappings("stick\n\tmap node=a,id=0627:0001\n\tmap node=b,id=0627:0002\n", "usb.cfg", []))
    assert any("nodename=a" in finding.hint for finding in findings("usb0: mapping=stick\nostype: l26\n", "xml", usb))
    text = "home\n\tmap node=a,path=/srv/a\n\tmap node=b,path=/srv/b\n"
    directory = bridge.HostFacts(directory_mappings=read_directory_mappings(text, "directory.cfg", []))
    assert any("nodename=a" in finding.hint for finding in findings("virtiofs0: home\n", "xml", directory))


@pytest.mark.parametrize("sample", ["iothreads.conf", "fleet/101.conf"])
def test_diff_said_that_a_sample_and_its_own_xml_differ(sample: str, tmp_path: Path) -> None:
    run = CliRunner()
    made = run.invoke(main, ["to-xml", str(SAMPLES / sample), "-o", str(tmp_path / "a.xml"), "--report", "none"])
    assert made.exit_code == 0, made.output
    result = run.invoke(main, ["diff", str(SAMPLES / sample), str(tmp_path / "a.xml")])
    assert result.exit_code == 0, result.output


def test_dash_is_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["to-xml", str(SAMPLES / "iothreads.conf"), "-o", "-", "--report", "none"])
    assert result.output.startswith("<domain")
    assert list(tmp_path.iterdir()) == []


def test_nested_virtualisation_was_dropped_as_if_the_host_had_none() -> None:
    found = findings("cpu: EPYC,flags=+nested-virt\n", "argv")
    assert [f.hint for f in found if f.kind == "resource-unknown"] == ["--host-fact cpu_flags=vmx, or svm"]
    words = bridge.convert("cpu: EPYC,flags=+nested-virt\n", "argv", "conf", host=bridge.HostFacts(cpu_flags=["svm"])).argv or []
    assert "+svm" in words[words.index("-cpu") + 1]
    assert any("unable to resolve" in f.message for f in findings("cpu: EPYC,flags=+nested-virt\n", "argv", bridge.HostFacts(cpu_flags=[])))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("memory: 512\nscsi0: tank:vm-1-disk-0\n", "a:2: scsi0: storage 'tank'{}give the node's storage.cfg: --host DIR"),
        ("ide2: nas:iso/a.iso,media=cdrom\nmachine: pc-i440fx-9.0\n", "a:1: ide2: storage 'nas'{}give the node's storage.cfg"),
        ("bios: ovmf\nefidisk0: tank:vm-1-disk-0,efitype=4m\n", "a:2: efidisk0: storage 'tank'{}give the node's storage.cfg"),
        ("memory: 512\nhostpci0: mapping=gpu\n", "a:2: hostpci0: the PCI device mapping 'gpu'{}give the cluster's mapping/pci.cfg"),
        ("memory: 512\nusb0: mapping=cam\n", "a:2: usb0: the USB device mapping 'cam'{}give the cluster's mapping/usb.cfg"),
    ],
)
def test_an_error_off_the_node_named_no_line_and_no_cure(config: str, message: str) -> None:
    with pytest.raises(bridge.BridgeError) as error:
        bridge.convert(config, "argv", "conf", vmid=100, file="a")
    assert str(error.value).startswith(message.format(" is not in the host facts: "))
