"""iothreads: the pool of the RFC, a thread per disk, and layouts that are neither (mapping-devices 10)."""

from __future__ import annotations

import json

import pytest

import bridge
from bridge.data.gates import RFC_IOTHREADS

from .both import HOST, argv, back, domain, findings, keys, outline, refusal, values, xml

DISK = "local:100/vm-100-disk-{}.raw,iothread=1"
POOL = "iothreads: 2,affinity=2-6\nscsihw: virtio-scsi-single\n" + f"scsi3: {DISK.format(0)}\nvirtio0: {DISK.format(1)}\n"
PRIVATE = POOL.partition("\n")[2]
RFC = bridge.HostFacts(qemu_version="11.0.2", cpus=64, qemu_server=RFC_IOTHREADS)

MAPPING = [{"iothread": "iothread0"}, {"iothread": "iothread1"}]


def test_a_thread_per_disk_on_the_command_line() -> None:
    assert [v for v in values(PRIVATE, "-object") if "iothread," in v] == [
        "iothread,id=iothread-virtioscsi3",
        "iothread,id=iothread-virtio0",
    ]
    devices = values(PRIVATE, "-device")
    assert "virtio-scsi-pci,id=virtioscsi3,bus=pci.3,addr=0x4,iothread=iothread-virtioscsi3" in devices
    assert any(v.startswith("virtio-blk-pci") and ",iothread=iothread-virtio0" in v for v in devices)


@pytest.mark.parametrize("host", [HOST, RFC], ids=["9.2.6", "rfc"])
def test_a_pool_on_the_command_line(host: bridge.HostFacts) -> None:
    objects = [json.loads(v) for v in values(POOL, "-object", host) if v.startswith('{"id":"iothread')]
    assert objects == [{"id": f"iothread{n}", "qom-type": "iothread"} for n in (0, 1)]
    devices = {d["id"]: d for v in values(POOL, "-device", host) if v.startswith("{") for d in [json.loads(v)]}
    assert devices["virtioscsi3"] == {
        "driver": "virtio-scsi-pci",
        "id": "virtioscsi3",
        "bus": "pci.3",
        "addr": "0x4",
        "iothread-vq-mapping": MAPPING,
    }
    assert devices["virtio0"]["iothread-vq-mapping"] == MAPPING
    assert devices["scsi3"]["lun"] == 3
    assert ("device_id" in devices["scsi3"]) == (host is HOST)


def test_the_rfc_says_less_on_the_upper_block_nodes() -> None:
    tree = next(json.loads(v) for v in values(POOL, "-blockdev", RFC) if "drive-virtio0" in v)
    assert sorted(tree) == ["driver", "file", "node-name", "throttle-group"]
    assert sorted(tree["file"]) == ["cache", "driver", "file", "node-name", "read-only"]
    assert tree["file"]["file"]["detect-zeroes"] == "on"


def test_more_threads_than_host_cpus_are_refused() -> None:
    assert refusal("iothreads: 65") == "MAX 64 iothreads allowed per VM on this node"
    assert refusal("iothreads: 64") == ""


def test_pins_are_said_beside_a_command_line() -> None:
    result = bridge.convert(POOL, to="argv", source="conf", host=HOST)
    assert [f.message for f in result.findings if f.kind == "pins"] == ["iothread0 runs on host CPU 2-6", "iothread1 runs on host CPU 2-6"]


def test_iothread_elsewhere_is_a_warning() -> None:
    config = f"scsi0: {DISK.format(0)}"
    result = bridge.convert(config, to="argv", source="conf", host=HOST)
    assert not any("iothread" in word for word in argv(config))
    assert [f.kind for f in result.findings if "iothread is only valid" in f.message] == ["warning"]


def test_a_pool_in_xml() -> None:
    root = xml(POOL)
    assert root.findtext("iothreads") == "2"
    assert [node.get("id") for node in root.iterfind("iothreadids/iothread")] == ["1", "2"]
    assert [dict(node.attrib) for node in root.iterfind("cputune/iothreadpin")] == [
        {"iothread": "1", "cpuset": "2-6"},
        {"iothread": "2", "cpuset": "2-6"},
    ]
    mapping = '<iothreads><iothread id="1"/><iothread id="2"/></iothreads>'
    assert [mapping in outline(node) for node in root.iterfind("devices/disk/driver")] == [False, True]
    assert [mapping in outline(node) for node in root.iterfind("devices/controller[@type='scsi']")] == [True]


def test_an_old_target_shares_the_pool_by_turns() -> None:
    config = "iothreads: 2\n" + "".join(f"virtio{n}: {DISK.format(n)}\n" for n in range(3))
    root = xml(config, libvirt="9.0", qemu="7.2")
    assert [node.get("iothread") for node in root.iterfind("devices/disk/driver")] == ["1", "2", "1"]
    result = bridge.convert(config, to="xml", source="conf", host=HOST, libvirt="9.0", qemu="7.2")
    assert len([f for f in result.findings if f.kind == "fallback"]) == 3


