"""More of what was read otherwise than libvirt completes it: symptoms that other projects' domains showed."""

from __future__ import annotations

import pytest

import bridge
from tests.completed.made_up import UUID
from tests.completed.test_symptoms import convert, disk, keys

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


def test_capitals_of_a_uuid_are_small_as_libvirt_writes_them() -> None:
    assert keys("")["smbios1"] == f"uuid={UUID}"
    text = bridge.convert(
        f"<domain type='kvm'><name>a</name><uuid>{UUID.upper()}</uuid><memory>1048576</memory><os><type>hvm</type></os></domain>",
        to="conf", source="xml", vmid=100,
    ).text  # fmt: skip
    assert f"smbios1: uuid={UUID}\n" in text


@pytest.mark.parametrize(("mib", "said"), [(8, "16"), (15, "16"), (16, "16"), (17, "17")])
def test_less_memory_than_a_config_can_say_is_a_finding(mib: int, said: str) -> None:
    result = convert("", memory=f"<memory unit='MiB'>{mib}</memory>")
    assert f"memory: {said}\n" in result.text
    assert any(f"{mib} MiB of memory are less" in f.message for f in result.findings) is (mib < 16)


def test_a_device_that_is_unassigned_is_not_the_guests() -> None:
    source = "<source><address domain='0' bus='0x41' slot='0' function='0'/></source>"
    result = convert(f"<hostdev mode='subsystem' type='pci' managed='yes'>{source}<address type='unassigned'/></hostdev>")
    assert "hostpci" not in result.text
    assert [f.severity for f in result.findings if "unassigned" in f.message] == ["host"]


@pytest.mark.parametrize(
    ("timer", "word", "severities"),
    [
        ("<timer name='pit' tickpolicy='discard' present='no'/>", "present='no'", {"note"}),
        ("<timer name='pit' tickpolicy='delay'/>", "present", set()),
        ("<timer name='rtc' tickpolicy='catchup' present='yes' track='guest'/>", "track='guest'", {"guest"}),
        ("<timer name='rtc' track='realtime'/>", "track='realtime'", {"guest"}),
        ("<timer name='rtc' tickpolicy='catchup'><catchup slew='120'/></timer>", "slew", {"note"}),
    ],
)
def test_timers_are_what_libvirt_makes_of_them(timer: str, word: str, severities: set[str]) -> None:
    """qemu_command.c: `present` counts for the HPET alone; `track` is the clock of -rtc."""
    found = convert("", head=f"<clock offset='utc'>{timer}</clock>").findings
    assert {f.severity for f in found if word in f.message} == severities
    assert [f for f in found if f.kind == "unknown"] == []


def test_an_hpet_that_is_not_there_needs_no_policy() -> None:
    found = convert("", head="<clock offset='utc'><timer name='hpet' tickpolicy='delay' present='no'/></clock>").findings
    assert [f for f in found if f.kind == "unknown"] == []
    assert any("hpet=off" in f.message for f in found)


def test_a_clock_with_an_adjustment_is_a_variable_one() -> None:
    """libvirt's dump says offset='variable'."""
    clocks = ("<clock offset='localtime' adjustment='3600'/>", "<clock offset='variable' basis='localtime' adjustment='3600'/>")
    one, other = (convert("", head=clock) for clock in clocks)
    assert one.text == other.text
    assert [f for f in one.findings if f.kind == "unknown"] == []


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ("<ps2 state='off'/>", "i8042=off"), ("<gic version='3'/>", "gic-version=3"), ("<gic version='2'/>", ""),
        ("<ras state='on'/>", "ras=on"),
    ],
)  # fmt: skip
def test_switches_of_the_board_go_by_args(feature: str, words: str) -> None:
    xml = (
        f"<domain type='kvm'><name>a</name><uuid>{UUID}</uuid><memory>1048576</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
        f"<features>{feature}</features></domain>"
    )
    found = [f for f in bridge.convert(xml, to="conf", source="xml", vmid=100, args=False).findings if feature[1:4] in f.message]
    assert [words in f.hint for f in found] == ([True] if words else [])
    assert [f for f in found if f.kind == "unknown"] == []


def test_a_card_without_a_boot_rom_is_told() -> None:
    card = "<interface type='user'><mac address='52:54:00:00:00:02'/><model type='virtio'/><rom enabled='no'/></interface>"
    assert [f.severity for f in convert(card).findings if "boot ROM" in f.message] == ["guest"]
    source = "<source><address domain='0' bus='0x41' slot='0' function='0'/></source>"
    assert "rombar=0" in convert(f"<hostdev mode='subsystem' type='pci' managed='yes'>{source}<rom enabled='no'/></hostdev>").text


