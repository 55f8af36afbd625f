"""Disks: config -> command line, config -> XML, XML -> config."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import bridge
from bridge.host.storagecfg import read_storage_cfg
from bridge.libvirt.iotune import mib_text
from bridge.qemuserver.disk import quoted, unquoted

from .both import argv, back, domain, findings, keys, outline, refusal, values, xml

STORAGES = read_storage_cfg(
    """dir: local
\tpath /var/lib/vz
\tcontent images,iso

dir: chained
\tpath /srv/chained
\tsnapshot-as-volume-chain 1
\tcontent images

btrfs: butter
\tpath /butter
\tcontent images

lvm: thick
\tvgname vg
\tcontent images

cifs: share
\tpath /mnt/share
\tcontent images,iso

zfspool: tank
\tpool tank
\tcontent images

rbd: ceph
\tpool cpool
\tmonhost 192.0.2.1,192.0.2.2:6789
\tcontent images

rbd: mapped
\tpool cpool
\tkrbd 1
\tfsid 11111111-2222-3333-4444-555555555555
\tcontent images

rbd: spaced
\tpool cpool
\tnamespace prod
\tmonhost 192.0.2.1
\tcontent images

iscsidirect: target
\tportal 192.0.2.9
\ttarget iqn.2003-01.org.example:t1
\tcontent images

dir: isos
\tpath /isos
\tcontent iso
""",
    "storage.cfg",
    [],
)
CHAIN = [
    {
        "storage": "chained",
        "files": [f"/srv/chained/images/100/{name}vm-100-disk-0.qcow2" for name in ("", "snap-b-", "snap-a-")],
        "snapshots": ["current", "b", "a"],
    }
]
HOST = bridge.HostFacts.load(None, qemu_version="11.0.2", cpus=64, storages=STORAGES, volume_chain=CHAIN, scsi_type={"/dev/sdg": "disk"})
OLD = bridge.HostFacts.load(None, qemu_version="9.2.0", cpus=64, storages=STORAGES)
OLD_MACHINE = "machine: pc-i440fx-9.2\n"
RAW = "local:100/vm-100-disk-0.raw"


def device(config: str, key: str, host: bridge.HostFacts = HOST) -> str:
    """The drive's device."""
    text = next(text for text in values(config, "-device", host) if f",id={key}" in text)
    return re.sub(",bootindex=[0-9]+", "", text)


def nodes(config: str, key: str) -> dict[str, Any]:
    """The drive's block nodes."""
    for text in values(config, "-blockdev", HOST):
        found: dict[str, Any] = json.loads(text)
        if found["node-name"] == f"drive-{key}":
            return found
    raise AssertionError(key)


def element(config: str, host: bridge.HostFacts = HOST, **more: str) -> str:
    """The first <disk>, without its address, alias and place in the boot order."""
    disk = xml(config, host, **more).find("devices/disk")
    assert disk is not None
    return re.sub(r"<(alias|address|boot) [^>]*/>| xmlns:qemu='[^']*'", "", outline(disk).replace('"', "'"))


def overrides(config: str, host: bridge.HostFacts = HOST, **more: str) -> dict[str, str | None]:
    found = xml(config, host, **more).iter("{http://libvirt.org/schemas/domain/qemu/1.0}property")
    return {str(node.get("name")): node.get("value") for node in found}


# --- config -> command line


