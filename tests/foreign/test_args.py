"""`--args`: what no key of a config holds stands in `args`, as libvirt itself would say it to QEMU."""

from __future__ import annotations

import itertools
import re

import pytest

import bridge
from bridge.core.shellwords import quote, split
from tests.foreign.domains import VMID, converted, domains, mapped

XML = """
<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory><vcpu>2</vcpu>
<os><type arch='x86_64' machine='{machine}'>hvm</type>{os}</os>{more}
<devices>{devices}<memballoon model='none'/></devices></domain>
"""
DISK = (
    "<disk type='file' device='disk'><driver name='qemu' type='raw'{driver}/><source file='/var/lib/vz/images/100/vm-100-disk-0.raw'/>"
    "<target dev='vda' bus='virtio'/>{inner}</disk>"
)


def xml(devices: str = "", os: str = "", more: str = "", machine: str = "pc-i440fx-10.0") -> str:
    return XML.format(devices=devices, os=os, more=more, machine=machine)


def words(text: str) -> list[str]:
    """The words of `args` in the config that comes of this XML."""
    config = bridge.convert(text, "conf", "xml", vmid=VMID, args=True).text
    line = next((line for line in config.split("\n") if line.startswith("args: ")), "args: ")
    return split(line.removeprefix("args: "))


CASES = [
    (xml("<panic model='pvpanic'/>"), "-device pvpanic-pci"),
    (xml("<panic model='hyperv'/>"), "-global x86_64-cpu.hv-crash=on"),
    (xml("<vsock model='virtio'><cid auto='no' address='4'/></vsock>"), "-device vhost-vsock-pci,id=vsock0,guest-cid=4"),
    (xml("<input type='mouse' bus='usb'/>"), "-device usb-mouse,id=input0"),
    (xml("<input type='keyboard' bus='virtio'><driver iommu='on'/></input>"), "-device virtio-keyboard-pci,id=input0,iommu_platform=on"),
    (
        xml("<hostdev type='usb'><source><address bus='3' device='9'/></source></hostdev>"),
        "-device usb-host,hostbus=3,hostaddr=9,id=hostdev0",
    ),
    (
        xml("<hostdev type='mdev' model='vfio-pci'><source><address uuid='53764d0e-85a0-42b4-af5c-2046b460b1dc'/></source></hostdev>"),
        "-device vfio-pci,id=hostdev0,sysfsdev=/sys/bus/mdev/devices/53764d0e-85a0-42b4-af5c-2046b460b1dc",
    ),
    (
        xml("<filesystem type='mount'><source dir='/srv/a,b'/><target dir='t,1'/></filesystem>"),
        "",  # a comma in a path is nothing that a config names
    ),
    (
        xml("<filesystem type='mount' accessmode='mapped'><source dir='/srv/a'/><target dir='t,1'/></filesystem>"),
        (
            "-fsdev local,security_model=mapped,id=fsdev-filesystem0,path=/srv/a "
            "-device virtio-9p-pci,id=filesystem0,fsdev=fsdev-filesystem0,mount_tag=t,,1"
        ),
    ),
    (
        xml("<channel type='unix'><source mode='bind' path='/run/secret'/><target type='virtio' name='org.example'/></channel>"),
        (
            "-device virtio-serial-pci,id=channels0 "
            "-chardev socket,id=charchannel0,path=/var/run/qemu-server/100.channel0,server=on,wait=off "
            "-device virtserialport,bus=channels0.0,chardev=charchannel0,id=channel0,name=org.example,nr=1"
        ),
    ),
    (
        xml(DISK.format(driver=" event_idx='off'", inner="<blockio physical_block_size='4096'/>")),
        "-set device.virtio0.event_idx=off -set device.virtio0.physical_block_size=4096",
    ),
]


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_the_words(text: str, wanted: str) -> None:
    assert quote(words(text)) == wanted if wanted else words(text) == []


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_without_the_option_a_finding_says_them(text: str, wanted: str) -> None:
    result = bridge.convert(text, "conf", "xml", vmid=VMID)
    assert "args:" not in result.text
    hints = " ".join(finding.hint.removeprefix("--args writes: ") for finding in result.findings if finding.hint.startswith("--args"))
    assert hints == wanted


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/proc/self/mem", "/srv/../etc/shadow", "srv", "/run/docker.sock", "/srv/a\n-device evil", "/srv/a\\"]
)
def test_no_file_that_a_config_must_not_name_gets_into_args(path: str) -> None:
    text = xml(f"<filesystem type='mount'><source dir='{path}'/><target dir='t'/></filesystem>".replace("\n", "&#10;"))
    try:
        found = words(text)
    except bridge.BridgeError:
        return
    assert found == [] or path in found[1] and "\n" not in found[1]  # noqa: RUF021


@pytest.mark.usefixtures("shared")
def test_every_property_is_set_on_a_device_that_is_there() -> None:
    missing = {}
    for domain in domains():
        host = mapped(domain.xml)
        try:
            config = converted(domain, args=True).text
            argv = bridge.convert(config, "argv", "conf", vmid=VMID, host=host).argv
        except bridge.BridgeError:
            continue
        assert argv is not None
        ids = set(re.findall(r"\bid=([^,]+)", " ".join(argv)))
        wanted = {word.split(".")[1] for option, word in itertools.pairwise(argv) if option == "-set"}
        if wanted - ids:
            missing[domain.name] = wanted - ids
    assert not missing
