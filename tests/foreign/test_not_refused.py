"""Ordinary domains are read, with a finding for what no config can hold; what is dangerous stays refused (security-rules S8, S10)."""

from __future__ import annotations

from typing import Any

import pytest

import bridge

UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
NS = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"


def convert(devices: str = "", head: str = "", os: str = "", args: bool | None = False, **host: Any) -> bridge.Result:
    xml = (
        f"<domain type='kvm' {NS}><name>a</name><uuid>{UUID}</uuid><memory unit='MiB'>1024</memory><vcpu>2</vcpu>"
        f"<os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type>{os}</os><features><acpi/><apic/></features>{head}"
        f"<devices>{devices}<memballoon model='none'/></devices></domain>"
    )
    return bridge.convert(xml, source="xml", to="conf", vmid=100, args=args, host=bridge.HostFacts(**host))


def keys(result: bridge.Result) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in result.text.splitlines() if not line.startswith("#"))


def file(path: str) -> str:
    return f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'/><target dev='vda' bus='virtio'/></disk>"


def block(path: str) -> str:
    return file(path).replace("type='file'", "type='block'").replace("source file", "source dev")


@pytest.mark.parametrize(
    "path",
    [
        "/var/run/kubevirt-private/vmi-disks/root/disk.img", "/run/vdsm/storage/a/b", "/run/media/me/stick/a.img",
        "/var/run/libvirt/cloud-init-dir/space/vm/noCloud.iso", "/var/run/kubevirt-ephemeral-disks/disk-data/c/disk.qcow2",
        "/var/run/kubevirt/hotplug-disks/data.img",
    ],
)  # fmt: skip
def test_an_image_below_run_that_others_mount_there(path: str) -> None:
    result = convert(file(path))
    assert keys(result)["virtio0"].startswith(f"{path},")
    assert [f.severity for f in result.findings if path in f.message] == ["data"]


@pytest.mark.parametrize(
    "nvram",
    [
        "<nvram>{}</nvram>",
        "<nvram template='/usr/share/OVMF/OVMF_VARS.fd'>{}</nvram>",
        "<nvram type='file'><source file='{}'/></nvram>",
    ],
)
def test_a_vm_of_unraid_that_keeps_its_firmwares_variables_below_etc(nvram: str) -> None:
    path = "/etc/libvirt/qemu/nvram/1b56d72c-4b5c-b736-cdb9-adcc676f1338_VARS-pure-efi.fd"
    loader = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>"
    result = convert(os=loader + nvram.format(path))
    assert keys(result)["efidisk0"].startswith(f"{path},")
    assert [f.severity for f in result.findings if path in f.message] == ["data"]


@pytest.mark.parametrize("path", ["/dev/rootdisk", "/dev/drbd/by-res/r0/0", "/dev/bcache0", "/dev/mmcblk0", "/dev/sda"])
def test_a_block_device_of_any_name(path: str) -> None:
    result = convert(block(path))
    assert keys(result)["virtio0"].startswith(path)
    assert [f.severity for f in result.findings if path in f.message] == ["data"]


@pytest.mark.parametrize(
    "path",
    [
        "/dev/mem", "/dev/null", "/dev/kvm", "/dev/tty1", "/run/docker.sock", "/run/libvirt/x", "/run/kubevirt/a.sock", "/proc/1/mem",
        "/etc/shadow",
    ],
)  # fmt: skip
def test_what_is_no_image_stays_refused(path: str) -> None:
    with pytest.raises(bridge.BridgeError, match=path):
        convert(block(path) if path.startswith("/dev") else file(path))


def test_the_directory_of_others_is_mapped_to_a_storage() -> None:
    storages = {"/run/vdsm/storage": "tank"}
    assert keys(convert(file("/run/vdsm/storage/vm-100-disk-0"), storage_map=storages))["virtio0"].startswith("tank:vm-100-disk-0")


@pytest.mark.parametrize("device", ["cdrom", "disk"])
def test_an_empty_file_name_is_an_empty_drive(device: str) -> None:
    drive = f"<disk type='file' device='{device}'><driver name='qemu'/><source file=''/><target dev='sda' bus='sata'/></disk>"
    if device == "cdrom":
        assert keys(convert(drive))["ide0"].startswith("none,media=cdrom")
    else:
        with pytest.raises(bridge.BridgeError, match="has no source"):
            convert(drive)


CARD = "<interface type='bridge'><mac address='52:54:00:00:01:01'/><source bridge='{}'/><model type='virtio'/></interface>"


@pytest.mark.parametrize("name", [";vdsmdummy;", "a name with blanks", "longer-than-a-bridge-can-be"])
def test_a_card_whose_bridge_can_be_none_hangs_on_none(name: str) -> None:
    result = convert(CARD.format(name))
    assert "bridge=" not in keys(result)["net0"]
    assert [f.kind for f in result.findings if name in f.message] == ["network-unknown"]
    assert keys(convert(CARD.format(name), bridge_map={name: "vmbr7"}))["net0"].endswith("bridge=vmbr7")


@pytest.mark.parametrize("name", ["vmbr0,firewall=1", "vm\u200bbr0", "a=b", "br&#10;args: -S"])
def test_a_bridge_that_would_be_another_option_stays_refused(name: str) -> None:
    with pytest.raises(bridge.BridgeError):
        convert(CARD.format(name))


def test_a_variable_of_qemus_environment_is_a_finding() -> None:
    result = convert(head="<qemu:commandline><qemu:env name='QEMU_AUDIO_DRV' value='none'/></qemu:commandline>")
    assert [f.severity for f in result.findings if "QEMU_AUDIO_DRV" in f.message] == ["host"]


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_LIBRARY_PATH", "QEMU_MODULE_DIR"])
def test_a_variable_that_loads_code_stays_refused(name: str) -> None:
    with pytest.raises(bridge.BridgeError, match=name):
        convert(head=f"<qemu:commandline><qemu:env name='{name}' value='/x'/></qemu:commandline>")


def test_raw_arguments_of_two_elements_are_joined() -> None:
    head = "".join(f"<qemu:commandline><qemu:arg value='{word}'/></qemu:commandline>" for word in ("-snapshot", "-no-shutdown"))
    assert keys(convert(head=head, args=True))["args"] == "-snapshot -no-shutdown"


def test_of_two_iommus_the_first_is_read() -> None:
    two = "<iommu model='intel'><driver intremap='on' caching_mode='on'/></iommu><iommu model='virtio'/>"
    result = convert(two)
    assert "viommu=intel" in keys(result)["machine"]
    assert any("virtio" in f.message and f.severity == "guest" for f in result.findings)


def test_a_kernel_of_the_hosts_own_goes_by_args() -> None:
    os = "<kernel>/boot/vmlinuz</kernel><initrd>/boot/initrd.img</initrd><cmdline>console=ttyS0</cmdline>"
    words = keys(convert(os=os, args=True))["args"]
    assert "-kernel /boot/vmlinuz -initrd /boot/initrd.img -append 'console=ttyS0'" in words.replace('"', "'") or "-kernel" in words


@pytest.mark.parametrize("path", ["/boot/../etc/shadow", "/etc/shadow", "/proc/kcore"])
def test_a_kernel_elsewhere_stays_out_of_args(path: str) -> None:
    assert path not in keys(convert(os=f"<kernel>{path}</kernel>", args=True)).get("args", "")