@pytest.mark.parametrize(
    ("config", "key", "wanted"),
    [
        (f"virtio0: {RAW}", "virtio0", "virtio-blk-pci,drive=drive-virtio0,id=virtio0,bus=pci.0,addr=0xa,write-cache=on"),
        (
            f"ide3: {RAW},ssd=1,model=My%20Disk%2C2",
            "ide3",
            "ide-hd,bus=ide.1,unit=1,drive=drive-ide3,id=ide3,model=My Disk,,2,rotation_rate=1,write-cache=on",
        ),
        (f"machine: q35\nide3: {RAW}", "ide3", "ide-hd,bus=ide.3,unit=0,drive=drive-ide3,id=ide3,write-cache=on"),
        ("ide2: none,media=cdrom", "ide2", "ide-cd,bus=ide.1,unit=0,id=ide2"),
        (
            f"sata5: {RAW},wwn=0x5000c500a1b2c300,werror=stop",
            "sata5",
            "ide-hd,bus=ahci0.5,drive=drive-sata5,id=sata5,wwn=0x5000c500a1b2c300,write-cache=on,werror=stop",
        ),
        (
            f"scsi9: {RAW},cache=writethrough",
            "scsi9",
            "scsi-hd,bus=scsihw1.0,scsi-id=2,drive=drive-scsi9,id=scsi9,device_id=drive-scsi9,write-cache=off",
        ),
        (
            f"scsihw: pvscsi\nscsi9: {RAW}",
            "scsi9",
            "scsi-hd,bus=scsihw0.0,scsi-id=9,drive=drive-scsi9,id=scsi9,device_id=drive-scsi9,write-cache=on",
        ),
        (
            f"scsihw: megasas\nscsi9: {RAW},vendor=ACME,product=Box",
            "scsi9",
            "scsi-hd,bus=scsihw0.0,channel=0,scsi-id=0,lun=9,drive=drive-scsi9,id=scsi9,device_id=drive-scsi9,vendor=ACME,product=Box,write-cache=on",
        ),
        (
            "scsihw: virtio-scsi-pci\nscsi0: /dev/sdg,scsiblock=1,ssd=1",
            "scsi0",
            "scsi-block,bus=scsihw0.0,channel=0,scsi-id=0,lun=0,drive=drive-scsi0,id=scsi0,rotation_rate=1",
        ),
        (
            "scsi0: local:100/vm-100-cloudinit.qcow2",
            "scsi0",
            "scsi-cd,bus=scsihw0.0,scsi-id=0,drive=drive-scsi0,id=scsi0,device_id=drive-scsi0,write-cache=on",
        ),
    ],
)
def test_device(config: str, key: str, wanted: str) -> None:
    assert device(config, key) == wanted


@pytest.mark.parametrize(
    ("volume", "wanted"),
    [
        (RAW, {"driver": "file", "aio": "io_uring", "cache": {"direct": True, "no-flush": False}}),
        (
            "butter:100/vm-100-disk-0.raw",
            {"filename": "/butter/images/100/vm-100-disk-0/disk.raw", "cache": {"direct": False, "no-flush": False}},
        ),
        ("share:100/vm-100-disk-0.raw", {"aio": "native"}),
        ("thick:vm-100-disk-0,cache=writeback", {"driver": "host_device", "aio": "threads"}),
        ("mapped:vm-100-disk-0,cache=unsafe", {"aio": "threads", "cache": {"direct": False, "no-flush": True}}),
        ("tank:vm-100-disk-0,discard=on", {"filename": "/dev/zvol/tank/vm-100-disk-0", "discard": "unmap", "detect-zeroes": "unmap"}),
        ("tank:vm-100-disk-0,detect_zeroes=0,ro=1", {"detect-zeroes": "off", "read-only": True}),
        ("ceph:vm-100-disk-0", {"driver": "rbd", "server": [{"host": "192.0.2.1", "port": "3300"}, {"host": "192.0.2.2", "port": "6789"}]}),
        ("target:lun3", {"driver": "iscsi", "lun": 3, "portal": "192.0.2.9"}),
        ("/dev/sdx", {"driver": "host_device", "filename": "/dev/sdx"}),
    ],
)
def test_protocol_node(volume: str, wanted: dict[str, Any]) -> None:
    node = nodes(f"virtio0: {volume}", "virtio0")["file"]["file"]
    assert {name: node.get(name) for name in wanted} == wanted
    assert "aio" in node or node["driver"] in ("rbd", "iscsi")


def test_a_cdrom_is_read_only_and_has_no_zero_detection() -> None:
    node = nodes("ide2: local:iso/x.iso,media=cdrom", "ide2")
    assert node["read-only"] is True
    assert "detect-zeroes" not in node
    assert node["file"]["file"]["cache"] == {"direct": False, "no-flush": False}


def test_scsi_block_has_no_throttle_node() -> None:
    node = nodes("scsihw: virtio-scsi-pci\nscsi0: /dev/sdg,scsiblock=1", "scsi0")
    assert node["driver"] == "raw"


