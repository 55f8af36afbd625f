"""memory, NUMA, huge pages, DIMMs, balloon: config -> command line, config -> XML, XML -> config."""

from __future__ import annotations

from itertools import pairwise

import pytest
from lxml import etree

import bridge

HOST = bridge.HostFacts(cpus=64, qemu_version="10.0.2", phys_address_bits=46, numa_nodes=2)
OPTIONS = ("-m", "-numa", "-object", "-device")


def words(config: str, host: bridge.HostFacts = HOST) -> list[str]:
    """Everything about memory on qemu-server's command line."""
    argv = bridge.convert(config, to="argv", source="conf", host=host).argv
    assert argv
    return [value for option, value in pairwise(argv) if option in OPTIONS and (option in ("-m", "-numa") or "mem" in value)]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("cores: 1", ["512"]),
        ("memory: 2048", ["2048"]),
        ("memory: 1024\nnuma0: cpus=0,memory=1024", ["1024"]),
        (
            "memory: 1000\nnuma: 1\nsockets: 3",
            [
                "1000",
                "memory-backend-ram,id=ram-node0,size=333.333333333333M", "node,nodeid=0,cpus=0,memdev=ram-node0",
                "memory-backend-ram,id=ram-node1,size=333.333333333333M", "node,nodeid=1,cpus=1,memdev=ram-node1",
                "memory-backend-ram,id=ram-node2,size=333.333333333333M", "node,nodeid=2,cpus=2,memdev=ram-node2",
            ],
        ),
        (
            "memory: 3072\nnuma: 1\ncores: 4\nnuma0: cpus=0;2,memory=1024,hostnodes=0;1,policy=interleave\nnuma2: cpus=1-3,memory=2048",
            [
                "3072",
                "memory-backend-ram,id=ram-node0,size=1024M,host-nodes=0,host-nodes=1,policy=interleave",
                "node,nodeid=0,cpus=0,cpus=2,memdev=ram-node0",
                "memory-backend-ram,id=ram-node2,size=2048M", "node,nodeid=2,cpus=1-3,memdev=ram-node2",
            ],
        ),
        (
            "memory: 3072\nnuma: 1\nhugepages: any\nsockets: 2",
            [
                "3072",
                "memory-backend-file,id=ram-node0,size=1536M,mem-path=/run/hugepages/kvm/2048kB,share=on,prealloc=yes",
                "node,nodeid=0,cpus=0,memdev=ram-node0",
                "memory-backend-file,id=ram-node1,size=1536M,mem-path=/run/hugepages/kvm/2048kB,share=on,prealloc=yes",
                "node,nodeid=1,cpus=1,memdev=ram-node1",
            ],
        ),
        (
            "memory: 2048\nnuma: 1\nhotplug: memory\ncpu: host",
            [
                "size=1024,slots=255,maxmem=4194304M",
                "memory-backend-ram,id=ram-node0,size=1024M", "node,nodeid=0,cpus=0,memdev=ram-node0",
                "memory-backend-ram,id=mem-dimm0,size=512M", "pc-dimm,id=dimm0,memdev=mem-dimm0,node=0",
                "memory-backend-ram,id=mem-dimm1,size=512M", "pc-dimm,id=dimm1,memdev=mem-dimm1,node=0",
            ],
        ),
    ],
)  # fmt: skip
def test_memory_on_the_command_line(config: str, wanted: list[str]) -> None:
    assert words(config) == wanted


@pytest.mark.parametrize(
    ("cpu", "bits", "most"),
    [
        ("kvm64", 46, 524288),
        ("host", 46, 4194304),
        ("max", 39, 131072),
        ("kvm64,phys-bits=33", 46, 2048),
        ("kvm64,phys-bits=host", 36, 32768),
    ],
)
def test_how_much_could_be_plugged_hangs_on_address_bits(cpu: str, bits: int, most: int) -> None:
    host = bridge.HostFacts(phys_address_bits=bits)
    assert words(f"memory: 1024\nnuma: 1\nhotplug: memory\ncpu: {cpu}", host)[0] == f"size=1024,slots=255,maxmem={most}M"


