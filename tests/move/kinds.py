"""Kinds of VMs that are moved: name -> config, small enough for a machine without KVM."""

from __future__ import annotations

FULL = """\
boot: order=scsi0;net0
scsi0: local:100/vm-100-disk-0.qcow2,iothread=1
scsihw: virtio-scsi-single
"""
NET = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n"

KINDS = {
    "i440fx": f"memory: 128\nname: i440fx\n{NET}{FULL}",
    "q35": f"memory: 128\nname: q35\nmachine: q35\nagent: 1\nrng0: source=/dev/urandom\n{NET}{FULL}",
    "shared-iothreads": (
        "cores: 2\nmemory: 160\nname: shared\niothreads: 4,affinity=0\nscsihw: virtio-scsi-single\n"
        "scsi0: local:100/vm-100-disk-0.qcow2,iothread=1,discard=on,ssd=1\nscsi1: local:100/vm-100-disk-1.qcow2\n"
        "virtio0: local:100/vm-100-disk-2.raw,iothread=1\nvirtio1: local:100/vm-100-disk-3.raw\n"
    ),
    "ovmf-tpm": (
        "bios: ovmf\nmemory: 256\nname: uefi\nmachine: q35\nefidisk0: local:100/vm-100-disk-9.raw,efitype=4m,size=528K\n"
        f"tpmstate0: local:100/vm-100-disk-8.raw,size=4M,version=v2.0\n{NET}{FULL}"
    ),
    "numa": (
        f"cores: 2\nmemory: 256\nname: numa\nnuma: 1\nnuma0: cpus=0,memory=128\nnuma1: cpus=1,memory=128\n{FULL}"
    ),
    "memory-hotplug": f"cores: 1\nhotplug: network,disk,cpu,memory\nmemory: 1536\nname: dimms\nnuma: 1\n{FULL}",
    "every-disk-bus": (
        "memory: 160\nname: buses\nscsihw: lsi\nide0: local:100/vm-100-disk-1.qcow2\nsata0: local:100/vm-100-disk-2.raw\n"
        "scsi0: local:100/vm-100-disk-0.raw\nvirtio0: local:100/vm-100-disk-3.qcow2,iothread=1\nide2: none,media=cdrom\n"
    ),
    "megasas": (
        "memory: 160\nname: megasas\nscsihw: megasas\nscsi0: local:100/vm-100-disk-0.qcow2\nnet0: e1000=BC:24:11:00:00:02,bridge=vmbr0\n"
    ),
    "vmgenid": f"memory: 128\nname: genid\nvmgenid: 2f1a6a5e-4a1b-4c7e-8f14-2d0d6a1f0009\n{FULL}",
}
"""`serial0`, `smbios1` and `kvm: 0` are the lab's."""
