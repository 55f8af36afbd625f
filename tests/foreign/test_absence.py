"""What XML leaves out has a meaning of its own; where qemu-server would assume something else, the config says it (xml-paths)."""

from __future__ import annotations

import pytest

import bridge

XML = """
<domain type='kvm'><name>a</name><memory unit='MiB'>{memory}</memory><vcpu{vcpu}>2</vcpu>
<os><type arch='{arch}' machine='pc-i440fx-9.0'>hvm</type></os>{more}
<devices>{devices}</devices></domain>
"""
DISK = (
    "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
    "<source file='/var/lib/vz/images/100/vm-100-disk-0.raw'/><target dev='vda' bus='virtio'/></disk>"
)
TABLET = "<input type='tablet' bus='usb'/>"
GRAPHICS = "<graphics type='vnc'/>"
VIDEO = "<video><model type='vga'/></video>"


def convert(devices: str = "", more: str = "", vcpu: str = "", arch: str = "x86_64", memory: str = "512") -> bridge.Result:
    text = XML.format(devices=devices, more=more, vcpu=vcpu, arch=arch, memory=memory)
    return bridge.convert(text, "conf", "xml", vmid=100)


def keys(result: bridge.Result) -> dict[str, str]:
    return {key: value.strip() for key, _, value in (line.partition(":") for line in result.text.split("\n") if line)}


@pytest.mark.parametrize(
    ("there", "key", "without", "with_it"),
    [
        ({"more": "<features><acpi/></features>"}, "acpi", "0", None),
        ({"more": "<cpu mode='custom'><model>Haswell</model></cpu>"}, "cpu", "qemu64", "Haswell"),
        ({"devices": TABLET}, "tablet", "0", None),
        ({"devices": GRAPHICS + VIDEO}, "vga", "none", None),
        ({"devices": "<memballoon model='none'/>"}, "balloon", None, "0"),
        ({"more": "<on_reboot>destroy</on_reboot>"}, "reboot", None, "0"),
        ({"more": "<genid>ab86d19a-f055-da1f-62de-1df793c9d8c9</genid>"}, "vmgenid", None, "ab86d19a-f055-da1f-62de-1df793c9d8c9"),
        ({"vcpu": " cpuset='2-3'"}, "affinity", None, "2-3"),
    ],
)
def test_of_a_machine(there: dict[str, str], key: str, without: str | None, with_it: str | None) -> None:
    assert keys(convert()).get(key) == without
    assert keys(convert(**there)).get(key) == with_it


@pytest.mark.parametrize(
    ("word", "without", "said"),
    [
        ("cache='none'", "cache=writeback", "cache="),
        ("io='io_uring'", "aio=threads", "aio="),
        ("detect_zeroes='on'", "detect_zeroes=0", "detect_zeroes="),
    ],
)
def test_of_a_drive(word: str, without: str, said: str) -> None:
    assert without in keys(convert(DISK))["virtio0"]
    assert said not in keys(convert(DISK.replace("type='raw'", f"type='raw' {word}")))["virtio0"]


def test_an_rng_without_a_rate_has_no_limit() -> None:
    rng = "<rng model='virtio'>{}<backend model='random'>/dev/urandom</backend></rng>"
    assert keys(convert(rng.format("")))["rng0"] == "/dev/urandom,max_bytes=0"
    assert keys(convert(rng.format("<rate bytes='1024' period='1000'/>")))["rng0"] == "/dev/urandom"


def test_short_rings_are_told_as_they_cannot_be_kept() -> None:
    card = "<interface type='bridge'><source bridge='vmbr0'/><model type='virtio'/></interface>"
    assert any("rx_queue_size was 256, under qemu-server it is 1024" in f.message for f in convert(card).findings if f.kind == "added")


def test_a_clock_that_says_nothing_is_utc_for_windows_too() -> None:
    windows = (
        "<metadata><l:libosinfo xmlns:l='http://libosinfo.org/xmlns/libvirt/domain/1.0'><l:os id='http://microsoft.com/win/10'/>"
        "</l:libosinfo></metadata><features><acpi/></features>"
    )
    found = keys(convert(more=windows))
    assert found["ostype"] == "win10"
    assert (found["localtime"], found["tdf"]) == ("0", "0")


def test_memory_is_rounded_up_as_libvirt_does() -> None:
    text = XML.format(devices="", more="", vcpu="", arch="x86_64", memory="512").replace("unit='MiB'>512", "unit='KiB'>219100")
    assert keys(bridge.convert(text, "conf", "xml", vmid=100))["memory"] == "214"


def test_a_32_bit_domain_without_a_cpu_has_qemu32() -> None:
    assert keys(convert(arch="i686"))["cpu"] == "qemu32"
    assert keys(convert(arch="i686", more="<cpu mode='custom'><model>Haswell</model></cpu>"))["cpu"] == "Haswell"


def test_graphics_without_a_card_is_a_guess_that_is_told() -> None:
    result = convert(GRAPHICS)
    assert keys(result)["vga"] == "cirrus"
    assert any(f.kind == "ambiguous" and "without a <video>" in f.message for f in result.findings)
