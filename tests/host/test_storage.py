"""Volume ids: what is parsed, where it leads, and what QEMU is told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bridge.core.report import BridgeError
from bridge.host.facts import HostFacts, VolumeChain, ZFSOverISCSI
from bridge.host.storage import blockdev_options, cache_direct, check_content, checked_format, default_aio, drive_file, locate, source
from bridge.host.storagecfg import Storage, host_and_port
from bridge.host.volume import is_cloudinit, parse_volname, split_volume_id
from tests.host.cluster import FACTS, facts


@pytest.mark.parametrize(
    ("volid", "options", "text"),
    [
        ("pool1:1/vm-1-disk-0.qcow2", {"driver": "file", "filename": "/srv/pool1/images/1/vm-1-disk-0.qcow2"}, None),
        ("pool1:9/base-9-disk-0.raw/1/vm-1-disk-0.qcow2", {"driver": "file", "filename": "/srv/pool1/images/1/vm-1-disk-0.qcow2"}, None),
        ("pool1:iso/de bian.ISO", {"driver": "file", "filename": "/srv/pool1/cds/boot/de bian.ISO"}, None),
        ("pool1:import/a b.vmdk", {"driver": "file", "filename": "/srv/pool1/import/a b.vmdk"}, None),
        ("filer:1/vm-1-disk-0.raw", {"driver": "file", "filename": "/mnt/pve/filer/images/1/vm-1-disk-0.raw"}, None),
        ("win:1/odd.vmdk", {"driver": "file", "filename": "/mnt/win/images/1/odd.vmdk"}, None),
        ("fs:iso/a.img", {"driver": "file", "filename": "/mnt/pve/fs/template/iso/a.img"}, None),
        ("cow:1/vm-1-disk-0.raw", {"driver": "file", "filename": "/srv/cow/images/1/vm-1-disk-0/disk.raw"}, None),
        ("cow:1/vm-1-disk-0.qcow2", {"driver": "file", "filename": "/srv/cow/images/1/vm-1-disk-0.qcow2"}, None),
        ("vg:vm-1-disk-0", {"driver": "host_device", "filename": "/dev/vg-0/vm-1-disk-0"}, None),
        ("thin:base-1-disk-0", {"driver": "host_device", "filename": "/dev/vg-1/base-1-disk-0"}, None),
        ("tank:base-2-disk-0/vm-1-disk-0", {"driver": "host_device", "filename": "/dev/zvol/tank/vms/vm-1-disk-0"}, None),
        ("san:0.0.3.scsi-36001405", {"driver": "host_device", "filename": "/dev/disk/by-id/scsi-36001405"}, None),
        (
            "remote:vm-1-disk-0",
            {"driver": "iscsi", "transport": "tcp", "portal": "192.0.2.3:3261", "target": "iqn.2001-04.com.example:tank", "lun": 7},
            "iscsi://192.0.2.3:3261/iqn.2001-04.com.example:tank/7",
        ),
        (
            "lun:lun12",
            {"driver": "iscsi", "transport": "tcp", "portal": "192.0.2.5", "target": "iqn.2001-04.com.example:lun", "lun": 12},
            "iscsi://192.0.2.5/iqn.2001-04.com.example:lun/12",
        ),
        (
            "ceph:base-2-disk-0/vm-1-disk-0",
            {"driver": "rbd", "pool": "vms", "image": "vm-1-disk-0", "conf": "/etc/pve/ceph.conf"},
            "rbd:vms/vm-1-disk-0:conf=/etc/pve/ceph.conf",
        ),
        (
            "far:vm-1-disk-0",
            {
                "driver": "rbd", "pool": "vms", "namespace": "red", "image": "vm-1-disk-0", "auth-client-required": ["none"],
                "server": [
                    {"host": "mon1", "port": "3300"}, {"host": "192.0.2.6", "port": "6789"}, {"host": "2001:db8::1", "port": "3300"},
                ],
            },
            r"rbd:vms/red/vm-1-disk-0:mon_host=mon1;192.0.2.6\:6789;[2001\:db8\:\:1]:auth_supported=none",
        ),
        ("mapped:vm-1-disk-0", {"driver": "host_device", "filename": "/dev/rbd/vms/red/vm-1-disk-0"}, None),
        ("/dev/sdz", {"driver": "host_device", "filename": "/dev/sdz"}, None),
        ("/srv/a.raw", {"driver": "file", "filename": "/srv/a.raw"}, None),
        ("/dev/shm/a.raw", {"driver": "file", "filename": "/dev/shm/a.raw"}, None),
        ("cdrom", {"driver": "host_cdrom", "filename": "/dev/cdrom"}, None),
        (
            "nbd:unix:/run/s:exportname=e",
            {"driver": "nbd", "server": {"type": "unix", "path": "/run/s"}, "export": "e"},
            "nbd:unix:/run/s:exportname=e",
        ),
        (
            "nbd:[::1]:10809:exportname=e",
            {"driver": "nbd", "server": {"type": "inet", "host": "::1", "port": "10809"}, "export": "e"},
            "nbd:[::1]:10809:exportname=e",
        ),
    ],
)  # fmt: skip
def test_every_storage_type_opens_its_volumes(volid: str, options: dict[str, Any], text: str | None) -> None:
    location = locate(FACTS, volid)
    assert blockdev_options(location) == options
    assert drive_file(location) == (options["filename"] if text is None else text)
    assert location.doubt is None or location.krbd


@pytest.mark.parametrize(
    "volid",
    [
        "pool1:../x", "pool1:1/../x.raw", "pool1:1/a/b.raw", "pool1:1/vm-1-disk-0.vdi", "pool1:1/snap-a-vm-1-disk-0.qcow2",
        "pool1:iso/a/b.iso", "pool1:iso/a.txt", "vg:base-1-disk-0", "vg:vm-1-../x", "vg:vm-1-a/b", "thin:1/vm-1-disk-0.raw",
        "tank:vm-1-/../../sda", "tank:vm-1-disk-0.raw/x", "ceph:vm-1-disk-0@snap", "ceph:vm-1-disk-0/x", "san:a/b", "lun:lunx",
        "lun:lun99999999999", "old:x", "backup:x", "relative.raw", "pool1:vm-\u0661-disk-0.raw", "vg:vm-\u0661-disk-0",
    ],
)  # fmt: skip
def test_names_that_a_storage_cannot_have_are_never_a_path(volid: str) -> None:
    try:
        location = locate(FACTS, volid)
    except BridgeError:
        return  # not even the form of a name
    assert (location.kind, location.path) == ("volume", None)
    assert location.doubt
    for told in (blockdev_options, drive_file):
        with pytest.raises(BridgeError):
            told(location)


def test_an_unknown_storage_leaves_only_names() -> None:
    location = locate(HostFacts(), "nowhere:100/vm-100-disk-0.qcow2")
    assert (location.kind, location.storage, location.volume) == ("volume", "nowhere", "100/vm-100-disk-0.qcow2")
    assert location.doubt == "storage 'nowhere' is not in the host facts"
    for told in (blockdev_options, drive_file):
        with pytest.raises(BridgeError, match="storage 'nowhere' is not in the host facts"):
            told(location)


def test_a_lun_that_nobody_knows_is_not_guessed() -> None:
    location = locate(facts(), "remote:vm-1-disk-0")
    assert location.kind == "volume"
    assert location.doubt
    assert locate(facts(zfs_over_iscsi={"lun": 3}), "remote:vm-1-disk-0").lun == 3


def test_ceph_authenticates_only_where_a_key_is() -> None:
    known = facts(ceph_keyring=["far"], ceph_conf=["far"], secret_uuid={"ceph": "5d1c7a6e-1111-2222-3333-444455556666"})
    far = locate(known, "far:vm-1-disk-0")
    options = blockdev_options(far)
    assert (options["user"], options["auth-client-required"], options["conf"]) == ("bridge", ["cephx"], "/etc/pve/priv/ceph/far.conf")
    assert drive_file(far).endswith(":auth_supported=cephx:id=bridge:keyring=/etc/pve/priv/ceph/far.keyring")
    ceph = locate(known, "ceph:vm-1-disk-0")
    assert (ceph.user, ceph.secret_uuid) == ("admin", "5d1c7a6e-1111-2222-3333-444455556666")
    assert blockdev_options(ceph)["user"] == "admin"


def test_a_mapped_image_is_found_by_its_clusters_fsid() -> None:
    fsid = "00112233-4455-6677-8899-aabbccddeeff"
    assert locate(facts(ceph_fsid={"mapped": fsid}), "mapped:vm-1-disk-0").path == f"/dev/rbd-pve/{fsid}/vms/red/vm-1-disk-0"
    assert locate(FACTS, "mapped:vm-1-disk-0").doubt


def test_path_kind_corrects_what_a_path_looks_like() -> None:
    known = facts(path_kind={"/srv/link": "block", "/dev/disk.img": "file"})
    assert [locate(known, path).kind for path in ("/srv/link", "/dev/disk.img", "/srv/other", "/dev/vda")] == [
        "block",
        "file",
        "file",
        "block",
    ]


def test_a_host_device_given_by_path_is_a_cd_drive_where_the_drive_says_so() -> None:
    assert blockdev_options(locate(FACTS, "/dev/sr1"), cdrom=True)["driver"] == "host_cdrom"
    assert blockdev_options(locate(FACTS, "tank:vm-1-cloudinit"), cdrom=True)["driver"] == "host_device"
    assert blockdev_options(locate(FACTS, "/srv/a.iso"), cdrom=True)["driver"] == "file"


def test_no_medium_and_no_drive() -> None:
    assert drive_file(locate(FACTS, "none")) == ""
    assert locate(FACTS, "none").kind == "empty"
    nothing = locate(facts(cdrom_path=""), "cdrom")
    assert (nothing.path, nothing.doubt) == ("", "no physical CD-ROM available, ignoring")


def test_snapshot_volumes_below_the_top_image() -> None:
    files = [f"/srv/chained/images/1/{name}vm-1-disk-0.qcow2" for name in ("", "snap-b-", "snap-a-")]
    chain = VolumeChain(storage="chained", files=files, snapshots=["current", "b", "a"])
    known = facts(volume_chain=[{"storage": "chained", "files": files, "snapshots": ["current", "b", "a"]}])
    assert known.volume_chain == [chain]
    location = locate(known, "chained:1/vm-1-disk-0.qcow2")
    assert location.chain == (("b", files[1]), ("a", files[2]))
    assert location.volume_chain
    assert source(location).chain == files[1:]
    assert source(location).chain_snapshots == ["b", "a"]
    other = locate(known, "chained:1/vm-1-disk-1.qcow2")
    assert other.chain == ()
    assert other.volume_chain
    raw = locate(known, "chained:1/vm-1-disk-0.raw")
    assert not raw.volume_chain
    assert not locate(known, "pool1:1/vm-1-disk-0.qcow2").volume_chain


def test_the_storages_format_beats_the_drives() -> None:
    vmdk = locate(FACTS, "pool1:1/vm-1-disk-0.vmdk")
    assert checked_format(vmdk, "scsi0", None) == "vmdk"
    assert checked_format(vmdk, "scsi0", "vmdk") == "vmdk"
    with pytest.raises(BridgeError, match=re.escape("drive 'scsi0' - volume 'pool1:1/vm-1-disk-0.vmdk' - 'format=raw' option different")):
        checked_format(vmdk, "scsi0", "raw")
    assert checked_format(locate(FACTS, "/srv/a"), "scsi0", "qcow2") == "qcow2"
    assert checked_format(locate(FACTS, "/srv/a.qcow2"), "scsi0", None) == "raw"
    with pytest.raises(BridgeError, match="not a QEMU image format 'subvol'"):
        checked_format(locate(FACTS, "pool1:1/subvol-1-disk-0.subvol"), "scsi0", None)
    with pytest.raises(BridgeError, match="not usable as VM image"):
        blockdev_options(locate(FACTS, "tank:subvol-1-disk-0"))


def test_content_types() -> None:
    check_content(locate(FACTS, "pool1:1/vm-1-disk-0.raw"))
    check_content(locate(FACTS, "/srv/a.raw"))
    with pytest.raises(BridgeError, match="storage 'filer' does not support content-type 'iso'"):
        check_content(locate(FACTS, "filer:iso/a.iso"))
    with pytest.raises(BridgeError, match="cannot use volume of type 'snippets'"):
        blockdev_options(locate(FACTS, "pool1:snippets/a.yaml"))


@pytest.mark.parametrize(
    ("volid", "cache", "cdrom", "direct", "aio"),
    [
        ("pool1:1/vm-1-disk-0.raw", None, False, True, "io_uring"),
        ("pool1:1/vm-1-disk-0.raw", "writeback", False, False, "io_uring"),
        ("pool1:1/vm-1-disk-0.raw", "directsync", False, True, "io_uring"),
        ("pool1:iso/a.iso", None, True, False, "io_uring"),
        ("pool1:iso/a.iso", "none", True, True, "io_uring"),
        ("cow:1/vm-1-disk-0.raw", None, False, False, "io_uring"),
        ("nocow:1/vm-1-disk-0.raw", None, False, True, "io_uring"),
        ("vg:vm-1-disk-0", None, False, True, "native"),
        ("vg:vm-1-disk-0", "unsafe", False, False, "threads"),
        ("win:1/vm-1-disk-0.raw", "writethrough", False, False, "threads"),
        ("mapped:vm-1-disk-0", None, False, True, "io_uring"),
        ("mapped:vm-1-disk-0", "writeback", False, False, "threads"),
        ("ceph:vm-1-disk-0", "writeback", False, False, "io_uring"),
    ],
)
def test_cache_and_aio_follow_the_storage(volid: str, cache: str | None, cdrom: bool, direct: bool, aio: str) -> None:
    location = locate(FACTS, volid)
    assert cache_direct(location, cache, cdrom) is direct
    assert default_aio(location, direct) == aio


def test_the_models_source() -> None:
    found = source(locate(FACTS, "far:vm-1-disk-0"))
    assert (found.kind, found.protocol, found.name, found.namespace) == ("network", "rbd", "vms/vm-1-disk-0", "red")
    assert [(h.name, h.port) for h in found.hosts or []] == [("mon1", 3300), ("192.0.2.6", 6789), ("2001:db8::1", 3300)]
    found = source(locate(FACTS, "remote:vm-1-disk-0"))
    assert (found.name, [(h.name, h.port) for h in found.hosts or []]) == ("iqn.2001-04.com.example:tank/7", [("192.0.2.3", 3261)])
    assert source(locate(FACTS, "pool1:iso/a.iso")).is_iso


def test_cloudinit_images_are_known_by_their_names() -> None:
    assert all(map(is_cloudinit, ("a:vm-1-cloudinit", "a:1/vm-1-cloudinit.qcow2", "a:cloudinit", "/x/cloudinit.raw")))
    assert not any(map(is_cloudinit, ("a:vm-1-cloudinit2", "a:vm-1-disk-0", "a:xcloudinit", "a:vm-1-cloudinit.iso", "a:vm-1-cloudinit\n")))


def test_linked_clones_and_owners() -> None:
    storage = FACTS.storages["pool1"]
    volume = parse_volname(storage, "9/base-9-disk-1.raw/12/vm-12-disk-0.qcow2")
    assert (volume.vmid, volume.base, volume.base_vmid, volume.is_base) == (12, "base-9-disk-1.raw", 9, False)
    assert parse_volname(storage, "9/base-9-disk-1.raw").is_base
    assert parse_volname(FACTS.storages["tank"], "base-9-disk-1").is_base
    assert parse_volname(FACTS.storages["ceph"], "base-9-disk-1/vm-3-disk-0").base_vmid == 9


@pytest.mark.parametrize("text", ["none", "cdrom", "/a:b", "a:b", "a-:b", "lo cal:x", "local:", "local:x\ny", ""])
def test_what_is_no_volume_id(text: str) -> None:
    assert split_volume_id(text) is None


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("h", "h", None), ("h.x:1", "h.x", 1), ("[::1]:99", "::1", 99), ("[h]", "h", None), ("::1", "::1", None),
        ("fe80::2.99", "fe80::2", 99),        ("::ffff:1.2.3.4", "::ffff:1.2.3.4", None),
    ],
)  # fmt: skip
def test_hosts_and_ports(text: str, name: str, port: int | None) -> None:
    found = host_and_port(text)
    assert found
    assert (found.name, found.port) == (name, port)


@pytest.mark.parametrize("text", ["", "a b", "h:0", "h:65536", "h:", "[::1", "h:1:2x", "/x", "h\n"])
def test_what_is_no_host(text: str) -> None:
    assert host_and_port(text) is None


def test_formats_of_new_disks() -> None:
    assert FACTS.storages["pool1"].formats() == ("raw", "qcow2", "vmdk")
    assert Storage(id="x", type="dir", path="/x", format="qcow2").formats()[0] == "qcow2"
    assert FACTS.storages["vg"].formats() == ("raw",)
    assert Storage(id="x", type="lvm", vgname="x", volume_chain=True).formats() == ("qcow2", "raw")


def test_zfs_facts_default_to_nothing() -> None:
    assert HostFacts().zfs_over_iscsi == ZFSOverISCSI()