def test_modules_double_after_32() -> None:
    devices = [word for word in words(f"memory: {1024 + 32 * 512 + 1024}\nnuma: 1\nsockets: 2\nhotplug: memory") if "mem-dimm3" in word]
    assert devices[-4:] == [
        "memory-backend-ram,id=mem-dimm31,size=512M", "pc-dimm,id=dimm31,memdev=mem-dimm31,node=1",
        "memory-backend-ram,id=mem-dimm32,size=1024M", "pc-dimm,id=dimm32,memdev=mem-dimm32,node=0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("hotplug: memory\nmemory: 1024", "NUMA needs to be enabled for memory hotplug"),
        ("hotplug: memory\nmemory: 1024\nnuma: 1\nnuma0: cpus=0,memory=1024", "cannot enable memory hotplugging with custom NUMA topology"),
        ("hotplug: memory\nmemory: 768\nnuma: 1", "minimum memory must be 1024MB"),
        ("hotplug: memory\nmemory: 1280\nnuma: 1", "memory size (1280) must be aligned to 512 for hotplugging"),
        ("hotplug: memory\nmemory: 999999\nnuma: 1", "Total memory is bigger than 524288MB"),
        ("hugepages: 2", "numa needs to be enabled to use hugepages"),
        ("numa: 1\nnuma0: cpus=0", "missing NUMA node0 memory value"),
        ("numa: 1\nmemory: 1024\nnuma0: cpus=0,memory=512", "total memory for NUMA nodes must be equal to vm static memory"),
        ("numa: 1\nnuma0: cpus=0,memory=512,hostnodes=0", "you need to define a policy for hostnode 0"),
        ("numa: 1\nnuma0: cpus=0,memory=512,hostnodes=1-2,policy=bind", "host NUMA node2 doesn't exist"),
        ("numa: 1\nnuma0: cpus=3-1,memory=512", "invalid range: 3-1 (1 < 3)"),
        ("numa: 1\nhugepages: 1024\nmemory: 512", "Memory size 512 is not a multiple of the requested hugepages size 1024"),
        ("numa: 1\nhugepages: 2\nmemory: 513", "memory size '513' is not a positive even integer; cannot use for hugepages"),
        ("numa: 1\nhugepages: 2\nnuma0: cpus=0,memory=512", "numa hostnodes need to be defined to use hugepages"),
    ],
)
def test_what_qemu_server_refuses(config: str, message: str) -> None:
    with pytest.raises(bridge.BridgeError) as caught:
        bridge.convert(config, to="argv", source="conf", host=HOST)
    assert caught.value.message == message


def xml(config: str, host: bridge.HostFacts = HOST) -> etree._Element:
    return etree.fromstring(bridge.convert(config, to="xml", source="conf", host=host).text.encode())


def shape(node: etree._Element | None) -> str:
    """An element on one line."""
    if node is None:
        return ""
    tag = str(node.tag)
    attributes = "".join(f" {name!s}='{value!s}'" for name, value in node.items())
    inner = (node.text or "").strip() + "".join(map(shape, node))
    return f"<{tag}{attributes}>{inner}</{tag}>" if inner else f"<{tag}{attributes}/>"


def test_nodes_and_pages_in_xml() -> None:
    root = xml(
        "memory: 3072\nnuma: 1\nhugepages: any\nnuma0: cpus=0,memory=1024,hostnodes=0,policy=bind\n"
        "numa1: cpus=1;3,memory=2048,hostnodes=0-1,policy=preferred\ncores: 4"
    )
    assert shape(root.find("cpu/numa")) == (
        "<numa><cell id='0' cpus='0' memory='1024' unit='MiB'/><cell id='1' cpus='1,3' memory='2048' unit='MiB'/></numa>"
    )
    assert shape(root.find("numatune")) == (
        "<numatune><memnode cellid='0' mode='strict' nodeset='0'/><memnode cellid='1' mode='preferred' nodeset='0-1'/></numatune>"
    )
    assert shape(root.find("memoryBacking")) == (
        "<memoryBacking><hugepages><page size='1024' unit='MiB'/></hugepages><access mode='shared'/></memoryBacking>"
    )


