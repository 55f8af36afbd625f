"""Kinds of VMs that are moved: name -> config, small enough for a machine without KVM. Kinds that do not exclude each other are one, as a
boot takes longer than all else."""

from __future__ import annotations

import os
import re

from tests.corpus import ROOT

DISK = "boot: order=scsi0;net0\nscsi0: local:100/vm-100-disk-0.qcow2,iothread=1\nscsihw: virtio-scsi-single\n"
NET = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n"
PLAIN = f"memory: 128\nname: plain\n{NET}{DISK}"
"""A small i440fx."""
BRIDGED = (
    "cores: 2\nmemory: 160\nname: bridged\nnuma: 1\nnuma0: cpus=0,memory=80\nnuma1: cpus=1,memory=80\nscsihw: lsi\n"
    "ide0: local:100/vm-100-disk-1.qcow2\nsata0: local:100/vm-100-disk-2.raw\n"
    "scsi0: local:100/vm-100-disk-0.raw\nvirtio0: local:100/vm-100-disk-3.qcow2,iothread=1\nide2: none,media=cdrom\n"
    f"vmgenid: 2f1a6a5e-4a1b-4c7e-8f14-2d0d6a1f0009\n{NET}"
)
"""An i440fx with NUMA nodes and every bus of disks, whose NIC is on a bridge, and pinged (test_bridge.py)."""

KINDS = {
    "q35-ovmf-tpm": (
        "agent: 1\nbios: ovmf\nmemory: 256\nname: uefi\nmachine: q35\nefidisk0: local:100/vm-100-disk-9.raw,efitype=4m,size=528K\n"
        f"rng0: source=/dev/urandom\ntpmstate0: local:100/vm-100-disk-8.raw,size=4M,version=v2.0\n{NET}{DISK}"
    ),
    "memory-hotplug-megasas": (
        "hotplug: network,disk,cpu,memory\nmemory: 1536\nname: dimms\nnuma: 1\n"
        "scsihw: megasas\nscsi0: local:100/vm-100-disk-0.qcow2\nnet0: e1000=BC:24:11:00:00:02,bridge=vmbr0\n"
    ),
}
"""`serial0`, `smbios1` and `kvm: 0` are the lab's."""


def sample() -> str:
    """`samples/iothreads.conf` itself; its threads go to a CPU that is there, if this host lacks one of its own."""
    text = (ROOT / "samples/iothreads.conf").read_text(encoding="utf-8")
    here = os.sched_getaffinity(0)
    return text if here >= set(range(2, 7)) else re.sub(r"affinity=[-\d]+", f"affinity={min(here)}", text)
