"""Lints: the same ones for a config that becomes XML or a command line, and for XML that becomes a config."""

from __future__ import annotations

import pytest

import bridge

HOST = bridge.HostFacts(qemu_server="rfc-iothreads", cpus=8, bridge_mtu={"vmbr0": 1500})
DISK = "virtio0: local:100/vm-100-disk-0.raw,iothread=1\nmemory: 512\ncores: 4\n"
SCSI = "scsihw: virtio-scsi-single\nscsi0: local:100/vm-100-disk-0.raw,iothread=1,queues={}\nmemory: 512\ncores: 4\n"
XML = """
<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory><vcpu>{vcpu}</vcpu>{more}
<os><type machine='{machine}'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'><driver name='qemu' type='raw'{thread}/><source file='/var/lib/vz/images/100/vm-100-disk-0.raw'/>
<target dev='vda' bus='virtio'/></disk></devices></domain>
"""


def lints(text: str, to: bridge.Format) -> list[str]:
    result = bridge.convert(text, to, vmid=100, host=HOST)
    return [finding.message for finding in result.findings if finding.kind == "lint"]


@pytest.mark.parametrize("to", ["argv", "xml"])
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("iothreads: 6\n" + DISK, "virtio0: 6 iothreads serve 4 queues (one for each vCPU at start): 2 of them idle"),
        (
            "iothreads: 2\nmachine: pc-i440fx-5.1\n" + DISK,
            "virtio0: 2 iothreads serve 1 queue (one for each vCPU at start): 1 of them idle",
        ),
        ("iothreads: 3\nmachine: q35\n" + SCSI.format(2), "scsi0: 3 iothreads serve 2 queues: 1 of them idle"),
        ("iothreads: 2\nmemory: 512\n", "iothreads: 2 is a pool that no disk uses"),
        ("iothreads: 2,affinity=0-9\n" + DISK, "iothread 1 names host CPU 8; the host has 0-7"),
        ("affinity: 4,12-13\nmemory: 512\n", "affinity names host CPU 12; the host has 0-7"),
        (
            "iothreads: 2,affinity=0-1\naffinity: 0-3\n" + DISK,
            "iothread 2 is pinned to host CPU 0-1, and vCPUs run on 0, 1 of it as well",
        ),
        ("args: -cpu max\ncpu: host\n", "args: -cpu max takes the place of cpu: host as a whole, with every flag that goes with it"),
    ],
)
def test_of_a_config(config: str, message: str, to: bridge.Format) -> None:
    assert message in lints(config, to)


@pytest.mark.parametrize("to", ["argv", "xml"])
@pytest.mark.parametrize(
    "config",
    [
        "iothreads: 4\n" + DISK,
        "iothreads: 4\n" + SCSI.format(4),
        DISK,
        "affinity: 0-3\n" + DISK,
        "iothreads: 2,affinity=4-5\naffinity: 0-3\n" + DISK,
        "args: -smbios type=11,value=-cpu\n",
    ],
)
def test_nothing_to_say(config: str, to: bridge.Format) -> None:
    assert lints(config, to) == []


@pytest.mark.parametrize(
    ("vcpu", "more", "message"),
    [
        ("2", "<iothreads>1</iothreads><cputune><vcpupin vcpu='0' cpuset='2-3'/><iothreadpin iothread='1' cpuset='3'/></cputune>",
         "iothread 1 is pinned to host CPU 3, and vCPUs run on 3 of it as well"),
        ("2", "<iothreads>1</iothreads><cputune><vcpupin vcpu='1' cpuset='9'/></cputune>", "vcpupin 1 names host CPU 9; the host has 0-7"),
    ],
)  # fmt: skip
def test_of_xml(vcpu: str, more: str, message: str) -> None:
    text = XML.format(vcpu=vcpu, more=more, machine="pc-i440fx-10.0", thread=" iothread='1'")
    assert message in lints(text, "conf")


def test_a_controller_that_ignores_iothreads_is_named() -> None:
    config = "scsihw: virtio-scsi-pci\nscsi0: local:100/vm-100-disk-0.raw,iothread=1\nmemory: 512\n"
    told = [f.message for f in bridge.convert(config, "xml", vmid=100, host=HOST).findings]
    assert "scsi0: iothread is only valid with virtio disk or virtio-scsi-single controller, ignoring" in told
