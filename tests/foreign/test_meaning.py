"""What was read with another meaning than libvirt's, or told of in the wrong place, each by its symptom."""

from __future__ import annotations

import pytest

import bridge

UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"


def convert(devices: str = "", head: str = "", machine: str = "pc-q35-10.0", **more: str | bool | bridge.HostFacts | None) -> bridge.Result:
    features = more.get("features", "")
    memory = more.get("memory", "<memory unit='MiB'>1024</memory>")
    xml = (
        f"<domain type='kvm'><name>a</name><uuid>{UUID}</uuid>{memory}<vcpu>2</vcpu>"
        f"<os><type arch='{more.get('arch', 'x86_64')}' machine='{machine}'>hvm</type></os><features><acpi/><apic/>{features}</features>"
        f"{head}<devices>{devices}<memballoon model='none'/></devices></domain>"
    )
    host = more.get("host") or bridge.HostFacts()
    return bridge.convert(xml, source="xml", to="conf", vmid=100, args=more.get("args", False), host=host)  # type: ignore[arg-type]


def keys(result: bridge.Result) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in result.text.splitlines() if not line.startswith("#"))


def told(result: bridge.Result, word: str) -> set[str]:
    """Severities of the findings that name this word."""
    return {finding.severity for finding in result.findings if word in f"{finding.message} {finding.hint}"}


@pytest.mark.parametrize("memory", ["", "<currentMemory unit='MiB'>512</currentMemory>"])
def test_a_domain_without_memory_is_refused(memory: str) -> None:
    with pytest.raises(bridge.BridgeError, match="no <memory>"):
        convert(memory=memory)


def test_numa_cells_say_the_memory_of_a_domain_without() -> None:
    cells = "<cpu><numa><cell id='0' cpus='0-1' memory='2048' unit='MiB'/></numa></cpu>"
    assert keys(convert(head=cells, memory=""))["memory"] == "2048"


@pytest.mark.parametrize(
    ("action", "said"), [("", "action=reset"), (" action='reset'", "action=reset"), (" action='pause'", "action=pause")]
)
def test_the_action_of_a_watchdog_is_said(action: str, said: str) -> None:
    assert keys(convert(f"<watchdog model='i6300esb'{action}/>"))["watchdog"] == said


@pytest.mark.parametrize("other", ["6f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d11", "6F0B4B3E-6A0D-4C39-8F6C-2F1F3B8C9D11"])
def test_the_uuid_of_the_hardware_is_the_guests(other: str) -> None:
    assert keys(convert(head=f"<hwuuid>{other}</hwuuid>"))["smbios1"].lower() == f"uuid={other.lower()}"


def test_a_wrong_uuid_of_the_hardware_is_refused() -> None:
    with pytest.raises(bridge.BridgeError, match="not a UUID"):
        convert(head="<hwuuid>x</hwuuid>")


SEV = "<launchSecurity type='sev'><policy>{}</policy></launchSecurity>"


@pytest.mark.parametrize(
    ("policy", "said"),
    [("0x1", "std,no-debug=1"), ("0x3", "std,no-debug=1,no-key-sharing=1"), ("0x7", "es,no-debug=1,no-key-sharing=1"), ("0x8", "std")],
)
def test_the_bits_of_a_policy_are_read_one_by_one(policy: str, said: str) -> None:
    assert keys(convert(head=SEV.format(policy)))["amd-sev"] == said


@pytest.mark.parametrize("head", [SEV.format("0x9"), "<launchSecurity type='tdx'/>"])
def test_a_protected_guest_without_uefi_is_told_that_it_would_be_refused(head: str) -> None:
    assert ("guest", "refused") in {(f.severity, f.kind) for f in convert(head=head).findings if "OVMF" in f.message}


def test_tdx_is_there_both_ways() -> None:
    head = "<launchSecurity type='tdx'><policy>0x10000001</policy><quoteGenerationService path='/x.socket'/></launchSecurity>"
    result = convert(head=head)
    assert keys(result)["intel-tdx"] == "tdx,attestation=0"
    assert told(result, "0x10000001") == told(result, "/x.socket") == {"guest"}
    config = "bios: ovmf\nintel-tdx: tdx,attestation=0\nmachine: pc-q35-10.1\nmemory: 512\nname: a\n"
    old = bridge.convert(config, source="conf", to="xml", vmid=100, libvirt="11.5", qemu="10.1")
    new = bridge.convert(config, source="conf", to="xml", vmid=100, libvirt="11.6", qemu="10.1")
    assert ("tdx-guest" in old.text, "launchSecurity" in old.text) == (True, False)
    assert ("tdx-guest" in new.text, '<launchSecurity type="tdx"/>' in new.text.replace("'", '"')) == (False, True)
    assert keys(bridge.convert(new.text, source="xml", to="conf", vmid=100))["intel-tdx"] == "tdx,attestation=0"


HOSTDEV = (
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='0x41' slot='0' function='0'/></source>"
    "<rom file='{}'/></hostdev>"
)


