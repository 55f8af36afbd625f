"""The files of a Proxmox VE node, below a directory."""

from __future__ import annotations

from pathlib import Path

CPUINFO = """\
processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: AMD EPYC 7302P 16-Core Processor
flags\t\t: fpu vme svm aes
address sizes\t: 43 bits physical, 48 bits virtual

processor\t: 1
vendor_id\t: AuthenticAMD
flags\t\t: fpu vme svm aes
address sizes\t: 43 bits physical, 48 bits virtual
"""
STATUS = """\
Package: qemu-server
Status: install ok installed
Architecture: amd64
Version: 9.2.6
Depends: pve-qemu-kvm (>= 10.1.2-1)
Description: Qemu Server Tools
 Version: 1.2.3 of something else

Package: pve-qemu-kvm
Status: install ok installed
Version: 1:10.0.2-4
Description: Full virtualization on x86 hardware

Package: zlib1g
Version: 1:1.3.1
"""
INTERFACES = """\
auto lo
iface lo inet loopback

auto vmbr0
iface vmbr0 inet static
\taddress 192.0.2.1/24
\tbridge-ports eno1

auto vmbr1
iface vmbr1 inet manual
\tovs_type OVSBridge
\tovs_mtu 9000

iface eno1 inet manual
"""
STORAGE = """\
dir: local
\tpath /var/lib/vz
\tcontent images,iso

zfspool: tank
\tpool tank
\tcontent images

rbd: own
\tpool vms
\tkrbd 1

rbd: other
\tpool vms
\tmonhost 192.0.2.7
"""
MODELS = """\
cpu-model: own
\treported-model EPYC
\tflags +aes
"""
USB = """\
stick
\tmap id=0951:1666,node=alpha
\tmap id=0951:1777,node=beta
"""
CONFIG = """\
cores: 2
cpu: custom-own
iothreads: 2,affinity=0
memory: 1024
name: first
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0
scsi0: tank:vm-100-disk-0,iothread=1,size=8G
scsihw: virtio-scsi-single
usb0: mapping=stick
"""


def make(root: Path) -> Path:
    """Node `alpha` with VM 100, of a cluster in which `beta` has VM 200."""
    for name, text in {
        "etc/hostname": "alpha.example.com\n",
        "etc/pve/storage.cfg": STORAGE,
        "etc/pve/virtual-guest/cpu-models.conf": MODELS,
        "etc/pve/mapping/usb.cfg": USB,
        "etc/pve/ceph.conf": "[global]\n\tfsid = 0a1b2c3d-0000-4000-8000-000000000001\n",
        "etc/pve/priv/ceph/other.keyring": "",
        "etc/pve/nodes/alpha/qemu-server/100.conf": CONFIG,
        "etc/pve/nodes/beta/qemu-server/200.conf": CONFIG.replace("100", "200"),
        "etc/iscsi/initiatorname.iscsi": "## comment\nInitiatorName=iqn.1993-08.org.debian:01:abc\n",
        "etc/network/interfaces": INTERFACES,
        "var/lib/dpkg/status": STATUS,
        "proc/cpuinfo": CPUINFO,
        "run/qemu-server/host-hw-capabilities.json": '{"amd-sev":{"cbitpos":51,"reduced-phys-bits":1,"sev-support":true}}',
        "usr/share/pve-edk2-firmware/OVMF_VARS_4M.fd": "x" * 1000,
        "sys/class/net/vmbr0/mtu": "1500\n",
        "sys/class/net/vmbr1/mtu": "9000\n",
        "sys/class/net/eno1/mtu": "1500\n",
        "sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
        "sys/bus/pci/devices/0000:01:00.0/device": "0x2231\n",
        "dev/vhost-net": "",
        "dev/dri/renderD128": "",
        "dev/sr0": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for directory in (
        "sys/class/net/vmbr0/bridge",
        "sys/devices/system/node/node0",
        "sys/devices/system/node/node1",
        "sys/kernel/mm/hugepages/hugepages-2048kB",
        "sys/kernel/mm/hugepages/hugepages-1048576kB",
        "sys/kernel/iommu_groups/17",
    ):
        (root / directory).mkdir(parents=True)
    (root / "etc/pve/qemu-server").symlink_to("nodes/alpha/qemu-server")
    (root / "dev/cdrom").symlink_to("sr0")
    (root / "sys/bus/pci/devices/0000:01:00.0/iommu_group").symlink_to("../../../../kernel/iommu_groups/17")
    return root
