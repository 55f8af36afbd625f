"""What a plan does with a volume on each type of storage, and with all that a machine has beside its disks: steps, and what stays behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.core.files import vmid_of
from bridge.core.report import BridgeError
from bridge.host.facts import HostFacts
from bridge.host.storagecfg import read_storage_cfg
from bridge.operations.plan import to_libvirt, to_qemuserver
from bridge.operations.plan.given import Input
from tests.sheets.domains import UUID
from tests.sheets.sheet import check, names

CFG = """\
dir: files
\tpath /srv/files
\tcontent images,iso

dir: everywhere
\tpath /srv/everywhere
\tcontent images
\tshared 1

nfs: nfs
\tserver h
\texport /e
\tcontent images,iso

cifs: cifs
\tserver h
\tshare s
\tcontent images

cephfs: cephfs
\tmonhost h
\tcontent iso

btrfs: btrfs
\tpath /srv/btrfs
\tcontent images

lvm: lvm
\tvgname vg
\tcontent images

lvmthin: thin
\tvgname vg
\tthinpool data
\tcontent images

zfspool: tank
\tpool tank/vms
\tcontent images

zfs: over
\tpool p
\tportal 192.0.2.9
\ttarget iqn.2003-01.org.example:t
\tcontent images

iscsi: lun
\tportal 192.0.2.9
\ttarget iqn.2003-01.org.example:t
\tcontent images

iscsidirect: direct
\tportal 192.0.2.9
\ttarget iqn.2003-01.org.example:t
\tcontent images