def test_a_chain_of_snapshot_volumes_is_spelled_out() -> None:
    top = nodes("virtio0: chained:100/vm-100-disk-0.qcow2", "virtio0")["file"]
    assert top["discard-no-unref"] is True
    files = []
    while top:
        files.append(top["file"]["filename"].rpartition("/")[2])
        top = top.get("backing")
    assert files == ["vm-100-disk-0.qcow2", "snap-b-vm-100-disk-0.qcow2", "snap-a-vm-100-disk-0.qcow2"]


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ("", {}),
        ("mbps_rd=1.5,mbps_rd_max=3,bps_rd_max_length=5", {"bps-read": 1572864, "bps-read-max": 3145728, "bps-read-max-length": 5}),
        ("iops=7,mbps=0", {"iops-total": 7}),
        ("bps=1000000", {"bps-total": 0}),
        ("iops_rd_max=9", {"iops-read-max": 9}),
    ],
)
def test_throttle_group(limits: str, wanted: dict[str, int]) -> None:
    groups = [json.loads(text) for text in values(f"virtio0: {RAW},{limits}", "-object", HOST) if "throttle" in text]
    assert groups == [{"id": "throttle-drive-virtio0", "limits": wanted, "qom-type": "throttle-group"}]


@pytest.mark.parametrize(
    ("drive", "wanted"),
    [
        (
            f"scsi0: {RAW},discard=on,ro=1,snapshot=0",
            "discard=on,snapshot=off,readonly=on,format=raw,cache=none,aio=io_uring,detect-zeroes=unmap",
        ),
        (
            f"scsi0: {RAW},cache=writeback,iops=5,rerror=stop",
            "cache=writeback,rerror=stop,throttling.iops-total=5,format=raw,aio=io_uring,detect-zeroes=on",
        ),
        ("scsi0: none,media=cdrom", "media=cdrom,aio=io_uring"),
        ("scsi0: cdrom,media=cdrom", "media=cdrom,format=raw,aio=io_uring"),
    ],
)
def test_old_machines_have_drive_options(drive: str, wanted: str) -> None:
    text = values(OLD_MACHINE + drive, "-drive", OLD)[-1]
    assert text.partition("if=none,id=drive-scsi0,")[2] == wanted
    assert "device_id" not in device(OLD_MACHINE + drive, "scsi0", OLD)


@pytest.mark.parametrize(
    ("drive", "why"),
    [
        ("scsi0: ghost:100/vm-100-disk-0.raw", "storage 'ghost' does not exist"),
        ("scsi0: isos:100/vm-100-disk-0.raw", "storage 'isos' does not support content-type 'images'"),
        ("scsi0: none", "unable to parse volume ID 'none'"),
        ("scsi3: cdrom,size=4G", "unable to parse volume ID 'cdrom'"),
        ("ide3: local:iso/x.iso", "ide3: explicit media parameter is required for iso images"),
        (f"scsi0: {RAW},snapshot=1", "'snapshot' option is not yet supported for '-blockdev'"),
        (f"scsi0: {RAW},format=qcow2", f"drive 'scsi0' - volume '{RAW}' - 'format=qcow2' option different from storage format 'raw'"),
        (f"machine: pc-i440fx-4.0\nscsi14: {RAW}", "scsi14: machine version 4.1~pve2 or higher is required to use more than 14 SCSI disks"),
    ],
)
def test_what_qemu_server_refuses(drive: str, why: str) -> None:
    assert refusal(drive, HOST) == why


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("mbps=1,mbps_rd=1", "mbps together with mbps_rd"),
        ("bps_max_length=3,mbps=1", "bps_max_length requires mbps_max"),
        ("bps=5,mbps=1", "both bps and mbps specified"),
    ],
)
def test_a_drive_that_qemu_server_ignores_is_named(options: str, why: str) -> None:
    result = bridge.convert(f"scsi0: {RAW},{options}", to="argv", source="conf", host=HOST)
    assert not any("scsi0" in word for word in result.argv or [])
    assert [why in f.message for f in result.findings if f.kind == "bad-line"] == [True]


def test_buses_come_in_qemu_servers_order() -> None:
    config = "".join(f"{key}: {RAW.replace('disk-0', f'disk-{n}')}\n" for n, key in enumerate(("virtio0", "sata0", "scsi0", "ide0")))
    ids = [match[1] for text in argv(config, HOST) if (match := re.search(r"drive=drive-(\w+)", text))]
    assert ids == ["ide0", "scsi0", "virtio0", "sata0"]


