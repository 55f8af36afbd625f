"""What was read otherwise than libvirt completes it, each by its symptom; two siblings beside it."""

from __future__ import annotations

import pytest

import bridge
from tests.completed.made_up import UUID


def convert(devices: str, machine: str = "pc-q35-10.0", head: str = "", **more: str) -> bridge.Result:
    os = more.get("os", "")
    memory = more.get("memory", "<memory unit='MiB'>1024</memory>")
    xml = (
        f"<domain type='kvm'><name>a</name><uuid>{UUID}</uuid>{memory}"
        f"<vcpu>{more.get('vcpu', '2')}</vcpu>{head}<os><type arch='{more.get('arch', 'x86_64')}' machine='{machine}'>hvm</type>{os}</os>"
        f"<features><acpi/><apic/></features><devices>{devices}</devices></domain>"
    )
    return bridge.convert(xml, to="conf", source="xml", vmid=100, args=False)


def keys(devices: str, machine: str = "pc-q35-10.0", head: str = "", **more: str) -> dict[str, str]:
    lines = convert(devices, machine, head, **more).text.splitlines()
    return dict(line.split(": ", 1) for line in lines if not line.startswith("#"))


def disk(target: str, bus: str = "", device: str = "disk", inner: str = "") -> str:
    named = f" bus='{bus}'" if bus else ""
    return (
        f"<disk type='file' device='{device}'><driver name='qemu' type='raw'/><source file='/images/{target}.img'/>"
        f"<target dev='{target}'{named}/>{inner}</disk>"
    )


@pytest.mark.parametrize(
    ("model", "scsihw"),
    [
        ("", "lsi"),
        (" model='auto'", "lsi"),
        (" model='virtio-scsi'", "virtio-scsi-pci"),
        (" model='virtio-transitional'", "virtio-scsi-pci"),
        (" model='virtio-non-transitional'", "virtio-scsi-pci"),
        (" model='lsisas1078'", "megasas"),
        (" model='vmpvscsi'", "pvscsi"),
    ],
)
def test_disks_without_addresses_stand_on_the_controller_that_is_named(model: str, scsihw: str) -> None:
    assert keys(f"<controller type='scsi' index='0'{model}/>{disk('sda')}{disk('sdb')}")["scsihw"] == scsihw


@pytest.mark.parametrize(
    ("target", "bus", "machine", "key"),
    [
        ("sda", "sata", "pc-q35-10.0", "ide0"),
        ("sdc", "sata", "pc-q35-10.0", "ide1"),
        ("sde", "sata", "pc-q35-10.0", "sata4"),
        ("sdb", "sata", "pc-i440fx-10.0", "sata1"),
        ("hdc", "", "pc-i440fx-10.0", "ide2"),
        ("sdh", "", "pc-i440fx-10.0", "scsi7"),
        ("vdb", "", "pc-q35-10.0", "virtio1"),
    ],
)
def test_letters_say_bus_and_place(target: str, bus: str, machine: str, key: str) -> None:
    assert keys(disk(target, bus), machine)[key].startswith(f"/images/{target}.img")


def test_the_eighth_scsi_disk_is_on_a_second_controller() -> None:
    """libvirt has seven to a bus: sdh alone is unit 0 of controller 1, and with one model for both that is scsi0."""
    both = "".join(f"<controller type='scsi' index='{n}' model='virtio-scsi'/>" for n in (0, 1))
    assert "scsi0" in keys(both + disk("sdh"))


def test_an_iothread_of_a_controller_is_that_of_its_disk() -> None:
    controller = "<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller>"
    found = keys(controller + disk("sda"), head="<iothreads>1</iothreads>")
    assert found["scsihw"] == "virtio-scsi-single"
    assert "iothread=1" in found["scsi0"]