@pytest.mark.parametrize("path", ["/srv/roms/gpu.rom", "/var/lib/libvirt/gpu.rom"])
def test_a_rom_elsewhere_is_to_be_copied(path: str) -> None:
    result = convert(HOSTDEV.format(path))
    assert "romfile=gpu.rom" in keys(result)["hostpci0"]
    assert told(result, path) == {"data"}


@pytest.mark.parametrize("path", ["/etc/shadow", "/srv/a,b.rom", "/srv/../etc/x.rom", "/srv/..", "gpu.rom"])
def test_a_rom_of_another_kind_stays_out(path: str) -> None:
    result = convert(HOSTDEV.format(path))
    assert "romfile" not in keys(result)["hostpci0"]
    assert "guest" in told(result, path)


def usb(source: str) -> str:
    return f"<hostdev mode='subsystem' type='usb'><source>{source}</source></hostdev>"


@pytest.mark.parametrize(("port", "said"), [("1.2", "1-1.2"), ("4", "1-4"), ("1.2.3", "1-1.2.3")])
def test_a_usb_device_is_known_by_its_port(port: str, said: str) -> None:
    assert keys(convert(usb(f"<address bus='1' port='{port}'/>")))["usb0"] == said


@pytest.mark.parametrize("address", ["bus='1' port='1,x'", "bus='1' device='5'", "bus='1' port='.'"])
def test_a_usb_device_by_no_port_is_told(address: str) -> None:
    result = convert(usb(f"<address {address}/>"))
    assert "usb0" not in keys(result)
    assert told(result, address.split()[1]) == {"data"}


HYPERV = "<hyperv><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='8191'/>{}</hyperv>"
LOCALTIME = "<cpu mode='host-passthrough'/><clock offset='localtime'/>"


@pytest.mark.parametrize("features", [HYPERV.format(""), "<hyperv><relaxed state='on'/></hyperv>", "<hyperv mode='passthrough'/>"])
@pytest.mark.parametrize("head", [LOCALTIME, LOCALTIME.replace("localtime", "utc")])
def test_enlightenments_mean_windows(features: str, head: str) -> None:
    assert keys(convert(head=head, features=features))["ostype"].startswith("win")


@pytest.mark.parametrize(
    "named",
    [
        "<relaxed state='on'/>",
        "<vapic state='on'/><spinlocks state='on' retries='8191'/>",
        "<stimer state='on'><direct state='on'/></stimer><vendor_id state='on' value='x'/>",
    ],
)
def test_what_is_named_beside_passthrough_has_no_effect(named: str) -> None:
    """libvirt's command line is `hv-passthrough=on` alone (domxml-to-native)."""
    alone = convert(features="<hyperv mode='passthrough'/>", args=True)
    result = convert(features=f"<hyperv mode='passthrough'>{named}</hyperv>", args=True)
    assert result.text == alone.text
    assert told(result, "has no effect") == {"note"}


def test_a_hyperv_element_that_is_all_off_means_nothing() -> None:
    assert keys(convert(head=LOCALTIME.replace("localtime", "utc"), features="<hyperv><relaxed state='off'/></hyperv>"))["ostype"] == "l26"


@pytest.mark.parametrize(
    ("head", "features", "words"),
    [
        (LOCALTIME, HYPERV.format("<stimer state='on'><direct state='on'/></stimer>"), "x86_64-cpu.hv-stimer-direct=on"),
        (LOCALTIME, HYPERV.format("<tlbflush state='on'><extended state='on'/></tlbflush>"), "x86_64-cpu.hv-tlbflush-ext=on"),
        (LOCALTIME, "<hyperv mode='passthrough'/>", "x86_64-cpu.hv-passthrough=on"),
        ("<cpu mode='host-passthrough'><cache mode='passthrough'/></cpu>", "", "x86_64-cpu.host-cache-info=on"),
        ("<cpu mode='host-passthrough'><cache mode='disable'/></cpu>", "", "x86_64-cpu.l3-cache=off"),
        (
            "<cpu mode='host-passthrough'><maxphysaddr mode='passthrough' limit='39'/></cpu>",
            "",
            "x86_64-cpu.host-phys-bits-limit=39",
        ),
        ("", "<ioapic driver='qemu'/>", "kernel-irqchip=split"),
    ],
)
def test_what_no_key_holds_goes_by_args(head: str, features: str, words: str) -> None:
    assert words in keys(convert(head=head, features=features, args=True))["args"]
    without = convert(head=head, features=features)
    assert "args" not in keys(without)
    assert told(without, words) == {"guest"}


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("pc-i440fx-focal", "pc-i440fx-4.2"),
        ("pc-q35-jammy", "pc-q35-6.2"),
        ("pc-i440fx-bionic-hpb", "pc-i440fx-2.11"),
        ("pc-q35-rhel9.4.0", "pc-q35-8.2"),
        ("pc-i440fx-rhel7.6.0", "pc-i440fx-2.12"),
        ("pc-q35-rhel8.6.0", "pc-q35-6.2"),
        ("pc-q35-rhel9.5.0", "pc-q35-8.2"),
    ],
)
def test_the_machine_of_a_distribution_is_the_one_it_was_made_of(name: str, own: str) -> None:
    result = convert(machine=name)
    assert keys(result)["machine"].split(",")[0] == own
    assert "guest" in told(result, name)


