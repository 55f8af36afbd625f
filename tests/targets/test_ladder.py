"""What the target's libvirt and its QEMU change in the domain: the last version before, and the first one that has the element.

Facts: "since" in libvirt's formatdomain and its news, and QEMU's changelogs.
"""

from __future__ import annotations

import pytest

import bridge
from bridge.core.report import Report
from bridge.data.gates import Target
from bridge.model.controller import Controller
from bridge.model.iothread import ServedBy
from bridge.model.vm import VM
from bridge.passes.gate import gate
from tests.option_samples import HOST, VMID
from tests.rungs import Rung, check

NET = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0"
DISK = "local-lvm:vm-100-disk-0"
FILE = "local:100/vm-100-disk-1.raw"
POOL = "cores: 4\niothreads: 2\n"
SNP = "bios: ovmf\nmachine: q35\ncpu: EPYC-Milan\namd-sev: type=snp\n"
TDX = "bios: ovmf\nmachine: q35\nintel-tdx: tdx,attestation=0\n"
LIBVIRT, QEMU = "12.9", "11.1"
"""Younger than all rungs."""


LIBVIRTS = [
    Rung("", "6.8", "6.9", 'freePageReporting="on"'),
    Rung(f"tpmstate0: {FILE},version=v2.0\n", "6.12", "7.0", 'persistent_state="yes"'),
    Rung(f"ide0: {DISK},ssd=1\n", "7.2", "7.3", 'rotation_rate="1"'),
    Rung("vga: std,clipboard=vnc\n", "8.3", "8.4", '<channel type="qemu-vdagent">'),
    Rung("startdate: 2006-06-17T16:01:21\n", "8.3", "8.4", r'<clock offset="absolute" start="1150560081"/>', '<clock offset="utc"/>'),
    Rung(f"bios: ovmf\nefidisk0: {FILE}\n", "8.4", "8.5", '<nvram type="file"', "<nvram>/var"),
    Rung(f"ide0: {DISK},model=QUICK\n", "8.1", "8.2", "<qemu:override>"),
    Rung("cpu: x86-64-v2-AES,phys-bits=44\n", "8.6", "8.7", '<maxphysaddr mode="emulate" bits="44"/>', r"phys-bits=44"),
    Rung(f"bios: ovmf\nefidisk0: {FILE}\n", "9.1", "9.2", '<loader readonly="yes" type="pflash" format="raw">'),
    Rung("machine: pc-i440fx-10.0\nvirtio0: chained:100/vm-100-disk-0.qcow2\n", "9.4", "9.5", 'discard_no_unref="on"'),
    Rung(f"{POOL}virtio0: {DISK},iothread=1\n", "9.11", "10.0", r'<iothread id="2"/>\s*</iothreads>\s*</driver>', 'iothread="1"'),
    Rung(SNP, "10.4", "10.5", '<launchSecurity type="sev-snp"', "sev-snp-guest"),
    Rung(f"bios: ovmf\nefidisk0: {DISK}\n", "10.9", "10.10", "", "does not start with variables on"),
    Rung(f"tpmstate0: {FILE},version=v2.0\n", "10.9", "10.10", r'<source type="file" path="[^"]*disk-1\.raw"/>'),
    Rung(f"{NET},tag=7\n", "10.11", "11.0", r'<vlan>\s*<tag id="7"/>'),
    Rung(f"ide0: {DISK},model=QUICK\n", "11.0", "11.1", "<product>QUICK</product>", 'value="QUICK"'),
    Rung("virtio0: hyper:vm-100-disk-0\n", "11.5", "11.6", "", "this libvirt cannot open 'vms/ns/vm-100-disk-0'"),
    Rung(TDX, "11.5", "11.6", '<launchSecurity type="tdx"/>', "tdx-guest"),
    Rung("vga: virtio\n", "12.4", "12.5", r'<model type="virtio" device="virtio-vga"'),
    Rung("ostype: win11\nbios: seabios\nvga: std\n", "12.7", "12.8", 'edid="off"'),
]
QEMUS = [
    Rung("machine: pc-i440fx-10.0\nvirtio0: chained:100/vm-100-disk-0.qcow2\n", "8.0", "8.1", 'discard_no_unref="on"'),
    Rung("hostpci0: mapping=movable\n", "8.0", "8.1", "migration"),
    Rung(f"{POOL}virtio0: {DISK},iothread=1\n", "8.2", "9.0", r'<iothread id="2"/>\s*</iothreads>\s*</driver>', 'iothread="1"'),
    Rung("machine: q35,viommu=virtio,aw-bits=48\n", "8.2", "9.0", "", "a width of its own, not 48 bits"),
    Rung("cpu: kvm64,guest-phys-bits=40\n", "9.0", "9.1", "", "knows no guest-phys-bits=40"),
    Rung(TDX, "10.0", "10.1", '<launchSecurity type="tdx"/>', "tdx-guest"),
    Rung(f"machine: pc-i440fx-11.0+pve1\n{NET}\n", "10.1", "10.2", 'name="host_tunnel" type="bool" value="false"'),
    Rung("machine: pc\nostype: win11\ncpu: host\n", "10.2", "11.0", "cet-ibt=off"),
]


def xml(config: str, libvirt: str = LIBVIRT, qemu: str = QEMU) -> str:
    config = config if "machine:" in config else f"machine: pc-i440fx-7.2\n{config}"
    made = bridge.convert(config, "xml", "conf", vmid=VMID, host=HOST, libvirt=libvirt, qemu=qemu, metadata=False)
    return "\n".join((made.text, *(finding.message for finding in made.findings)))


@pytest.mark.parametrize("rung", LIBVIRTS)
def test_what_a_libvirt_brings(rung: Rung) -> None:
    check(rung, xml(rung.config, libvirt=rung.before), xml(rung.config, libvirt=rung.since))


@pytest.mark.parametrize("rung", QEMUS)
def test_what_a_qemu_brings(rung: Rung) -> None:
    check(rung, xml(rung.config, qemu=rung.before), xml(rung.config, qemu=rung.since))


@pytest.mark.parametrize(
    ("libvirt", "qemu", "there"), [((11, 1), (10, 0), False), ((11, 2), (9, 2), False), ((11, 2), (10, 0), True), ((11, 2), (9, 9), False)]
)
def test_queues_of_a_scsi_controller(libvirt: tuple[int, ...], qemu: tuple[int, ...], there: bool) -> None:
    """Several iothreads from libvirt 11.2 and QEMU 10.0 on; before, the second device has the second one."""
    both = [ServedBy(1), ServedBy(2)]
    controllers = [Controller(type="scsi", key=f"virtioscsi{n}", where=n, served_by=both) for n in range(2)]
    report = Report()
    found = gate(VM(controllers=controllers), Target(libvirt, qemu), report).controllers
    assert [each.served_by for each in found] == ([both, both] if there else [[both[0]], [both[1]]])
    assert [finding.kind for finding in report] == ([] if there else ["fallback", "fallback"])