@pytest.mark.parametrize(
    ("disks", "boot", "order"),
    [
        (disk("vdb", "virtio") + disk("sda", "sata"), "", "virtio1"),
        (disk("sda", "sata") + disk("vdb", "virtio"), "", "ide0"),
        (disk("vdb", "virtio") + disk("vda", "virtio"), "<boot dev='hd'/>", "virtio0"),
        (disk("vda", "virtio") + disk("sda", "sata", "cdrom"), "<boot dev='cdrom'/><boot dev='hd'/>", "ide0;virtio0"),
        (disk("sdb", "scsi", inner="<boot order='2'/>") + disk("vda", "virtio", inner="<boot order='1'/>"), "", "virtio0;scsi1"),
    ],
)
def test_the_first_disk_of_the_document_boots_not_the_first_of_a_bus(disks: str, boot: str, order: str) -> None:
    """Of one bus the letters decide."""
    assert keys(disks, os=boot)["boot"] == f"order={order}"


def test_network_boot_is_of_the_first_card_whatever_it_is() -> None:
    host = (
        "<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:01'/><source><address type='pci' domain='0' bus='3' slot='7'"
        " function='0'/></source></interface>"
    )
    card = "<interface type='user'><mac address='52:54:00:00:00:02'/></interface>"
    assert keys(host + card, os="<boot dev='network'/>")["boot"] == "order=hostpci0"
    assert keys(card + host, os="<boot dev='network'/>")["boot"] == "order=net0"


@pytest.mark.parametrize(
    ("tpm", "version"),
    [
        ("<tpm><backend type='emulator'/></tpm>", None),
        ("<tpm model='tpm-tis'><backend type='emulator'/></tpm>", None),
        ("<tpm model='tpm-crb'><backend type='emulator'/></tpm>", "v2.0"),
        ("<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>", "v2.0"),
    ],
)
def test_a_tpm_without_a_version_is_1_2_as_tis(tpm: str, version: str | None) -> None:
    """A config's own default is 1.2."""
    assert keys(tpm)["tpmstate0"] == ("none" if version is None else f"none,version={version}")


@pytest.mark.parametrize(
    ("graphics", "driver"),
    [("<graphics type='spice'/>", ""), ("<graphics type='vnc'/>", ",driver=none"), ("", ",driver=none")],
)
def test_sound_goes_where_the_display_goes(graphics: str, driver: str) -> None:
    assert keys(f"<sound model='ich9'/>{graphics}")["audio0"] == f"device=ich9-intel-hda{driver}"


@pytest.mark.parametrize(
    ("type_", "model"), [("vhostuser", "virtio"), ("vdpa", "virtio"), ("user", "rtl8139"), ("network", "rtl8139")]
)
def test_a_card_without_a_model_has_the_one_of_its_type(type_: str, model: str) -> None:
    found = keys(f"<interface type='{type_}'><mac address='52:54:00:00:00:02'/><source network='n' mode='client' dev='/d'/></interface>")
    assert found["net0"].startswith(f"{model}=")


def test_letters_of_a_model_may_be_large() -> None:
    assert keys("<interface type='user'><mac address='52:54:00:00:00:02'/><model type='VirtIO'/></interface>")["net0"].startswith("virtio=")


@pytest.mark.parametrize(
    ("machine", "options"), [("pc-q35-10.0", ",pcie=1"), ("pc-i440fx-10.0", "")]
)
def test_a_host_device_without_an_address_is_pci_express_on_q35(machine: str, options: str) -> None:
    address = "<source><address domain='0' bus='0x41' slot='0' function='0'/></source>"
    device = f"<hostdev mode='subsystem' type='pci' managed='yes'>{address}</hostdev>"
    assert keys(device, machine)["hostpci0"] == f"0000:41:00.0{options}"


@pytest.mark.parametrize(("host", "igd"), [("0x00", True), ("0x41", False)])
def test_slot_2_alone_is_no_intel_graphics(host: str, igd: bool) -> None:
    """Without a display the first device stands there; hosts have Intel's at 00:02.0."""
    address = f"<source><address domain='0' bus='{host}' slot='2' function='0'/></source>"
    device = f"<hostdev mode='subsystem' type='pci' managed='yes'>{address}</hostdev>"
    assert ("legacy-igd" in keys(device, "pc-i440fx-10.0")["hostpci0"]) is igd


def test_cpus_that_no_numa_node_has_are_the_first_ones() -> None:
    cells = "<cpu><numa><cell id='0' cpus='0' memory='512' unit='MiB'/><cell id='1' cpus='1' memory='512' unit='MiB'/></numa></cpu>"
    assert keys("", head=cells, vcpu="4")["numa0"] == "cpus=0;2-3,memory=512"


