"""A finding is for the guest only where the guest's hardware is meant."""

from __future__ import annotations

import pytest

import bridge

UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
DISK = (
    "<disk type='file' device='disk'><driver name='qemu' type='raw'{}/><source file='/img/a.img'{}/>"
    "<target dev='vda' bus='virtio'{}/></disk>"
)
COUNTED = DISK.format("", "", "").replace("'raw'/>", "'raw'><statistics><statistic interval='10'/></statistics></driver>")
HOSTDEV = (
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='0x41' slot='0' function='0'/></source>{}</hostdev>"
)


def findings(devices: str = "", head: str = "", features: str = "") -> list[bridge.Finding]:
    xml = (
        f"<domain type='kvm'><name>a</name><uuid>{UUID}</uuid><memory unit='MiB'>1024</memory><vcpu>2</vcpu>"
        f"<os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os><features><acpi/><apic/>{features}</features>{head}"
        f"<devices>{devices}<memballoon model='none'/></devices></domain>"
    )
    return list(bridge.convert(xml, source="xml", to="conf", vmid=100, args=False).findings)


def told(word: str, devices: str = "", head: str = "", features: str = "") -> set[str]:
    """Severities of the findings that name this word."""
    return {finding.severity for finding in findings(devices, head, features) if word in finding.message}


DEFAULTS = {
    "cache": DISK.format(" cache='default'", "", ""),
    "copy_on_read": DISK.format(" copy_on_read='off'", "", ""),
    "event_idx": DISK.format(" event_idx='on'", "", ""),
    "startupPolicy": DISK.format("", " startupPolicy='mandatory'", ""),
    "tray": DISK.format("", "", " tray='closed'"),
    "accel3d": "<video><model type='vga'><acceleration accel3d='no'/></model></video>",
    "accel2d": "<video><model type='qxl'><acceleration accel2d='no' accel3d='no'/></model></video>",
    "name='qemu'": "<video><model type='virtio'/><driver name='qemu'/></video>",
    "gl": "<graphics type='spice' autoport='yes'><gl enable='no'/></graphics>",
    "protocol": "<serial type='tcp'><source mode='bind' host='h' service='1'/><protocol type='raw'/><target port='0'/></serial>",
    "autodeflate": "<memballoon model='virtio' autodeflate='off'/>",
}


@pytest.mark.parametrize("word", DEFAULTS)
def test_a_default_that_is_spelled_out_is_no_finding(word: str) -> None:
    devices = DEFAULTS[word]
    assert told(word, devices if "memballoon" not in devices else "") == set()


@pytest.mark.parametrize(
    ("word", "head", "features"),
    [
        ("tsc", "<clock offset='utc'><timer name='tsc' mode='native'/></clock>", ""),
        ("tsc", "<clock offset='utc'><timer name='tsc' present='yes'/></clock>", ""),
        ("track", "<clock offset='utc'><timer name='rtc' tickpolicy='catchup' track='wall'/></clock>", ""),
        ("ioapic", "", "<ioapic driver='kvm'/>"),
        ("ps2", "", "<ps2 state='on'/>"),
        ("async-teardown", "", "<async-teardown enabled='no'/>"),
    ],
)
def test_a_default_of_the_domain_that_is_spelled_out_is_no_finding(word: str, head: str, features: str) -> None:
    assert told(word, head=head, features=features) == set()


@pytest.mark.parametrize(
    ("word", "devices", "features"),
    [
        ("statistic", COUNTED, ""),
        ("startupPolicy", DISK.format("", " startupPolicy='optional'", ""), ""),
        ("iommufd", HOSTDEV.format("<driver iommufd='yes'/>"), ""),
        ("iommufd", HOSTDEV.format("<driver name='vfio' iommufd='no'/>"), ""),
        ("rendernode", "<video><model type='virtio'><acceleration accel3d='yes' rendernode='/dev/dri/r'/></model></video>", ""),
        ("shareBacking", DISK.format("", "", "").replace("</disk>", "<transient shareBacking='yes'/></disk>"), ""),
        ("<actual", "<interface type='network'><source network='n'/><actual type='bridge'><source bridge='b'/></actual></interface>", ""),
        ("nodenames", DISK.format("", "", "").replace("</disk>", "<privateData><nodenames/></privateData></disk>"), ""),
        ("check='yes'", "<interface type='user'><mac address='52:54:00:00:00:07' check='yes'/></interface>", ""),
        ("tb-cache", "", "<tcg><tb-cache unit='MiB'>64</tb-cache></tcg>"),
        ("async-teardown", "", "<async-teardown enabled='yes'/>"),
    ],
)
def test_what_only_the_host_acts_on_is_a_note(word: str, devices: str, features: str) -> None:
    assert told(word, devices, features=features) == {"note"}


@pytest.mark.parametrize(
    ("model", "inner", "severities"),
    [
        ("dimm", "<source><nodemask>0-1</nodemask></source>", {"host"}),
        ("dimm", "<address type='dimm' slot='0' base='0x100000000'/>", {"guest"}),
        ("nvdimm", "<source><path>/n</path></source>", {"guest"}),
        ("virtio-mem", "", {"guest"}),
    ],
)
def test_modules_of_memory_are_told_for_what_they_are(model: str, inner: str, severities: set[str]) -> None:
    module = f"<memory model='{model}'>{inner}<target><size unit='MiB'>512</size><node>0</node></target></memory>"
    word = "nodemask" if "nodemask" in inner else "0x100000000" if "base" in inner else f"'{model}'"
    assert told(word, module) == severities
    assert not [finding for finding in findings(module) if finding.kind == "unknown"]


def test_access_to_a_module_is_the_hosts() -> None:
    target = "<target><size unit='MiB'>512</size><node>0</node></target>"
    assert told("access", f"<memory model='dimm' access='shared' discard='yes'>{target}</memory>") == {"host"}


def test_an_image_with_data_elsewhere_is_two_files_to_copy() -> None:
    store = "<dataStore type='file'><format type='raw'/><source file='/img/a.data'/></dataStore>"
    disk = DISK.format("", "", "").replace("'raw'", "'qcow2'").replace("a.img'/>", f"a.img'>{store}</source>")
    assert told("a.data", disk) == {"data"}


@pytest.mark.parametrize(
    ("word", "devices"),
    [
        ("cache", DISK.format(" cache='defaults'", "", "")),
        ("removable", DISK.format("", "", " removable='on'")),
        ("frequency", ""),
    ],
)
def test_what_is_near_a_default_and_none_stays_a_finding_for_the_guest(word: str, devices: str) -> None:
    head = "<clock offset='utc'><timer name='tsc' frequency='1000000'/></clock>" if word == "frequency" else ""
    assert told(word, devices, head) == {"guest"}


@pytest.mark.parametrize("word", ["52:54:00:00:00:07", "id='42'"])
def test_the_address_and_vlan_of_a_passed_card_are_the_guests(word: str) -> None:
    card = (
        "<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:07'/><source><address type='pci' domain='0' bus='0x41' "
        "slot='0' function='0x5'/></source><vlan><tag id='42'/></vlan></interface>"
    )
    assert told(word, card) == {"guest"}
