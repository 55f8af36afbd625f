"""One config for every option and every sub-option: where it makes a difference, with a value that is not the default."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from msgspec.structs import replace

import bridge
from bridge.data.options import OPTIONS
from bridge.host.mapping import DirectoryMap, DirectoryMapping, PCIMap, PCIMapping
from bridge.host.storagecfg import read_storage_cfg
from tests.corpus import ROOT

STORAGES = """\
rbd: ceph
\tpool vms
\tmonhost 192.0.2.1;192.0.2.2
\tusername admin

rbd: hyper
\tpool vms
\tnamespace ns

iscsidirect: direct
\tportal 192.0.2.9
\ttarget iqn.2003-01.org.example:t1

dir: chained
\tpath /srv/chained
\tcontent images
\tsnapshot-as-volume-chain 1
"""
CHAIN = [f"/srv/chained/images/100/{name}vm-100-disk-0.qcow2" for name in ("", "snap-b-", "snap-a-")]
CARD = PCIMapping(
    id="movable", live_migration_capable=True, maps=(PCIMap(node="localhost", id="8086:1520", paths=("0000:07:10.0",), iommugroup=2),)
)
_FACTS = bridge.HostFacts.load(
    ROOT / "tests/cases/host",
    directory_mappings={"media": DirectoryMapping(id="media", maps=(DirectoryMap(node="localhost", path="/srv/media"),))},
    secret_uuid={"ceph": "11111111-2222-3333-4444-555555555555"},
    volume_chain=[{"storage": "chained", "files": CHAIN, "snapshots": ["current", "b", "a"]}],
    hw_capabilities={
        "amd-sev": {"cbitpos": 51, "reduced-phys-bits": 1, "sev-support": True, "sev-support-es": True, "sev-support-snp": True},
        "intel-tdx": {"tdx-support": True},
    },
    scsi_type={"/dev/sdz": "disk"},
    bridge_mtu={"vmbr0": 9000},
)
HOST = replace(
    _FACTS,
    storages={**_FACTS.storages, **read_storage_cfg(STORAGES, "storage.cfg", [])},
    pci_mappings={**_FACTS.pci_mappings, "movable": CARD},
    pci=replace(_FACTS.pci, present=[*(_FACTS.pci.present or ()), "0000:00:02.0"]),
)
class Versions(TypedDict):
    qemu: str
    libvirt: str


TARGET: Versions = {"qemu": "11.0", "libvirt": "12.0"}
VMID = 100

UUID = "6d1f6e2a-0c1b-4d0e-9a55-112233445566"
DISK = "local-lvm:vm-100-disk-0"
PCI = "0000:07:10.4"

KEYS: dict[str, str] = {
    "acpi": "0", "affinity": "2-3", "allow-ksm": "0", "arch": "aarch64", "args": "-set device.net0.mq=on", "autostart": "1",
    "balloon": "256", "bios": "ovmf", "bootdisk": "scsi0", "cdrom": "local:iso/a.iso,media=cdrom", "cipassword": "hush",
    "citype": "nocloud",
    "ciupgrade": "0", "ciuser": "root", "cores": "3", "cpulimit": "1.5", "cpuunits": "200", "description": "text", "freeze": "1",
    "hookscript": "local:snippets/hook.pl", "hotplug": "disk", "hugepages": "2", "keephugepages": "1", "keyboard": "de", "kvm": "0",
    "localtime": "0", "lock": "backup", "migrate_downtime": "0.3", "migrate_speed": "100", "name": "web", "nameserver": "192.0.2.1",
    "numa": "1", "onboot": "1", "ostype": "win10", "parallelN": "/dev/parport0", "parent": "before", "protection": "1", "reboot": "0",
    "running-nets-host-mtu": "net0=1500", "runningcpu": "kvm64,enforce", "runningmachine": "pc-i440fx-9.2+pve1",
    "scsihw": "virtio-scsi-pci", "searchdomain": "example.com", "serialN": "socket", "shares": "500", "smp": "3", "snaptime": "1700000000",
    "sockets": "2", "sshkeys": "ssh-ed25519%20AAAA", "startdate": "2006-06-17T16:01:21", "startup": "order=2", "tablet": "0", "tags": "a;b",
    "tdf": "0", "template": "1", "vcpus": "1", "vmgenid": UUID, "vmstate": "local:100/vm-100-state-before.raw", "vmstatestorage": "local",
}  # fmt: skip
"""Options that are one value."""

CONTEXT: dict[str, str] = {
    "bootdisk": f"scsi0: {DISK}\nboot: c\n", "scsihw": f"scsi0: {DISK}\n", "cdrom": "", "citype": "", "shares": "balloon: 256\n",
    "hugepages": "numa: 1\nnuma0: cpus=0,memory=512,hostnodes=0,policy=bind\n",
    "keephugepages": "numa: 1\nhugepages: 2\nnuma0: cpus=0,memory=512,hostnodes=0,policy=bind\n",
    "vcpus": "cores: 4\n", "numa": "memory: 1024\n", "args": "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n", "arch": "",
    "tdf": "ostype: win10\n", "localtime": "ostype: win10\n",
    "spice_enhancements": "vga: qxl\n", "numaN": "numa: 1\nmemory: 1024\ncores: 2\nsockets: 1\n",
    "amd-sev": "bios: ovmf\nmachine: q35\ncpu: EPYC-Milan\n", "intel-tdx": "bios: ovmf\nmachine: q35\n", "efidiskN": "bios: ovmf\n",
    "virtiofsN": "memory: 1024\n", "hostpciN": "machine: q35\n", "iothreads": f"virtio0: {DISK},iothread=1\ncores: 4\n",
    "machine": "", "smbios1": "", "ipconfigN": "ide2: local:100/vm-100-cloudinit.qcow2,media=cdrom\n", "agent": "", "meta": "",
    "cpu": "",
}  # fmt: skip
"""Lines that an option needs beside it."""

LIMITS = {
    **{f"bps{way}": "1000000" for way in ("", "_rd", "_wr")},
    **{f"mbps{way}": "1.5" for way in ("", "_rd", "_wr")},
    **{f"iops{way}": "100" for way in ("", "_rd", "_wr")},
    **{f"mbps{way}_max": f"3,mbps{way}=1" for way in ("", "_rd", "_wr")},
    **{f"iops{way}_max": f"300,iops{way}=100" for way in ("", "_rd", "_wr")},
    **{f"bps{way}_max_length": f"5,mbps{way}=1,mbps{way}_max=3" for way in ("", "_rd", "_wr")},
    **{f"iops{way}_max_length": f"5,iops{way}=100,iops{way}_max=300" for way in ("", "_rd", "_wr")},
}
DRIVE = {
    "file": "", "aio": "native", "backup": "0", "cache": "writethrough", "detect_zeroes": "0", "discard": "on", "format": "raw",
    "media": "cdrom", "replicate": "0", "rerror": "ignore", "serial": "ABC", "shared": "1", "size": "8G", "snapshot": "1",
    "werror": "stop", **LIMITS,
    "iothread": "1", "model": "QUICK", "ro": "1", "ssd": "1", "wwn": "0x5000c50015ea71ad", "product": "FAST", "queues": "4",
    "scsiblock": "1", "vendor": "ACME",
}  # fmt: skip
"""Sub-options of drives."""

FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    # option: (what every line of it begins with, {sub-option: value}); a value may bring further sub-options that it needs
    "agent": ("1", {"enabled": "", "freeze-fs": "0", "fstrim_cloned_disks": "1", "type": "isa"}),
    "amd-sev": ("", {"type": "snp", "allow-smt": "0,type=snp", "kernel-hashes": "1,type=std", "no-debug": "1,type=std",
                     "no-key-sharing": "1,type=std"}),
    "audioN": ("", {"device": "AC97", "driver": "none,device=AC97"}),
    "boot": ("", {"legacy": "n", "order": "net0"}),
    "cicustom": ("", dict.fromkeys(("meta", "network", "user", "vendor"), "local:snippets/a.yml")),
    "cpu": ("x86-64-v2-AES", {"cputype": "", "flags": "-pcid", "guest-phys-bits": "40", "hidden": "1", "hv-vendor-id": "acme",
                              "level": "20", "phys-bits": "44"}),
    "efidiskN": ("local:100/vm-100-disk-1.raw", {"file": "", "efitype": "4m", "format": "raw", "ms-cert": "2023",
                                                 "pre-enrolled-keys": "1", "size": "528K"}),
    "hostpciN": (PCI, {"host": "", "device-id": "0x1234", "driver": "keep", "legacy-igd": "1", "mapping": "", "mdev": "i915-GVTg_V5_4",
                       "pcie": "1", "rombar": "0", "romfile": "a.rom", "sub-device-id": "0x1234", "sub-vendor-id": "0x8086",
                       "vendor-id": "0x8086", "x-vga": "1"}),
    "intel-tdx": ("tdx", {"attestation": "0", "vsock-cid": "3,attestation=1,vsock-port=4000",
                           "vsock-port": "4000,attestation=1,vsock-cid=3"}),
    "iothreads": ("2", {"iothreads": "", "affinity": "1-2"}),
    "ipconfigN": ("", {"ip": "192.0.2.5/24", "gw": "192.0.2.1,ip=192.0.2.5/24", "ip6": "auto", "gw6": "2001:db8::1,ip6=2001:db8::5/64"}),
    "ivshmem": ("", {"name": "area,size=4", "size": "4"}),
    "machine": ("q35", {"type": "", "aw-bits": "48,viommu=intel", "enable-s3": "1", "enable-s4": "1", "viommu": "intel"}),
    "memory": ("", {"current": "1024"}),
    "meta": ("", {"creation-qemu": "9.0.0", "ctime": "1700000000"}),
    "netN": ("virtio=BC:24:11:00:00:01,bridge=vmbr0", {"model": "", "bridge": "", "firewall": "1", "host-tunnel": "1", "link_down": "1",
                                                       "macaddr": "", "mtu": "1400", "queues": "2", "rate": "10", "tag": "7",
                                                       "trunks": "8;10-12"}),
    "numaN": ("cpus=0-1,memory=1024", {"cpus": "", "hostnodes": "0,policy=bind", "memory": "", "policy": "interleave,hostnodes=0"}),
    "rngN": ("/dev/urandom", {"max_bytes": "2048", "period": "500", "source": ""}),
    "smbios1": ("", {"base64": f"1,uuid={UUID}", "uuid": UUID, **dict.fromkeys(("family", "manufacturer", "product", "serial", "sku",
                                                                                "version"), "abc")}),
    "spice_enhancements": ("", {"foldersharing": "1", "videostreaming": "all"}),
    "tpmstateN": ("local:100/vm-100-disk-2.raw", {"file": "", "format": "raw", "size": "4M", "version": "v2.0"}),
    "unusedN": ("local:100/vm-100-disk-3.raw", {"file": ""}),
    "usbN": ("0627:0001", {"host": "", "mapping": "", "usb3": "1"}),
    "vga": ("", {"clipboard": "vnc", "memory": "32", "type": "cirrus"}),
    "virtiofsN": ("media", {"cache": "always", "direct-io": "1", "dirid": "", "expose-acl": "1", "expose-xattr": "1"}),
    "watchdog": ("i6300esb", {"action": "pause", "model": ""}),
    **dict.fromkeys(("ideN", "sataN", "scsiN", "virtioN"), (DISK, DRIVE)),
}  # fmt: skip

WHOLE: dict[tuple[str, str], str] = {
    # samples that are more than a line
    ("usbN", "mapping"): "usb0: mapping=stick\n",
    ("usbN", "usb3"): "machine: pc-i440fx-6.2\nusb0: 0627:0001,usb3=1\n",
    ("hostpciN", "mapping"): "hostpci0: mapping=someNic\n",
    ("hostpciN", "legacy-igd"): "machine: pc\nvga: none\nhostpci0: 0000:00:02.0,legacy-igd=1\n",
    ("intel-tdx", "type"): "bios: ovmf\nmachine: q35\nintel-tdx: tdx,attestation=0\n",
    ("hostpciN", "x-vga"): f"hostpci0: {PCI},x-vga=1\n",
    ("scsiN", "iothread"): f"scsihw: virtio-scsi-single\nscsi0: {DISK},iothread=1\n",
    ("scsiN", "queues"): f"scsihw: virtio-scsi-single\nscsi0: {DISK},queues=4\n",
    ("scsiN", "scsiblock"): "scsi0: /dev/sdz,scsiblock=1\n",
    ("scsiN", "media"): "scsi0: local:iso/a.iso,media=cdrom\n",
    ("ideN", "media"): "ide0: local:iso/a.iso,media=cdrom\n",
    ("sataN", "media"): "sata0: local:iso/a.iso,media=cdrom\n",
    ("virtioN", "media"): f"virtio0: {DISK},media=disk\n",
    **{(f"{bus}N", "snapshot"): f"machine: pc-i440fx-9.2\n{bus}0: local:100/vm-100-disk-0.raw,snapshot=1\n"
       for bus in ("ide", "sata", "scsi", "virtio")},
    **{(f"{bus}N", "format"): f"{bus}0: /srv/vm/image,format=qcow2\n" for bus in ("ide", "sata", "scsi", "virtio")},
    ("efidiskN", "format"): "bios: ovmf\nefidisk0: /srv/vm/vars,format=qcow2\n",
    ("boot", "order"): "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\nboot: order=net0\n",
    ("boot", "legacy"): "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\nboot: n\n",
    **{("numaN", field): "numa: 1\nmemory: 1024\ncores: 2\nnuma0: cpus=0,memory=600\nnuma1: cpus=1,memory=424\n"
       for field in ("cpus", "memory")},
    ("netN", "host-tunnel"): "machine: pc-i440fx-11.0\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0,host-tunnel=0\n",
    ("cpu", "hv-vendor-id"): "ostype: win11\ncpu: host,hv-vendor-id=acme\n",
    ("machine", "type"): "machine: pc-q35-9.2\n",
    ("efidiskN", "pre-enrolled-keys"): "machine: q35\nbios: ovmf\nefidisk0: local:100/vm-100-disk-1.raw,efitype=4m,pre-enrolled-keys=1\n",
    ("vga", "clipboard"): "vga: std,clipboard=vnc\n",
    ("vga", "memory"): "vga: qxl,memory=32\n",
}  # fmt: skip


NIC = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n"
MORE = (
    "vga: cirrus,memory=32\n",
    "vga: virtio,memory=64\n",
    "vga: virtio-gl\n",
    "boot: order=hostpci0;usb0\nhostpci0: 0000:07:10.4\nusb0: 0627:0001\n",
    "hostpci0: 0000:07:10\n",
    "hostpci0: mapping=movable\n",
    "machine: q35,viommu=virtio,aw-bits=48\n",
    f"machine: pc-i440fx-2.3.pxe\n{NIC}",
    "virtio0: ceph:vm-100-disk-0\n",
    "virtio0: hyper:vm-100-disk-0\n",
    "virtio0: direct:lun3\n",
    "virtio0: elsewhere:vm-100-disk-0\n",
    "virtio0: chained:100/vm-100-disk-0.qcow2\n",
    "usb0: spice\n",
    "vga: qxl\nusb0: spice\n",
)
"""Further configs, for places that the samples of options do not come to."""


class Sample(NamedTuple):
    option: str
    field: str | None
    config: str


def samples() -> list[Sample]:
    """Every option without sub-options, every sub-option that is not an alias and can be said in a VM's config."""
    found = []
    for name, option in OPTIONS.items():
        if not option.fields or name in KEYS:
            line = f"{name.replace('N', '0')}: {KEYS[name]}\n"
            found.append(Sample(name, None, line if name == "description" else CONTEXT.get(name, "") + line))
            continue
        fields = [field for field, said in option.fields.items() if not said.alias and can_be_said(name, field)]
        found += [Sample(name, field, config(name, field)) for field in fields]
    return found


def can_be_said(option: str, field: str) -> bool:
    return (option, field) != ("cpu", "reported-model")


def config(option: str, field: str) -> str:
    """The config that says this sub-option."""
    if (option, field) in WHOLE:
        return WHOLE[option, field]
    head, values = FIELDS[option]
    value = values[field]
    parts = [head] if head else []
    if value:
        parts.append(f"{field}={value}")
    return CONTEXT.get(option, "") + f"{option.replace('N', '0')}: {','.join(parts)}\n"