def test_numa_nodes_decide_how_much_memory_there_is() -> None:
    cells = "<cpu><numa><cell id='0' cpus='0-1' memory='2048' unit='MiB'/></numa></cpu>"
    assert keys("", head=cells, memory="")["memory"] == "2048"
    result = convert("", head=cells)
    assert "memory: 2048\n" in result.text
    assert any("NUMA nodes and modules have 2097152 KiB" in finding.message for finding in result.findings)


@pytest.mark.parametrize(
    ("arch", "emulator", "cpu"),
    [("i686", "", "qemu32"), ("i686", "<emulator>/usr/bin/qemu-system-x86_64</emulator>", "qemu64"), ("x86_64", "", "qemu64")],
)
def test_the_emulator_has_its_own_cpu(arch: str, emulator: str, cpu: str) -> None:
    assert keys(emulator, arch=arch)["cpu"] == cpu


def test_a_random_source_without_a_path_is_the_blocking_device() -> None:
    assert keys("<rng model='virtio'><backend model='random'/></rng>")["rng0"].startswith("/dev/random")


def test_an_iscsi_target_without_a_lun_is_lun_0() -> None:
    source = "<source protocol='iscsi' name='iqn.2013-07.example:target'><host name='192.0.2.1'/></source>"
    result = convert(f"<disk type='network' device='disk'><driver name='qemu' type='raw'/>{source}<target dev='vda'/></disk>")
    assert any("iqn.2013-07.example:target/0" in finding.message for finding in result.findings)


@pytest.mark.parametrize("machine", ["pc-q35-10.0", "pc-i440fx-10.0"])
def test_a_console_alone_is_a_serial_port(machine: str) -> None:
    assert keys("<console type='pty'/>", machine)["serial0"] == "socket"
    assert "serial1" not in keys("<serial type='pty'/><console type='pty'/>", machine)


def test_uefi_in_flash_has_its_variables_in_a_file_of_its_own() -> None:
    loader = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>"
    assert keys("", os=loader)["efidisk0"].startswith("/var/lib/libvirt/qemu/nvram/a_VARS.fd,efitype=4m")
    assert "efidisk0" not in keys("", os=loader.replace("readonly", "stateless='yes' readonly"))


def test_more_than_255_cpus_bring_an_iommu() -> None:
    assert "viommu=intel" in keys("", vcpu="288", head="")["machine"]
    assert "viommu" not in keys("", vcpu="8")["machine"]


def test_no_finding_names_what_nobody_wrote() -> None:
    """Addresses, ports and controllers that libvirt would add are one note."""
    result = convert(disk("vda") + "<vsock model='virtio'><cid auto='yes'/></vsock><graphics type='vnc'/>")
    assert not [f for f in result.findings if "<address" in f.message or f.kind in ("moved", "unknown")]
    assert [f.severity for f in result.findings if "have no PCI address" in f.message] == ["note"]


HUGE = [
    "<controller type='pci' index='4000000000' model='pci-bridge'/>",
    "<disk type='file' device='disk'><driver type='raw'/><source file='/i/a.img'/><target dev='sdzzzzz'/></disk>",
    "<channel type='unix'><target type='virtio' name='a'/><address type='virtio-serial' controller='99999999' port='1'/></channel>",
    "<hostdev mode='subsystem' type='scsi'><source/><address type='drive' controller='99999999'/></hostdev>",
    "<interface type='user'><address type='pci' domain='0' bus='0xfffffff' slot='1' function='0'/></interface>",
    "<controller type='usb' index='0' model='qemu-xhci' ports='999999999'/><input type='tablet' bus='usb'/>",
    "<controller type='usb' index='a' model='qemu-xhci'/><controller type='scsi' index='-1'/>",
]


@pytest.mark.parametrize("devices", HUGE)
@pytest.mark.parametrize("machine", ["pc-q35-10.0", "pc-i440fx-10.0"])
def test_numbers_out_of_all_bounds_add_no_thousand_controllers(devices: str, machine: str) -> None:
    """libvirt would count up to them (security-rules S9)."""
    try:
        lines = len(convert(devices, machine).findings)
    except bridge.BridgeError:
        lines = 1
    assert lines < 400
