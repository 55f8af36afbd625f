"""What libvirt's schema has from 11.4 to 12.8 and 11.3's has not: read, told with its severity, or written for a target that knows it."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

import bridge

UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
NEWEST = {"libvirt": "12.8", "qemu": "11.1"}


def convert(devices: str = "", head: str = "", os: str = "", features: str = "", args: bool = False) -> bridge.Result:
    xml = (
        f"<domain type='kvm'><name>a</name><uuid>{UUID}</uuid><memory unit='MiB'>1024</memory><vcpu>2</vcpu>"
        f"<os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type>{os}</os><features><acpi/><apic/>{features}</features>{head}"
        f"<devices>{devices}<memballoon model='none'/></devices></domain>"
    )
    return bridge.convert(xml, source="xml", to="conf", vmid=100, args=args)


def disk(target: str, bus: str, inner: str = "", said: str = "", more: str = "") -> str:
    return (
        f"<disk type='file' device='disk'{said}><driver name='qemu' type='raw'>{inner}</driver><source file='/img/a.img'/>"
        f"<target dev='{target}' bus='{bus}'{more}/></disk>"
    )


def pci(inner: str) -> str:
    address = "<source><address domain='0' bus='0x41' slot='0' function='0'/></source>"
    return f"<hostdev mode='subsystem' type='pci' managed='yes'>{address}{inner}</hostdev>"


STORE = "<varstore template='/usr/share/edk2/v.json' path='/var/lib/libvirt/qemu/varstore/a.json'/>"
CARD = "<mac address='52:54:00:aa:bb:00'/><model type='virtio'/>"
MODULE = "<memory model='virtio-mem'>{}<target><size unit='MiB'>512</size><node>0</node><block unit='MiB'>2</block></target></memory>"
HISTOGRAM = "<statistics><latency-histogram type='read'><bin start='0'/><bin start='1000'/></latency-histogram></statistics>"
TDX = "<launchSecurity type='tdx'>{}</launchSecurity>"

NEW: dict[str, tuple[str, dict[str, str], set[str]]] = {
    # what -> word of its finding, where it stands, severities
    "hwuuid": ("is the domain's name", {"head": "<hwuuid>11111111-6a0d-4c39-8f6c-2f1f3b8c9d10</hwuuid>"}, {"note"}),
    "varstore": ("varstore", {"os": STORE}, {"data"}),
    "varstore, empty": ("varstore", {"os": "<varstore/>"}, {"data"}),
    "the UEFI that reads it": ("qemuvars", {"os": f"<loader type='rom'>/usr/share/edk2/OVMF.qemuvars.fd</loader>{STORE}"}, {"guest"}),
    "tdx policy": ("0x10000001", {"head": TDX.format("<policy>0x10000001</policy>")}, {"guest"}),
    "tdx digest": ("mrConfigId", {"head": TDX.format("<mrConfigId>AAAA</mrConfigId>")}, {"guest"}),
    "tdx owner": ("mrOwner", {"head": TDX.format("<mrOwner>AAAA</mrOwner>")}, {"guest"}),
    "tdx owner's digest": ("mrOwnerConfig", {"head": TDX.format("<mrOwnerConfig>AAAA</mrOwnerConfig>")}, {"guest"}),
    "tdx quotes": ("quoteGen", {"head": TDX.format("<quoteGenerationService path='/run/tdx-qgs/qgs.socket'/>")}, {"guest"}),
    "iommufd": ("iommufd", {"head": "<iommufd enabled='yes' fdgroup='x'/>"}, {"note"}),
    "iommufd of a device": ("iommufd", {"devices": pci("<driver name='vfio' iommufd='yes'/>")}, {"note"}),
    "poll weight": (
        "poll_weight=3",
        {"head": "<iothreads>1</iothreads><iothreadids><iothread id='1'><poll weight='3'/></iothread></iothreadids>",
         "devices": disk("vda", "virtio").replace("type='raw'", "type='raw' iothread='1'")},
        {"host"},
    ),
    "tune of all devices": ("path>*<", {"head": "<blkiotune><device><path>*</path><weight>500</weight></device></blkiotune>"}, {"host"}),
    "energytune": ("energytune", {"head": "<cputune><energytune vcpus='0'><monitor vcpus='0'/></energytune></cputune>"}, {"host"}),
    "cachetune of all": ("cachetune", {"head": "<cputune><cachetune><monitor level='3'/></cachetune></cputune>"}, {"host"}),
    "memorytune of all": ("memorytune", {"head": "<cputune><memorytune><node id='0' bandwidth='5'/></memorytune></cputune>"}, {"host"}),
    "a disk by USB": ("usb", {"devices": disk("sda", "usb", said=" model='usb-bot'")}, {"guest"}),
    "a disk by ctl": ("ctl", {"devices": disk("sda", "scsi").replace("'file'", "'ctl'", 1).replace("file=", "dev=")}, {"guest"}),
    "a disk by NVMe": ("nvme0n1", {"devices": disk("nvme0n1", "nvme")}, {"guest"}),
    "a controller of NVMe": ("abc", {"devices": "<controller type='nvme' index='0'><serial>abc</serial></controller>"}, {"guest"}),
    "dpofua": ("dpofua", {"devices": disk("sda", "scsi", more=" dpofua='on'")}, {"guest"}),
    "no dpofua": ("dpofua", {"devices": disk("sda", "scsi", more=" dpofua='off'")}, set()),
    "histogram": ("histogram", {"devices": disk("vda", "virtio", HISTOGRAM)}, {"note"}),
    "passt names": (
        "fqdn", {"devices": f"<interface type='user'>{CARD}<backend type='passt' hostname='h' fqdn='h.x'/></interface>"}, {"host"},
    ),
    "route": ("gateway", {"devices": f"<interface type='user'>{CARD}<route gateway='10.0.0.1'/></interface>"}, {"guest"}),
    "VNC that waits": ("wait='yes'", {"devices": "<graphics type='vnc' wait='yes'/>"}, {"note"}),
    "EDID": ("edid", {"devices": "<video><model type='vga' edid='on'/></video>"}, set()),
    "no EDID": ("EDID was off", {"devices": "<video><model type='vga' edid='off'/></video>"}, {"guest"}),
    "a card without VGA": ("virtio-gpu", {"devices": "<video><model type='virtio' device='virtio-gpu'/></video>"}, {"guest"}),
    "a card by a process": ("vhost-user", {"devices": "<video><model type='virtio' device='vhost-user-vga'/></video>"}, {"guest"}),
    "on_crash": ("preserve-running", {"head": "<on_crash>preserve-running</on_crash>"}, {"note"}),
    "on_crash with a device": (
        "preserve-running", {"head": "<on_crash>preserve-running</on_crash>", "devices": "<panic model='isa'/>"}, {"host"},
    ),
    "iommu of AMD": ("amd", {"devices": "<iommu model='amd'><driver intremap='on' xtsup='on' passthrough='on'/></iommu>"}, {"guest"}),
    "iommus of ARM": (
        "smmuv3",
        {"devices": "<iommu model='smmuv3'><driver pciBus='1' accel='on' ats='on' ril='off' ssidsize='8' oas='48' cmdqv='on'/></iommu>"},
        {"guest"},
    ),
    "granule": ("granule", {"devices": "<iommu model='virtio'><driver><granule mode='host'/></driver></iommu>"}, {"guest"}),
    "granule of a size": (
        "granule", {"devices": "<iommu model='virtio'><driver><granule size='64' unit='KiB'/></driver></iommu>"}, {"guest"},
    ),
    "width": ("aw_bits", {"devices": "<iommu model='virtio'><driver aw_bits='48'/></iommu>"}, {"guest"}),
    "virtualization": ("virtualization", {"features": "<virtualization/>"}, {"guest"}),
    "NUMA nodes of a device": ("nodes 1-2", {"devices": pci("<acpi nodeset='1-2'/>")}, {"guest"}),
    "a module's virtio": ("virtio-mem", {"devices": MODULE.format("<driver iommu='on' packed='on'/>")}, {"guest"}),
    "host-model that was": ("Skylake", {"head": "<cpu mode='host-model'><model fallback='allow'>Skylake-Client</model></cpu>"}, {"note"}),
    "enlightenments of the host": ("host-model", {"features": "<hyperv mode='host-model'><ipi state='off'/></hyperv>"}, {"guest"}),
    "reservations": (
        "migration",
        {"devices": "<disk type='block' device='lun'><driver name='qemu' type='raw'/><source dev='/dev/vg/a'><reservations managed='yes'"
                    " migration='yes'/></source><target dev='sda' bus='scsi'/></disk>"},
        {"host"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NEW)
def test_each_new_thing_is_told_for_what_it_is(what: str) -> None:
    word, where, severities = NEW[what]
    found = convert(**where).findings  # type: ignore[arg-type]
    assert {finding.severity for finding in found if word in finding.message} == severities
    assert [finding for finding in found if finding.kind in ("unknown", "unproved")] == []


def test_a_store_of_variables_is_uefi() -> None:
    assert "bios: ovmf\n" in convert(os=STORE).text


def test_a_usb_device_by_its_port() -> None:
    device = "<hostdev mode='subsystem' type='usb'><source><address bus='1' port='1.2'/></source></hostdev>"
    assert "usb0: 1-1.2\n" in convert(device).text


@pytest.mark.parametrize("model", ["EPYC-Turin", "ClearwaterForest"])
def test_newer_cpus_keep_their_names(model: str) -> None:
    assert f"cpu: {model}\n" in convert(head=f"<cpu mode='custom' match='exact'><model>{model}</model></cpu>").text


@pytest.mark.parametrize("model", ["DiamondRapids", "YongFeng-v2", "ClearwaterForest-v3"])
def test_a_cpu_that_qemu_server_has_not_is_the_guests_loss(model: str) -> None:
    found = convert(head=f"<cpu mode='custom' match='exact'><model>{model}</model></cpu>").findings
    assert {finding.severity for finding in found if model in finding.message} == {"guest"}


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"devices": "<iommu model='virtio'><driver><granule size='16' unit='KiB'/></driver></iommu>"}, "virtio-iommu-pci.granule=16k"),
        ({"devices": disk("sda", "scsi", more=" dpofua='on'")}, "device.scsi0.dpofua=on"),
        ({"devices": pci("<acpi index='7'/>")}, "device.hostpci0.acpi-index=7"),
        ({"features": "<virtualization/>"}, "-machine virtualization=on"),
    ],
)
def test_arguments_mend_it(where: dict[str, str], words: str) -> None:
    result = convert(**where, args=True)
    assert words in result.text
    assert [finding for finding in result.findings if finding.kind == "guest-lost"] == []


def written(config: str, **target: Any) -> etree._Element:
    return etree.fromstring(bridge.convert(config, source="conf", to="xml", vmid=100, **target).text.encode())


def card(domain: etree._Element) -> etree._Element:
    found = domain.find("devices/video/model")
    assert found is not None
    return found


def test_a_target_that_knows_the_device_of_a_card_is_told_it() -> None:
    config = "memory: 512\nvga: virtio\n"
    assert card(written(config, **NEWEST)).get("device") == "virtio-vga"
    assert card(written(config)).get("device") is None


def test_a_target_that_knows_edid_needs_no_override() -> None:
    config = "machine: pc-q35-10.0\nmemory: 512\nostype: win11\nvga: std\n"
    overridden = ".//{*}property[@name='edid']"
    new, old = written(config, **NEWEST), written(config)
    assert card(new).get("edid") == "off"
    assert new.find(overridden) is None
    assert card(old).get("edid") is None
    assert old.find(overridden) is not None
    text = etree.tostring(new, encoding="unicode")
    back = bridge.convert(text, source="xml", to="conf", vmid=100)
    assert [finding for finding in back.findings if finding.kind in ("unknown", "unproved", "guest-changed")] == []


LINE = (
    "qemu-system-x86_64 -machine q35 -m 512 -object iothread,id=t1,poll-weight=3 -drive if=none,id=d,file=/img/a.raw,format=raw "
    "-device virtio-blk-pci,drive=d,iothread=t1"
)


def test_a_target_that_knows_a_weight_of_polling_has_it() -> None:
    def poll(**target: Any) -> etree._Element | None:
        text = bridge.convert(LINE, source="argv", to="xml", **target).text
        return etree.fromstring(text.encode()).find("iothreadids/iothread/poll")

    found = poll(**NEWEST)
    assert found is not None
    assert found.get("weight") == "3"
    assert poll() is None
