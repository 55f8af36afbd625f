"""Every type of storage, with every key that may be said of it; and every form of a volume's name on each of them: where it is, how QEMU is
told, and what leads back to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from bridge.core.report import BridgeError
from bridge.host.cpumodels import read_cpu_models
from bridge.host.facts import HostFacts, VolumeChain, ZFSOverISCSI
from bridge.host.mapping import read_directory_mappings, read_pci_mappings, read_usb_mappings
from bridge.host.storage import blockdev_options, cache_direct, check_content, checked_format, default_aio, drive_file, hint, locate, source
from bridge.host.storagecfg import LOCAL, PLUGINS, host_and_port, read_storage_cfg, section_text
from bridge.host.volid import volume_id
from tests.sheets.sheet import check, names

KEYS = {
    "path": "/srv//a/b/", "vgname": "vg", "thinpool": "data", "pool": "tank/vms", "namespace": "space", "username": "cephuser", "monhost": "mon1,192.0.2.2:6789 [2001:db8::1]",
    "fsid": "11111111-2222-3333-4444-555555555555", "portal": "192.0.2.9", "target": "iqn.2003-01.org.example:t", "mountpoint": "/mnt/tank", "server": "192.0.2.7", "export": "/e", "share": "s",
    "content": "images,iso,rootdir,backup,none", "content-dirs": "images=disks,iso=cds/", "nodes": "alpha,beta", "disable": "0", "shared": "1", "krbd": "1", "nocow": "1", "snapshot-as-volume-chain": "1",
    "format": "qcow2", "preallocation": "off", "sparse": "1",
}  # fmt: skip
TYPES = {
    **{name: f"{name}: st\n" for name in PLUGINS},
    **{f"{name}, with all": f"{name}: st\n" + "".join(f"\t{key} {value}\n" for key, value in KEYS.items()) for name in PLUGINS},
}  # fmt: skip
VALUES = {
    "path": ("", "relative", "/a/../b", "/a b", "/a//b/"), "vgname": ("-a", "a b"), "pool": ("/a", "a/b/c", "a//b"), "namespace": ("a/b",), "fsid": ("1234", "ABCDEFAB-2222-3333-4444-555555555555"),
    "portal": ("a b", "[::1]:3260", "h:0", "h:65535", "h:65536"), "monhost": ("a b", "a;b", "x,,y"), "content": ("", "images", "images,images", "frob,iso"), "content-dirs": ("images", "images=/a", "images=a/..", "frob=a", "iso=a;images=b"),
    "nodes": ("", "a"), "disable": ("yes", "no", "2", ""), "shared": ("true", "off"), "format": ("vmdk", "vdi"), "server": ("a b", "a"), "frob": ("1",), "maxfiles": ("x",),
}  # fmt: skip
SECTIONS = {
    **{f"{key} '{value}'": f"dir: st\n\tpath /srv\n\t{key} {value}\n" if key != "path" else f"dir: st\n\tpath {value}\n" for key, values in VALUES.items() for value in values},
    "twice": "dir: st\n\tpath /a\n\tpath /b\n\ndir: st\n\tpath /c\n", "an unknown type": "frob: st\n\tpath /a\n", "an odd id": "dir: s\n\tpath /a\n\ndir: 1st\n\tpath /a\n\ndir: s t\n",
    "local elsewhere": "dir: local\n\tpath /elsewhere\n", "local of some nodes": "dir: local\n\tpath /var/lib/vz\n\tnodes a\n", "no section": "path /a\n", "blank": "\n\n# a comment\n",
    "nfs elsewhere": "nfs: st\n\tserver a\n\tpath /srv\n", "rbd without monitors": "rbd: st\n\tpool p\n", "lvm of chains": "lvm: st\n\tvgname v\n\tsnapshot-as-volume-chain 1\n",
}  # fmt: skip
VOLUMES = (
    "100/vm-100-disk-0.qcow2", "100/vm-100-disk-0.raw", "9/base-9-disk-0.qcow2/100/vm-100-disk-0.qcow2", "100/base-100-disk-0.vmdk", "100/snap-a.qcow2", "100/odd", "vm-100-disk-0", "vm-100-disk-0.qcow2", "base-9-disk-0",
    "base-9-disk-0/vm-100-disk-0", "subvol-100-disk-0", "iso/a.iso", "iso/a.IMG", "import/a.ova", "import/a.ova/b.vmdk", "import/a.qcow2", "vztmpl/a.tar", "backup/vzdump", "snippets/a", "0.0.1.scsi-36001405", "lun7", "vm-100-cloudinit", "100/vm-100-cloudinit.qcow2", "../x",
)  # fmt: skip
ON = (
    "dir, with all",
    "btrfs",
    "nfs",
    "lvm, with all",
    "lvmthin",
    "zfspool, with all",
    "zfs, with all",
    "iscsi, with all",
    "iscsidirect, with all",
    "rbd, with all",
    "rbd, without krbd",
    "cephfs",
    "esxi",
    "pbs",
)
CFG = {
    **TYPES, "btrfs": "btrfs: st\n\tpath /b\n", "nfs": "nfs: st\n\tserver h\n\texport /e\n", "lvmthin": "lvmthin: st\n\tvgname vg\n\tthinpool data\n", "rbd, without krbd": TYPES["rbd, with all"].replace("krbd 1", "krbd 0"),
    "cephfs": "cephfs: st\n\tmonhost m\n",
}  # fmt: skip
PLAIN = (
    "none",
    "cdrom",
    "/dev/sda",
    "/i/a.qcow2",
    "/i/vm-1-cloudinit.raw",
    "nbd:h:10809:exportname=e",
    "nbd:unix:/s:exportname=e",
    "nbd:h",
    "nbd://h/e",
    "gone:vm-1-disk-0",
    "odd",
    "st:",
    "1:x",
)


def said(value: Any) -> str:
    """A structure, as far as it says something."""
    found = {name: getattr(value, name) for name in value.__struct_fields__ if name != "location"}
    defaults = (
        dict(zip(value.__struct_fields__[-len(value.__struct_defaults__) :], value.__struct_defaults__, strict=True))
        if value.__struct_defaults__
        else {}
    )
    shown = {
        name: sorted(each) if isinstance(each, frozenset) else each for name, each in found.items() if each and each != defaults.get(name)
    }
    return ", ".join(f"{name}={msgspec.to_builtins(each)}" for name, each in shown.items())


def section(text: str) -> Iterator[str]:
    warnings: list[Any] = []
    storages = read_storage_cfg(text, "storage.cfg", warnings)
    yield from (f"! {line}: {problem}" for line, problem in warnings)
    for storage in storages.values():
        if storage is LOCAL:
            continue
        yield said(storage)
        yield f"formats {storage.formats()} hosts {[tuple(msgspec.structs.astuple(host)) for host in storage.hosts()]} nodes {[storage.on_node(node) for node in (None, 'alpha', 'gamma')]}"
        text = section_text(storage)
        again = read_storage_cfg(text, "again", [])
        yield f"written {text!r}{'' if section_text(again.get(storage.id, storage)) == text else ' and comes back as another'}"


def facts(name: str, **more: Any) -> HostFacts:
    return HostFacts(storages=read_storage_cfg(CFG[name], "storage.cfg", []), **more)


MORE: dict[str, Any] = {
    "zfs_over_iscsi": ZFSOverISCSI(lun=3, luns={"st:base-9-disk-0": 5}), "iscsi_initiator_name": "iqn.2003-01.org.example:i", "ceph_keyring": ["st"], "ceph_conf": ["st"], "ceph_fsid": {"st": "22222222-2222-3333-4444-555555555555"},
    "secret_uuid": {"st": "33333333-2222-3333-4444-555555555555"}, "cdrom_path": "", "path_kind": {"/i/a.qcow2": "block", "/dev/sda": "file"},
    "volume_chain": [VolumeChain(storage="st", files=["/dev/vg/vm-100-disk-0.qcow2", "/dev/vg/snap_a"], snapshots=["current", "a"])],
}  # fmt: skip


USUAL = ["None/True/io_uring", "none/True/io_uring", "writeback/False/io_uring"]


def answer(what: Any) -> str:
    try:
        return str(what())
    except BridgeError as error:
        return f"! {error}"


def volume(host: HostFacts, volid: str) -> Iterator[str]:
    try:
        found = locate(host, volid)
    except BridgeError as error:
        yield f"! {error}"
        return
    yield said(found)
    asked = (
        lambda: drive_file(found),
        lambda: json.dumps(blockdev_options(found)),
        lambda: checked_format(found, "scsi0", None),
        lambda: checked_format(found, "scsi0", "raw"),
        lambda: check_content(found),
    )
    yield " | ".join(map(answer, asked))
    if found.doubt:
        return
    caches = [
        f"{cache}/{cache_direct(found, cache)}/{default_aio(found, cache_direct(found, cache))}" for cache in (None, "none", "writeback")
    ]
    if caches != USUAL or cache_direct(found, None, True):
        yield f"caches: {' '.join(caches)} cdrom {cache_direct(found, None, True)}"
    back = source(found)
    yield said(back)
    match = volume_id(host, back, 100)
    yield "nothing leads back" if match is None else f"back: {said(match)}"


@pytest.mark.parametrize("name", [*TYPES, *SECTIONS])
def test_a_section_is(name: str) -> None:
    check("storages", f"section {name}", list(section({**TYPES, **SECTIONS}[name])))


@pytest.mark.parametrize("name", ON)
def test_volumes_of_a_storage(name: str) -> None:
    lines: list[str] = []
    for host, told in ((facts(name), ""), (facts(name, **MORE), ", with facts")):
        for each in VOLUMES:
            found = list(volume(host, f"st:{each}"))
            if "unable to parse" in found[0] or "not a volume!" in found[0]:
                lines += [] if told else [f"no {each}: {found[0].partition('unable')[2].partition(chr(39))[0]}".rstrip()]
            elif not told or found != list(volume(facts(name), f"st:{each}")):
                lines += [f"-- {each}{told}", *found]
    check("storages", f"volumes of {name}", lines)


def test_what_is_on_no_storage() -> None:
    lines: list[str] = []
    for host in (HostFacts(), facts("dir, with all"), HostFacts(**MORE)):
        for each in PLAIN:
            lines += [f"-- {each}", *volume(host, each), f"hint: {hint(host, each)}"]
    check("storages", "no storage", lines)


@pytest.mark.parametrize(
    "text",
    [
        "h",
        "h:1",
        "h:0",
        "h:65535",
        "h:65536",
        "192.0.2.1:6789",
        "[::1]",
        "[::1]:3300",
        "::1",
        "::1.3300",
        "2001:db8::1.2.3.4",
        "a b",
        "",
        "h:x",
        "[h]:1",
        "h:123456",
    ],
)
def test_a_host_and_its_port(text: str) -> None:
    found = host_and_port(text)
    check("storages", f"host {text!r}", ["none" if found is None else said(found)])


OTHERS: dict[str, tuple[Any, str]] = {
    "pci": (read_pci_mappings, ("gpu\n\tdescription a card\n\tmdev 1\n\tlive-migration-capable 1\n\tmap id=10de:1234,iommugroup=4,node=alpha,path=0000:01:00.0;0000:01:00.1,subsystem-id=1043:5678\n\tmap node=beta,id=10de:1234,path=0000:02:00\n"
            "\tmap node=alpha\n\tmap id=x,node=a,path=0000:01:00.0\n\tmap id=10de:1234,node=alpha,path=nowhere\n\tfrob 1\n\tmdev 2\n\nempty\n\ngpu\n\tmap id=10de:1234,node=alpha,path=0000:03:00.0\n\tmap frob=1,node=a\n")),
    "usb": (read_usb_mappings, "stick\n\tmap id=1234:5678,node=alpha\n\tmap id=1234:5678,node=beta,path=1-4.2\n\tmap node=alpha\n\tmap id=12345,node=alpha\n\tmap id=1234:5678,node=a,path=x\n\tdescription y\n"),
    "directory": (read_directory_mappings, "shared\n\tmap node=alpha,path=/srv\n\tmap node=beta,path=relative\n\tmap node=beta,path=/a/../b\n\tmap path=/srv\n\tfrob 1\n"),
    "cpu": (read_cpu_models, ("cpu-model: one\n\tflags +aes;-avx\n\thidden 1\n\thv-vendor-id acme\n\tphys-bits host\n\treported-model EPYC\n\tlevel 30\n\tguest-phys-bits 46\n\ncpu-model: two\n\tflags aes\n\thidden\n\tphys-bits 7\n\tguest-phys-bits 65\n"
            "\tlevel 4294967296\n\thv-vendor-id much-too-long-for-that\n\treported-model x y\n\tfrob 1\n\nother: x\n\ncpu-model: three\n\thidden 2\n\thidden 1\n\tphys-bits 8\n\tguest-phys-bits 32\n\tlevel 0\n\ncpu-model: four\n\tphys-bits 64\n\tguest-phys-bits 64\n\tlevel 4294967295\n")),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_of_a_node(name: str) -> None:
    read, text = OTHERS[name]
    warnings: list[Any] = []
    found = read(text, f"{name}.cfg", warnings)
    check("storages", f"file {name}", [*(said(each) for each in found.values()), *(f"! {line}: {problem}" for line, problem in warnings)])


def test_every_entry_is_of_a_case() -> None:
    wanted = (
        {f"section {name}" for name in (*TYPES, *SECTIONS)}
        | {f"volumes of {name}" for name in ON}
        | {"no storage"}
        | {f"file {name}" for name in OTHERS}
    )
    assert {name for name in names("storages") if not name.startswith("host ")} == wanted