# --- config -> XML


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (
            f"virtio0: {RAW},discard=on",
            (
                "<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' io='io_uring'"
                " discard='unmap' detect_zeroes='unmap'/>"
                "<source file='/var/lib/vz/images/100/vm-100-disk-0.raw'/><target dev='vda' bus='virtio'/></disk>"
            ),
        ),
        (
            "scsi3: none,media=cdrom",
            "<disk type='file' device='cdrom'><driver name='qemu'/><target dev='sda' bus='scsi'/><readonly/></disk>",
        ),
        (
            "machine: q35\nide2: cdrom,media=cdrom",
            (
                "<disk type='block' device='cdrom'><driver name='qemu' type='raw' cache='writeback' io='io_uring'/>"
                "<source dev='/dev/cdrom'/>"
                "<target dev='sda' bus='sata'/><readonly/></disk>"
            ),
        ),
        (
            "scsihw: virtio-scsi-pci\nscsi0: /dev/sdg,scsiblock=1",
            (
                "<disk type='block' device='lun'><driver name='qemu' type='raw' cache='none' io='io_uring'"
                " discard='ignore' detect_zeroes='on'/>"
                "<source dev='/dev/sdg'/><target dev='sda' bus='scsi'/></disk>"
            ),
        ),
        (
            "sata0: ceph:vm-100-disk-0,werror=stop,ssd=1",
            (
                "<disk type='network' device='disk'><driver name='qemu' type='raw' cache='none'"
                " discard='ignore' detect_zeroes='on' error_policy='stop' "
                "rerror_policy='report'/><source protocol='rbd' name='cpool/vm-100-disk-0'><host name='192.0.2.1' port='3300'/>"
                "<host name='192.0.2.2' port='6789'/></source><target dev='sda' bus='sata' rotation_rate='1'/></disk>"
            ),
        ),
        (
            "virtio0: target:lun3",
            (
                "<disk type='network' device='disk'><driver name='qemu' type='raw' cache='none' discard='ignore' detect_zeroes='on'/>"
                "<source protocol='iscsi' name='iqn.2003-01.org.example:t1/3'><host name='192.0.2.9'/></source>"
                "<target dev='vda' bus='virtio'/></disk>"
            ),
        ),
        (
            "virtio0: ghost:100/vm-100-disk-0.qcow2",
            (
                "<disk type='volume' device='disk'><driver name='qemu' type='qcow2' cache='none' discard='ignore' detect_zeroes='on'/>"
                "<source pool='ghost' volume='100%2Fvm-100-disk-0.qcow2'/><target dev='vda' bus='virtio'/></disk>"
            ),
        ),
    ],
)
def test_element(config: str, wanted: str) -> None:
    assert element(config) == wanted


def test_identity_that_libvirt_would_refuse_goes_by_override() -> None:
    config = f"scsi1: {RAW},serial=a%20b%2Cc,wwn=0x5000c500a1b2c300,vendor=ACME"
    assert "<wwn>5000c500a1b2c300</wwn><vendor>ACME</vendor>" in element(config)
    assert overrides(config) == {"serial": "a b,c", "device_id": "drive-scsi1"}
    assert overrides(f"sata0: {RAW},wwn=0x5000c500a1b2c300") == {"wwn": str(0x5000C500A1B2C300)}
    assert "<product>My Disk,2</product>" in element(f"ide0: {RAW},model=My%20Disk%2C2")
    assert overrides(f"ide0: {RAW},model=My%20Disk", libvirt="9.0") == {"model": "My Disk"}


@pytest.mark.parametrize(("said", "cache"), [("", "writeback"), (",cache=writeback", "writeback"), (",cache=none", "none")])
def test_the_cache_of_a_cdrom_is_said_without_a_write_cache(said: str, cache: str) -> None:
    """libvirt sends the one with the other; qemu-server's CD-ROMs have no write-cache."""
    config = f"ide2: local:iso/x.iso,media=cdrom{said}"
    assert f"cache='{cache}'" in element(config)
    assert overrides(config) == {"write-cache": None}
    assert "cache" not in element(config, libvirt="8.0")
    assert ("cache=" in back(config)["ide2"]) == (cache == "none")