def test_modules_in_xml() -> None:
    root = xml("memory: 2048\nnuma: 1\nsockets: 2\nhotplug: memory")
    assert shape(root.find("maxMemory")) == "<maxMemory slots='255' unit='MiB'>524288</maxMemory>"
    assert shape(root.find("memory")) == "<memory unit='MiB'>2048</memory>"
    assert [cell.get("memory") for cell in root.iterfind("cpu/numa/cell")] == ["512", "512"]
    assert [shape(node) for node in root.iterfind("devices/memory")] == [
        f"<memory model='dimm'><target><size unit='MiB'>512</size><node>{n}</node></target><address type='dimm' slot='{n}'/></memory>"
        for n in (0, 1)
    ]


@pytest.mark.parametrize(
    ("config", "device", "current"),
    [
        ("balloon: 0", "<memballoon model='none'/>", ""),
        (
            "memory: 1024\nballoon: 512\nmachine: pc-i440fx-6.1",
            (
                "<memballoon model='virtio'><stats period='2'/>"
                "<address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/></memballoon>"
            ),
            "<currentMemory unit='MiB'>512</currentMemory>",
        ),
        (
            "memory: 512\nballoon: 512",
            (
                "<memballoon model='virtio' freePageReporting='on'><stats period='2'/>"
                "<address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/></memballoon>"
            ),
            "",
        ),
    ],
)
def test_the_balloon_in_xml(config: str, device: str, current: str) -> None:
    root = xml(config)
    assert shape(root.find("devices/memballoon")) == device
    assert shape(root.find("currentMemory")) == current


def back(
    body: str, balloon: str = "<memballoon model='virtio' freePageReporting='on'/>", devices: str = ""
) -> tuple[dict[str, str], list[str]]:
    """Config keys and findings of a domain."""
    text = (
        f"<domain type='kvm'><name>x</name>{body}<os><type arch='x86_64' machine='pc-i440fx-9.0'>hvm</type></os>"
        f"<devices>{balloon}{devices}</devices></domain>"
    )
    out = bridge.convert(text, to="conf", source="xml", host=HOST)
    lines = dict(line.split(": ", 1) for line in out.text.splitlines() if not line.startswith("#"))
    return lines, [f"{finding.kind}: {finding.message}" for finding in out.findings]


KEYS = ("memory", "balloon", "numa", "numa0", "numa1", "hugepages", "hotplug")
PLUGGED = (
    "<maxMemory slots='255' unit='MiB'>524288</maxMemory><memory unit='MiB'>1536</memory><vcpu>1</vcpu>"
    "<cpu><numa><cell id='0' cpus='0' memory='1024' unit='MiB'/></numa></cpu>"
)
MODULE = "<memory model='dimm'><target><size unit='MiB'>{}</size><node>0</node></target><address type='dimm' slot='0'/></memory>"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("<memory>524288</memory><vcpu>1</vcpu>", {}),
        (
            "<memory unit='GiB'>2</memory><currentMemory unit='MiB'>1024</currentMemory><vcpu>1</vcpu>",
            {"memory": "2048", "balloon": "1024"},
        ),
        ("<memory unit='b'>1073741825</memory><vcpu>1</vcpu>", {"memory": "1025"}),
        (
            (
                "<memory unit='MiB'>1024</memory><vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='512' unit='MiB'/>"
                "<cell cpus='1' memory='512' unit='MiB'/></numa></cpu>"
            ),
            {"memory": "1024", "numa": "1"},
        ),
        (
            (
                "<memory unit='MiB'>1024</memory><vcpu>3</vcpu><numatune><memnode cellid='1' mode='strict' nodeset='0,1'/></numatune>"
                "<cpu><numa><cell cpus='0,2' memory='256' unit='MiB'/><cell cpus='1' memory='768' unit='MiB'/></numa></cpu>"
            ),
            {"memory": "1024", "numa": "1", "numa0": "cpus=0;2,memory=256", "numa1": "cpus=1,hostnodes=0;1,memory=768,policy=bind"},
        ),
        (
            "<memory unit='MiB'>1024</memory><vcpu>1</vcpu><memoryBacking><hugepages><page size='2048'/></hugepages></memoryBacking>",
            {"memory": "1024", "numa": "1", "hugepages": "2"},
        ),
    ],
)
def test_memory_from_xml(body: str, wanted: dict[str, str]) -> None:
    assert {key: value for key, value in back(body)[0].items() if key in KEYS} == wanted


