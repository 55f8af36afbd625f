"""A node has one QEMU: what its version decides, it decides for every word. And which of several faults qemu-server tells.

Rows of our own; what stands beside them is what qemu-server 9.2.6 itself said to them, with one QEMU of that version.
"""

from __future__ import annotations

import pytest

import bridge

OLD = bridge.HostFacts(qemu_version="9.2.0", nodename="n1", bridge_mtu={"vmbr0": 1500}, render_node=False, cpus=4, numa_nodes=4)
NEW = bridge.HostFacts(qemu_version="11.0.2", nodename="n1", bridge_mtu={"vmbr0": 1500}, render_node=False, cpus=4, numa_nodes=4)


def devices(config: str, host: bridge.HostFacts) -> list[str]:
    words = bridge.convert(config, "argv", "conf", vmid=100, host=host).argv or []
    return [words[n + 1] for n, word in enumerate(words) if word == "-device"]


DRIVES = [
    # a drive, its device on QEMU 9.2 and on 11.0; the machine has no version, so QEMU's own counts
    (
        "scsi0: local:100/vm-100-disk-0.raw,serial=A",
        "scsi-hd,bus=scsihw0.0,channel=0,scsi-id=0,lun=0,drive=drive-scsi0,id=scsi0,serial=A",
        "scsi-hd,bus=scsihw0.0,channel=0,scsi-id=0,lun=0,drive=drive-scsi0,id=scsi0,device_id=drive-scsi0,serial=A,write-cache=on",
    ),
    (
        "virtio0: local:100/vm-100-disk-0.raw,cache=writethrough,rerror=stop",
        "virtio-blk-pci,drive=drive-virtio0,id=virtio0,bus=pci.0,addr=0xa",
        "virtio-blk-pci,drive=drive-virtio0,id=virtio0,bus=pci.0,addr=0xa,write-cache=off,rerror=stop",
    ),
    ("ide2: none,media=cdrom", "ide-cd,bus=ide.1,unit=0,drive=drive-ide2,id=ide2", "ide-cd,bus=ide.1,unit=0,id=ide2"),
    (
        "sata1: local:100/vm-100-disk-0.raw",
        "ide-hd,bus=ahci0.1,drive=drive-sata1,id=sata1",
        "ide-hd,bus=ahci0.1,drive=drive-sata1,id=sata1,write-cache=on",
    ),
]


@pytest.mark.parametrize("machine", ["", "machine: pc\n", "ostype: l26\n"])
@pytest.mark.parametrize(("drive", "old", "new"), DRIVES)
def test_a_machine_without_a_version_had_devices_of_another_qemu(machine: str, drive: str, old: str, new: str) -> None:
    config = f"{machine}scsihw: virtio-scsi-pci\nboot: \n{drive}\n"
    assert old in devices(config, OLD)
    assert new in devices(config, NEW)


def test_a_machine_with_a_version_has_its_own() -> None:
    config = "machine: pc-i440fx-9.1\nvirtio0: local:100/vm-100-disk-0.raw\n"
    assert devices(config, OLD) == devices(config, NEW)


USB5 = "using usb5 is only possible with machine type >= 7.1 and ostype l26 or windows > 7"
FAULTS = [
    # two faults each; the one that qemu-server finds first
    ("usb5: spice\nhostpci0: 01:00.0,pcie=1", USB5),
    ("usb5: spice\nvga: virtio-gl", USB5),
    ("hostpci0: mapping=gpu,host=01:00.0\nusb0: Spice", "Cannot set both 'host' and 'mapping'."),
    ("usb0: Spice\nvga: serial2,clipboard=vnc", "no usb id or path given"),
    ("vga: serial2,clipboard=vnc\nhugepages: 2", "numa needs to be enabled to use hugepages"),
    ("vga: virtio-gl\nhugepages: 2", "no DRM render node detected (/dev/dri/renderD*), no GPU? - needed for 'virtio-gl' display"),
    ("vga: virtio-gl\ncores: 9", "MAX 4 vcpus allowed per VM on this node"),
    ("vga: serial2,clipboard=vnc\nscsi0: none", "vga type serial2 is not compatible with VNC clipboard"),
    ("machine: q36\nbios: ovmf\ncpu: athlon\nusb5: spice", "OVMF (UEFI) BIOS is not supported on 32-bit CPU types"),
    ("machine: pc-i440fx-99.0\nvirtio0: local:100/odd", "unable to parse volume filename 'odd'"),
    ("virtio0: local:import/a.qcow2\nusb5: spice", "storage 'local' does not support content-type 'import'"),
    ("arch: aarch64\ncpu: kvm64\nhugepages: 2", "CPU model 'kvm64' does not exist for configured vCPU architecture 'aarch64'"),
    ("arch: aarch64\nhotplug: cpu\ncores: 2\ncpu: kvm64", "Hotplug of non x86_64 CPU not yet supported"),
    ("virtiofs0: home\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0,mtu=9000", "netdev net0: MTU '9000' is bigger than"),
]


@pytest.mark.parametrize(("lines", "message"), FAULTS)
@pytest.mark.parametrize("back", [False, True])
def test_another_fault_was_told_than_qemu_server_finds(lines: str, message: str, back: bool) -> None:
    """Whatever the order of the lines."""
    config = "\n".join(reversed(lines.split("\n")) if back else lines.split("\n")) + "\n"
    with pytest.raises(bridge.BridgeError) as refused:
        bridge.convert(config, "argv", "conf", vmid=100, host=NEW)
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize("snapshot", ["nosuch", "s2"])
def test_a_snapshot_that_is_not_there_is_told_in_qemu_servers_words(snapshot: str) -> None:
    with pytest.raises(bridge.BridgeError, match=f"snapshot '{snapshot}' does not exist: the config has s1"):
        bridge.convert("memory: 512\n\n[s1]\nmemory: 512\n", "argv", "conf", snapshot=snapshot)


