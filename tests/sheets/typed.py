"""The files beside which commands are typed."""

from __future__ import annotations

UUID = "5f0b4b3e-6a0d-4c39-8f6c-2f1f3b8c9d10"
FILES = {
    "100.conf": f"""\
name: web
memory: 1024
onboot: 1
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0
scsihw: virtio-scsi-single
scsi0: store:100/vm-100-disk-0.qcow2,iothread=1,size=4G
smbios1: uuid={UUID}
""",
    "101.conf": """\
memroy: 5
name: mail
machine: q35
ostype: win11
watchdog: model=ib700
net0: e1000=BC:24:11:00:00:02,bridge=vmbr0,firewall=1,link_down=1
net1: e1000=BC:24:11:00:00:03,bridge=vmbr7
scsi0: far:vm-101-disk-0,size=1G
virtio0: thin:vm-101-disk-1,size=1G,backup=0
virtio1: nfs:101/vm-101-disk-2.raw,size=1G
ide2: store:iso/debian.iso,media=cdrom
tpmstate0: store:101/vm-101-disk-3.raw,size=4M,version=v2.0
args: -device edu
unused0: store:101/vm-101-disk-9.raw
[pending]
memory: 4096
[old]
memory: 512
name: mail
snaptime: 1700000000
""",
    "102.conf": "name: broken\nargs: 'never closed\n",
    "200.conf": """\
iothreads: 2,affinity=0-1
scsihw: virtio-scsi-single
scsi0: store:200/vm-200-disk-0.raw,iothread=1
virtio0: store:200/vm-200-disk-1.raw,iothread=1
vga: none
""",
    "web.xml": f"""\
<domain type='kvm'>
  <name>web</name>
  <uuid>{UUID}</uuid>
  <memory unit='MiB'>512</memory>
  <vcpu>2</vcpu>
  <cputune><vcpupin vcpu='1' cpuset='3'/></cputune>
  <os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/i/a.img'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/i/b.img'/><target dev='vdb' bus='virtio'/></disk>
    <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/><model type='virtio'/></interface>
    <interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br0'/><model type='ne2k_pci'/></interface>
    <graphics type='vnc' passwd='secret'/>
    <sound model='sb16'/>
  </devices>
</domain>
""",
    "cut.xml": "<domain type='kvm'>\n  <name>cut</name>\n",
    "line.sh": "#!/bin/sh\nexec qemu-system-x86_64 -name shell -M q35 -m 512 -nodefaults -hda /i/a.qcow2 -nic user,mac=52:54:00:00:00:07 -device edu\n",
    "empty.conf": "",
    "b\x1b[1m.conf": "memory: 512\nnonsense\n",
    "in/300.conf": "name: one\nmemory: 512\nvga: none\nserial0: socket\n", "in/301.conf": "name: one\nmemory: 512\nvga: none\nserial0: socket\n",
    "in/302.conf": "args: 'never closed\n", "in/303.conf": "name: three\nmemory: 512\nwatchdog: model=ib700\nmachine: q35\nvga: none\nserial0: socket\n",
    "in/304.conf": "args: 'never closed\n", "in/readme.txt": "no VM\n", "in/305.xml": "<domain type='kvm'><name>five</name></domain>\n",
    "domains/a.xml": "<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory><os><type machine='pc-q35-9.2'>hvm</type></os></domain>\n",
    "domains/b.xml": f"<domain type='kvm'><name>b</name><uuid>{UUID}</uuid><memory unit='MiB'>512</memory>"
                     "<os><type machine='pc-q35-9.2'>hvm</type></os></domain>\n",
    "lines/a.cmd": "kvm -name a -m 64\n", "lines/b.sh": "no line\n",
    "state": "QEVM\0\0\0\3\0the rest",
    "none/.keep": "",
    "facts/storage.cfg": """\
dir: store
\tpath /srv/store
\tcontent images,iso

nfs: nfs
\tpath /mnt/nfs
\tserver 192.0.2.7
\texport /srv
\tcontent images

lvmthin: thin
\tvgname pve
\tthinpool data
\tcontent images
""",
    "facts/host.toml": 'cpus = 8\nqemu_version = "10.0.2"\nbridges = ["vmbr0"]\n',
    "odd/host.toml": "cpus = 8\nnot toml\n", "odd2/host.toml": "cpus = 0\n",
    "map.toml": '[storages]\n"/i" = "store"\n[networks]\n"vmbr7" = "isolated"\n[bridges]\n"default" = "vmbr9"\n', "map2.toml": "[storages]\nx = 1\n", "map3.toml": "[pool]\n",
}  # fmt: skip