@pytest.mark.parametrize("model", ["cirrus", "virtio"])
def test_a_size_that_does_nothing_for_a_card_is_a_note(model: str) -> None:
    found = convert(f"<video><model type='{model}' vram='8192' vgamem='1'/></video>").findings
    assert {f.severity for f in found if "does nothing for this card" in f.message} == {"note"}
    assert [f for f in found if f.kind == "unknown"] == []


@pytest.mark.parametrize(
    ("head", "word"),
    [
        ("<cpu mode='custom' match='exact'><model>qemu64</model><feature policy='optional' name='tm'/></cpu>", "feature tm"),
        ("<cpu><numa><cell id='0' cpus='0-1' memory='1' unit='GiB'><cache level='1'/></cell><interconnects/></numa></cpu>", "HMAT"),
    ],
)  # fmt: skip
def test_what_a_cpu_or_its_nodes_lose_is_named(head: str, word: str) -> None:
    found = convert("", head=head).findings
    assert {f.severity for f in found if word in f.message} == {"guest"}
    assert [f for f in found if f.kind == "unknown"] == []


@pytest.mark.parametrize("element", ["uuid", "currentMemory", "iothreads"])
def test_an_empty_element_is_as_none(element: str) -> None:
    """Templates of Vagrant and others leave them empty."""
    xml = f"<domain type='kvm'><name>a</name><memory>1048576</memory>{{}}<os><type>hvm</type></os>{DISKS}</domain>"
    one, other = (bridge.convert(xml.format(said), to="conf", source="xml", vmid=100).text for said in (f"<{element}></{element}>", ""))
    assert one == other


DISKS = f"<devices>{disk('vda')}</devices>"


def test_a_card_of_an_empty_model_has_the_one_of_its_type() -> None:
    assert keys("<interface type='user'><mac address='52:54:00:00:00:02'/><model type=''/></interface>")["net0"].startswith("rtl8139=")


def test_what_a_console_alone_says_beside_shows() -> None:
    found = convert("<console type='pty'><frob/><target type='serial' port='0' frob='1'/></console>").findings
    assert len([f for f in found if "frob" in f.message]) == 2


PARALLEL = "<parallel type='dev'><source path='/dev/parport{}'/>{}</parallel>"


def test_a_parallel_port_without_a_number_comes_behind_those_before_it() -> None:
    """And a serial port behind all of them."""
    found = keys(PARALLEL.format(0, "") + PARALLEL.format(1, "<target port='1'/>"))
    assert (found["parallel0"], found["parallel1"]) == ("/dev/parport0", "/dev/parport1")


@pytest.mark.parametrize("kind", ["serial", "parallel"])
def test_ports_of_one_number_are_told(kind: str) -> None:
    ports = "".join(f"<{kind} type='dev'><source path='/dev/{kind[:3]}port{n}'/><target port='0'/></{kind}>" for n in (0, 1))
    found = convert(ports).findings
    assert [f for f in found if f.kind == "unproved"] == []
    assert any("port 0 is said twice" in f.message for f in found)


def test_a_console_beside_a_port_that_no_config_has_is_no_port() -> None:
    """The first console is the first serial port by another name, also where that is a PCI card."""
    card = "<serial type='pty'><target type='pci-serial' port='0'/></serial><console type='dev'><source path='/dev/ttyS2'/></console>"
    assert "serial0" not in keys(card)


def test_the_cpus_of_automatic_placement_are_not_those_that_are_said() -> None:
    vcpu = "<vcpu placement='{}' cpuset='1-4'>2</vcpu>"
    xml = f"<domain type='kvm'><name>a</name><memory>1048576</memory>{vcpu}<os><type>hvm</type></os></domain>"
    said = {how: "affinity: 1-4" in bridge.convert(xml.format(how), to="conf", source="xml").text for how in ("auto", "static")}
    assert said == {"auto": False, "static": True}


def test_an_interface_without_a_type_is_a_users() -> None:
    assert "bridge=" not in keys("<interface><mac address='52:54:00:00:00:02'/><model type='virtio'/></interface>")["net0"]


def test_a_controller_without_a_type_is_ide() -> None:
    assert keys("<controller index='0'/>" + disk("hda", "ide"), "pc-i440fx-10.0")["ide0"]