@pytest.mark.parametrize(
    "config", [POOL, PRIVATE, POOL.replace("2,affinity=2-6", "2"), f"iothreads: 1,affinity=3\nvirtio0: {DISK.format(0)}"]
)
def test_xml_alone_gives_the_layout_back(config: str) -> None:
    wanted = dict(line.split(": ", 1) for line in config.split("\n") if line)
    found = back(config)
    assert {key: found.get(key) for key in wanted} == wanted


def layout(threads: str, drivers: list[str], head: str = "") -> str:
    """A foreign domain with a virtio disk for each driver."""
    disks = "".join(
        f"<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' io='io_uring' detect_zeroes='on'{driver}"
        f"<source file='/x/{n}.raw'/><target dev='vd{'abc'[n]}' bus='virtio'/></disk>"
        for n, driver in enumerate(drivers)
    )
    return domain(f"<devices>{disks}</devices>", head=f"<iothreads>{threads}</iothreads>{head}")


def mapped(*threads: str) -> str:
    return f"><iothreads>{''.join(threads)}</iothreads></driver>"


def one(n: int) -> str:
    return f"<iothread id='{n}'/>"


@pytest.mark.parametrize(
    ("text", "host", "pool", "lost"),
    [
        (layout("2", [" iothread='1'/>", " iothread='2'/>"]), HOST, None, []),
        (layout("2", [mapped(one(1), one(2))] * 2), HOST, "2", []),
        (layout("1", [" iothread='1'/>"] * 2), HOST, "1", []),
        (layout("2", [" iothread='1'/>", " iothread='1'/>", " iothread='2'/>"]), HOST, None, ["iothread 1 serves virtio0, virtio1"]),
        (layout("3", [mapped(one(1), one(2)), mapped(one(2), one(3))]), HOST, None, ["virtio0 is served by iothread 1, 2"]),
        (layout("3", [mapped(one(1), one(2)), mapped(one(2), one(3))]), RFC, "3", ["virtio1 is served by iothread 2, 3 only"]),
        (
            layout("2", [mapped("<iothread id='1'><queue id='0'/></iothread>", "<iothread id='2'><queue id='1'/></iothread>")]),
            HOST,
            "2",
            ["serves queue 0", "serves queue 1"],
        ),
        (
            layout(
                "2",
                [mapped(one(1), one(2))],
                "<cputune><iothreadpin iothread='1' cpuset='1'/><iothreadpin iothread='2' cpuset='3'/></cputune>",
            ),
            HOST,
            "2",
            ["pinned to host CPU 1", "pinned to host CPU 3"],
        ),
        (
            layout("1", [" iothread='1'/>"], "<cputune><iothreadpin iothread='1' cpuset='1,5'/></cputune>"),
            HOST,
            None,
            ["pinned to host CPU 1,5"],
        ),
        (
            layout("2", [" iothread='1'/>"], "<iothreadids><iothread id='1' thread_pool_max='8'><poll max='77'/></iothread></iothreadids>"),
            HOST,
            None,
            ["thread_pool_max=8", "poll_max=77", "iothread 2 serves nothing"],
        ),
        (layout("1", [" iothread='1'/>"], "<defaultiothread thread_pool_max='3'/>"), HOST, None, ["defaultiothread thread_pool_max=3"]),
        (
            layout("1", [" iothread='1'/>"], "<cputune><iothreadsched iothreads='1' scheduler='rr' priority='9'/></cputune>"),
            HOST,
            None,
            ["priority='9'"],
        ),
        (layout("70", [mapped(*map(one, range(1, 71)))]), HOST, "64", ["70 iothreads become 64"]),
    ],
)
def test_foreign_layouts(text: str, host: bridge.HostFacts, pool: str | None, lost: list[str]) -> None:
    found = keys(text, host)
    assert found.get("iothreads") == pool
    assert "iothread=1" in found["virtio0"]
    messages = findings(text, "iothread-lost", host)
    assert all(any(part in message for message in messages) for part in lost), messages
    assert bool(messages) == bool(lost), messages


def test_a_scsi_controller_with_several_disks_loses_its_thread() -> None:
    disks = "".join(
        f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/x/{n}.raw'/><target dev='sd{'ab'[n]}' bus='scsi'/>"
        f"<address type='drive' controller='0' bus='0' target='0' unit='{n}'/></disk>"
        for n in range(2)
    )
    text = domain(
        f"<devices><controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller>{disks}</devices>",
        head="<iothreads>1</iothreads>",
    )
    found = keys(text)
    assert found["scsihw"] == "virtio-scsi-pci"
    assert "iothread" not in found["scsi0"]
    assert any("scsi0, scsi1" in message for message in findings(text, "iothread-lost"))


@pytest.mark.parametrize(
    "text",
    [
        layout("1", [" iothread='2'/>"]),
        layout("x", []),
        layout("99999999", []),
        layout("1", [], "<cputune><iothreadpin iothread='4' cpuset='1'/></cputune>"),
        layout("1", [], "<iothreadids><iothread id='1'/><iothread id='1'/></iothreadids>"),
        layout("1", [mapped("<iothread id='0'/>")]),
    ],
)
def test_threads_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(bridge.BridgeError):
        keys(text)
