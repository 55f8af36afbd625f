"""More of what was read otherwise than libvirt completes it: symptoms that other projects' domains showed."""

from __future__ import annotations

import pytest

import bridge
from tests.completed.test_symptoms import UUID, convert, disk, keys

USB2 = "".join(f"<controller type='usb' index='0' model='ich9-{model}'/>" for model in ("ehci1", "uhci1", "uhci2", "uhci3"))


@pytest.mark.parametrize("machine", ["pc-q35-10.0", "pc-i440fx-10.0"])
def test_usb_companions_without_a_master_are_not_controllers_that_are_there_twice(machine: str) -> None:
    """libvirt finds the master by the index."""
    assert keys(USB2 + disk("vda"), machine)["virtio0"]


def test_two_masters_of_one_index_stay_refused() -> None:
    with pytest.raises(bridge.BridgeError, match="usb controller 0 is there twice"):
        convert("<controller type='usb' index='0' model='qemu-xhci'/><controller type='usb' index='0' model='ich9-ehci1'/>")


CARD = "<interface type='bridge'><mac address='{}'/><source bridge='br0'/><model type='{}'/><driver name='vhost' queues='{}'/></interface>"


@pytest.mark.parametrize(("model", "queues", "said"), [("e1000", 5, False), ("virtio", 1, False), ("virtio", 4, True)])
def test_a_driver_does_nothing_for_a_card_that_is_not_virtio(model: str, queues: int, said: bool) -> None:
    result = convert(CARD.format("52:54:00:00:00:02", model, queues))
    assert (f",queues={queues}" in result.text) is said
    assert any("does nothing for this card" in f.message for f in result.findings) is not said


def test_a_mac_address_of_zeros_is_none() -> None:
    """libvirt draws one; so the config gets one."""
    assert "00:00:00:00:00:00" not in keys(CARD.format("00:00:00:00:00:00", "virtio", 1))["net0"]


@pytest.mark.parametrize("source", ["", "<source file=''/>", "<source startupPolicy='optional'/>"])
def test_an_empty_drive_with_error_policy_is_proved(source: str) -> None:
    drive = (
        f"<disk type='file' device='cdrom'><driver name='qemu' type='raw' error_policy='report'/>{source}"
        "<backingStore/><target dev='sda' bus='sata'/><readonly/></disk>"
    )
    result = convert(drive)
    assert [f for f in result.findings if f.kind in ("unproved", "unknown")] == []


def test_zeroes_of_a_cdrom_that_are_not_unmapped_are_proved() -> None:
    drive = disk("sda", "sata", "cdrom").replace("type='raw'", "type='raw' discard='ignore' detect_zeroes='unmap'")
    result = convert(drive)
    assert "detect_zeroes=1" in result.text
    assert [f for f in result.findings if f.kind == "unproved"] == []


def test_a_generation_id_that_libvirt_makes_up_is_one_of_the_config() -> None:
    """Without a line the guest would lose the device."""
    made = keys("", head="<genid/>")["vmgenid"]
    assert len(made) == len(UUID)
    assert made == keys("", head="<genid/>")["vmgenid"]


def test_variables_of_uefi_do_not_go_with_another_firmware() -> None:
    result = convert(disk("vda"), os="<nvram>/var/lib/libvirt/qemu/nvram/a_VARS.fd</nvram>")
    assert "efidisk0" not in result.text
    assert [f.severity for f in result.findings if "a_VARS.fd" in f.message] == ["note"]
    assert [f for f in result.findings if f.kind == "unproved"] == []


@pytest.mark.parametrize("loader", ["<loader secure='yes'/>", "<loader secure='no'/>", "<loader readonly='yes' type='pflash'/>"])
def test_firmware_that_libvirt_chooses_has_variables(loader: str) -> None:
    xml = convert_auto(loader)
    assert xml["efidisk0"].startswith("/var/lib/libvirt/qemu/nvram/a_VARS.fd,efitype=4m")


def convert_auto(loader: str) -> dict[str, str]:
    xml = (
        f"<domain type='kvm'><name>a</name><uuid>{UUID}</uuid><memory unit='MiB'>1024</memory><vcpu>2</vcpu><os firmware='efi'>"
        f"<type arch='x86_64' machine='pc-q35-10.0'>hvm</type>{loader}</os><features><acpi/><apic/></features><devices/></domain>"
    )
    text = bridge.convert(xml, to="conf", source="xml", vmid=100, args=False).text
    return dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_the_isa_machine_has_a_486() -> None:
    assert keys("", "isapc")["cpu"] == "486"


def test_a_boot_parameter_of_other_machines_is_a_finding() -> None:
    result = convert(disk("vda", inner="<boot order='1' loadparm='SYSTEM1'/>"))
    assert "order=virtio0" in result.text
    assert any("loadparm" in f.message for f in result.findings)
