"""The most and the least that anything may be: the last value that is let through, and the first one that is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.core.report import BridgeError
from bridge.data.options import OPTIONS
from bridge.libvirt.metadata import residue
from bridge.libvirt.tree import bounds
from bridge.libvirt.tree.node import Node
from bridge.passes.lint import cpu_bits, members
from bridge.qemuserver.limits import doubts, limit_problem
from bridge.qemuserver.text import parse

BYTE, SHORT, INT, LONG = 255, 65535, 4294967295, 18446744073709551615
MOST = {
    # element: attributes by what libvirt reads them into (virXMLPropUInt and its like, struct _virPCIDeviceAddress)
    "address": {7: "function", SHORT: "bus slot controller device", INT: "domain target", LONG: "unit"},
    "blockio": {INT: "logical_block_size physical_block_size discard_granularity"},
    "boot": {INT: "order"},
    "cell": {SHORT: "id", LONG: "memory"},
    "controller": {SHORT: "index ports", INT: "vectors maxGrantFrames maxEventChannels"},
    "driver": {
        BYTE: "aw_bits",
        SHORT: "queues rx_queue_size tx_queue_size queue_size",
        INT: "cmd_per_lun max_sectors iothread statistics",
    },
    "inbound": {LONG: "average peak burst floor"},
    "outbound": {LONG: "average peak burst floor"},
    "iothread": {INT: "id thread_pool_min thread_pool_max"},
    "iothreadpin": {INT: "iothread"},
    "maxMemory": {SHORT: "slots"},
    "model": {INT: "vram vram64 ram vgamem", SHORT: "heads"},
    "mtu": {SHORT: "size"},
    "poll": {LONG: "max grow shrink"},
    "rate": {LONG: "bytes period"},
    "spinlocks": {INT: "retries"},
    "stats": {INT: "period"},
    "target": {BYTE: "chassis chassisNr busNr", SHORT: "index rotation_rate"},
    "vcpu": {SHORT: "id current order"},
    "vcpupin": {SHORT: "vcpu"},
}
ATTRIBUTES = [(tag, name, most) for tag, found in MOST.items() for most, names in found.items() for name in names.split()]


def tree(tag: str, **attributes: str) -> Node:
    root = Node("domain")
    root.add("devices").add("part").add(tag).attrib.update(attributes)
    return root


@pytest.mark.parametrize(("tag", "name", "most"), ATTRIBUTES)
def test_the_most_that_a_number_of_a_domain_may_be(tag: str, name: str, most: int) -> None:
    for text in ("0", str(most), hex(most), f" {most}\n", f"0X{most:X}"):
        bounds.check(tree(tag, **{name: text}))
    for text in (str(most + 1), hex(most + 1), "-1", "", "1.5", "1e3", "0x", f"{most}k", "0" * 21):
        with pytest.raises(BridgeError, match=f"{name}='.*' is not a number from 0 to {most}"):
            bounds.check(tree(tag, **{name: text}))


def test_no_number_is_bounded_that_is_not_in_the_table() -> None:
    assert {(tag, name) for tag, found in bounds.MOST.items() for name in found} == {(tag, name) for tag, name, _ in ATTRIBUTES}


SETS = {
    **dict.fromkeys(("vcpu", "vcpupin", "emulatorpin", "iothreadpin"), "cpuset"),
    "cell": "cpus",
    **dict.fromkeys(("memnode", "memory", "page"), "nodeset"),
}


@pytest.mark.parametrize("tag", SETS)
def test_the_sets_of_a_domain_have_a_mib_together(tag: str) -> None:
    for length, fits in ((1 << 20, True), ((1 << 20) + 1, False)):
        root = tree(tag, **{SETS[tag]: "1" * (length - 5)})
        root.children[0].children[0].add("vcpupin", cpuset="2" * 5)
        if fits:
            bounds.check(root)
        else:
            with pytest.raises(BridgeError, match="sets of CPUs are longer"):
                bounds.check(root)


def grown(children: int = 0, word: int = 0, line: int = 0, lines: int = 0, sections: int = 0) -> Node:
    root = Node("domain")
    devices = root.add("devices")
    for _ in range(children):
        devices.add("disk")
    root.add("qemu:commandline").add("qemu:arg", value="x" * word)
    residue = root.add("metadata").add("virt-qm:vm")
    residue.add("virt-qm:key", name="name").text = "x" * line
    for _ in range(lines):
        residue.add("virt-qm:key", name="n").text = "x" * 196608
    if sections:
        residue.add("virt-qm:sections").text = "x" * sections
    return root


@pytest.mark.parametrize(
    ("fits", "does_not"),
    [
        ({"children": 2048}, {"children": 2049}),
        ({"word": 131072}, {"word": 131073}),
        ({"line": 196608}, {"line": 196609}),
        ({"sections": 3145728 - 4}, {"sections": 3145728 - 3}),  # with the name of the key beside it
        ({"lines": 15}, {"lines": 16}),
    ],
    ids=lambda given: next(iter(given)),
)
def test_the_most_that_a_document_may_hold(fits: dict[str, int], does_not: dict[str, int]) -> None:
    bounds.check(grown(**fits))
    with pytest.raises(BridgeError):
        bounds.check(grown(**does_not))


# The residue


def taken(rows: int = 0, vmid: str = "100", storages: int = 0, description: int = 0) -> residue.Residue | None:
    root = Node("domain")
    vm = root.add("metadata").add("virt-qm:vm", vmid=vmid)
    for n in range(rows):
        vm.add("virt-qm:key", name=f"scsi{n}").text = "x"
    for name, length in (("storages", storages), ("description", description)):
        if length:
            vm.add(f"virt-qm:{name}").text = "x" * length
    return residue.take(root)


@pytest.mark.parametrize(("name", "most"), [("rows", 2000), ("storages", 65536), ("description", 8192)])
def test_the_most_that_the_residue_may_hold(name: str, most: int) -> None:
    assert taken(**{name: most}) is not None  # type: ignore[arg-type]
    with pytest.raises(BridgeError):
        taken(**{name: most + 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "vmid"), [("1", 1), ("999999999", 999999999), ("1000000000", None), ("", None), ("x", None), ("-1", None), ("\u0661", None)]
)
def test_the_id_that_the_residue_names(text: str, vmid: int | None) -> None:
    found = taken(vmid=text)
    assert found is not None
    assert found.vmid == vmid


# Options of a config


def limits(end: str) -> Iterator[tuple[str, int]]:
    for name, declared in OPTIONS.items():
        value = getattr(declared, end)
        if value is not None and declared.fields is None:
            yield name.removesuffix("N") + ("0" if name.endswith("N") else ""), int(value)


@pytest.mark.parametrize(("key", "least"), [*limits("minimum")])
def test_the_least_that_an_option_may_be(key: str, least: int) -> None:
    assert limit_problem(key, str(least)) is None
    assert limit_problem(key, str(least - 1)) is not None


@pytest.mark.parametrize(("key", "most"), [*limits("maximum")])
def test_the_most_that_an_option_may_be(key: str, most: int) -> None:
    assert limit_problem(key, str(most)) is None
    assert limit_problem(key, str(most + 1)) is not None


@pytest.mark.parametrize(("key", "most"), [(key, most) for key, most in limits("max_length") if key != "description"])
def test_the_longest_text_of_an_option(key: str, most: int) -> None:
    if OPTIONS[key].pattern is None and not OPTIONS[key].enum:
        assert limit_problem(key, "x" * most) is None
        assert limit_problem(key, "x" * (most + 1)) is not None
        assert limit_problem(key, "\u00fc" * (most // 2 + 1)) is not None


LOSABLE = {
    # what a bad line of may go: names, texts, what only a node acts on; and what the VM is started with anyway
    *("name", "description", "tags", "meta", "vmgenid", "hookscript", "lock", "startup", "snaptime", "parent", "vmstate"),
    *("vmstatestorage", "runningcpu", "runningmachine", "running-nets-host-mtu", "boot", "bootdisk", "cpu", "hotplug"),
}


@pytest.mark.parametrize("key", sorted(OPTIONS))
def test_a_bad_line_is_dropped_only_where_no_device_goes_with_it(key: str) -> None:
    """One that takes away or changes a device is refused; but not where a good line says the same."""
    name = key.removesuffix("N") + ("0" if key.endswith("N") else "")
    for bad in ("frob=,=", "x y", "-", "1,1,1"):
        found = [doubt for doubt in doubts(parse(f"{name}: {bad}\n")) if doubt.problem.kind == "value"]
        assert {doubt.refuse for doubt in found} <= {key not in LOSABLE}


def test_every_option_that_may_lose_its_line_is_one() -> None:
    assert set(OPTIONS) >= LOSABLE
    told = {key for key in LOSABLE if any(doubt.problem.kind == "value" for doubt in doubts(parse(f"{key}: frob=,=\n")))}
    assert len(told) > 4


# Sets of CPUs


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0", [0]),
        ("3-5,1", [1, 3, 4, 5]),
        ("8191", [8191]),
        ("8192", []),
        ("8190-8192", []),
        ("2-2", [2]),
        ("3-2", []),
        (" 1 , 2", [1, 2]),
        ("x,4", [4]),
        (None, []),
    ],
)
def test_a_set_as_bits(text: str | None, wanted: list[int]) -> None:
    assert [*members(cpu_bits(text))] == wanted