rbd: ceph
\tmonhost 192.0.2.1
\tpool vms
\tcontent images
"""
HERE = HostFacts(storages=read_storage_cfg(CFG, "storage.cfg", [])).with_facts(["zfs_over_iscsi.lun=3"])
THERE = HostFacts(storages=read_storage_cfg(CFG.replace("server h", "server other").replace("pool vms", "pool others"), "storage.cfg", []))
VOLUMES = {
    "files": "files:100/vm-100-disk-0.qcow2", "everywhere": "everywhere:100/vm-100-disk-0.raw", "nfs": "nfs:100/vm-100-disk-0.vmdk", "cifs": "cifs:100/vm-100-disk-0.qcow2", "btrfs": "btrfs:100/vm-100-disk-0.raw", "lvm": "lvm:vm-100-disk-0",
    "thin": "thin:vm-100-disk-0", "tank": "tank:vm-100-disk-0", "over": "over:vm-100-disk-0", "lun": "lun:0.0.1.scsi-36001405", "direct": "direct:lun7", "ceph": "ceph:vm-100-disk-0", "a path": "/i/a.raw", "a device": "/dev/sdx", "nbd": "nbd:h:10809:exportname=e",
}  # fmt: skip
CONFIGS = {
    **{f"disk on {name}": f"scsi0: {volume},size=1G,format=raw\n" if volume[0] in "/n" and ":" not in volume[:4] else f"scsi0: {volume},size=1G\n" for name, volume in VOLUMES.items()},
    "isos": "ide0: files:iso/a.iso,media=cdrom\nide2: cephfs:iso/b.iso,media=cdrom\nsata0: cdrom,media=cdrom\nsata1: none,media=cdrom\n", "cloud-init": "ide2: thin:vm-100-cloudinit,media=cdrom\nscsi1: files:100/vm-100-cloudinit.qcow2,media=cdrom\n",
    "firmware": "bios: ovmf\nefidisk0: files:100/vm-100-disk-0.qcow2,efitype=4m\ntpmstate0: thin:vm-100-disk-1,size=4M,version=v2.0\n", "cards": "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\nnet1: e1000=BC:24:11:00:00:02,bridge=vmbr0\nnet2: e1000=BC:24:11:00:00:03,bridge=vmbr1\n",
    "what stays": "unused0: files:100/vm-100-disk-9.raw\nname: stays\nonboot: 1\n[PENDING]\nmemory: 64\n[old]\nname: stays\n", "gone": "scsi0: gone:vm-100-disk-0\n",
}  # fmt: skip
_DRIVE = "-drive file={},format={},if={}"
LINES = {
    "disks": "kvm -m 64 " + " ".join((_DRIVE.format("/i/a.qcow2", "qcow2", "virtio"), _DRIVE.format("/i/b.vdi", "vdi", "ide"), _DRIVE.format("/dev/vg/lv", "raw", "virtio"))),
    "media": "kvm -m 64 -cdrom /i/A.ISO -fda /i/f.img -drive file=/dev/sr0,format=raw,if=ide,media=cdrom,index=1 -drive file=/i/plain.img,format=raw,if=ide,media=cdrom,index=3",
    "network disks": "kvm -m 64 -drive file=nbd://h/e,format=raw,if=virtio -drive file=rbd:pool/i,format=raw,if=virtio",
    "kernel": "kvm -m 64 -kernel /k/vmlinuz -initrd /k/initrd -append a", "variables": "kvm -M q35 -m 64 -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd -drive if=pflash,format=raw,file=/v/vars.fd",
    "variables of qcow2": "kvm -M q35 -m 64 -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd -drive if=pflash,format=qcow2,file=/v/vars.qcow2",
    "what stays": "kvm -m 64 -device e1000,netdev=n,romfile=/r.rom -netdev bridge,br=br0,id=n -fsdev local,id=f,path=/srv,security_model=none -device virtio-9p-pci,fsdev=f,mount_tag=t -fw_cfg name=opt/a,file=/fw",
}  # fmt: skip
DOMAIN = f"<domain type='kvm'><name>dom</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory><os><type machine='pc-q35-9.2'>hvm</type></os><devices>{{}}</devices></domain>"
_TPM = "<tpm model='tpm-{}'><backend type='emulator' version='{}'>{}</backend></tpm>"
DOMAINS = {
    "disk": DOMAIN.format("<disk type='file'><driver name='qemu' type='qcow2'/><source file='/srv/files/images/100/vm-100-disk-0.qcow2'/><target dev='vda' bus='virtio'/></disk>"),
    "tpm 2": DOMAIN.format(_TPM.format("crb", "2.0", "")), "tpm 1.2": DOMAIN.format(_TPM.format("tis", "1.2", "")), "tpm with a state": DOMAIN.format(_TPM.format("crb", "2.0", "<source type='file' path='/t'/>")),
    "tpm of nobody": DOMAIN.replace(f"<uuid>{UUID}</uuid>", "").format(_TPM.format("crb", "2.0", "")),
}  # fmt: skip
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{f"{name} to libvirt": ("100.conf", text, {"to": "libvirt", "host": HERE}) for name, text in CONFIGS.items()},
    **{f"{name} to a node like this": ("100.conf", text, {"to": "qemu-server", "host": HERE, "facts": HERE, "storage": "files"}) for name, text in CONFIGS.items()},
    **{f"{name} to another node": ("100.conf", text, {"to": "qemu-server", "host": HERE, "facts": THERE, "storage": "nfs"}) for name, text in CONFIGS.items()},
    **{f"line: {name} to libvirt": ("a.sh", text, {"to": "libvirt", "host": HERE}) for name, text in LINES.items()},
    **{f"line: {name} to libvirt as qcow2": ("a.sh", text, {"to": "libvirt", "host": HERE, "form": "qcow2"}) for name, text in LINES.items()},
    **{f"domain: {name} to a node": ("a.xml", text, {"to": "qemu-server", "facts": HERE, "storage": "files", "vmid": 200}) for name, text in DOMAINS.items()},
    **{f"to storage {name}": ("100.conf", "scsi0: files:100/vm-100-disk-0.raw\n", {"to": "qemu-server", "host": HERE, "facts": THERE, "storage": name}) for name in ("btrfs", "thin", "ceph", "cifs", "new")},
    "to a new storage": ("100.conf", CONFIGS["firmware"], {"to": "qemu-server", "host": HERE, "facts": THERE, "storage": "new", "path": "/srv/new/", "form": "qcow2", "swtpm": "/v/swtpm"}),
    "copied though shared": ("100.conf", CONFIGS["disk on nfs"], {"to": "libvirt", "host": HERE, "copy": frozenset(("nfs",))}), "by another path": ("100.conf", CONFIGS["firmware"], {"to": "libvirt", "host": HERE, "images": "/srv/i/", "via": "/mnt//i", "pool": "mine"}),
    "sent": ("100.conf", CONFIGS["disk on thin"], {"to": "libvirt", "host": HERE, "upload": True, "via": "/var/tmp/x"}),
    **{f"images at {directory!r}": ("100.conf", "name: a\n", {"to": "libvirt", "host": HERE, "images": directory}) for directory in ("", "a", "/", "/dev/x", "/a/../b", "/a\nb", "/a,b")},
    **{f"pool {pool!r}": ("100.conf", "name: a\n", {"to": "libvirt", "host": HERE, "pool": pool}) for pool in ("", ".", "..", "a/b", " ", "a b")},
}  # fmt: skip


def planned(file: str, text: str, words: dict[str, Any]) -> Iterator[str]:
    said = dict(words)
    keywords = {"source": None, "vmid": said.pop("vmid", vmid_of(file)), "host": said.pop("host", HostFacts()), "file": file}
    inputs = [Input(file, text.encode(), keywords)]
    try:
        if said.pop("to") == "libvirt":
            images = said.pop("images", "/var/lib/libvirt/images")
            found = to_libvirt.plan(inputs, to_libvirt.Wish(**{"uri": "", "images": images, "via": images, **said}), None)
        else:
            found = to_qemuserver.plan(inputs, to_qemuserver.Wish(**{"config_dir": "/etc/pve/qemu-server", **said}))
    except BridgeError as error:
        yield f"! {error}"
        return
    yield from (f"first: {step.kind} {step.id} {json.dumps(step.commands)}" for step in found.first)
    for vm in found.vms:
        yield f"{vm.name} {vm.vmid}"
        for step in vm.steps:
            commands = [[word if word.count("\n") < 3 else "..." for word in each] for each in step.commands]
            yield f"{step.kind} {step.id} {step.about} -> {step.makes} {json.dumps(commands)} {json.dumps(step.unless) if step.unless else ''}".rstrip()
            if step.kind == "config":
                yield from (f"  {line}" for line in (step.document or "").splitlines())
            elif step.kind == "define":
                yield from (
                    f"  {line.strip()}"
                    for line in (step.document or "").splitlines()
                    if "<source" in line or "<kernel" in line or "<initrd" in line or "<driver" in line
                )
        yield from (f"stays: {line}" for line in vm.stays)


@pytest.mark.parametrize("name", CASES)
def test_a_plan_is(name: str) -> None:
    check("plans", name.replace("\n", "\\n"), list(planned(*CASES[name])))


def test_every_entry_is_of_a_case() -> None:
    assert names("plans") == {name.replace("\n", "\\n") for name in CASES}
