"""A name that a domain's user gave to a device does not come into a config: of every kind of device that is told."""

from __future__ import annotations

import pytest
from lxml import etree

import bridge

XML = """
<domain type='kvm'><name>a</name><uuid>5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10</uuid>
<maxMemory slots='16' unit='MiB'>8192</maxMemory><memory unit='MiB'>1280</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc-q35-9.0'>hvm</type></os><features><acpi/></features>
<cpu><numa><cell id='0' cpus='0' memory='1048576'/></numa></cpu><devices>{}</devices></domain>
"""
DEVICES = {
    "disk": "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/a'/><target dev='vda' bus='virtio'/></disk>",
    "USB controller": "<controller type='usb' model='qemu-xhci'/>",
    "SCSI controller": "<controller type='scsi' model='virtio-scsi'/>",
    "card": "<interface type='bridge'><source bridge='vmbr0'/><model type='virtio'/></interface>",
    "USB hostdev": "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/><product id='0x2'/></source></hostdev>",
    "PCI hostdev": "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' function='0'/></source></hostdev>",
    "redirection": "<redirdev bus='usb' type='spicevmc'/><graphics type='spice'/>",
    "serial port": "<serial type='pty'><target type='isa-serial'/></serial>",
    "parallel port": "<parallel type='pty'/>",
    "agent": "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
    "SPICE agent": "<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel><graphics type='spice'/>",
    "tablet": "<input type='tablet' bus='usb'/>",
    "mouse": "<input type='mouse' bus='ps2'/>",
    "TPM": "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
    "sound": "<sound model='ich9'/>",
    "graphics card": "<video><model type='qxl'/></video>",
    "balloon": "<memballoon model='virtio'/>",
    "no balloon": "<memballoon model='none'/>",
    "memory module": "<memory model='dimm'><target><size unit='MiB'>256</size><node>0</node></target></memory>",
    "rng": "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
    "watchdog": "<watchdog model='i6300esb' action='reset'/>",
    "panic device": "<panic model='pvpanic'/>",
    "vsock": "<vsock model='virtio'><cid auto='yes'/></vsock>",
    "share": "<filesystem type='mount'><driver type='virtiofs'/><source dir='/s'/><target dir='x'/></filesystem>",
    "shared memory": "<shmem name='s'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>",
    "IOMMU": "<iommu model='intel'/>",
}


def told(device: str, name: str) -> tuple[str, list[str]]:
    """The config, and what is said of this domain."""
    root = etree.fromstring(XML.format(device))
    first = root.find("devices/*")
    assert first is not None
    etree.SubElement(first, "alias", name=name)
    result = bridge.convert(etree.tostring(root, encoding="unicode"), "conf", "xml", vmid=100)
    return result.text, [finding.message for finding in result.findings]


@pytest.mark.parametrize("kind", DEVICES)
def test_a_name_of_the_users_was_dropped_in_silence(kind: str) -> None:
    config, messages = told(DEVICES[kind], "ua-of-mine")
    assert [message for message in messages if "ua-of-mine" in message]
    assert told(DEVICES[kind], "ua-of-yours")[0] == config


@pytest.mark.parametrize(("kind", "name"), [("balloon", "balloon0"), ("memory module", "dimm0"), ("rng", "rng0"), ("card", "net0")])
def test_names_that_libvirt_gives_a_running_domain_are_no_news(kind: str, name: str) -> None:
    assert not [message for message in told(DEVICES[kind], name)[1] if name in message and "alias" in message]


def test_the_end_of_a_long_path_is_told_too() -> None:
    """Paths of oVirt's sockets have 95 characters: of two that differ at their end the same was said."""
    path = "/var/lib/libvirt/qemu/channels/69b6b942-b5bf-4740-bb95-6752ffbd3bcf.org.qemu.guest_agent." + "0" * 200
    ends = [path + "a", path + "b"]
    agents = [DEVICES["agent"].replace("<target", f"<source mode='bind' path='{end}'/><target") for end in ends]
    assert told(agents[0], "channel0")[1] != told(agents[1], "channel0")[1]
