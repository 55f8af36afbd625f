"""What moves is what the guest sees move: names of libvirt's that stand for the same place are not news."""

from __future__ import annotations

import pytest

import bridge

XML = """
<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory><vcpu>1</vcpu>
<os><type machine='{machine}'>hvm</type></os><devices>{devices}<memballoon model='none'/></devices></domain>
"""
DRIVE = (
    "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/vz/images/100/vm-100-disk-0.raw'/>"
    "<target dev='{dev}' bus='{bus}'/><address type='drive' controller='{controller}' bus='{at}' target='0' unit='{unit}'/></disk>"
)
IDE = DRIVE.format(dev="hda", bus="ide", controller=0, at=0, unit=0)
USB = "<controller type='usb' index='0'{}><address type='pci' domain='0' bus='0' slot='{}' function='{}'/></controller>"
SATA = DRIVE.format(dev="sda", bus="sata", controller=0, at=0, unit=0)


def moved(devices: str, machine: str = "pc-i440fx-10.0") -> list[str]:
    result = bridge.convert(XML.format(devices=devices, machine=machine), "conf", "xml", vmid=100)
    return [finding.message for finding in result.findings if finding.kind == "moved"]


@pytest.mark.parametrize(
    ("devices", "machine"),
    [
        (IDE + "<controller type='ide' index='0'/>", "pc-i440fx-10.0"),
        (
            IDE + "<controller type='ide' index='0'><address type='pci' domain='0' bus='0' slot='1' function='1'/></controller>",
            "pc-i440fx-10.0",
        ),
        (USB.format(" model='piix3-uhci'", 1, 2), "pc-i440fx-10.0"),
        ("<controller type='usb' index='0'/>", "pc-i440fx-10.0"),
        (
            SATA + "<controller type='sata' index='0'><address type='pci' domain='0' bus='0' slot='0x1f' function='2'/></controller>"
            "<controller type='usb' index='0' model='none'/>",
            "pc-q35-10.0",
        ),
    ],
)
def test_the_chipset_stays(devices: str, machine: str) -> None:
    assert moved(devices, machine) == []


def test_a_drive_of_an_adapter_without_a_place_keeps_its_lun() -> None:
    scsi = DRIVE.format(dev="sda", bus="scsi", controller=0, at=0, unit=1) + "<controller type='scsi' index='0' model='virtio-scsi'/>"
    assert [message for message in moved(scsi) if message.startswith("scsi1:")] == []


def test_ports_that_nothing_stands_on_are_no_loss() -> None:
    """virt-manager's domains have fourteen of them."""
    ports = "".join(
        f"<controller type='pci' index='{n}' model='pcie-root-port'><target chassis='{n}' port='{15 + n:#x}'/>"
        f"<address type='pci' domain='0' bus='0' slot='2' function='{n - 1}'/></controller>"
        for n in (1, 2, 3)
    )
    card = (
        "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='b'/><model type='virtio'/>"
        "<address type='pci' domain='0' bus='1' slot='0' function='0'/></interface><controller type='usb' model='none'/>"
    )
    assert [message[:16] for message in moved(ports + card, "pc-q35-10.0") if "controller" in message] == ["pci controller 1"]
    assert "pci" not in " ".join(moved(ports + "<controller type='usb' model='none'/>", "pc-q35-10.0"))


@pytest.mark.parametrize(
    ("devices", "what"),
    [
        ("<controller type='usb' index='0' model='nec-xhci'/>", "usb controller 0"),
        (USB.format("", 9, 0), "slot 0x09.0"),
        (IDE + USB.format("", 9, 1).replace("usb", "ide"), "slot 0x09.1"),
    ],
)
def test_another_kind_or_place_is_told(devices: str, what: str) -> None:
    assert any(what in message for message in moved(devices))