def test_modules_that_qemu_server_would_plug_come_back_as_hotplug() -> None:
    lines, _ = back(PLUGGED, devices=MODULE.format(512))
    assert {key: lines.get(key) for key in KEYS if key in lines} == {"memory": "1536", "numa": "1", "hotplug": "network,disk,usb,memory"}


def test_other_modules_become_plain_memory_and_a_finding() -> None:
    lines, findings = back(PLUGGED.replace("1536", "1280"), devices=MODULE.format(256))
    assert {key: lines.get(key) for key in KEYS if key in lines} == {"memory": "1280", "numa": "1"}
    assert [finding for finding in findings if finding.startswith("guest-changed: memory hotplug")] == [
        (
            "guest-changed: memory hotplug (up to 524288 MiB in 255 slots, 256 MiB in slot 0 of node 0) is not qemu-server's layout"
        )
    ]


def test_a_balloon_without_page_reporting_is_a_finding() -> None:
    _, findings = back("<memory>524288</memory><vcpu>1</vcpu>", "<memballoon model='virtio'/>")
    assert "added: qemu-server turns free page reporting on for this machine type: a virtio feature more" in findings


def test_no_balloon_comes_back() -> None:
    assert back("<memory>524288</memory><vcpu>1</vcpu>", "<memballoon model='none'/>")[0]["balloon"] == "0"


@pytest.mark.parametrize("memory", ["-1", "1e3", "0", "9" * 19, "5 12", "\u0665"])
def test_a_senseless_amount_is_refused(memory: str) -> None:
    with pytest.raises(bridge.BridgeError):
        back(f"<memory>{memory}</memory><vcpu>1</vcpu>")


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(bridge.BridgeError, match="not a unit of memory"):
        back("<memory unit='pages'>512</memory><vcpu>1</vcpu>")


@pytest.mark.parametrize(
    "config",
    [
        "balloon: 0\nmemory: 512",
        "balloon: 1024\nmemory: 1024\nshares: 2000",
        "hotplug: network,memory\nmemory: 4096\nnuma: 1\nsockets: 2",
        "hotplug: memory\nhugepages: 1024\nmemory: 4096\nnuma: 1\nsockets: 2",
        "hugepages: any\nkeephugepages: 1\nmemory: 4096\nnuma: 1\nsockets: 2",
        "memory: 1000\nnuma: 1\nsockets: 3",
        "cores: 3\nmemory: 1024\nnuma: 1\nnuma0: cpus=0-1,memory=512,hostnodes=0,policy=bind\nnuma1: memory=512,cpus=2",
        "memory: 1024\nnuma0: cpus=0,memory=7",
    ],
)
def test_config_to_xml_to_config(config: str) -> None:
    out = bridge.convert(config, to="xml", source="conf", host=HOST)
    assert bridge.convert(out.text, to="conf", source="xml", host=HOST).text == bridge.rewrite_config(config)