@pytest.mark.parametrize(
    ("line", "word"), [("serial0: socket # note", "serial"), ("serial1: /tmp/a", "serial"), ("parallel0: x", "parallel")]
)
def test_a_port_that_is_no_device_is_told_in_qemu_servers_words(line: str, word: str) -> None:
    with pytest.raises(bridge.BridgeError, match=f"no such {word} device: "):
        bridge.convert(line + "\n", "argv", "conf")


NUMA = "memory: 512\nnuma: 1\nnuma0: cpus=0,memory=512,hostnodes={}\n"


@pytest.mark.parametrize(
    ("nodes", "qemu", "reference"), [("0;2", "host-nodes=0,host-nodes=2", "02"), ("1;3", "host-nodes=1,host-nodes=3", "1,3"),
                                     ("0-1;3", "host-nodes=0-1,host-nodes=3", "0-1,3")],
)  # fmt: skip
def test_host_nodes_were_written_as_qemu_refuses_them(nodes: str, qemu: str, reference: str) -> None:
    result = bridge.convert(NUMA.format(f"{nodes},policy=bind"), "argv", "conf", vmid=100, host=NEW)
    assert any(f",{qemu},policy=bind" in word for word in result.argv or [])
    assert [f.kind for f in result.findings if f"host-nodes={reference}," in f.message] == ["lint"]
    with pytest.raises(bridge.BridgeError, match=f"you need to define a policy for hostnode {reference}"):
        bridge.convert(NUMA.format(nodes), "argv", "conf", vmid=100, host=NEW)


def test_one_range_of_host_nodes_has_no_finding() -> None:
    result = bridge.convert(NUMA.format("0-1,policy=bind"), "argv", "conf", vmid=100, host=NEW)
    assert not [f for f in result.findings if "host-nodes" in f.message]


@pytest.mark.parametrize("machine", ["pc-i440fx-2.1", "pc-i440fx-2.2", "pc-i440fx-2.3"])
def test_old_machines_lacked_pci_1(machine: str) -> None:
    found = devices(f"machine: {machine}\nmemory: 512\n", NEW)
    assert "pci-bridge,id=pci.1,chassis_nr=1,bus=pci.0,addr=0x1e" in found
    assert any("id=pci.2," in device for device in found) == (machine == "pc-i440fx-2.3")


@pytest.mark.parametrize(("text", "word"), [("048", "048"), ("current=0512", "0512"), ("512", "512"), ("current=512", "512")])
def test_the_text_of_memory_was_made_a_number(text: str, word: str) -> None:
    words = bridge.convert(f"memory: {text}\n", "argv", "conf", host=NEW).argv or []
    assert words[words.index("-m") + 1] == word


@pytest.mark.parametrize(("ostype", "windows"), [("win2025", True), ("win2022", True), ("win0", False), ("winxp", False), ("w2k19", False)])
def test_a_windows_that_the_schema_does_not_know(ostype: str, windows: bool) -> None:
    words = bridge.convert(f"ostype: {ostype}\nmemory: 512\n", "argv", "conf", host=NEW).argv or []
    assert ("driftfix=slew,base=localtime" in words) == windows
    assert any("type=pc-i440fx-5.1+pve0" in word for word in words) == windows
    assert ("hv_relaxed" in words[words.index("-cpu") + 1]) == windows


CARD = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0{}\n"
SNAPSHOT = "memory: 512\n\n[s1]\nmemory: 512\nsnaptime: 1700000000\n"


@pytest.mark.parametrize(
    ("mtu", "running", "wanted"),
    [(",mtu=1400", "net0=1450", "1450"), (",mtu=1400", "net0=0", ""), (",mtu=1400", "net1=1450", "1400"), ("", "net0=1450", "1450"),
     (",mtu=1400", "net0=1", "1500"), ("", "net0=0", "")],
)  # fmt: skip
def test_what_a_saved_card_was_told_wins_over_mtu(mtu: str, running: str, wanted: str) -> None:
    config = SNAPSHOT + CARD.format(mtu) + f"running-nets-host-mtu: {running}\n"
    words = bridge.convert(config, "argv", "conf", vmid=100, host=NEW, snapshot="s1").argv or []
    card = next(word for word in words if word.startswith("virtio-net-pci"))
    assert card.partition("host_mtu=")[2].partition(",")[0] == wanted


def test_a_drive_with_two_faults_was_told_of_one() -> None:
    result = bridge.convert("virtio0: local:100/vm-100-disk-0.raw,mbps_wr_max=9,iops_max_length=3\n", "argv", "conf", vmid=100, host=NEW)
    assert any("mbps_wr_max requires mbps_wr, iops_max_length requires iops_max" in f.message for f in result.findings)


@pytest.mark.parametrize("affinity", ["2,5,8-11", "2,5", "0-1,3"])
def test_a_set_in_affinity_gets_a_hint(affinity: str) -> None:
    config = f"iothreads: 2,affinity={affinity}\nmemory: 512\n"
    with pytest.raises(bridge.BridgeError, match="affinity= holds one CPU or one range"):
        bridge.convert(config, "xml", "conf", vmid=100)
    result = bridge.convert(config, "argv", "conf", vmid=100)
    assert any("one range" in f.hint for f in result.findings if f.kind == "bad-line")