def test_the_default_scsi_id_of_old_machines_is_the_serial() -> None:
    assert overrides(f"{OLD_MACHINE}scsi1: {RAW},serial=S1", OLD) == {}
    assert overrides(f"{OLD_MACHINE}scsi1: {RAW}", OLD) == {"device_id": "drive-scsi1"}
    assert overrides(f"{OLD_MACHINE}scsi1: {RAW},serial=a%20b", OLD) == {"serial": "a b", "device_id": "a b"}


def test_limits_in_bytes() -> None:
    text = element(f"virtio0: {RAW},mbps=1.5,mbps_max=20,iops_wr=7,bps_max_length=4")
    assert (
        "<iotune><total_bytes_sec>1572864</total_bytes_sec><write_iops_sec>7</write_iops_sec>"
        "<total_bytes_sec_max>20971520</total_bytes_sec_max><total_bytes_sec_max_length>4</total_bytes_sec_max_length></iotune>"
    ) in text


def test_a_ceph_namespace_needs_a_newer_libvirt() -> None:
    config = "virtio0: spaced:vm-100-disk-0"
    assert "name='cpool/prod/vm-100-disk-0'" in element(config)
    kinds = {
        libvirt: [f.kind for f in bridge.convert(config, to="xml", source="conf", host=HOST, libvirt=libvirt).findings]
        for libvirt in ("11.3", "11.6")
    }
    assert ("import-needed" in kinds["11.3"], "import-needed" in kinds["11.6"]) == (True, False)


def test_qemu_refuses_native_aio_without_o_direct_and_so_does_libvirt() -> None:
    driver = element(f"virtio0: {RAW},cache=writeback,aio=native").partition("<source")[0]
    assert "io='threads'" in driver
    assert "io='native'" in element(f"virtio0: {RAW},aio=native")


def test_a_chain_in_xml() -> None:
    text = element("virtio0: chained:100/vm-100-disk-0.qcow2")
    assert "discard_no_unref='on'" in text
    assert text.count("<backingStore type='file'><format type='qcow2'/>") == 2
    assert "<backingStore/>" in text


# --- and back


@pytest.mark.parametrize(
    "line",
    [
        f"virtio0: {RAW},cache=writeback,discard=on,ro=1",
        f"virtio15: {RAW},aio=threads,detect_zeroes=0,serial=a%20b%2Cc",
        f"scsi5: {RAW},product=Disk One,rerror=ignore,ssd=1,vendor=ACME,werror=enospc,wwn=0x5000c500a1b2c300",
        f"ide3: {RAW},model=My%20Disk%2C2,ssd=1,wwn=0x5000c500a1b2c300",
        f"sata4: {RAW},mbps=0.95367431640625,mbps_max=2,wwn=0x5000c500a1b2c300",
        "ide2: none,media=cdrom",
        "ide2: cdrom,media=cdrom",
        "scsi3: local:iso/x.iso,media=cdrom",
        "scsi30: butter:100/vm-100-disk-0.raw",
        "virtio0: mapped:vm-100-disk-0,aio=threads",
        "virtio0: ceph:vm-100-disk-0,cache=writeback",
        "virtio0: spaced:vm-100-disk-0",
        "virtio0: target:lun3",
        "virtio0: chained:100/vm-100-disk-0.qcow2",
        "virtio0: /dev/sdx",
        "virtio0: /srv/other.qcow2,format=qcow2",
        "scsi0: /dev/sdg,scsiblock=1",
    ],
)
def test_xml_alone_gives_the_line_back(line: str) -> None:
    key, _, text = line.partition(": ")
    found = back(f"scsihw: virtio-scsi-pci\n{line}", HOST)[key]
    assert sorted(found.split(",")) == sorted(text.split(","))


DISK = (
    "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'{driver}/><source file='/x/a.qcow2'/>"
    "<target dev='{dev}' bus='{bus}'/>{more}</disk></devices>"
)