@pytest.mark.parametrize(
    ("name", "qemu", "missing"),
    [("pc-i440fx-1.4", "11.0.2", True), ("pc-q35-10.1", "9.2.0", True), ("pc-q35-8.0", "11.0.2", False), ("pc-q35-1.4", None, False)],
)
def test_a_machine_that_the_nodes_qemu_lacks_is_told(name: str, qemu: str | None, missing: bool) -> None:
    result = convert(machine=name, host=bridge.HostFacts(qemu_version=qemu) if qemu else None)
    assert ("machine-missing" in {finding.kind for finding in result.findings}) is missing


@pytest.mark.parametrize(("machine", "severities"), [("pc-q35-7.1", {"guest"}), ("pc-q35-7.2", {"guest"}), ("pc-q35-8.0", set())])
def test_the_chipsets_watchdog_of_an_old_machine_does_nothing(machine: str, severities: set[str]) -> None:
    assert told(convert("<watchdog model='itco' action='reset'/>", machine=machine), "noreboot") == severities


@pytest.mark.parametrize(
    ("device", "vga", "severities"),
    [("virtio-vga", "virtio", set()), ("virtio-vga-gl", "virtio-gl", set()), ("virtio-gpu-pci", "virtio", {"guest"})],
)
def test_a_virtio_card_by_its_device(device: str, vga: str, severities: set[str]) -> None:
    result = convert(f"<graphics type='vnc'/><video><model type='virtio' device='{device}'/></video>")
    assert (keys(result)["vga"], told(result, f"{device}'")) == (vga, severities)


def test_the_hosts_cpu_of_another_architecture_is_no_change() -> None:
    result = convert(head="<cpu mode='host-passthrough'/>", machine="virt-10.0", arch="aarch64")
    assert told(result, "no CPU model") == set()


CARD = "<interface type='bridge'>{}<source bridge='vmbr0'/><model type='virtio'/></interface>"


def test_a_card_without_an_address_gets_one_that_stays() -> None:
    first, second = (keys(convert(CARD.format("") * 2)) for _ in range(2))
    assert first["net0"] == second["net0"]
    assert first["net0"].startswith("virtio=BC:24:11:")
    assert first["net0"] != first["net1"]
    assert keys(convert(CARD.format("<mac address='52:54:00:00:01:01'/>")))["net0"].startswith("virtio=52:54:00:00:01:01,")


@pytest.mark.parametrize("text", ["one ", "one\n \n", "one\t"])
def test_a_description_that_ends_in_blanks_is_proved(text: str) -> None:
    result = convert(head=f"<description>{text}</description>")
    assert result.text.startswith("#one\n")
    assert "description" not in {finding.field for finding in result.findings}


DEVICES = {
    "disk": (
        ("<disk type='file' device='disk' {}><driver name='qemu' type='raw'/><source file='/img/a.img'/>"
        "<target dev='vda' bus='virtio'/></disk>"),
        "virtio0",
    ),
    "card": ("<interface type='bridge'><mac address='52:54:00:00:01:01'/><source bridge='vmbr0'/><model {}/></interface>", "net0"),
    "rng": ("<rng {}><backend model='random'>/dev/urandom</backend></rng>", "rng0"),
}


@pytest.mark.parametrize("what", DEVICES)
def test_the_transitional_and_the_modern_form_of_a_virtio_device(what: str) -> None:
    text, key = DEVICES[what]
    name = "type" if what == "card" else "model"
    transitional = convert(text.format(f"{name}='virtio-transitional'"))
    modern = convert(text.format(f"{name}='virtio-non-transitional'"))
    assert key in keys(transitional)
    assert key in keys(modern)
    assert told(transitional, "virtio-transitional") == {"note"}
    assert told(modern, "virtio-non-transitional") == {"guest"}
    assert "disable-legacy=on" in keys(convert(text.format(f"{name}='virtio-non-transitional'"), args=True))["args"]


@pytest.mark.parametrize(("inner", "ostype"), [
    ("<vendor_id state='on' value='AuthenticAMD'/>", "win10"),
    ("<vendor_id state='on' value='x'/><vapic state='on'/>", "w2k8"),
])  # fmt: skip
def test_a_vendor_of_hyperv_alone_is_a_windows_and_not_an_old_one(inner: str, ostype: str) -> None:
    """People set it so that the drivers of a passed graphics card load."""
    xml = (
        "<domain type='kvm'><name>a</name><memory>1048576</memory><os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>"
        f"<features><acpi/><hyperv>{inner}</hyperv></features></domain>"
    )
    assert f"ostype: {ostype}\n" in bridge.convert(xml, source="xml", to="conf").text
