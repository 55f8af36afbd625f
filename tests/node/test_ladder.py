"""What a machine's version, and the version of QEMU, change on qemu-server's command line: the last one before, and the first one with it.

Facts: `min_version` and `$kvmver` in QemuServer.pm and its modules, and the command lines of the releases themselves.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

import bridge
from tests.option_samples import HOST, VMID
from tests.rungs import Rung, check

NET = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n"


MACHINES = [
    Rung("", "2.2", "2.3", r"-device pci-bridge,id=pci\.2,chassis_nr=2,bus=pci\.0,addr=0x1f"),
    Rung("", "2.2", "2.3", r"\+kvm_pv_eoi,\+kvm_pv_unhalt"),
    Rung("ostype: win10\n", "2.2", "2.3", "hv_time", "hv_spinlocks=0xffff"),
    Rung("ostype: win10\n", "2.2", "2.3", "hv_spinlocks=0x1fff"),
    Rung(NET, "2.3", "2.4", "", r"romfile=pxe-virtio\.rom"),
    Rung("ostype: win10\n", "2.5", "2.6", "hv_vpindex"),
    Rung("ostype: win7\n", "2.5", "2.6", "hv_runtime"),
    Rung("hotplug: cpu\nvcpus: 2\ncores: 4\n", "2.6", "2.7", r"-smp 1,sockets=1,cores=4,maxcpus=4 .*-device kvm64-x86_64-cpu,id=cpu2,"),
    Rung("", "2.8", "2.9", "-device VGA,", "-device cirrus-vga,"),
    Rung("", "2.11", "2.12", "chardev=qmp-event,mode=control"),
    Rung("ostype: win10\n", "2.11", "2.12", "hv_synic"),
    Rung("ostype: win10\n", "3.0", "3.1", "hv_ipi"),
    Rung("machine: q35\n", "3.1", "4.0", r"pve-q35-4\.0\.cfg", r"pve-q35\.cfg"),
    Rung("usb0: spice,usb3=1\nvga: qxl\n", "3.1", "4.0", r"usb-redir,[^ ]*bus=xhci\.0", r"usb-redir,[^ ]*bus=ehci\.0"),
    Rung("audio0: device=intel-hda\n", "3.1", "4.0", "-device intel-hda,"),
    Rung("vga: qxl2\n", "4.0", "4.1+pve0", "max_outputs=4"),
    Rung("rng0: source=/dev/urandom\n", "4.1+pve1", "4.1+pve2", "-device virtio-rng-pci,"),
    Rung("bios: ovmf\nefidisk0: local-lvm:vm-100-disk-0,size=4M\n", "4.1+pve1", "4.1+pve2", "size=131072"),
    Rung("audio0: device=intel-hda\n", "4.1+pve2", "4.2", "audiodev=spice-backend0"),
    Rung("", "6.1", "6.2", "free-page-reporting=on"),
    Rung("ostype: win10\nusb0: host=1-2\n", "7.0", "7.1", "-device qemu-xhci,", r"pve-usb\.cfg"),
    Rung(NET, "7.0", "7.1", "rx_queue_size=1024,tx_queue_size=256"),
    Rung("", "9.2+pve0", "9.2+pve1", r"PIIX4_PM\.disable_s3=1 -global PIIX4_PM\.disable_s4=1"),
    Rung("virtio0: local-lvm:vm-100-disk-0\n", "9.2+pve1", "10.0+pve0", "-blockdev", "-drive file="),
    Rung(f"{NET}ostype: l26\n", "10.0+pve1", "10.1", "hpet=off"),
    Rung(NET, "11.0+pve0", "11.0+pve1", "host_tunnel=off"),
    Rung("cpu: host\n", "10.2", "11.0+pve0", "", "-vmx-mbec"),
    Rung("ostype: win11\ncpu: host\n", "11.0+pve1", "11.0+pve2", "hv_evmcs"),
]
QEMUS = [
    Rung("", "9.1.2", "9.2.0", "reconnect-ms=5000", r"reconnect=5\b"),
    Rung("", "9.1.2", "9.2.0", r"type=pc\+pve1"),
    Rung("", "9.2.0", "10.0.0", r"type=pc\+pve0", r"type=pc\+pve1"),
    Rung("", "10.2.0", "11.0.0", "", "debug-threads=on"),
]
CREATED = [("9.0.9", "5.1+pve0"), ("9.1.0", "9.1+pve0"), ("10.0.2", "10.0+pve0")]
"""`creation-qemu` of a Windows VM without a version, and the machine that it has: from 9.1 on the one that it was made with."""


def line(config: str, machine: str = "", qemu: str = "11.0.0") -> str:
    base = "pc-q35" if "q35" in config else "pc-i440fx"
    config = config if not machine else f"machine: {base}-{machine}\n{config.replace('machine: q35' + chr(10), '')}"
    return " ".join(bridge.convert(config, "argv", "conf", vmid=VMID, host=replace(HOST, qemu_version=qemu)).argv or [])


@pytest.mark.parametrize("rung", MACHINES)
def test_what_a_machines_version_brings(rung: Rung) -> None:
    check(rung, line(rung.config, rung.before), line(rung.config, rung.since))


@pytest.mark.parametrize("rung", QEMUS)
def test_what_the_version_of_qemu_brings(rung: Rung) -> None:
    check(rung, line(rung.config, qemu=rung.before), line(rung.config, qemu=rung.since))


@pytest.mark.parametrize(("created", "machine"), CREATED)
def test_windows_stays_at_the_machine_that_it_was_made_with(created: str, machine: str) -> None:
    assert f"type=pc-i440fx-{machine}" in line(f"ostype: win10\nmeta: creation-qemu={created}\n")


def test_more_than_fourteen_scsi_disks() -> None:
    for number, machine, there in ((13, "4.0", True), (14, "4.1+pve1", False), (14, "4.1+pve2", True)):
        config = f"scsi{number}: local-lvm:vm-100-disk-0\n"
        if there:
            assert f"id=scsi{number}" in line(config, machine)
        else:
            with pytest.raises(bridge.BridgeError, match="more than 14 SCSI disks"):
                line(config, machine)
