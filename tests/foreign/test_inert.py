"""What says nothing of the guest's hardware, place by place: a default spelled out is no finding, another value there is one for the guest;
and what only the host acts on is a note.

Facts: libvirt's src/qemu/qemu_command.c and docs/formatdomain.rst, written out.
"""

from __future__ import annotations

from functools import cache

import pytest
from lxml import etree

import bridge

UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
FRAME = (
    f"<domain type='kvm'><name>a</name><uuid>{UUID}</uuid><memory unit='MiB'>1024</memory><vcpu>2</vcpu>"
    "<os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os><features><acpi/><apic/></features><cpu mode='host-passthrough'><numa>"
    "<cell id='0' cpus='0-1' memory='1024' unit='MiB'/></numa></cpu><clock offset='utc'/><devices>{}</devices></domain>"
)
DEVICES = {
    "disk": (
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/img/a.img'/><target dev='vda' bus='virtio'/>"
        "<geometry cyls='1' heads='1' secs='1'/></disk>"
    ),
    "interface": "<interface type='bridge'><mac address='52:54:00:00:00:07'/><source bridge='b'/><model type='virtio'/></interface>",
    "controller": "<controller type='scsi' index='0' model='virtio-scsi'/>",
    "memballoon": "<memballoon model='virtio'/>",
    "video": "<video><model type='vga'/></video>",
    "graphics": "<graphics type='vnc' autoport='yes'/>",
    "hostdev": (
        "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
        "<address domain='0' bus='0x41' slot='0' function='0'/></source></hostdev>"
    ),
    "tpm": "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
    "serial": "<serial type='tcp'><source mode='bind' host='h' service='1'/><target port='0'/></serial>",
    "channel": "<channel type='unix'><source mode='bind' path='/s'/><target type='virtio' name='org.a'/></channel>",
    "iommu": "<iommu model='intel'/>",
    "lease": "",
}
OFF = "off on"
DEFAULTS = {
    # place: the default, and what is none
    **{f"disk/driver@{name}": OFF for name in ("iommu", "ats", "packed", "page_per_vq", "copy_on_read")},
    **{f"interface/driver@{name}": OFF for name in ("iommu", "ats", "packed", "page_per_vq", "rss", "rss_hash_report")},
    **{f"controller/driver@{name}": OFF for name in ("iommu", "ats", "packed", "page_per_vq")},
    **{f"memballoon/driver@{name}": OFF for name in ("iommu", "ats", "packed", "page_per_vq")},
    **{f"{kind}/driver@event_idx": "on off" for kind in ("disk", "interface")},
    **{f"{kind}/driver@ioeventfd": "on off" for kind in ("disk", "interface", "controller")},
    "disk@rawio": "no yes",
    "disk@sgio": "filtered unfiltered",
    "disk/driver@cache": "default defaults",
    "disk/target@tray": "closed open",
    "disk/target@removable": OFF,
    "disk/target@dpofua": OFF,
    "disk/geometry@trans": "auto lba",
    "interface@trustGuestRxFilters": "no yes",
    "interface/driver@txmode": "iothread timer",
    "interface/rom@bar": "on off",
    "memballoon@autodeflate": OFF,
    "video/driver@iommu": OFF,
    "video/model/acceleration@accel3d": "no yes",
    "video/model/acceleration@accel2d": "no yes",
    "video/model@blob": OFF,
    "graphics/gl@enable": "no yes",
    "hostdev@display": OFF,
    "hostdev@ramfb": OFF,
    "tpm/backend@debug": "0 5",
    "serial/protocol@type": "raw telnet",
    "features/ioapic@driver": "kvm qemu",
    "features/ps2@state": "on off",
    "memory@dumpCore": "on off",
}
HOST = (
    *("disk/driver/statistics", "disk/source@startupPolicy=optional", "disk/privateData"),
    *("disk/diskSecretsPlacement", "disk/source/privateData", "disk/source@tlsFromConfig=0", "disk/source@actualType=file"),
    *("disk/checksum", "disk/backenddomain", "disk/source@name=n", "hostdev/source@startupPolicy=optional", "hostdev/driver@iommufd=yes"),
    *("hostdev/driver@iommufdId=i", "hostdev/source@writeFiltering=no", "hostdev/source/origstates"),
    *("interface/backenddomain", "interface/mac@check=no", "interface/mac@type=t"),
    *("interface/actual", "iommu/driver@iommufd=yes", "video/driver@name=vhostuser", "video/driver@vgaconf=io"),
    *("features/async-teardown@enabled=yes", "features/msrs@unknown=ignore"),
    *("features/tcg/tb-cache", "features/kvm/dirty-ring@state=on", "on_lockfailure", "keywrap", "iommufd@enabled=yes"),
    *("cpu/numa/cell@discard=yes", "lease"),
)
"""Places, some with a value."""
POLICY = ("interface/filterref@filter=f", "interface/backend@tap=/t", "cpu/numa/cell@memAccess=shared")
"""The same, where a reader says that the host's policy is lost."""


def placed(place: str, value: str) -> str:
    """A domain with this value there."""
    path, _, attribute = place.partition("@")
    kind, *inner = path.split("/")
    root = etree.fromstring(FRAME.format(DEVICES.get(kind, "")))
    devices = root.find("devices")
    assert devices is not None
    node = devices if kind in DEVICES else root
    for tag in (kind, *inner):
        found = node.find(tag)
        node = etree.SubElement(node, tag) if found is None else found
    if attribute:
        node.set(attribute, value)
    return etree.tostring(root, encoding="unicode")


def told(place: str, value: str = "") -> set[tuple[str, str]]:
    """(severity, message) of what is told with it, and is not told without."""
    without = FRAME.format(DEVICES.get(place.split("/")[0].split("@")[0], ""))
    return _findings(placed(place, value)) - _findings(without)


@cache
def _findings(xml: str) -> set[tuple[str, str]]:
    found = bridge.convert(xml, source="xml", to="conf", vmid=100, args=False).findings
    return {(finding.severity, finding.message) for finding in found if finding.kind != "import-needed"}


@pytest.mark.parametrize("place", DEFAULTS)
def test_a_default_says_nothing_and_another_value_does(place: str) -> None:
    default, other = DEFAULTS[place].split()
    assert told(place, default) == set()
    assert told(place, other) != set()


@pytest.mark.parametrize(("place", "severity"), [*((place, "note") for place in HOST), *((place, "host") for place in POLICY)])
def test_what_only_the_host_acts_on_is_not_the_guests(place: str, severity: str) -> None:
    name, _, value = place.partition("=")
    found = told(name, value)
    assert {severity for severity, _ in found} == {severity}, found


@pytest.mark.parametrize("place", ["disk/source", "hostdev/driver", "hostdev/source", "interface/mac", "video/driver", "cpu/numa/cell"])
def test_an_attribute_that_nobody_knows_is_not_the_hosts(place: str) -> None:
    """The note is for this place alone."""
    assert {severity for severity, _ in told(f"{place}@strange", "yes")} - {"note"}
