"""machine, arch, kvm, acpi, power states, vIOMMU: the pin, the switches, and the way back."""

from __future__ import annotations

import pytest

from tests.kinds.both import HOST, OLD_HOST, back, commandline, domain, findings, keys, pieces, refusal, values, xml

TOO_NEW_A_REVISION = (
    "Installed qemu-server (max feature level for 9.0 is pve0) is too old to run machine type 'pc-i440fx-9.0+pve77',"
    " please upgrade the node"
)


@pytest.mark.parametrize(
    ("config", "flags"),
    [
        ("", "type=pc+pve0"),
        ("machine: q35\n", "type=q35+pve0"),
        ("machine: pc-i440fx-9.2\n", "type=pc-i440fx-9.2+pve0"),
        ("machine: pc-i440fx-9.2+pve1\n", "type=pc-i440fx-9.2+pve1"),
        ("machine: pc-i440fx-10.0+pve1\n", "type=pc-i440fx-10.0+pve0"),
        ("machine: pc-i440fx-10.0+pve1\nnet0: virtio=BC:24:11:00:00:01\n", "type=pc-i440fx-10.0+pve1"),
        ("machine: pc-i440fx-10.0\nnet0: virtio=BC:24:11:00:00:01\n", "type=pc-i440fx-10.0+pve0"),
        ("machine: pc-i440fx-4.1+pve2\nrng0: source=/dev/urandom\n", "type=pc-i440fx-4.1+pve2"),
        ("machine: pc-i440fx-8.1.pxe\n", "type=pc-i440fx-8.1+pve0"),
        ("ostype: win10\n", "hpet=off,type=pc-i440fx-5.1+pve0"),
        ("ostype: win10\nmeta: creation-qemu=9.0.2\n", "hpet=off,type=pc-i440fx-5.1+pve0"),
        ("ostype: win10\nmachine: q35\nmeta: creation-qemu=10.0.2,ctime=1\n", "hpet=off,type=pc-q35-10.0+pve0"),
        ("ostype: l26\n", "hpet=off,type=pc+pve0"),
        ("ostype: l26\nmachine: pc-i440fx-10.0\n", "type=pc-i440fx-10.0+pve0"),
        ("kvm: 0\nacpi: 0\nallow-ksm: 0\n", "acpi=off,accel=tcg,type=pc+pve0,mem-merge=off"),
        ("vga: none\n", "smm=off,type=pc+pve0"),
        ("machine: q35,viommu=intel,aw-bits=48\n", "type=q35+pve0,kernel-irqchip=split"),
        ("ostype: win11\n", "hpet=off,type=pc-i440fx-5.1+pve0"),
        ("ostype: win11\nmachine: pc-i440fx-11.0+pve2\n", "hpet=off,type=pc-i440fx-11.0+pve2"),
    ],
)
def test_machine_flags(config: str, flags: str) -> None:
    assert values(config, "-machine") == [flags]


def test_windows_made_on_a_younger_qemu_gets_the_newest_here() -> None:
    assert values("ostype: win10\nmeta: creation-qemu=10.1.0\n", "-machine", OLD_HOST) == ["hpet=off,type=pc-i440fx-9.2+pve1"]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("", ["PIIX4_PM.disable_s3=1", "PIIX4_PM.disable_s4=1"]),
        ("machine: q35,enable-s3=1\nmeta: creation-qemu=10.0.2\n", ["ICH9-LPC.disable_s4=1"]),
        ("machine: pc-i440fx-9.2\n", []),
        (
            "machine: q35\nostype: l26\n",
            ["ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off", "ICH9-LPC.disable_s3=1", "ICH9-LPC.disable_s4=1"],
        ),
        ("machine: pc-q35-8.0\nostype: l26\n", []),
    ],
)
def test_globals(config: str, wanted: list[str]) -> None:
    assert values(config, "-global") == wanted


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            "machine: pc-i440fx-10.0\n",
            "Installed QEMU version '9.2.0' is too old to run machine type 'pc-i440fx-10.0+pve0', please upgrade the node",
        ),
        ("machine: pc-i440fx-9.0+pve77\n", TOO_NEW_A_REVISION),
        ("machine: pc,viommu=intel\n", "to use Intel vIOMMU please set the machine type to q35"),
        ("machine: q35,viommu=intel,aw-bits=40\n", "Intel vIOMMU supports only 39 or 48 bits as address width"),
        ("machine: q35,aw-bits=48\n", "cannot set aw-bits if no vIOMMU is configured"),
    ],
)
def test_refusals(config: str, message: str) -> None:
    assert refusal(config, OLD_HOST) == message


@pytest.mark.parametrize(
    ("config", "path", "wanted"),
    [
        ("", "os/type", ['<type arch="x86_64" machine="pc-i440fx-11.0">hvm</type>']),
        ("machine: pc-q35-9.2+pve1\n", "os/type", ['<type arch="x86_64" machine="pc-q35-9.2">hvm</type>']),
        ("acpi: 0\n", "features/acpi", []),
        ("vga: none\n", "features/smm", ['<smm state="off"/>']),
        ("", "pm", ['<pm><suspend-to-mem enabled="no"/><suspend-to-disk enabled="no"/></pm>']),
        ("machine: pc-i440fx-9.2\n", "pm", []),
        ("reboot: 0\n", "on_reboot", ["<on_reboot>destroy</on_reboot>"]),
        ("allow-ksm: 0\n", "memoryBacking/nosharepages", ["<nosharepages/>"]),
        (
            "machine: q35,viommu=intel,aw-bits=39\n",
            "devices/iommu",
            ['<iommu model="intel"><driver intremap="on" caching_mode="on" aw_bits="39"/></iommu>'],
        ),
    ],
)
def test_xml(config: str, path: str, wanted: list[str]) -> None:
    assert [piece.replace(' xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"', "") for piece in pieces(config, path)] == wanted