def foreign(driver: str = "", bus: str = "virtio", dev: str = "vda", more: str = "") -> str:
    return domain(DISK.format(driver=driver, bus=bus, dev=dev, more=more))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (foreign(), "virtio0: aio=threads,cache=writeback,detect_zeroes=0,format=qcow2"),
        (foreign(" cache='none' io='io_uring' detect_zeroes='on'"), "virtio0: format=qcow2"),
        (foreign(" cache='none' io='native' discard='unmap' detect_zeroes='unmap'"), "virtio0: aio=native,discard=on,format=qcow2"),
        (foreign(" error_policy='stop'"), "virtio0: aio=threads,cache=writeback,detect_zeroes=0,format=qcow2,rerror=stop,werror=stop"),
        (
            foreign(" cache='none' io='io_uring' detect_zeroes='on'", "sata", "sdc", "<serial>S 1</serial><wwn>5000c500a1b2c300</wwn>"),
            "sata2: format=qcow2,serial=S%201,wwn=0x5000c500a1b2c300",
        ),
    ],
)
def test_foreign_disk(text: str, wanted: str) -> None:
    key, _, options = wanted.partition(": ")
    assert keys(text, HOST)[key] == "/x/a.qcow2," + options


@pytest.mark.parametrize(
    ("text", "kind", "named"),
    [
        (foreign(bus="usb", dev="sda"), "guest-lost", "/x/a.qcow2"),
        (foreign(" queues='4'"), "guest-lost", "queues='4'"),
        (foreign(" copy_on_read='on'"), "host-lost", "copy_on_read='on'"),
        (foreign(more="<iotune><group_name>g1</group_name></iotune>"), "host-lost", "g1"),
        (foreign(more="<encryption format='luks'><secret type='passphrase' usage='u1'/></encryption>"), "guest-lost", "u1"),
        (foreign(more="<geometry cyls='1' heads='2' secs='3'/>"), "guest-lost", "secs='3'"),
        (foreign(more="<shareable/>"), "host-lost", "<shareable/>"),
        (foreign(more="<transient/>"), "guest-changed", "transient"),
        (
            foreign(more="<backingStore type='file'><format type='raw'/><source file='/x/base.raw'/></backingStore>"),
            "ambiguous",
            "base.raw",
        ),
        (foreign(bus="scsi", dev="sda", more="<product>Longer than sixteen</product>"), "guest-lost", "Longer than sixteen"),
        (foreign(bus="ide", dev="hda", more="<readonly/>"), "guest-lost", "ide"),
    ],
)
def test_what_no_config_holds_is_named(text: str, kind: str, named: str) -> None:
    assert any(named in message for message in findings(text, kind, HOST)), findings(text, kind, HOST)


def test_an_image_behind_http_is_lost_and_its_cookie_is_not_shown() -> None:
    disk = (
        "<devices><disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='https' name='img.raw'>"
        "<host name='example.org' port='443'/><cookies><cookie name='k'>SECRET</cookie></cookies></source>"
        "<target dev='vda' bus='virtio'/></disk></devices>"
    )
    result = bridge.convert(domain(disk), to="conf", source="xml", host=HOST)
    assert "virtio0" not in result.text
    assert any(f.kind == "guest-lost" and "example.org" in f.message for f in result.findings)
    assert "SECRET" not in str(result.findings)


@pytest.mark.parametrize(
    "disk",
    [
        "<disk type='file' device='disk'><driver type='raw'/><source file='/etc/shadow'/><target dev='vda' bus='virtio'/></disk>",
        "<disk type='file' device='disk'><driver type='raw'/><source file='local:1/vm-1-disk-0.raw'/><target dev='vda'/></disk>",
        "<disk type='volume'><driver type='raw'/><source pool='default' volume='../../etc/shadow'/><target dev='vda'/></disk>",
        "<disk type='file' device='cdrom'><target dev='hda'/></disk><disk type='file' device='cdrom'><target dev='hda'/></disk>",
    ],
)
def test_hostile_disks_are_refused(disk: str) -> None:
    with pytest.raises(bridge.BridgeError):
        keys(domain(f"<devices>{disk}</devices>"), HOST)


@pytest.mark.parametrize(
    ("value", "text"), [(1000000, "0.95367431640625"), (1 << 20, "1"), (10 << 30, "10240"), (1, "0.00000095367431640625")]
)
def test_bytes_as_mib_keep_every_digit(value: int, text: str) -> None:
    assert mib_text(value) == text
    assert int(float(text) * 1024 * 1024) == value


@pytest.mark.parametrize("text", ["plain", "a b,c%d", "\u00e4\u00f6", "%zz"])
def test_percent_encoding(text: str) -> None:
    assert unquoted(quoted(text)) == text
