"""From a path or network name back to the volume id."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bridge.core.report import KINDS, BridgeError
from bridge.host.facts import HostFacts
from bridge.host.storage import locate, source
from bridge.host.storagecfg import Storage
from bridge.host.volid import Match, path_problem, volume_id
from bridge.model.disk import NetworkHost, Source
from tests.host.cluster import FACTS, facts
from tests.host.test_reference import drives


def find(known: HostFacts, path: str, form: str | None = None, vmid: int = 1) -> Match:
    match = volume_id(known, Source(kind="file", path=path, format=form), vmid)
    assert match is not None
    assert match.finding is None or match.finding in KINDS
    return match


@pytest.mark.parametrize(
    "volid",
    [
        "pool1:1/vm-1-disk-0.qcow2", "pool1:iso/de bian.iso", "pool1:import/a.vmdk", "filer:1/vm-1-disk-0.raw", "win:1/odd.vmdk",
        "fs:iso/a.img", "cow:1/vm-1-disk-0.raw", "cow:1/vm-1-disk-0.qcow2", "vg:vm-1-disk-0", "vg:vm-1-disk-0.qcow2",
        "thin:base-1-disk-0", "tank:vm-1-disk-0", "remote:vm-1-disk-0", "lun:lun12", "ceph:vm-1-disk-0", "far:vm-1-disk-0",
        "mapped:vm-1-disk-0", "cdrom", "none", "/srv/elsewhere.raw", "/dev/sdz",
    ],
)  # fmt: skip
def test_what_a_volume_leads_to_leads_back(volid: str) -> None:
    match = volume_id(FACTS, source(locate(FACTS, volid)), 1)
    assert match
    assert match.volid == volid
    assert match.others == ()
    assert match.finding == ("storage-unknown" if volid.startswith("/") else None)


def test_nothing_to_name() -> None:
    assert volume_id(FACTS, Source(), 1) is None


def test_another_vms_volume_is_named_and_noticed() -> None:
    match = find(FACTS, "/srv/pool1/images/7/vm-7-disk-0.raw", vmid=8)
    assert (match.volid, match.owner, match.finding) == ("pool1:7/vm-7-disk-0.raw", 7, "lint")


def test_a_name_of_another_format_would_be_opened_wrongly() -> None:
    match = find(FACTS, "/srv/pool1/images/1/vm-1-disk-0.raw", "qcow2")
    assert (match.volid, match.finding) == ("/srv/pool1/images/1/vm-1-disk-0.raw", "import-needed")
    match = find(FACTS, "/dev/vg-1/vm-1-disk-0", "qcow2")
    assert (match.volid, match.finding) == ("/dev/vg-1/vm-1-disk-0", "import-needed")


def test_two_storages_on_one_place() -> None:
    storages = {
        **FACTS.storages,
        "thick": FACTS.storages["vg"].__class__(id="thick", type="lvm", vgname="vg-1", content=frozenset({"images"})),
    }
    match = find(HostFacts.load(storages=storages), "/dev/vg-1/vm-1-disk-0")
    assert (match.volid, match.others, match.finding) == ("thin:vm-1-disk-0", ("thick:vm-1-disk-0",), "ambiguous")
    chosen = HostFacts.load(storages=storages, storage_map={"vg-1": "thick"})
    assert find(chosen, "/dev/vg-1/vm-1-disk-0").volid == "thick:vm-1-disk-0"


def test_a_storage_that_is_meant_for_the_content_comes_first() -> None:
    pool = FACTS.storages["pool1"]
    only_iso = Storage(id="isos", type="dir", path="/srv/pool1", content=frozenset({"iso"}))
    match = find(HostFacts.load(storages={"isos": only_iso, "pool1": pool}), "/srv/pool1/images/1/vm-1-disk-0.raw")
    assert (match.volid, match.others) == ("pool1:1/vm-1-disk-0.raw", ())


def test_storages_that_are_off_or_elsewhere_do_not_count() -> None:
    for more in ({"disable": True}, {"nodes": frozenset({"other"})}):
        away = Storage(id="away", type="dir", path="/srv/pool1", **more)
        assert find(HostFacts.load(nodename="here", storages={"away": away}), "/srv/pool1/images/1/vm-1-disk-0.raw").storage is None


def test_device_mapper_names() -> None:
    assert find(FACTS, "/dev/mapper/vg--1-vm--1--disk--0").volid == "thin:vm-1-disk-0"


@pytest.mark.parametrize(
    ("path", "volid"),
    [
        ("/images/a/images/1/vm-1-disk-0.qcow2", "pool1:1/vm-1-disk-0.qcow2"),
        ("/images/a/1/vm-1-disk-0.qcow2", "pool1:1/vm-1-disk-0.qcow2"),
        ("/images/a/template/iso/x.iso", "pool1:iso/x.iso"),
        ("/images/a/x.iso", "pool1:iso/x.iso"),
        ("/images/b/vm-1-disk-0", "thin:vm-1-disk-0"),
        ("/images/new/1/vm-1-disk-0.raw", "unheard:1/vm-1-disk-0.raw"),
        ("/images/cow/1/vm-1-disk-0/disk.raw", "cow:1/vm-1-disk-0.raw"),
        ("/dev/zvol/fast/sub/vm-1-disk-0", None),
        ("/dev/zvol/fast/vm-1-disk-0", "tank:vm-1-disk-0"),
        ("/dev/other/vm-1-disk-0", "vg:vm-1-disk-0"),
        ("/images/a/guest.qcow2", None),
        ("/images/ab/1/vm-1-disk-0.qcow2", None),
    ],
)
def test_the_users_map_of_prefixes_and_pools(path: str, volid: str | None) -> None:
    known = facts(
        storage_map={
            "/images/a": "pool1",
            "/images/b/": "thin",
            "/images/new": "unheard",
            "/images/cow": "cow",
            "fast": "tank",
            "other": "vg",
        }
    )
    match = find(known, path)
    assert match.volid == (volid or path)
    if volid is None:
        assert match.finding == ("storage-unknown" if path.startswith("/images/ab") else "import-needed")


def test_the_longest_prefix_wins() -> None:
    known = facts(storage_map={"/a": "pool1", "/a/b": "filer"})
    assert find(known, "/a/b/1/vm-1-disk-0.raw").storage == "filer"


def test_libvirts_pools() -> None:
    known = facts(pools={"default": "/srv/pool1/images/1"}, storage_map={"lib": "pool1"})

    def pooled(pool: str, volume: str) -> Match | None:
        return volume_id(known, Source(kind="volume", storage=pool, volume=volume), 1)

    assert pooled("default", "vm-1-disk-0.raw") == find(known, "/srv/pool1/images/1/vm-1-disk-0.raw")
    cases = {
        ("lib", "1/vm-1-disk-0.raw"): ("pool1:1/vm-1-disk-0.raw", None),
        ("thin", "vm-1-disk-0"): ("thin:vm-1-disk-0", None),
        ("unheard", "1/vm-1-disk-0.raw"): ("unheard:1/vm-1-disk-0.raw", "storage-unknown"),
        ("unheard", "guest.img.1"): (None, "storage-unknown"),
    }
    for given, (volid, finding) in cases.items():
        match = pooled(*given)
        assert match
        assert (match.volid, match.finding) == (volid, finding)
    for volume in ("../../etc/shadow", "/etc/shadow", "1/../../x.raw", "a\nb", "1/vm-1,x.raw"):
        with pytest.raises(BridgeError):
            pooled("unheard", volume)


def network(protocol: str, name: str, *hosts: str, namespace: str | None = None) -> Source:
    return Source(kind="network", protocol=protocol, name=name, namespace=namespace, hosts=[NetworkHost(name=h) for h in hosts])


@pytest.mark.parametrize(
    ("image", "volid", "finding"),
    [
        (network("rbd", "vms/vm-1-disk-0"), "ceph:vm-1-disk-0", None),
        (network("rbd", "vms/red/vm-1-disk-0", "mon1"), "far:vm-1-disk-0", None),
        (network("rbd", "vms/vm-1-disk-0", "mon1", namespace="red"), "far:vm-1-disk-0", None),
        (network("rbd", "vms/red/vm-1-disk-0", "elsewhere"), None, "storage-unknown"),
        (network("rbd", "vms/vm-1-disk-0@snap"), None, "storage-unknown"),
        (network("rbd", "vms/image"), None, "storage-unknown"),
        (network("rbd", "other/vm-1-disk-0"), None, "storage-unknown"),
        (network("rbd", "alias/vm-1-disk-0"), "ceph:vm-1-disk-0", None),
        (network("rbd", "alien/vm-1-disk-0"), "unheard:vm-1-disk-0", None),
        (network("iscsi", "iqn.2001-04.com.example:lun", "192.0.2.5"), "lun:lun0", None),
        (network("iscsi", "iqn.2001-04.com.example:lun/4", "192.0.2.9"), None, "storage-unknown"),
        (network("iscsi", "iqn.2001-04.com.example:tank/7"), "remote:vm-1-disk-0", None),
        (network("iscsi", "iqn.2001-04.com.example:tank/8"), None, "storage-unknown"),
        (network("nbd", "export"), None, "guest-lost"),
        (network("https", "x.iso", "example.com"), None, "guest-lost"),
    ],
)
def test_network_images(image: Source, volid: str | None, finding: str | None) -> None:
    known = facts(zfs_over_iscsi={"luns": {"remote:vm-1-disk-0": 7}}, storage_map={"alias": "ceph", "alien": "unheard"})
    match = volume_id(known, image, 1)
    assert match
    assert (match.volid, match.finding) == (volid, finding)


@pytest.mark.parametrize(
    "path",
    [
        "", "relative", "local:1/vm-1-disk-0.raw", "/a/../b", "/a//b", "//a", "/a/", "/a\nb", "/a\x7f", "/a ", "/a,b", "/etc/shadow",
        "/proc/1/mem", "/run/x", "/var/run/x", "/sys/x", "/dev/mem", "/dev/fd/3", "/dev/tty",
        "/dev", "/dev/vfio/1", "/dev/disk/x", "/dev/shm/x",
        "/dev/sd\u0661",
        "/run/media", "/run/vdsm", "/run/mediax/a", "/var/run/kubevirt-private", "/run/docker.sock", "/var/run/libvirt/a",
        "/run/media/../x", "/dev/vhost-net", "/dev/loop-control", "/dev/drbd/x", "/dev/snd/timer", "/dev/mem\n",
        "/dev/kmem", "/dev/port", "/dev/kvm", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty1", "/dev/ttyS0",
        "/dev/console", "/dev/ptmx", "/dev/sg0", "/dev/st0", "/dev/hidraw1", "/dev/nvme0", "/dev/hwrng", "/dev/mapper/control",
        "/dev/fd", "/dev/kmsg", "/dev/stdin",
        "/etc/libvirt/qemu/nvram", "/etc/libvirt/qemu/nvram/../a.xml", "/etc/libvirt/qemu/a.xml", "/etc/libvirt/qemu/nvram.fd",
    ],
)  # fmt: skip
def test_paths_that_must_not_get_into_a_config(path: str) -> None:
    assert path_problem(path)
    with pytest.raises(BridgeError):
        find(FACTS, path)


@pytest.mark.parametrize(
    "path",
    [
        "/a b/c=d.raw", "/root/boot.iso", "/dev/sda", "/dev/sda1", "/dev/vg/lv", "/dev/mapper/vg-lv", "/dev/nvme0n1p2", "/dev/zvol/a/b/c",
        "/dev/disk/by-id/x", "/dev/sr0", "/dev/cdrom", "/dev/loop3", "/dev/md127", "/dev/rbd-pve/x/y/z",
        "/usr/share/virtio-win/virtio-win.iso", "/run/media/me/stick/a.iso", "/run/vdsm/storage/a/b/c",
        "/var/run/kubevirt-private/vmi-disks/root/disk.img", "/var/run/vdsm/a", "/dev/rootdisk", "/dev/drbd/by-res/r0/0", "/dev/bcache0",
        "/dev/mmcblk0", "/dev/mmcblk0p1", "/dev/drbd1000", "/dev/zd16", "/dev/pmem0", "/dev/vda", "/dev/my-volume.1", "/dev/dasda",
        "/dev/nvme0n1", "/etc/libvirt/qemu/nvram/a_VARS-pure-efi.fd",
    ],
)  # fmt: skip
def test_paths_of_images(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.corpus("random.jsonl", "random-extra.jsonl")
def test_the_corpus_volumes_lead_back(row: dict[str, Any], shared: Path) -> None:
    host = HostFacts.load(shared / "corpus/host")
    for drive in drives(row["conf"]).values():
        location = locate(host, drive["file"])
        match = volume_id(host, source(location), row["vmid"])
        if location.storage_type == "zfs":  # one logical unit for every volume: nothing tells them apart
            assert match
            assert match.volid is None
        else:
            assert match
            assert match.volid == re.sub(r":(\d+/)?base-[^/]+/", ":", drive["file"])  # a linked clone's base is not in its path


def test_libvirts_own_images_pass(shared: Path) -> None:
    from lxml import etree

    index = [line.split("\t") for line in (shared / "corpus/libvirt-xml/INDEX.tsv").read_text().split("\n")[1:] if line]
    seen = 0
    for name, expected, *_ in index:
        if expected != "ok":
            continue
        for disk in etree.parse(shared / f"corpus/libvirt-xml/{name}.xml").iterfind("devices/disk[@type]/source"):
            for path in filter(None, (disk.get("file"), disk.get("dev"))):
                seen += 1
                assert (path_problem(path) is None) == (path != "/dev/null"), (name, path)  # which is not a disk: libvirt never looks
    assert seen > 300


def test_json_names_nothing() -> None:
    with pytest.raises(BridgeError):
        find(FACTS, json.dumps({"driver": "file"}))


def test_facts_that_changed_in_place_count() -> None:
    """A storage that took another's place under its name was not seen."""
    known = HostFacts(storages={"a": Storage(id="a", type="dir", path="/srv/a", content=frozenset({"images"}))})
    assert find(known, "/srv/a/images/1/vm-1-disk-0.raw").volid == "a:1/vm-1-disk-0.raw"
    known.storages["a"] = Storage(id="a", type="dir", path="/srv/b", content=frozenset({"images"}))
    assert find(known, "/srv/b/images/1/vm-1-disk-0.raw").volid == "a:1/vm-1-disk-0.raw"
    assert find(known, "/srv/a/images/1/vm-1-disk-0.raw").finding == "storage-unknown"