def test_what_libvirt_has_no_element_for_goes_by_the_command_line() -> None:
    words = commandline("machine: q35\nostype: l26\nmemory: 512\nvga: none\n")
    assert words[words.index("-machine") :][:2] == ["-machine", "graphics=off"]
    assert "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off" in words
    assert "graphics=off" in commandline("vga: serial0\nserial0: socket\n")
    assert "ICH9-LPC.noreboot=on" in commandline("machine: pc-q35-7.2\n")
    assert "-no-reboot" in commandline("reboot: 0\n")
    assert "-no-reboot" not in commandline("reboot: 1\n")
    assert any(word.startswith("virtio-iommu-pci,bus=pci.0,addr=0x") for word in commandline("machine: pc,viommu=virtio\n"))


@pytest.mark.parametrize(
    "config",
    [
        {"machine": "pc-i440fx-10.0"},
        {"machine": "pc-q35-9.2,enable-s3=0"},
        {"machine": "pc-q35-10.0,viommu=intel,aw-bits=48"},
        {"machine": "pc-q35-10.0,viommu=virtio,aw-bits=50"},
        {"machine": "pc-i440fx-10.0,viommu=virtio"},
        {"machine": "pc-i440fx-10.0", "kvm": "0", "acpi": "0", "reboot": "0", "allow-ksm": "0"},
    ],
)
def test_back_from_xml_alone(config: dict[str, str]) -> None:
    found = back("".join(f"{key}: {value}\n" for key, value in config.items()))
    same, wanted = ({part.removeprefix("type=") for part in text.split(",")} for text in (found.pop("machine"), config["machine"]))
    assert same == wanted
    assert {key: found.get(key) for key in config if key != "machine"} == {k: v for k, v in config.items() if k != "machine"}


RAW = "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-no-reboot'/></qemu:commandline>"


@pytest.mark.parametrize(
    ("inner", "reboot", "said"),
    [
        ("", None, []),
        ("<on_reboot>restart</on_reboot>", None, []),
        ("<on_reboot>destroy</on_reboot>", "0", []),
        ("<on_reboot>destroy</on_reboot>" + RAW, "0", []),
        ("<on_reboot>restart</on_reboot>" + RAW, "0", ["on_reboot restart has no effect: with -no-reboot a reset ends the VM"]),
        (RAW, "0", ["on_reboot restart has no effect: with -no-reboot a reset ends the VM"]),
    ],
)
def test_what_a_reset_does(inner: str, reboot: str | None, said: list[str]) -> None:
    assert keys(domain(inner)).get("reboot") == reboot
    assert [message for message in findings(domain(inner), "normalised") if "on_reboot" in message] == said


def test_foreign_machines() -> None:
    assert keys(domain(machine="pc-q35-8.0"))["machine"].startswith("pc-q35-8.0")
    assert findings(domain(machine="pc-q35-rhel9.4.0"), "guest-changed")[0].startswith(
        "machine 'pc-q35-rhel9.4.0' is a distribution's own"
    )
    assert keys(domain(machine="microvm"))["machine"] == "pc,enable-s3=1,enable-s4=1"


def test_a_bare_machine_is_pinned_where_qemu_server_would_take_it_for_an_old_one() -> None:
    windows = domain("<clock offset='localtime'/>", machine="q35", head="<features/>").replace("<features><acpi/></features>", "")
    windows = windows.replace("<features/>", "<features><acpi/><hyperv><relaxed state='on'/><vapic state='on'/></hyperv></features>")
    assert keys(windows)["machine"].startswith("pc-q35-11.0")
    linux = domain("<clock offset='utc'><timer name='hpet' present='no'/></clock>", machine="q35")
    assert keys(linux, HOST)["machine"].startswith("pc-q35-11.0")


def test_a_domain_without_pm_can_sleep() -> None:
    assert keys(domain(machine="q35"))["machine"] == "q35,enable-s3=1,enable-s4=1"
    assert keys(domain("<pm><suspend-to-mem enabled='no'/></pm>", machine="pc-i440fx-9.2"))["machine"] == "pc-i440fx-9.2,enable-s3=0"
    assert "machine" not in keys(domain("<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>"))


def test_the_target_may_lack_the_machine() -> None:
    import bridge

    out = bridge.convert("machine: pc-i440fx-11.0\n", to="xml", source="conf", host=HOST, qemu="10.0.2")
    missing = [f.message for f in out.findings if f.kind == "machine-missing"]
    assert missing == ["QEMU 10.0.2 has no machine pc-i440fx-11.0: the newest one is pc-i440fx-10.0"]
    assert xml("machine: pc-i440fx-11.0\n", qemu="11.0") is not None
